"""Runs that are kept in the repository, one of each format: what was written stays readable."""

import json
import shutil

import numpy as np
import pytest

from tiled_sim.cluster.submit import compute_missing
from tiled_sim.errors import StoreError
from tiled_sim.instruments.recomputation import recomputed_faults
from tiled_sim.instruments.tracing import Tracer
from tiled_sim.model.settings import BY_REFERENCE
from tiled_sim.run.conversion import convert
from tiled_sim.run.run import Run
from tiled_sim.run.status import Progress
from tiled_sim.store.run_store import FORMAT, RunStore

#: Both were made from the same words: 48 x 64 pixels in two tiles with noise, a mask, structure
#: factors, sources, mosaic domains, phi steps and a background; the first by version 0.1.0.
PATHS = {1: "run_format1.zarr", 2: "run_format2.zarr"}
FIRST, SECOND = "f00000/p000/r0000c0000", "f00000/p000/r0001c0000"
#: Of the image's pixels, of version 0.1.0.
SHA256 = {
    FIRST: "e37c0a475405ff81528135ff2f520c9a25074ca54e6f619888e60c2f99e25de2",
    SECOND: "585db67a62521aa35d27cd8bc061e8d50e56cf17738fab5ce498387b42e2a16d",
}


@pytest.fixture(params=PATHS)
def kept(request, data):
    """A run of each format, as it lies in the repository."""
    return Run(data / PATHS[request.param])


@pytest.fixture
def old(data, tmp_path):
    """Path of a copy of the run of format 1."""
    return shutil.copytree(data / PATHS[1], tmp_path / "old.zarr")


def test_a_newest_format_is_among_them():
    assert max(PATHS) == FORMAT


class TestAnyFormat:
    def test_it_is_complete_and_without_faults(self, kept):
        assert kept.status().complete
        assert list(kept.faults()) == []

    def test_its_sums_are_those_of_version_0_1(self, kept):
        status = kept.status()
        assert (status.total, status.counted.total) == (404838.52378082275, 1211525)
        assert (status.peak, status.peak_at) == (306.4894714355469, (0, 0, 47, 0))

    def test_its_tiles_have_the_bits_of_version_0_1(self, kept):
        found = {sidecar["tile"]["id"]: sidecar["image"]["sha256"] for sidecar in kept.sidecars}
        assert found == SHA256

    def test_its_experiment_is_read_as_it_was_meant(self, kept):
        experiment = kept.experiment
        assert experiment.shape == (1, 1, 48, 64)
        assert experiment.steps == 6 * 3 * 2
        assert experiment.noise.point_spread.kind == "gauss"
        assert experiment.notes[0] == "convention MOSFLM, the default"

    def test_its_tiles_come_out_the_same_when_they_are_computed_again(self, kept):
        assert list(recomputed_faults(kept, 2, "cpu")) == []

    def test_a_traced_pixel_is_the_one_that_is_stored(self, kept):
        tracer = Tracer.of_run(kept, [(20, 30)], BY_REFERENCE, "cpu")
        traced = tracer.trace((20, 30))
        assert np.float32(traced.photons) == traced.stored

    def test_its_image_counts_and_mask_are_read(self, kept):
        assert not kept.image.isnull().any()
        assert kept.counts.dtype == np.int32
        assert (kept.counts.values[0][kept.mask.values != 0] == 0).all()
        assert set(np.unique(kept.mask.values)) == {0, 1}
        assert kept.image.slow[0] == pytest.approx(0.2)


def test_both_are_runs_of_one_experiment(data):
    old, new = (Run(data / path) for path in PATHS.values())
    old.require_same(new.experiment)
    np.testing.assert_array_equal(old.image.values, new.image.values)
    np.testing.assert_array_equal(old.counts.values, new.counts.values)


class TestFormat1:
    def test_it_is_not_added_to_and_convert_is_named(self, old):
        with pytest.raises(StoreError, match=r"format 1.*tiled-sim convert .*old\.zarr NEW"):
            RunStore.open(old, mode="r+")

    def test_resume_names_convert_whether_tiles_are_missing_or_not(self, old):
        for _ in range(2):
            with pytest.raises(StoreError, match="tiled-sim convert"):
                compute_missing(Run(old))
            (old / f"traces/{SECOND}.json").unlink(missing_ok=True)

    @pytest.mark.parametrize(
        "edit",
        [
            lambda run: run["experiment"]["crystal"].update(cells=[9, 9, 9]),
            lambda run: run["plan"].update(steps=7),
            lambda run: run["experiment"].pop("frames"),
            lambda run: run["experiment"]["beam"].update(sources=7),
            lambda run: run.pop("plan"),
            lambda run: run.update(plan=[]),
            lambda run: run.pop("hashes"),
        ],
    )
    def test_edited_attributes_are_refused(self, old, edit):
        file = old / "zarr.json"
        document = json.loads(file.read_bytes())
        edit(document["attributes"]["tiled_sim"])
        file.write_text(json.dumps(document))
        with pytest.raises(StoreError, match=r"zarr\.json"):
            Run(old)

    @pytest.mark.parametrize(
        "edit",
        [
            lambda sidecar: sidecar["tile"].pop("frame"),
            lambda sidecar: sidecar.update(schema="tiled_sim sidecar 2"),
            lambda sidecar: sidecar["hashes"].update(plan="0" * 64),
            lambda sidecar: sidecar.update(traces=7),
            lambda sidecar: sidecar.update(image=[]),
        ],
    )
    def test_a_tile_whose_sidecar_is_damaged_is_not_done(self, old, edit):
        file = old / f"traces/{SECOND}.json"
        document = json.loads(file.read_bytes())
        edit(document)
        file.write_text(json.dumps(document))
        assert Run(old).status().missing == [SECOND]

    def test_parts_of_the_mask_that_are_live_have_no_file(self, old):
        (old / "0/mask/c/0/1/0").unlink()  # as if it had been live
        assert not Run(old).inputs().mask(0, slice(32, 48), slice(0, 64)).any()


