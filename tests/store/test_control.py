"""What stands beside the results of a run: who computes it, what failed, whether to stop."""

import json

import pytest

from tiled_sim.store.control import RUNNING, Control, Driver, Failure, new_token

DRIVER = Driver(
    token="a",
    host="here",
    pid=7,
    state=RUNNING,
    beat=3,
    began="2026-01-01T00:00:00+00:00",
    seconds=20.0,
    missing=50,
    done=10,
    failed=20,
    evaluations=1000,
    dashboard="",
    error="",
)


@pytest.fixture
def control(tmp_path):
    return Control(tmp_path)


@pytest.fixture
def file(control, tmp_path):
    """Of the driver, written."""
    control.write_driver(DRIVER, None)
    return tmp_path / "control/driver.json"


def failure(tile):
    return Failure(tile, 3, "ValueError: no", "tcp://127.0.0.1:1")


def test_a_run_that_nobody_has_computed_has_no_driver(control):
    assert control.driver() is None


def test_a_driver_is_read_as_it_was_written(control, file):
    assert control.driver() == DRIVER


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"{}",
        b"\xff",
        json.dumps({"token": "a", "strange": 1}).encode(),
    ],
)
def test_a_damaged_driver_is_as_good_as_none(control, file, text):
    file.write_bytes(text)
    assert control.driver() is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("pid", "7"), ("seconds", "long"), ("seconds", float("nan")), ("error", None), ("beat", [1])],
)
def test_a_driver_with_a_value_of_another_kind_is_as_good_as_none(control, file, name, value):
    file.write_text(json.dumps(json.loads(file.read_bytes()) | {name: value}))
    assert control.driver() is None


def test_the_time_left_is_told_by_the_pace_so_far():
    assert DRIVER.seconds_left == (50 - 10 - 20) * 20.0 / 10


def test_without_a_tile_nothing_is_known_of_the_time_left():
    from dataclasses import replace

    assert replace(DRIVER, done=0).seconds_left is None


def test_tokens_are_unlike_each_other():
    assert len({new_token() for _ in range(100)}) == 100


def test_who_asks_to_stop_is_heard(control):
    assert not control.cancelled
    control.cancel()
    assert control.cancelled


def test_to_go_on_takes_back_the_stop_and_forgets_the_failures(control):
    control.cancel()
    control.write_failure(failure("f00000/p000/r0000c0001"))
    control.go_on()
    assert not control.cancelled
    assert list(control.failures()) == []


def test_to_go_on_where_nothing_happened_does_nothing(control, tmp_path):
    control.go_on()
    assert list(tmp_path.iterdir()) == []


def test_failures_are_read_in_the_order_of_their_tiles(control):
    names = ["f00000/p000/r0001c0000", "f00000/p001/r0000c0000", "f00001/p000/r0000c0000"]
    for name in reversed(names):
        control.write_failure(failure(name))
    assert list(control.failures()) == [failure(name) for name in names]


def test_a_damaged_failure_is_left_out(control, tmp_path):
    for name in ("f00000/p000/r0000c0000", "f00000/p000/r0000c0001"):
        control.write_failure(failure(name))
    (tmp_path / "control/failures/f00000/p000/r0000c0000.json").write_text("{")
    assert list(control.failures()) == [failure("f00000/p000/r0000c0001")]


@pytest.mark.parametrize("name", ["../../../etc/passwd", "", "f0/p0/r0c0"])
def test_no_failure_is_written_outside_its_folder(control, tmp_path, name):
    with pytest.raises(ValueError, match="no tile id"):
        control.write_failure(failure(name))
    assert list(tmp_path.iterdir()) == []
