"""Folders that are there as long as a process holds them."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from support.processes import eventually
from tiled_sim.cluster.scratch import Scratch

#: Holds an entry, says so, and waits.
HOLDER = """
import sys, time
from pathlib import Path
from tiled_sim.cluster.scratch import Scratch

def make(folder):
    (folder / "file").write_text("made")
    if "slowly" in sys.argv:
        print("making", flush=True)
        time.sleep(600)

held = Scratch(Path(sys.argv[1])).hold("entry", make)
print("holds", flush=True)
if "ends" not in sys.argv:
    time.sleep(600)
"""


@pytest.fixture
def scratch(tmp_path):
    return Scratch(tmp_path / "scratch")


@pytest.fixture
def hold(tmp_path):
    """Start a process that holds the entry; once it says so."""
    started = []

    def start(*words):
        command = [sys.executable, "-c", HOLDER, str(tmp_path / "scratch"), *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        process.stdout.readline()
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def filled(text="made"):
    return lambda folder: (folder / "file").write_text(text)


def nothing(_):
    raise AssertionError("it is there already")


def test_an_entry_is_made_once_and_removed_with_its_last_holder(scratch, tmp_path):
    first = scratch.hold("entry", filled())
    second = scratch.hold("entry", nothing)
    assert first.path == second.path
    first.release()
    assert (second.path / "file").read_text() == "made"
    second.release()
    assert not (tmp_path / "scratch").exists()


def test_what_another_process_holds_stays(scratch, hold, tmp_path):
    hold()
    mine = scratch.hold("entry", nothing)
    mine.release()
    assert (tmp_path / "scratch/entry/file").exists()


def test_what_a_killed_process_held_is_swept(scratch, hold, tmp_path):
    os.kill((killed := hold()).pid, signal.SIGKILL)
    killed.wait()
    assert (tmp_path / "scratch/entry").exists()
    scratch.sweep()
    assert not (tmp_path / "scratch").exists()


def test_a_process_that_ends_leaves_nothing_behind(hold, tmp_path):
    hold("ends").wait()
    assert not (tmp_path / "scratch").exists()


def test_what_another_process_is_making_is_waited_for(scratch, hold):
    maker = hold("slowly")
    found = []
    waiting = threading.Thread(target=lambda: found.append(scratch.hold("entry", filled("mine"))))
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive()
    maker.kill()  # then it is made here, without what was left over
    eventually(lambda: found)
    assert (found[0].path / "file").read_text() == "mine"
    found[0].release()


def test_what_cannot_be_made_leaves_nothing_behind(scratch, tmp_path):
    def fail(folder):
        (folder / "file").write_text("half")
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        scratch.hold("entry", fail)
    assert not (tmp_path / "scratch").exists()


def test_a_folder_that_others_may_write_is_refused(scratch, tmp_path):
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch").chmod(0o777)
    with pytest.raises(PermissionError, match="open to other users"):
        scratch.hold("entry", filled())


def test_a_link_in_its_place_is_refused(scratch, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "scratch").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="scratch"):
        scratch.hold("entry", filled())
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_damaged_entry_is_lost_to_sight_and_kept_by_whoever_has_it_open(scratch):
    first = scratch.hold("entry", filled())
    with open(first.path / "file") as file:
        scratch.hold("entry", nothing).discard()
        fresh = scratch.hold("entry", filled("anew"))
        assert file.read() == "made"
    assert (fresh.path / "file").read_text() == "anew"
    first.release()
    assert (fresh.path / "file").read_text() == "anew"
    fresh.release()
