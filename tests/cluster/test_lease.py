"""One driver a run: who may hand out its tiles, who is refused, and when one counts as dead."""

import dataclasses
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from support.processes import PATIENCE, eventually
from tiled_sim.cluster import lease
from tiled_sim.cluster.lease import Lease, Pulse, RunCancelledError, last_driver, living_driver
from tiled_sim.errors import StoreError, TileError
from tiled_sim.store.control import CANCELLED, FAILED, FINISHED, RUNNING, SILENT, Control, Failure
from tiled_sim.store.objects import ChangedError

#: Hours by which the clock of another machine is wrong.
WRONG = ["1970-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00", "no time at all"]


@pytest.fixture(autouse=True)
def _hasty(monkeypatch):
    monkeypatch.setattr(lease, "SECONDS_A_BEAT", 0.1)
    monkeypatch.setattr(lease, "SECONDS_OF_SILENCE", 1.0)


@pytest.fixture
def run(small_run):
    return small_run


@pytest.fixture
def control(run):
    return Control(run.path)


@pytest.fixture
def dead():
    """Number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def rewrite(control, **changes):
    """Have something else said of the driver, whoever writes at the same time."""
    while True:
        found = control.look()
        try:
            control.write_driver(dataclasses.replace(found.driver, **changes), found.version)
        except ChangedError:
            continue
        return


def go_on_after(run, what):
    """A driver that means to go on after something happened."""
    with Lease(run, 9, "") as held:
        held.require()
        what()
        held.require()


def left_behind(run, **changes):
    """What a driver leaves that was killed."""
    with Lease(run, 9, ""):
        pass
    rewrite(Control(run.path), **{"state": RUNNING, **changes})


@contextmanager
def beating(run, control, **changes):
    """A driver on another machine, alive, on a disk that gives all files the same time."""
    over = threading.Event()
    file = run.path / "control/driver.json"
    rewrite(control, **changes)

    def live():
        while not over.wait(0.05):
            rewrite(control, beat=control.driver().beat + 1)
            os.utime(file, (0, 0))

    thread = threading.Thread(target=live)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


# Life and end


def test_a_lease_says_who_computes_what(run, control):
    with Lease(run, 9, "http://here"):
        driver = control.driver()
        assert (driver.pid, driver.state, driver.missing) == (os.getpid(), RUNNING, 9)
        assert driver.dashboard == "http://here"


def test_a_lease_gives_signs_of_life_with_its_counts(run, control):
    with Lease(run, 9, "") as held:
        held.count(done=2, failed=1, evaluations=50)
        driver = eventually(lambda: (d := control.driver()).beat > 2 and d)
    assert (driver.done, driver.failed, driver.evaluations) == (2, 1, 50)
    assert driver.seconds > 0


@pytest.mark.parametrize(
    ("error", "state"),
    [(None, FINISHED), (TileError("two failed"), FAILED), (KeyboardInterrupt(), CANCELLED)],
)
def test_the_end_of_a_lease_says_how_it_ended(run, control, error, state):
    try:
        with Lease(run, 9, ""):
            if error is not None:
                raise error
    except (TileError, KeyboardInterrupt):
        pass
    assert control.driver().state == state
    assert control.driver().error == ("two failed" if state == FAILED else "")


def test_nobody_lives_after_the_end_of_a_lease(run, control):
    with Lease(run, 9, ""):
        assert living_driver(control) is not None
    assert living_driver(control) is None


def test_a_lease_sweeps_and_takes_back_what_was_said_before(run, control):
    leftovers = [
        run.path / "0/image/c/0/0/0/0.0123.partial",
        run.path / "traces/f00000/p000/.r0000c0000.json.0123.tmp",
        run.path / "control/.driver.json.0123.tmp",
    ]
    for file in leftovers:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    control.cancel()
    control.write_failure(Failure("f00000/p000/r0000c0000", 3, "no", ""))
    with Lease(run, 9, "") as held:
        held.require()
        assert not any(file.exists() for file in leftovers)
        assert list(control.failures()) == []


# Others


def test_a_second_driver_is_refused_with_the_name_of_the_first(run):
    with Lease(run, 9, ""), pytest.raises(StoreError) as caught, Lease(run, 9, ""):
        pass
    message = str(caught.value)
    assert message.startswith(f"process {os.getpid()} on ")
    assert f"is computing {run.path}" in message
    assert f"tiled-sim watch {run.path}" in message
    assert f"tiled-sim cancel {run.path}" in message
    assert caught.value.exit_code == 4


def test_the_first_goes_on_after_a_second_was_refused(run):
    with Lease(run, 9, "") as first:
        with pytest.raises(StoreError), Lease(run, 9, ""):
            pass
        first.require()


def test_a_dead_process_of_this_machine_holds_nobody_up(run, dead, monkeypatch):
    monkeypatch.setattr(lease, "SECONDS_OF_SILENCE", PATIENCE)
    left_behind(run, pid=dead)
    began = time.monotonic()
    with Lease(run, 9, ""):
        assert time.monotonic() - began < PATIENCE / 2


def test_a_process_of_another_machine_is_dead_after_a_silence_and_not_before(run):
    left_behind(run, host="elsewhere")
    began = time.monotonic()
    with Lease(run, 9, ""):
        assert time.monotonic() - began > 1.0


def test_a_number_that_another_process_has_got_since_holds_nobody_up_for_long(run):
    left_behind(run, pid=os.getpid())
    with Lease(run, 9, ""):
        pass


@pytest.mark.parametrize("began", WRONG)
def test_a_living_driver_is_respected_whatever_its_clock_says(run, control, began):
    left_behind(run)
    with (
        beating(run, control, host="elsewhere", began=began, state=RUNNING),
        pytest.raises(StoreError, match="on elsewhere is computing"),
        Lease(run, 9, ""),
    ):
        pass


@pytest.mark.parametrize("began", WRONG)
@pytest.mark.parametrize("hours", [-30, 30])
def test_a_silent_driver_is_dead_whatever_its_clock_and_that_of_the_disk_say(
    run, control, began, hours
):
    left_behind(run, host="elsewhere", began=began)
    then = time.time() + 3600 * hours
    for file in run.path.rglob("*"):
        os.utime(file, (then, then))
    with Lease(run, 9, "") as held:
        held.require()


def test_a_driver_stops_when_another_has_taken_the_run(run, control):
    with pytest.raises(RunCancelledError) as caught:
        go_on_after(run, lambda: rewrite(control, token="another's", pid=4711, host="elsewhere"))
    assert "process 4711 on elsewhere computes" in str(caught.value)
    assert caught.value.exit_code == 5


def test_a_driver_that_was_replaced_leaves_the_word_of_the_other(run, control):
    with pytest.raises(RunCancelledError):
        go_on_after(run, lambda: rewrite(control, token="another's"))
    assert control.driver().token == "another's"
    assert control.driver().state == RUNNING


def test_of_drivers_that_begin_in_the_same_instant_one_begins(run, monkeypatch):
    both, mine = threading.Barrier(2, timeout=PATIENCE), threading.local()
    refused, kept = [], []
    real = lease.living_driver

    def looking(control):
        found = real(control)
        if not hasattr(mine, "looked"):  # who is told that he comes second looks again
            mine.looked = True
            both.wait()
        return found

    def drive():
        try:
            with Lease(run, 9, "") as held:
                eventually(lambda: refused)
                held.require()
                kept.append(held)
        except StoreError as error:
            refused.append(str(error))

    monkeypatch.setattr(lease, "living_driver", looking)
    threads = [threading.Thread(target=drive) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(refused), len(kept)) == (1, 1)
    assert f"is computing {run.path}" in refused[0]


def test_a_driver_stops_when_it_is_asked_to(run, control):
    with pytest.raises(RunCancelledError, match="cancelled; `tiled-sim resume"):
        go_on_after(run, control.cancel)
    assert control.driver().state == CANCELLED


# Told from elsewhere


def test_a_driver_that_died_without_a_word_is_told_as_silent(run, control, dead):
    left_behind(run, pid=dead)
    assert last_driver(control).state == SILENT
    assert "no sign of life" in last_driver(control).error


def test_a_driver_that_lives_is_told_as_it_says(run, control):
    with Lease(run, 9, ""):
        assert last_driver(control).state == RUNNING


def test_a_driver_that_ended_is_told_as_it_said(run, control):
    with Lease(run, 9, ""):
        pass
    assert last_driver(control).state == FINISHED


def test_one_look_does_not_prove_that_a_driver_lives(run, control):
    left_behind(run, host="elsewhere")
    pulse = Pulse(control)
    assert pulse.driver() is not None
    assert not pulse.proven
    assert eventually(lambda: pulse.driver() is None)
