"""What a run asks of the place where it is, of a disk and of a real object store."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.processes import PATIENCE
from tiled_sim.store.location import objects_of
from tiled_sim.store.objects import ChangedError, each
from tiled_sim.store.place import place_of

KEY = "control/driver.json"


@pytest.fixture(params=["disk", "cloud"])
def place(request, tmp_path):
    """Where a run may be."""
    if request.param == "disk":
        return tmp_path / "a/run.zarr"
    return place_of(f"{request.getfixturevalue('bucket')}/run.zarr")


@pytest.fixture
def objects(place):
    """Of a run that has been begun."""
    made = objects_of(place)
    made.make()
    made.put("zarr.json", b"{}")
    return made


def test_nothing_is_there_before_it_is_made(place):
    assert not objects_of(place).is_there()
    assert objects_of(place).identity() is None


def test_what_was_made_is_there(objects):
    assert objects.is_there()


def test_parts_of_a_content_are_put_one_after_the_other(objects):
    objects.put("0/image/c/0", [b"ab", b"", b"cde" * 9999], synced=False)
    assert objects.get("0/image/c/0") == b"ab" + b"cde" * 9999


def test_of_many_who_make_a_run_at_once_one_does(place):
    go = threading.Barrier(4, timeout=PATIENCE)

    def make(_):
        mine = objects_of(place)
        go.wait()
        try:
            mine.make()
        except FileExistsError:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(make, range(4))) == 1


def test_a_place_beside_another_of_the_same_beginning_is_free(place, objects):
    other = objects_of(place_of(f"{place}2"))
    assert not other.is_there()
    other.make()


def test_nothing_is_left_of_what_was_removed(objects):
    objects.put("traces/f00000/p000/r0000c0000.json", b"7")
    objects.remove()
    assert not objects.is_there()


def test_what_was_put_is_read_whole_and_from_its_end(objects):
    objects.put("0/image/c/0", b"0123456789")
    assert objects.get("0/image/c/0") == b"0123456789"
    assert objects.get_tail("0/image/c/0", 4) == (b"6789", 10)
    assert objects.get_tail("0/image/c/0", 40) == (b"0123456789", 10)


def test_an_empty_content_has_an_empty_end(objects):
    objects.put("tiles/index", b"")
    assert objects.get_tail("tiles/index", 4) == (b"", 0)


def test_what_is_put_takes_the_place_of_what_was_there(objects):
    objects.put("tiles/index", b"1")
    objects.put("tiles/index", b"2")
    assert objects.get("tiles/index") == b"2"


@pytest.mark.parametrize(
    "read",
    [
        lambda it: it.get("tiles/index"),
        lambda it: it.look("tiles/index"),
        lambda it: it.get_tail("tiles/index", 4),
    ],
)
def test_what_is_not_there_is_told_as_such(objects, read):
    with pytest.raises(FileNotFoundError):
        read(objects)


def test_what_was_deleted_is_not_there_and_deleting_it_again_does_nothing(objects):
    objects.put("tiles/index", b"1")
    for _ in range(2):
        objects.delete("tiles/index")
        assert not objects.exists("tiles/index")


@pytest.mark.parametrize("number", [2, 20])
def test_of_some_keys_those_are_told_that_are_there(objects, number):
    keys = [f"traces/f00000/p000/r{row:04d}c0000.json" for row in range(number)]
    for key in keys[::2]:
        objects.put(key, b"")
    assert objects.present(keys) == set(keys[::2])


def test_keys_are_those_of_a_folder_and_of_all_below_in_order(objects):
    for key in ("traces/b/2", "traces/b/1", "traces/a", "tracesnot/c"):
        objects.put(key, b"")
    assert objects.keys("traces") == ["traces/a", "traces/b/1", "traces/b/2"]
    assert objects.keys("") == [
        *("traces/a", "traces/b/1", "traces/b/2", "tracesnot/c", "zarr.json"),
    ]
    assert objects.keys("none") == []


def test_names_are_those_at_the_top(objects):
    objects.put("traces/b/1", b"")
    assert objects.names() == ["traces", "zarr.json"]


def test_names_in_a_folder_are_those_of_its_files_and_folders(objects):
    for key in ("traces/f00001/p000/a", "traces/f00001/p001/a", "traces/b", "tracesnot/c"):
        objects.put(key, b"")
    assert objects.names("traces") == ["b", "f00001"]
    assert objects.names("none") == []


def test_the_identity_stays_as_long_as_the_run_does(objects):
    before = objects.identity()
    objects.put("tiles/index", b"1")
    assert objects.identity() == before is not None


def test_a_sweep_takes_trials_and_leaves_the_run(objects):
    objects.put(".host.0123.tmp", b"")
    objects.put("tiles/index", b"1")
    objects.sweep()
    assert objects.keys("") == ["tiles/index", "zarr.json"]


# Conditions


def test_only_the_first_writes_where_nothing_is(objects):
    objects.put_if_absent(KEY, b"first")
    with pytest.raises(ChangedError):
        objects.put_if_absent(KEY, b"second")
    assert objects.get(KEY) == b"first"


def test_of_many_who_write_at_once_where_nothing_is_one_does(objects):
    go = threading.Barrier(8, timeout=PATIENCE)

    def write(number):
        go.wait()
        try:
            objects.put_if_absent(KEY, b"%d" % number)
        except ChangedError:
            return None
        return b"%d" % number

    with ThreadPoolExecutor(8) as threads:
        (winner,) = filter(None, threads.map(write, range(8)))
    assert objects.get(KEY) == winner


def test_of_many_who_replace_the_same_at_once_one_does(objects):
    go = threading.Barrier(8, timeout=PATIENCE)
    before = objects.put_if_absent(KEY, b"before")

    def write(number):
        go.wait()
        try:
            objects.put_if_unchanged(KEY, b"%d" % number, before)
        except ChangedError:
            return None
        return b"%d" % number

    with ThreadPoolExecutor(8) as threads:
        (winner,) = filter(None, threads.map(write, range(8)))
    assert objects.get(KEY) == winner


def test_a_version_is_that_of_what_was_written_and_of_what_is_read(objects):
    version = objects.put_if_absent(KEY, b"1")
    assert objects.look(KEY).version == version
    version = objects.put_if_unchanged(KEY, b"2", version)
    assert objects.look(KEY).version == version
    objects.put_if_unchanged(KEY, b"3", version)


@pytest.mark.parametrize("change", [lambda it: it.put(KEY, b"2"), lambda it: it.delete(KEY)])
def test_what_has_changed_is_not_replaced(objects, change):
    version = objects.put_if_absent(KEY, b"1")
    change(objects)
    there = objects.exists(KEY)
    with pytest.raises(ChangedError):
        objects.put_if_unchanged(KEY, b"3", version)
    assert objects.exists(KEY) == there
    assert not there or objects.get(KEY) == b"2"


def test_a_request_whose_answer_was_lost_and_that_is_sent_again_has_been_done(bucket):
    """As obstore does by itself: the second request finds what the first has written."""
    objects = objects_of(place_of(f"{bucket}/run.zarr"))
    version = objects.put_if_absent(KEY, b"1")
    assert objects.put_if_absent(KEY, b"1") == version
    newer = objects.put_if_unchanged(KEY, b"2", version)
    assert objects.put_if_unchanged(KEY, b"2", version) == newer


@pytest.mark.parametrize("write", ["put_if_absent", "put"])
def test_nothing_is_written_where_the_run_is_gone(tmp_path, write):
    with pytest.raises(FileNotFoundError):
        getattr(objects_of(tmp_path / "run.zarr"), write)(KEY, b"1")
    assert list(tmp_path.iterdir()) == []


def test_who_stops_asking_of_each_is_not_kept_until_all_are_done(bucket):
    objects = objects_of(place_of(f"{bucket}/run.zarr"))
    asked = []

    def ask(number):
        asked.append(number)
        return objects.exists(f"{number}")

    found = each(objects, ask, range(2000))
    assert next(found) is False
    found.close()
    assert len(asked) < 2000
