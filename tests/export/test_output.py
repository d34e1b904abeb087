"""Where an export is written: whole or not at all, and gone on with."""

from pathlib import Path

import pytest
from filelock import FileLock

from support.limits import no_file_larger_than
from tiled_sim.errors import StoreError
from tiled_sim.export.output import Output

NAMES = ("a_1.h5", "a_2.h5", "a.nxs")
WHAT = {"format": "nxmx", "frames": [0, 2]}


class StoppedError(Exception):
    """In place of whatever stops a process."""


def make(output, names, content="content", stop=None):
    """Make all files that are missing, but for those from one on; those that were there."""
    done = output.begin(names)
    for name in names:
        if name == stop:
            raise StoppedError
        if name not in done:
            with output.file(name) as path:
                path.write_text(f"{content} of {name}")
    output.finish(names)
    return done


def stopped(path, is_folder, names=NAMES, stop="a.nxs"):
    """An export that was stopped, with its first content."""
    with pytest.raises(StoppedError), Output(path, is_folder, WHAT) as output:
        make(output, names, stop=stop)


@pytest.fixture(params=[False, True], ids=["files", "folder"])
def target(request, tmp_path):
    """The path of an export, whether it is a folder, and where its files will be."""
    return (
        (tmp_path / "a", True, tmp_path / "a")
        if request.param
        else (tmp_path / "a.nxs", False, tmp_path)
    )


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_files_come_to_their_place_and_nothing_else_is_left(tmp_path, target):
    path, is_folder, folder = target
    with Output(path, is_folder, WHAT) as output:
        assert make(output, NAMES) == ()
    assert files(folder) == sorted(NAMES)
    assert (folder / "a_1.h5").read_text() == "content of a_1.h5"
    assert len(files(tmp_path)) == (1 if is_folder else 3)


def test_what_is_stopped_leaves_nothing_at_its_place_and_goes_on(tmp_path, target):
    path, is_folder, folder = target
    stopped(path, is_folder)
    assert files(tmp_path) == [f"{path.name}.partial"]
    with Output(path, is_folder, WHAT) as output:
        assert make(output, NAMES, "later") == ("a_1.h5", "a_2.h5")
    assert (folder / "a_2.h5").read_text() == "content of a_2.h5"
    assert (folder / "a.nxs").read_text() == "later of a.nxs"


def test_what_is_stopped_before_anything_is_done_leaves_nothing(tmp_path, target):
    stopped(*target[:2], stop="a_1.h5")
    assert files(tmp_path) == []


def test_a_file_that_was_cut_is_made_again(target):
    path, is_folder, folder = target
    stopped(path, is_folder)
    (path.with_name(f"{path.name}.partial") / "a_2.h5").write_text("content")
    with Output(path, is_folder, WHAT) as output:
        assert make(output, NAMES, "later") == ("a_1.h5",)
    assert (folder / "a_2.h5").read_text() == "later of a_2.h5"


def begin_and_stop_in_a_file(path, is_folder):
    with Output(path, is_folder, WHAT) as output:
        output.begin(NAMES)
        with output.file("a_1.h5") as whole:
            whole.write_text("whole")
        with output.file("a_2.h5") as half:
            half.write_text("half")
            raise StoppedError


def test_half_a_file_is_made_again(target):
    path, is_folder, folder = target
    with pytest.raises(StoppedError):
        begin_and_stop_in_a_file(path, is_folder)
    with Output(path, is_folder, WHAT) as output:
        assert make(output, NAMES) == ("a_1.h5",)
    assert (folder / "a_2.h5").read_text() == "content of a_2.h5"
    assert files(folder) == sorted(NAMES)


def test_a_journal_whose_last_line_was_cut_is_gone_on_with(target):
    path, is_folder, folder = target
    stopped(path, is_folder)
    journal = path.with_name(f"{path.name}.partial") / "export.jsonl"
    journal.write_text(journal.read_text()[:-5])
    with Output(path, is_folder, WHAT) as output:
        assert make(output, NAMES, "later") == ("a_1.h5",)
    assert (folder / "a_2.h5").read_text() == "later of a_2.h5"


