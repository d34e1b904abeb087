"""Whether tiles come out the same when they are computed again."""

import json

import pytest

from tiled_sim.cli.main import main
from tiled_sim.cluster.worker import compute_batch
from tiled_sim.instruments.recomputation import recomputed_faults
from tiled_sim.model.settings import BY_REFERENCE
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.faults import NOTHING
from tiled_sim.run.run import Run
from tiled_sim.store.records import image_record

TILES = 9
MIDDLE = "f00000/p000/r0001c0001"


@pytest.fixture
def run(still, tmp_path):
    """A complete run."""
    made = create_run(prepare(still(), BY_REFERENCE, tile=(32, 32)), tmp_path / "run.zarr")
    compute_batch(str(made.path), made.run_id, "cpu", [(number, 1) for number in range(TILES)])
    made.store.open(made.path, mode="r+").finish()
    return Run(made.path)


def sidecar_of(run, name):
    return run.path / "traces" / f"{name}.json"


def edit(run, name, change):
    """Change the sidecar of a tile."""
    document = json.loads(sidecar_of(run, name).read_bytes())
    change(document)
    sidecar_of(run, name).write_text(json.dumps(document))


@pytest.fixture
def forged(run):
    """The run after pixels and digest of the middle tile were altered so that they agree."""
    tile = next(tile for tile in run.plan if run.plan.id_of(tile) == MIDDLE)
    image = run.store.read_part(tile)
    image[0, 0, 3, 4] += 1
    run.store.open(run.path, mode="r+").write_tile(tile, image)
    edit(run, MIDDLE, lambda document: document["image"].update(image_record(tile, image)))
    return Run(run.path)


def verify(run, capsys, *words):
    """Exit code and faults."""
    code = main(["verify", "--json", str(run.path), *words])
    return code, json.loads(capsys.readouterr().out)["faults"]


def test_a_sound_run_comes_out_the_same(run, capsys):
    assert verify(run, capsys, "--recompute", str(TILES)) == (0, [])


def test_digests_alone_do_not_show_a_tile_that_was_altered_with_its_digest(forged, capsys):
    assert verify(forged, capsys) == (0, [])


def test_computing_again_shows_a_tile_that_was_altered_with_its_digest(forged, capsys):
    code, faults = verify(forged, capsys, "--recompute", str(TILES))
    assert code == 5
    assert faults == [f"{MIDDLE}: computed again, with the same versions, it is another image"]


def test_more_tiles_than_there_are_are_all_of_them(forged):
    assert len(list(recomputed_faults(forged, 1000, "cpu"))) == 1


def test_a_sample_is_as_large_as_asked_for_and_the_same_every_time(run, monkeypatch):
    from tiled_sim.simulation.simulator import Simulator

    seen = []
    real = Simulator.simulate_tile

    def simulate_tile(self, tile):
        seen.append(tile.index)
        return real(self, tile)

    monkeypatch.setattr(Simulator, "simulate_tile", simulate_tile)
    for _ in range(2):
        assert list(recomputed_faults(run, 4, "cpu")) == []
    assert seen[:4] == seen[4:]
    assert len(set(seen)) == 4


def test_tiles_that_are_not_done_are_not_computed(run):
    for file in run.path.glob("traces/f*/p*/*.json"):
        file.unlink()
    assert list(recomputed_faults(run, TILES, "cpu")) == []


def test_without_a_sample_not_even_the_structure_factors_are_read(run, monkeypatch):
    monkeypatch.setattr(Run, "simulator", None)
    assert list(recomputed_faults(run, 0, "cpu")) == []


def test_another_version_and_another_device_are_named_with_the_difference(forged):
    def change(document):
        document["computation"]["device"] = "cuda:0"
        document["computation"]["versions"]["torch"] = "2.0.0"

    edit(forged, MIDDLE, change)
    (fault,) = recomputed_faults(forged, TILES, "cpu")
    assert "device cpu and not cuda:0" in fault.what
    assert "and not 2.0.0" in fault.what
    assert fault.remedy == NOTHING  # that of another machine may be as good


def test_a_stranger_among_the_sidecars_is_found(run, capsys):
    stranger = "f00000/p000/r0009c0009"
    sidecar_of(run, stranger).write_bytes(sidecar_of(run, MIDDLE).read_bytes())
    code, faults = verify(run, capsys)
    assert code == 5
    assert faults == [f"{stranger}: a sidecar of no tile of this run"]


def test_pixels_that_are_no_numbers_are_found(run, capsys):
    tile = run.plan[0]
    image = run.store.read_part(tile)
    image[0, 0, 0, 0] = float("nan")
    run.store.open(run.path, mode="r+").write_tile(tile, image)
    code, faults = verify(run, capsys)
    assert code == 5
    assert f"{run.plan.id_of(tile)}: 1 pixels are NaN" in faults
