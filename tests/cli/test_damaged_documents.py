"""JSON that is none, nested, of other types, a folder or a pipe: a sentence of every verb."""

import json
import shutil
import signal

import pytest

import tiled_sim as ts
from support.damage import NO_DOCUMENT, edit_json, put
from tiled_sim.cli.main import main
from tiled_sim.cluster.submit import submit
from tiled_sim.errors import StoreError

SIDECAR = "traces/f00000/p000/r0001c0000.json"
#: Words of each verb that reads a run.
READERS = {
    "status": ["status", "RUN"],
    "watch": ["watch", "--no-progress", "RUN"],
    "verify": ["verify", "RUN"],
    "resume": ["resume", "--no-progress", "RUN"],
    "cancel": ["cancel", "RUN"],
    "view": ["view", "RUN", "--out", "PICTURE"],
    "compare": ["compare", "RUN", "SOUND"],
    "trace": ["trace", "RUN", "--pixel", "40", "40"],
}
QUICK = ("status", "watch", "verify", "cancel")
WORST = ("nested", "nested and whole", "empty parts", "null", "a folder", "a pipe")
SECONDS = 60


@pytest.fixture(scope="module")
def sound(still, address, tmp_path_factory):
    """A finished run of two tiles, not to be touched."""
    path = tmp_path_factory.mktemp("sound") / "run.zarr"
    return submit(still(), path, cluster=address, tile=(48, 96)).path


@pytest.fixture
def path(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "run.zarr")


@pytest.fixture
def tell(path, sound, tmp_path, capsys):
    """``tell("status")`` gives the exit code and what goes to standard error; hangs for no pipe."""
    places = {"RUN": path, "SOUND": sound, "PICTURE": tmp_path / "picture.png"}

    def run(reader):
        def give_up(*_):
            raise AssertionError(f"{reader} hangs")

        before = signal.signal(signal.SIGALRM, give_up)
        signal.alarm(SECONDS)
        try:
            code = main([str(places.get(word, word)) for word in READERS[reader]])
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)
        return code, capsys.readouterr().err

    return run


def cases(readers, damages):
    return [
        pytest.param(reader, NO_DOCUMENT[name], id=f"{reader}-{name}")
        for reader in readers
        for name in damages
    ]


ALL = [*cases(QUICK, NO_DOCUMENT), *cases(sorted(READERS.keys() - set(QUICK)), WORST)]


def assert_one_sentence(complaint):
    (line,) = complaint.splitlines()
    assert line.startswith("tiled-sim: ")


@pytest.mark.parametrize(("reader", "content"), ALL)
def test_what_is_no_metadata_of_a_run_is_refused_in_a_sentence(tell, path, reader, content):
    put(path / "zarr.json", content)
    code, complaint = tell(reader)
    assert code == 4
    assert_one_sentence(complaint)
    assert "zarr.json" in complaint or "attributes" in complaint


@pytest.mark.parametrize(("reader", "content"), ALL)
def test_what_is_no_sidecar_stops_nobody_or_is_told_in_a_sentence(tell, path, reader, content):
    (path / "tiles/summary.json").unlink()  # which would be believed
    put(path / SIDECAR, content)
    code, complaint = tell(reader)
    stands_in_the_way = content in (None, "pipe") and reader in ("status", "watch", "resume")
    if stands_in_the_way or reader == "compare":  # which takes whole images alone
        assert code == 4
        assert_one_sentence(complaint)
        if stands_in_the_way:
            assert "r0001c0000" in complaint
            assert "remove it" in complaint
        else:
            assert "r0001c0000" in complaint or "1 of the 2 tiles" in complaint
    else:
        not_complete = reader in ("status", "watch", "verify")
        assert code == (5 if not_complete else 0), complaint


@pytest.mark.parametrize(("reader", "content"), ALL)
@pytest.mark.parametrize("file", ["control/driver.json", "tiles/summary.json"])
def test_what_decides_nothing_stops_no_reader(tell, path, reader, content, file):
    put(path / file, content)
    code, complaint = tell(reader)
    if reader == "resume" and content is None:  # a folder, which no file can take the place of
        assert code == 4 or file.startswith("tiles")
        assert "driver.json" in complaint or code == 0
    else:
        assert code == 0, complaint


@pytest.mark.parametrize("name", NO_DOCUMENT)
@pytest.mark.parametrize("file", ["0/image/zarr.json", "0/zarr.json", "panels/origin/zarr.json"])
def test_metadata_that_the_root_has_a_copy_of_are_a_fault_and_no_more(tell, path, file, name):
    put(path / file, NO_DOCUMENT[name])
    assert tell("status") == (0, "")
    assert tell("verify")[0] == 5


@pytest.mark.parametrize("name", WORST)
def test_python_is_told_in_a_sentence_too(path, name):
    put(path / "zarr.json", NO_DOCUMENT[name])
    with pytest.raises(StoreError):
        ts.open_run(path)


def spoil(*keys, value):
    """Put a value of another type at a place of the attributes of a run."""

    def edit(document):
        inner = document["attributes"]["tiled_sim"]
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value

    return edit


@pytest.mark.parametrize("value", [None, 3, -1, "text", [], {}, [[]], True, 1e300], ids=repr)
@pytest.mark.parametrize(
    "keys",
    [
        ("format",),
        ("run_id",),
        ("hashes",),
        ("hashes", "mask"),
        ("experiment",),
        ("experiment", "detector"),
        ("experiment", "detector", "panels"),
        ("experiment", "beam"),
        ("plan",),
        ("plan", "grid"),
        ("plan", "grid", "tile"),
        ("plan", "settings"),
        ("structure_factors",),
        ("structure_factors", "coverage"),
        ("structure_factors", "minimum"),
    ],
    ids="/".join,
)
def test_attributes_of_another_type_are_refused_in_a_sentence(tell, path, keys, value):
    edit_json(path / "zarr.json", spoil(*keys, value=value))
    before = json.loads((path / "zarr.json").read_bytes())
    code, complaint = tell("status")
    if code not in (0, 5):  # what can be is taken for what it says
        assert code == 4
        assert_one_sentence(complaint)
    assert json.loads((path / "zarr.json").read_bytes()) == before


@pytest.mark.parametrize("reader", ["view", "trace", "compare", "verify", "status"])
@pytest.mark.parametrize("damage", ["cut", "garbled", "a folder", "a pipe"])
def test_a_damaged_shard_is_a_sentence_of_every_reader(tell, path, reader, damage):
    shard = path / "0/image/c/0/0/0/0"
    content = shard.read_bytes()
    damaged = {
        "cut": content[:20],
        "garbled": b"x" * 300 + content[300:],
        "a folder": None,
        "a pipe": "pipe",
    }
    put(shard, damaged[damage])
    code, complaint = tell(reader)
    if reader == "status":  # which reads no pixel
        assert code == 0
    elif reader == "verify":
        assert (code, complaint) == (5, "")
    else:
        assert code == 4
        assert_one_sentence(complaint)