def test_what_was_stopped_while_files_were_moved_goes_on(tmp_path):
    path = tmp_path / "a.nxs"
    stopped(path, False)
    (tmp_path / "a.nxs.partial" / "a_1.h5").rename(tmp_path / "a_1.h5")
    with Output(path, False, WHAT) as output:
        assert make(output, NAMES, "later") == ("a_1.h5", "a_2.h5")
    assert files(tmp_path) == sorted(NAMES)


def test_something_else_is_not_gone_on_with(target):
    path, is_folder, _ = target
    stopped(path, is_folder)
    with (
        pytest.raises(StoreError, match=r"its frames is \[0, 2\], not \[0, 3\]"),
        Output(path, is_folder, WHAT | {"frames": [0, 3]}) as output,
    ):
        make(output, NAMES)
    with Output(path, is_folder, WHAT) as output:
        assert make(output, NAMES) == ("a_1.h5", "a_2.h5")


def test_what_exists_is_not_overwritten(target):
    path, is_folder, _ = target
    path.write_text("mine")
    with pytest.raises(StoreError, match="exists already"), Output(path, is_folder, WHAT):
        pass
    assert path.read_text() == "mine"


def test_a_file_beside_that_exists_is_not_overwritten(tmp_path):
    (tmp_path / "a_2.h5").write_text("mine")
    with (
        pytest.raises(StoreError, match=r"a_2\.h5 exists already"),
        Output(tmp_path / "a.nxs", False, WHAT) as output,
    ):
        make(output, NAMES)
    assert files(tmp_path) == ["a_2.h5"]


def test_two_processes_do_not_write_one_export(target):
    path, is_folder, _ = target
    stopped(path, is_folder)
    with (
        FileLock(path.with_name(f"{path.name}.partial") / "export.lock"),
        pytest.raises(StoreError, match="being written by another process"),
        Output(path, is_folder, WHAT) as output,
    ):
        make(output, NAMES)


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with (
        pytest.raises(StoreError, match="cannot be made"),
        Output(tmp_path / "nowhere" / "a.nxs", False, WHAT) as output,
    ):
        make(output, NAMES)


def test_files_may_lie_in_folders(tmp_path):
    names = ("0/c/0", "0/c/1", "zarr.json")
    stopped(tmp_path / "a.zarr", True, names, "zarr.json")
    with Output(tmp_path / "a.zarr", True, WHAT) as output:
        assert make(output, names) == ("0/c/0", "0/c/1")
    assert (tmp_path / "a.zarr/0/c/1").read_text() == "content of 0/c/1"


def test_a_folder_of_something_else_is_left_as_it_is(tmp_path, target):
    path, is_folder, _ = target
    theirs = tmp_path / f"{path.name}.partial"
    theirs.mkdir()
    for name in ("mine.txt", "mine.tmp"):
        (theirs / name).write_text("mine")
    with (
        pytest.raises(StoreError, match="holds other files: move it away"),
        Output(path, is_folder, WHAT) as output,
    ):
        make(output, NAMES)
    assert files(tmp_path) == [theirs.name]
    assert files(theirs) == ["mine.tmp", "mine.txt"]


def test_a_folder_that_came_meanwhile_is_left_as_it_is(tmp_path):
    path = tmp_path / "a"
    with Output(path, True, WHAT) as output:
        output.begin(NAMES)
        for name in NAMES:
            with output.file(name) as place:
                place.write_text("ours")
        path.mkdir()
        with pytest.raises(StoreError, match="exists already"):
            output.finish(NAMES)
    assert files(path) == []
    assert files(tmp_path) == ["a", "a.partial"]


@pytest.mark.parametrize("name", ["", ".", "/"])
def test_a_path_without_a_name_is_refused(name):
    with pytest.raises(StoreError, match="has no name"):
        Output(Path(name), False, WHAT)


def test_where_not_even_the_journal_has_room_nothing_is_left(tmp_path, target):
    path, is_folder, _ = target
    with (
        pytest.raises(StoreError, match=f"{path.name} cannot be made: File too large"),
        Output(path, is_folder, WHAT) as output,
        no_file_larger_than(10),
    ):
        output.begin(NAMES)
    assert files(tmp_path) == []
