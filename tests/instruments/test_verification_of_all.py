"""Damage to every part of a store: found by `verify`, named, and mended where that can be."""

import contextlib
import dataclasses
import json
import shutil

import numpy as np
import pytest

from support.damage import change_values, cut, edit_json, flip, put
from tiled_sim.cli.main import main
from tiled_sim.cluster.worker import compute_batch
from tiled_sim.instruments.verification import verify
from tiled_sim.model.readout import Noise
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.faults import COMPUTE, FINISH, NOTHING, WRITE
from tiled_sim.run.run import Run
from tiled_sim.run.status import Progress
from tiled_sim.store import pyramid

FIRST = "f00000/p000/r0000c0000"
SIDECAR = f"traces/{FIRST}.json"
SHARD = "c/0/0/0/0"


@pytest.fixture(scope="module")
def whole(still, data, tmp_path_factory):
    """A complete run of two frames and two panels with all that a store can hold."""
    options = "-detpixels_s 528 -detpixels_f 48 -pixel 0.2 -phi 0 -osc 1 -phisteps 2 -water 20"
    one = still(*options.split(), "-stol", data / "droplet.stol", "-roi", 3, 40, 20, 500)
    (panel,) = one.detector.panels
    x, y, z = panel.origin
    other = dataclasses.replace(panel, origin=(x, y, z + 0.02), name="other")
    experiment = dataclasses.replace(
        one,
        detector=dataclasses.replace(one.detector, panels=(panel, other)),
        exposures=dataclasses.replace(one.exposures, count=2),
        noise=Noise(),
    )
    path = tmp_path_factory.mktemp("whole") / "run.zarr"
    made = create_run(prepare(experiment, tile=(176, 48), require_coverage=0.0), path)
    compute_batch(str(path), made.run_id, "cpu", [(n, 1) for n in range(len(made.plan))])
    Progress.surveyed(made).write()
    made.store.open(path, mode="r+").finish()
    return path


@pytest.fixture
def path(whole, tmp_path):
    """A copy of it to damage."""
    return shutil.copytree(whole, tmp_path / "run.zarr")


def more(values):
    return values * 2 + 1


def root(edit):
    return lambda path: edit_json(path / "zarr.json", edit)


def of(file, edit):
    return lambda path: edit_json(path / file, edit)


def lose(file):
    return lambda path: (path / file).unlink()


def values(array, place):
    return lambda path: change_values(path, array, place, more)


def forget_a_tile(path):
    (path / SIDECAR).unlink()


def consolidated(document):
    return document["consolidated_metadata"]["metadata"]