class TestConverting:
    def test_every_tile_is_taken_over_to_the_last_bit(self, data, tmp_path):
        old = Run(data / PATHS[1])
        made = convert(old.path, tmp_path / "new.zarr")
        assert (made.kept, made.left) == (2, ())
        assert list(made.run.faults()) == []
        assert made.run.status().complete
        np.testing.assert_array_equal(made.run.image.values, old.image.values)
        np.testing.assert_array_equal(made.run.counts.values, old.counts.values)
        np.testing.assert_array_equal(made.run.mask.values, old.mask.values)

    def test_sidecars_are_taken_over_but_for_run_and_hashes(self, data, tmp_path):
        old = Run(data / PATHS[1])
        new = convert(old.path, tmp_path / "new.zarr").run
        changed = {"run_id": new.run_id, "hashes": new.hashes}
        assert list(new.sidecars) == [found | changed for found in old.sidecars]

    def test_the_new_run_says_where_it_comes_from(self, data, tmp_path):
        old = Run(data / PATHS[1])
        new = convert(old.path, tmp_path / "new.zarr").run
        assert new.attributes["format"] == FORMAT
        assert new.attributes["converted"]["from_run_id"] == old.run_id != new.run_id
        assert new.attributes["versions"]["tiled_sim"] == "0.1.0"
        assert new.attributes["structure_factors"] == old.attributes["structure_factors"]

    def test_the_index_of_the_new_run_knows_its_tiles(self, old, tmp_path):
        (old / f"traces/{SECOND}.json").unlink()
        new = convert(old, tmp_path / "new.zarr").run
        assert (new.path / "tiles/index").read_bytes() == bytes([1, 0])
        assert Progress.known(new).sums.done == 1

    def test_the_old_run_stays_as_it_is(self, old, tmp_path):
        before = contents(old)
        convert(old, tmp_path / "new.zarr")
        assert contents(old) == before

    def test_an_unfinished_run_is_completed_by_resume(self, old, tmp_path):
        (old / f"traces/{SECOND}.json").unlink()
        made = convert(old, tmp_path / "new.zarr")
        assert (made.kept, made.run.status().missing) == (1, [SECOND])
        resumed = compute_missing(made.run, cluster="local:1")
        assert {s["tile"]["id"]: s["image"]["sha256"] for s in resumed.sidecars} == SHA256

    @pytest.mark.parametrize("array", ["image", "counts"])
    def test_a_tile_whose_pixels_are_not_those_of_its_sidecar_is_left_out(
        self, old, tmp_path, array
    ):
        shards = old / "0" / array / "c/0/0"
        shutil.copy(shards / "0/0", shards / "1/0")
        made = convert(old, tmp_path / "new.zarr")
        assert (made.kept, made.left) == (1, (SECOND,))
        assert made.run.status().missing == [SECOND]

    def test_a_run_of_this_format_is_not_converted(self, data, tmp_path):
        with pytest.raises(StoreError, match="nothing to convert"):
            convert(data / PATHS[2], tmp_path / "new.zarr")

    def test_nothing_is_overwritten(self, data, tmp_path):
        (tmp_path / "new.zarr").mkdir()
        with pytest.raises(StoreError, match="exists"):
            convert(data / PATHS[1], tmp_path / "new.zarr")
        assert list((tmp_path / "new.zarr").iterdir()) == []

    def test_until_all_is_there_it_is_no_run(self, data, tmp_path, monkeypatch):
        path = tmp_path / "new.zarr"
        write = RunStore.write_sidecar

        def watched(store, document):
            with pytest.raises(StoreError, match="making it was interrupted"):
                Run(path)
            write(store, document)

        monkeypatch.setattr(RunStore, "write_sidecar", watched)
        convert(data / PATHS[1], path)
        assert Run(path).status().complete

    def test_what_fails_underway_leaves_nothing_behind(self, data, tmp_path, monkeypatch):
        def failing(store, document):
            raise KeyboardInterrupt

        monkeypatch.setattr(RunStore, "write_sidecar", failing)
        with pytest.raises(KeyboardInterrupt):
            convert(data / PATHS[1], tmp_path / "new.zarr")
        assert list(tmp_path.iterdir()) == []


def contents(path):
    return {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