DAMAGES = {
    # what, and one of the faults that it must lead to: place, words, remedy
    "a sidecar without a field": (
        of(SIDECAR, lambda it: it["image"].pop("sum")),
        (FIRST, "its sidecar is damaged", COMPUTE),
    ),
    "a sidecar with a field of another type": (
        of(SIDECAR, lambda it: it["image"].update(sum="12")),
        (FIRST, "its sidecar is damaged", COMPUTE),
    ),
    "a sidecar with another sum": (
        of(SIDECAR, lambda it: it["image"].update(sum=it["image"]["sum"] * 1.001)),
        (FIRST, "another sum of the image", COMPUTE),
    ),
    "a sidecar with other counts": (
        of(SIDECAR, lambda it: it["counts"].update(overloads=7)),
        (FIRST, "another overloads of the counts", COMPUTE),
    ),
    "a sidecar of another place": (
        of(SIDECAR, lambda it: it["tile"].update(slow=[0, 16])),
        (FIRST, "its sidecar is damaged", COMPUTE),
    ),
    "a sidecar of another run": (
        of(SIDECAR, lambda it: it.update(run_id="another")),
        (FIRST, "its sidecar is damaged", COMPUTE),
    ),
    "a folder in place of a sidecar": (
        lambda path: put(path / SIDECAR, None),
        (FIRST, "it is a folder", NOTHING),
    ),
    "a pipe in place of a sidecar": (
        lambda path: put(path / SIDECAR, "pipe"),
        (FIRST, "it is a pipe", NOTHING),
    ),
    "a shard lost": (lose(f"0/image/{SHARD}"), (FIRST, f"0/image/{SHARD} is lost", COMPUTE)),
    "a shard cut": (lambda path: cut(path / f"0/image/{SHARD}"), (FIRST, "lost chunks", COMPUTE)),
    "a shard emptied": (lambda path: cut(path / f"0/image/{SHARD}", 0), (FIRST, "cut", COMPUTE)),
    "a byte of a shard": (
        lambda path: flip(path / f"0/image/{SHARD}", 0.4),
        (FIRST, "the image ", COMPUTE),
    ),
    "counts lost": (lose(f"0/counts/{SHARD}"), (FIRST, "0/counts/c/0/0/0/0 is lost", COMPUTE)),
    "counts changed": (
        values("0/counts", (0, 0, 30, 20)),
        (FIRST, "the counts are not those that were committed", COMPUTE),
    ),
    "pixels changed": (
        values("0/image", (0, 0, 30, 20)),
        (FIRST, "the image is not the one that was committed", COMPUTE),
    ),
    "a level changed": (
        values("1/image", (1, 1, 100, 20)),
        ("1/image/c/1/1/0/0", "not the means", FINISH),
    ),
    "a shard of a level lost": (
        lose("1/image/c/1/0/1/0"),
        ("1/image/c/1/0/1/0", "not the means", FINISH),
    ),
    "the metadata of a level lost": (lose("1/image/zarr.json"), ("1/image", "it is lost", WRITE)),
    "a coordinate": (values("0/slow", 3), ("0/slow", "its values are not those", WRITE)),
    "a coordinate of a level": (values("1/fast", 3), ("1/fast", "its values are not", WRITE)),
    "a file of coordinates lost": (lose("0/fast/c/0"), ("0/fast", "0/fast/c/0 is lost", WRITE)),
    "an angle": (values("frames/phi", (1, 0)), ("frames/phi", "its values are not", WRITE)),
    "an origin": (values("panels/origin", (1, 2)), ("panels/origin", "its values are", WRITE)),
    "a fill value": (
        of("0/image/zarr.json", lambda it: it.update(fill_value=0.0)),
        ("0/image", "its fill_value is 0.0 and not 'NaN'", WRITE),
    ),
    "a shape": (
        of("0/counts/zarr.json", lambda it: it.update(shape=[1, 2, 528, 48])),
        ("0/counts", "its shape[0] is 1 and not 2", WRITE),
    ),
    "a unit": (
        of("0/slow/zarr.json", lambda it: it["attributes"].update(units="inch")),
        ("0/slow", "its attributes.units is 'inch' and not 'mm'", WRITE),
    ),
    "a wavelength told to others": (
        of("0/zarr.json", lambda it: it["attributes"].update(wavelength_A=2.0)),
        ("0", "its attributes.wavelength_A is 2.0", WRITE),
    ),
    "a pipe in place of metadata": (
        lambda path: put(path / "panels/origin/zarr.json", "pipe"),
        ("panels/origin", "it is a pipe", WRITE),
    ),
    "metadata that are no JSON": (
        lambda path: put(path / "panels/origin/zarr.json", b"[" * 100_000),
        ("panels/origin", "nested too deeply", WRITE),
    ),
    "a copy of metadata": (
        root(lambda it: consolidated(it)["0/slow"]["attributes"].update(units="inch")),
        ("zarr.json", "its copy of the metadata of 0/slow", FINISH),
    ),
    "the copies of metadata": (
        root(lambda it: it.pop("consolidated_metadata")),
        ("zarr.json", "no copies", FINISH),
    ),
    "what viewers are told": (
        root(lambda it: it["attributes"]["ome"]["multiscales"][0]["datasets"].pop()),
        ("zarr.json", "`ome`", FINISH),
    ),
    "where the arrays of pixels stand": (
        root(lambda it: it["attributes"]["arrays"].update(image="1/image")),
        ("zarr.json", "`arrays`", FINISH),
    ),
    "where F comes from": (
        root(lambda it: it["attributes"]["tiled_sim"]["structure_factors"].update(count=3)),
        ("zarr.json", "structure factors (count)", NOTHING),
    ),
    "the mask lost": (
        lose("0/mask/c/1/0/0"),
        ("inputs", "the mask has lost its file 0/mask/c/1/0/0", NOTHING),
    ),
    "a pixel of the mask": (values("0/mask", (0, 5, 5)), ("inputs", "the mask in the", NOTHING)),
    "F lost": (
        lose("inputs/structure_factors/amplitude/c/0/0/0"),
        ("inputs", "Lost: inputs/structure_factors/amplitude/c/0/0/0", NOTHING),
    ),
    "F changed": (
        values("inputs/structure_factors/amplitude", (3, 3, 3)),
        ("inputs", "structure factors are damaged", NOTHING),
    ),
    "the background changed": (
        values("inputs/background/F", 3),
        ("inputs", "the table of the background is damaged", NOTHING),
    ),
    "a tile that the index calls done": (
        forget_a_tile,
        ("tiles/index", f"calls 1 tiles done that are not, the first {FIRST}", FINISH),
    ),
    "the sums of the index": (
        of("tiles/summary.json", lambda it: it["summary"].update(nan=3)),
        ("tiles/summary.json", "its sums are not those of the sidecars", FINISH),
    ),
}


def test_a_sound_run_has_no_faults(whole):
    assert verify(Run(whole)).faults == ()


def test_what_is_not_looked_at_is_named(whole):
    unseen = "\n".join(verify(Run(whole)).unseen)
    for words in ("created, versions", "times, memory", "control", "--recompute"):
        assert words in unseen
    assert "smaller images" not in unseen


def test_files_that_are_no_part_of_a_run_are_named_and_no_faults(path):
    (path / "notes.txt").write_text("of ours")
    found = verify(Run(path))
    assert found.faults == ()
    assert "notes.txt: it is no part of a run" in found.unseen


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_found_and_named_with_its_remedy(path, name):
    damage, (place, words, remedy) = DAMAGES[name]
    damage(path)
    faults = verify(Run(path)).faults
    assert any(
        fault.place == place and words in fault.what and fault.remedy == remedy for fault in faults
    ), faults


@pytest.mark.parametrize("name", ["a coordinate", "a level changed", "a unit", "pixels changed"])
def test_damage_is_told_of_its_own_place_alone(path, name):
    damage, (place, _, _) = DAMAGES[name]
    damage(path)
    told = {fault.place for fault in verify(Run(path)).faults}
    # what follows from it, or is a copy of it, is told, too
    allowed = {place, "zarr.json", "1/image/c/0/0/0/0"}
    assert place in told
    assert told <= allowed


def test_all_that_can_be_mended_is_mended_and_told(path, whole, capsys):
    mendable = [name for name, (_, fault) in DAMAGES.items() if fault[2] != NOTHING]
    for name in mendable:
        damage, _ = DAMAGES[name]
        if not name.startswith(("a sidecar", "the copies", "counts changed", "pixels changed")):
            with contextlib.suppress(FileNotFoundError):  # another damage took it away
                damage(path)
    assert main(["verify", "--repair", "--json", str(path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["faults"] == []
    assert len(told["mended"]) >= 10
    assert verify(Run(path)).faults == ()
    assert Run(path).image.values.tobytes() == Run(whole).image.values.tobytes()
    assert Run(path).counts.values.tobytes() == Run(whole).counts.values.tobytes()
    np.testing.assert_array_equal(Run(path).image.slow, Run(whole).image.slow)


def test_what_cannot_be_mended_is_said_to_be_so(path, capsys):
    (path / "0/mask/c/1/0/0").unlink()
    assert main(["verify", "--json", str(path)]) == 5
    told = json.loads(capsys.readouterr().out)
    assert [fault["remedy"] for fault in told["details"]] == [NOTHING]
    assert main(["verify", "--repair", str(path)]) == 4
    assert "0/mask/c/1/0/0" in capsys.readouterr().err


def test_a_run_that_is_not_complete_is_completed(path, whole):
    (path / SIDECAR).unlink()
    assert "they are made when the run is complete" in "\n".join(verify(Run(path)).unseen)
    assert main(["verify", "--repair", str(path)]) == 0
    assert Run(path).image.values.tobytes() == Run(whole).image.values.tobytes()


OF_TILE = "1/image/c/0/0/1/0"


@pytest.fixture(scope="module")
def with_levels_of_tiles(still, tmp_path_factory):
    """A complete run of three tiles; of its first level each has a shard, of the next none has."""
    experiment = still("-detpixels_s", 1056, "-detpixels_f", 64, "-pixel", 0.2)
    path = tmp_path_factory.mktemp("levels") / "run.zarr"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pyramid, "WORTH_A_FILE", 16 * 16)
        made = create_run(prepare(experiment, tile=(352, 64), require_coverage=0.0), path)
        compute_batch(str(path), made.run_id, "cpu", [(n, 1) for n in range(len(made.plan))])
        Progress.surveyed(made).write()
        made.store.open(path, mode="r+").finish()
    return path


@pytest.fixture
def of_tiles(with_levels_of_tiles, tmp_path, monkeypatch):
    """A copy of it to damage."""
    monkeypatch.setattr(pyramid, "WORTH_A_FILE", 16 * 16)
    return shutil.copytree(with_levels_of_tiles, tmp_path / "run.zarr")


def contents(path):
    """Of all shards and sidecars."""
    files = [*path.glob("*/image/c/**/*"), *path.glob("traces/**/*.json")]
    return {file.relative_to(path): file.read_bytes() for file in files if file.is_file()}


@pytest.mark.parametrize(
    "damage",
    [
        lose(OF_TILE),
        lambda path: cut(path / OF_TILE),
        lambda path: flip(path / OF_TILE, 0.4),
        values("1/image", (0, 0, 200, 20)),
    ],
    ids=["lost", "cut", "a byte", "a value"],
)
def test_the_level_of_a_tile_is_mended_without_computing_the_tile(
    of_tiles, with_levels_of_tiles, damage
):
    assert len(list(of_tiles.glob("1/image/c/0/0/*/*"))) == 3
    damage(of_tiles)
    faults = verify(Run(of_tiles)).faults
    assert {fault.remedy for fault in faults} == {FINISH}
    assert OF_TILE in {fault.place for fault in faults}
    assert main(["verify", "--repair", str(of_tiles)]) == 0
    assert contents(of_tiles) == contents(with_levels_of_tiles)


def test_a_tile_that_is_computed_again_has_its_level_again(of_tiles, with_levels_of_tiles):
    (of_tiles / "0/image/c/0/0/1/0").unlink()
    (of_tiles / OF_TILE).unlink()
    assert main(["verify", "--repair", str(of_tiles)]) == 0
    found, due = contents(of_tiles), contents(with_levels_of_tiles)
    assert found.keys() == due.keys()
    changed = [str(file) for file in found if found[file] != due[file]]
    assert changed == ["traces/f00000/p000/r0001c0000.json"]
