"""The run store on a real disk, through our code and through the readers of others."""

import copy
import json
import multiprocessing
import os
import pathlib
import pickle
import re
import tempfile
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import ome_zarr_models
import pytest
import xarray
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.errors import StoreError
from tiled_sim.model.amorphous import AmorphousTable
from tiled_sim.model.structure_factors import Provenance, StructureFactors
from tiled_sim.store import durable, layout, pyramid
from tiled_sim.store.run_store import NOT_COUNTED, RunStore, tile_id
from tiled_sim.store.sidecar import SidecarError, image_digest

DOCUMENTATION = (Path(__file__).parents[2] / "docs" / "store.md").read_text()
SHAPE = (1, 2, 50, 70)
TILE = (32, 48)
FIRST = (slice(0, 32), slice(0, 48))
CORNER = (slice(32, 50), slice(48, 70))


def create(path, shape=SHAPE, tile=TILE, **options):
    defaults = {"attributes": {"run_id": "a run"}, **coordinates(shape)}
    return RunStore.create(path, shape=shape, tile=tile, **(defaults | options))


def coordinates(shape):
    return {
        "centres": ((np.arange(shape[2]) + 0.5) * 0.1, (np.arange(shape[3]) + 0.5) * 0.2, "mm"),
        "arrays": {"spectrum/incident": np.eye(3)[:2], "spectrum/weight": np.array([1.0, 3.0])},
    }


def pixels(slow, fast, seed=0):
    shape = (slow.stop - slow.start, fast.stop - fast.start)
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def counts_of(slow, fast):
    return (pixels(slow, fast) * 100).astype(np.int32)


def fill(store, image):
    """Write a whole image (frame, panel, slow, fast) tile by tile."""
    for frame, panel in np.ndindex(image.shape[:2]):
        for top in range(0, image.shape[2], store.tile[0]):
            slow = slice(top, min(top + store.tile[0], image.shape[2]))
            for left in range(0, image.shape[3], store.tile[1]):
                fast = slice(left, min(left + store.tile[1], image.shape[3]))
                store.write_tile(frame, panel, slow, fast, image[frame, panel, slow, fast])


def sidecar_of(tile):
    document = json.loads(re.search(r"```json\n(.*?)```", DOCUMENTATION, re.S)[1])
    document["tile"]["id"] = tile
    return document


def structure_factors():
    random = np.random.default_rng(1)
    given_nodes = random.random((70, 3, 5)) < 0.5
    amplitude = np.where(given_nodes, random.random((70, 3, 5)) * 100, 0.0)
    amplitude[0, 0, 0] = -0.0
    provenance = Provenance(
        path="p1.hkl", format="hkl", size=12, sha256="ab" * 32, count=7, notes=("a", "b")
    )
    return StructureFactors(amplitude, given_nodes, (-35, 0, -2), provenance)


@pytest.fixture
def store(tmp_path):
    return create(tmp_path / "run.zarr")


@pytest.fixture
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


class TestCreating:
    def test_a_new_run_knows_its_shape_its_tile_and_its_attributes(self, store):
        assert (store.shape, store.tile) == (SHAPE, TILE)
        assert store.attributes == {"format": 1, "run_id": "a run"}

    def test_a_path_that_exists_is_refused_with_what_to_do(self, store):
        with pytest.raises(StoreError, match=r"run\.zarr exists.*--out.*tiled-sim resume"):
            create(store.path)

    def test_a_refused_path_keeps_what_it_held(self, tmp_path):
        (tmp_path / "notes.txt").write_text("mine")
        with pytest.raises(StoreError, match="exists"):
            create(tmp_path)
        assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]

    def test_a_path_below_a_file_is_refused(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(StoreError, match="cannot be made"):
            create(tmp_path / "file" / "run.zarr")

    @pytest.mark.parametrize("url", ["s3://bucket/run.zarr", "https://host/run.zarr", "file://h/r"])
    def test_a_url_of_another_place_is_refused(self, url):
        with pytest.raises(StoreError, match="local directories only"):
            create(url)

    def test_a_file_url_names_a_local_directory(self, tmp_path):
        path = tmp_path / "a run.zarr"
        assert create(path.as_uri()).path == path

    def test_what_fails_underway_leaves_nothing_behind(self, tmp_path):
        def broken(panel, slow, fast):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            create(tmp_path / "run.zarr", mask=broken)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("tile", [(0, 16), (16, 17), (-16, 16)])
    def test_a_tile_that_is_no_multiple_of_16_is_refused(self, tmp_path, tile):
        with pytest.raises(ValueError, match="multiples of 16"):
            create(tmp_path / "run.zarr", tile=tile)

    @pytest.mark.parametrize("bad", [np.nan, 100.0])
    def test_coordinates_that_are_not_equally_spaced_are_refused(self, tmp_path, bad):
        slow, fast, unit = coordinates(SHAPE)["centres"]
        slow[3] = bad
        with pytest.raises(ValueError, match="equally spaced"):
            create(tmp_path / "run.zarr", centres=(slow, fast, unit))

    def test_coordinates_of_another_length_are_refused(self, tmp_path):
        with pytest.raises(ValueError, match=r"\(49,\)"):
            create(tmp_path / "run.zarr", centres=(np.arange(49.0), np.arange(70.0), "mm"))

    def test_attributes_come_back_as_plain_json(self, tmp_path):
        attributes = {"precision": "mixed", "steps": np.int64(3), "tile": (1, 2), "flux": 1e-300}
        store = create(tmp_path / "run.zarr", attributes=attributes)
        assert store.attributes == attributes | {"format": 1, "tile": [1, 2]}

    def test_attributes_with_nan_are_refused(self, tmp_path):
        with pytest.raises(ValueError, match="beam/flux is not finite"):
            create(tmp_path / "run.zarr", attributes={"beam": {"flux": float("nan")}})

    @pytest.mark.parametrize(("side", "chunk"), [(16, 16), (256, 256), (512, 256), (528, 176)])
    def test_inner_chunks_divide_the_tile(self, side, chunk):
        assert layout.inner_chunk(side) == chunk


class TestOpening:
    def test_an_opened_run_equals_the_one_created(self, store):
        opened = RunStore.open(store.path)
        assert (opened.shape, opened.tile) == (store.shape, store.tile)
        assert opened.attributes == store.attributes

    def test_nothing_there_is_said(self, tmp_path):
        with pytest.raises(StoreError, match="no such run"):
            RunStore.open(tmp_path / "run.zarr")

    @pytest.mark.parametrize("make", [Path.mkdir, Path.touch], ids=["directory", "file"])
    def test_what_is_no_zarr_is_said(self, tmp_path, make):
        make(tmp_path / "run.zarr")
        with pytest.raises(StoreError, match="no zarr store"):
            RunStore.open(tmp_path / "run.zarr")

    def test_a_damaged_root_is_said(self, store):
        (store.path / "zarr.json").write_text("{")
        with pytest.raises(StoreError, match="cannot be read"):
            RunStore.open(store.path)

    def test_a_zarr_of_another_program_is_refused(self, tmp_path):
        zarr.create_group(tmp_path / "other.zarr", attributes={"ome": {"version": "0.5"}})
        with pytest.raises(StoreError, match="without the attributes of a run"):
            RunStore.open(tmp_path / "other.zarr")

    def test_a_half_created_run_is_recognised(self, tmp_path, monkeypatch):
        monkeypatch.setattr(layout, "seal", lambda *_: None)
        with pytest.raises(StoreError, match="making it was interrupted"):
            create(tmp_path / "run.zarr")

    def test_a_newer_format_is_refused(self, store):
        root = zarr.open_group(store.path, mode="r+")
        root.update_attributes({"tiled_sim": {"format": 2}})
        with pytest.raises(StoreError, match=r"format 2.*update tiled_sim"):
            RunStore.open(store.path)

    def test_a_run_without_its_image_is_damaged(self, tmp_path):
        zarr.create_group(tmp_path / "run.zarr", attributes={"tiled_sim": {"format": 1}})
        with pytest.raises(StoreError, match="'0/image' is missing"):
            RunStore.open(tmp_path / "run.zarr")

    @pytest.mark.parametrize(
        "write",
        [
            lambda store: store.write_tile(0, 0, *FIRST, pixels(*FIRST)),
            lambda store: store.write_sidecar(sidecar_of(tile_id(0, 0, 0, 0))),
            lambda store: store.finish(),
        ],
        ids=["tile", "sidecar", "finish"],
    )
    def test_a_run_opened_to_read_is_not_written(self, store, write):
        with pytest.raises(StoreError, match="read only"):
            write(RunStore.open(store.path))


class TestTiles:
    @pytest.mark.parametrize("region", [FIRST, CORNER], ids=["first", "corner"])
    def test_a_tile_comes_back_as_it_was_written(self, store, region):
        store.write_tile(0, 1, *region, pixels(*region))
        read = RunStore.open(store.path).read_tile(0, 1, *region)
        assert read.dtype == np.float32
        np.testing.assert_array_equal(read, pixels(*region))

    def test_what_is_not_computed_is_nan(self, store):
        store.write_tile(0, 0, *FIRST, pixels(*FIRST))
        assert np.isnan(store.read_tile(0, 0, *CORNER)).all()

    def test_a_computed_zero_differs_from_not_yet(self, store):
        store.write_tile(0, 0, *CORNER, np.zeros((18, 22), dtype=np.float32))
        assert (RunStore.open(store.path).read_tile(0, 0, *CORNER) == 0).all()

    def test_a_computed_nan_is_stored(self, store):
        opened = RunStore.open(store.path, mode="r+")
        opened.write_tile(0, 0, *FIRST, np.full((32, 48), np.nan, dtype=np.float32))
        assert (store.path / "0/image/c/0/0/0/0").is_file()

    def test_any_rectangle_can_be_read(self, store):
        store.write_tile(0, 0, *FIRST, pixels(*FIRST))
        read = store.read_tile(0, 0, slice(5, 7), slice(10, 60))
        np.testing.assert_array_equal(read[:, :38], pixels(*FIRST)[5:7, 10:48])

    def test_several_whole_tiles_can_be_written_at_once(self, store):
        region = (slice(0, 50), slice(0, 70))
        store.write_tile(0, 0, *region, pixels(*region))
        np.testing.assert_array_equal(store.read_tile(0, 0, *region), pixels(*region))

    def test_a_tile_is_one_file(self, store):
        store.write_tile(0, 1, *CORNER, pixels(*CORNER))
        files = [file for file in (store.path / "0/image/c").rglob("*") if file.is_file()]
        assert files == [store.path / "0/image/c/0/1/1/1"]

    @pytest.mark.parametrize(
        ("slow", "fast"),
        [
            (slice(16, 48), slice(0, 48)),
            (slice(0, 32), slice(0, 40)),
            (slice(32, 49), slice(48, 70)),
        ],
    )
    def test_a_part_of_a_tile_is_refused(self, store, slow, fast):
        with pytest.raises(ValueError, match="not whole tiles"):
            store.write_tile(0, 0, slow, fast, pixels(slow, fast))

    @pytest.mark.parametrize(
        ("frame", "panel", "slow", "fast"),
        [
            (1, 0, *FIRST),
            (0, 2, *FIRST),
            (0, -1, *FIRST),
            (0, 0, slice(32, 64), slice(0, 48)),
            (0, 0, slice(-32, 0), slice(0, 48)),
            (0, 0, slice(32, 32), slice(0, 48)),
            (0, 0, slice(0, 32, 2), slice(0, 48)),
        ],
    )
    def test_what_lies_outside_the_image_is_refused(self, store, frame, panel, slow, fast):
        with pytest.raises(ValueError, match=r"not (one|a range) of"):
            store.read_tile(frame, panel, slow, fast)

    def test_pixels_of_another_type_are_refused(self, store):
        with pytest.raises(ValueError, match=r"float32.*not float64"):
            store.write_tile(0, 0, *FIRST, np.zeros((32, 48)))

    def test_pixels_of_another_shape_are_refused(self, store):
        with pytest.raises(ValueError, match=r"\(48, 32\)"):
            store.write_tile(0, 0, *FIRST, np.zeros((48, 32), dtype=np.float32))

    def test_two_processes_write_two_tiles(self, store):
        processes = [
            multiprocessing.get_context("spawn").Process(
                target=write_from_another_process, args=(store.path, region, seed)
            )
            for seed, region in enumerate((FIRST, CORNER))
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        for seed, region in enumerate((FIRST, CORNER)):
            np.testing.assert_array_equal(store.read_tile(0, 0, *region), pixels(*region, seed))


def write_from_another_process(path, region, seed):
    RunStore.open(path, mode="r+").write_tile(0, 0, *region, pixels(*region, seed))


class TestBackground:
    TABLE = AmorphousTable(np.array([0.0, 0.1, 0.5]), np.array([2.5, 7.0, 3.0]))

    def test_a_table_comes_back_as_it_was_written(self, tmp_path):
        store = create(tmp_path / "wet.zarr", amorphous=self.TABLE)
        read = RunStore.open(store.path).read_amorphous()
        assert read.sha256 == self.TABLE.sha256

    def test_a_run_without_a_background_has_no_table(self, store):
        assert store.read_amorphous() is None

    def test_a_table_that_is_not_what_was_written_is_damaged(self, tmp_path):
        store = create(tmp_path / "wet.zarr", amorphous=self.TABLE)
        zarr.open_group(store.path, mode="r+")["background/F"][1] = 8.0
        with pytest.raises(StoreError, match=r"table of the background is damaged.*submit"):
            RunStore.open(store.path).read_amorphous()


class TestCounts:
    @pytest.fixture
    def counted(self, tmp_path):
        return create(tmp_path / "counted.zarr", counts=True)

    @pytest.mark.parametrize("region", [FIRST, CORNER])
    def test_counts_come_back_as_they_were_written(self, counted, region):
        counted.write_counts(0, 1, *region, counts_of(*region))
        read = RunStore.open(counted.path).read_counts(0, 1, *region)
        assert read.dtype == np.int32
        np.testing.assert_array_equal(read, counts_of(*region))

    def test_counts_are_written_beside_the_image_and_not_over_it(self, counted):
        counted.write_tile(0, 0, *FIRST, pixels(*FIRST))
        counted.write_counts(0, 0, *FIRST, counts_of(*FIRST))
        np.testing.assert_array_equal(counted.read_tile(0, 0, *FIRST), pixels(*FIRST))
        assert (counted.path / "0/counts/c/0/0/0/0").is_file()

    def test_a_counted_zero_differs_from_not_yet(self, counted):
        counted.write_counts(0, 0, *FIRST, np.zeros((32, 48), np.int32))
        assert np.all(counted.read_counts(0, 0, *FIRST) == 0)
        assert np.all(counted.read_counts(0, 0, *CORNER) == NOT_COUNTED)

    def test_a_run_without_noise_has_none(self, store):
        with pytest.raises(StoreError, match="no counts"):
            store.read_counts(0, 0, *FIRST)
        with pytest.raises(StoreError, match="no counts"):
            store.write_counts(0, 0, *FIRST, counts_of(*FIRST))

    def test_counts_of_another_type_are_refused(self, counted):
        with pytest.raises(ValueError, match="int32 counts"):
            counted.write_counts(0, 0, *FIRST, pixels(*FIRST))

    def test_counts_of_a_run_opened_to_read_are_not_written(self, counted):
        with pytest.raises(StoreError, match="read only"):
            RunStore.open(counted.path).write_counts(0, 0, *FIRST, counts_of(*FIRST))

    def test_what_an_interrupted_write_left_behind_is_swept_up(self, counted):
        leftover = counted.path / "0/counts/c/0/0/0/0.0123.partial"
        leftover.parent.mkdir(parents=True)
        leftover.write_bytes(b"half")
        counted.sweep()
        assert not leftover.exists()


class TestMask:
    def test_without_a_mask_all_is_live(self, store):
        assert not store.read_mask(1, slice(0, 50), slice(0, 70)).any()

    def test_a_mask_comes_back_as_it_was_given(self, tmp_path):
        mask = np.random.default_rng(2).integers(0, 4, SHAPE[1:], dtype=np.uint8)
        store = create(tmp_path / "run.zarr", mask=mask)
        read = RunStore.open(store.path).read_mask(1, slice(10, 50), slice(5, 70))
        np.testing.assert_array_equal(read, mask[1, 10:50, 5:70])

    def test_a_function_is_asked_for_the_mask_tile_by_tile(self, tmp_path):
        asked = []

        def mask(panel, slow, fast):
            asked.append((panel, slow, fast))
            return np.full((slow.stop - slow.start, fast.stop - fast.start), panel, np.uint8)

        store = create(tmp_path / "run.zarr", mask=mask)
        assert asked[3] == (0, *CORNER)
        assert len(asked) == 8
        assert (store.read_mask(1, slice(0, 50), slice(0, 70)) == 1).all()

    def test_a_mask_of_another_shape_is_refused(self, tmp_path):
        with pytest.raises(ValueError, match="mask"):
            create(tmp_path / "run.zarr", mask=np.zeros((2, 50, 71), dtype=np.uint8))

    def test_a_mask_of_another_type_is_refused(self, tmp_path):
        with pytest.raises(ValueError, match="bool"):
            create(tmp_path / "run.zarr", mask=np.zeros(SHAPE[1:], dtype=bool))


class TestStructureFactors:
    def test_they_come_back_as_they_were_given(self, tmp_path):
        factors = structure_factors()
        create(tmp_path / "run.zarr", structure_factors=factors)
        read = RunStore.open(tmp_path / "run.zarr").read_structure_factors()
        np.testing.assert_array_equal(read.amplitude, factors.amplitude)
        np.testing.assert_array_equal(read.given, factors.given)
        assert (read.minimum, read.provenance) == (factors.minimum, factors.provenance)
        assert read.sha256 == factors.sha256

    def test_a_run_without_them_says_none(self, store):
        assert store.read_structure_factors() is None

    def test_a_negative_zero_stays_negative(self, tmp_path):
        amplitude = np.full((1, 2, 3), -0.0)
        provenance = structure_factors().provenance
        factors = StructureFactors(amplitude, amplitude == 0, (0, 0, 0), provenance)
        store = create(tmp_path / "run.zarr", structure_factors=factors)
        assert store.read_structure_factors().sha256 == factors.sha256

    def test_a_changed_amplitude_is_found(self, tmp_path):
        store = create(tmp_path / "run.zarr", structure_factors=structure_factors())
        zarr.open_group(store.path, mode="r+")["structure_factors/amplitude"][3, 1, 1] = 7.0
        with pytest.raises(StoreError, match="damaged"):
            RunStore.open(store.path).read_structure_factors()


class TestSidecars:
    def test_a_sidecar_comes_back_as_it_was_written(self, store):
        tile = tile_id(0, 0, 1, 1)
        store.write_sidecar(sidecar_of(tile))
        assert RunStore.open(store.path).read_sidecar(tile) == sidecar_of(tile)

    def test_a_sidecar_is_a_plain_file_beside_the_arrays(self, store):
        store.write_sidecar(sidecar_of(tile_id(0, 1, 3, 7)))
        file = store.path / "traces" / "f00000" / "p001" / "r0003c0007.json"
        assert json.loads(file.read_text()) == sidecar_of(tile_id(0, 1, 3, 7))

    def test_a_tile_that_is_not_done_has_none(self, store):
        assert store.read_sidecar(tile_id(0, 0, 0, 0)) is None

    def test_a_damaged_sidecar_is_an_error(self, store):
        damage(store, tile_id(0, 0, 0, 0))
        with pytest.raises(SidecarError, match=r"r0000c0000 is damaged.*resume"):
            store.read_sidecar(tile_id(0, 0, 0, 0))

    def test_what_is_no_tile_id_is_refused(self, store):
        with pytest.raises(ValueError, match="no tile id"):
            store.read_sidecar("../zarr")

    def test_all_sidecars_come_in_order(self, store):
        tiles = [tile_id(0, 1, 0, 0), tile_id(0, 0, 1, 0), tile_id(0, 0, 0, 1)]
        for tile in tiles:
            store.write_sidecar(sidecar_of(tile))
        assert [document["tile"]["id"] for document in store.sidecars()] == sorted(tiles)
        assert list(store.sidecar_ids()) == sorted(tiles)

    def test_a_damaged_one_among_them_is_left_out_and_logged(self, store, caplog):
        store.write_sidecar(sidecar_of(tile_id(0, 0, 0, 1)))
        damage(store, tile_id(0, 0, 0, 0))
        assert [document["tile"]["id"] for document in store.sidecars()] == [tile_id(0, 0, 0, 1)]
        assert "r0000c0000 is damaged" in caplog.text

    def test_a_refused_sidecar_leaves_the_tile_not_done(self, store):
        document = sidecar_of(tile_id(0, 0, 0, 0))
        document["image"]["sum"] = float("nan")
        with pytest.raises(SidecarError, match="image/sum"):
            store.write_sidecar(document)
        assert list(store.sidecar_ids()) == []

    def test_a_write_that_fails_leaves_no_file(self, store, monkeypatch):
        monkeypatch.setattr(Path, "replace", failing)
        with pytest.raises(OSError, match="disk full"):
            store.write_sidecar(sidecar_of(tile_id(0, 0, 0, 0)))
        assert [file for file in (store.path / "traces").rglob("*") if file.is_file()] == []

    def test_a_process_killed_while_writing_leaves_no_sidecar(self, store):
        process = multiprocessing.get_context("spawn").Process(
            target=die_before_the_rename, args=(store.path,)
        )
        process.start()
        process.join()
        assert process.exitcode == 9
        assert len(list((store.path / "traces/f00000/p000").iterdir())) == 1
        assert list(store.sidecars()) == []
        assert store.read_sidecar(tile_id(0, 0, 0, 0)) is None


class Trap:
    """Makes a file, should anybody unpickle it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return pathlib.Path.touch, (self.path,)


def replace_codecs(document, codecs):
    """Codecs of every array that a piece of metadata describes, consolidated ones included."""
    if isinstance(document, dict):
        if document.get("node_type") == "array":
            document["codecs"] = codecs
        for part in document.values():
            replace_codecs(part, codecs)


@pytest.mark.parametrize("name", ["numcodecs.pickle", "pickle"])
def test_a_store_from_elsewhere_executes_nothing(store, tmp_path, name):
    trap = tmp_path / "sprung"
    for file in store.path.rglob("zarr.json"):
        document = json.loads(file.read_bytes())
        replace_codecs(document, [{"name": name, "configuration": {}}])
        file.write_text(json.dumps(document))
    chunk = store.path / "0/image/c/0/0/0/0"
    chunk.parent.mkdir(parents=True)
    chunk.write_bytes(pickle.dumps(Trap(trap)))
    with pytest.raises(StoreError, match="arrays cannot be opened"):
        RunStore.open(store.path)
    assert not trap.exists()


def damage(store, tile):
    store.write_sidecar(sidecar_of(tile))
    file = store.path / "traces" / f"{tile}.json"
    file.write_text(file.read_text()[:100])


def failing(*_):
    raise OSError("disk full")


def die_before_the_rename(path):
    durable.os.fsync = lambda _: os._exit(9)
    RunStore.open(path, mode="r+").write_sidecar(sidecar_of(tile_id(0, 0, 0, 0)))


class TestPyramid:
    @pytest.mark.parametrize("shape", [(64, 96), (50, 70), (33, 1), (17, 49)])
    def test_levels_are_means_of_2_by_2_pixels(self, tmp_path, monkeypatch, shape):
        monkeypatch.setattr(pyramid, "LONGEST_SIDE", 16)
        image = np.random.default_rng(3).random((2, 1, *shape), dtype=np.float32)
        store = create(tmp_path / "run.zarr", shape=image.shape, tile=(16, 32))
        fill(store, image)
        store.finish()
        level = 0
        while max(image.shape) > 16:
            image, level = halved(image), level + 1
            read = zarr.open_array(store.path / str(level) / "image", mode="r")
            np.testing.assert_allclose(read[...], image, rtol=1e-7)
        assert not (store.path / str(level + 1)).exists()

    def test_levels_go_on_until_512_pixels(self):
        assert pyramid.smaller_shapes(512, 512) == []
        assert pyramid.smaller_shapes(2527, 2463) == [(1264, 1232), (632, 616), (316, 308)]

    def test_nan_does_not_count_in_a_mean(self):
        nan = np.nan
        image = np.array([[nan, 1, nan, nan], [2, 3, nan, nan]], dtype=np.float32)
        np.testing.assert_array_equal(pyramid.halve(image), np.array([[2, nan]], dtype=np.float32))

    def test_an_unfinished_run_can_be_finished_again(self, tmp_path, monkeypatch):
        monkeypatch.setattr(pyramid, "LONGEST_SIDE", 32)
        store = create(tmp_path / "run.zarr")
        store.finish()
        fill(store, np.ones(SHAPE, dtype=np.float32))
        store.finish()
        assert (zarr.open_array(store.path / "2/image", mode="r")[...] == 1).all()

    def test_threads_make_the_same_levels(self, tmp_path, monkeypatch):
        monkeypatch.setattr(pyramid, "LONGEST_SIDE", 32)
        image = np.random.default_rng(4).random(SHAPE, dtype=np.float32)
        store = create(tmp_path / "run.zarr")
        fill(store, image)
        with ThreadPoolExecutor(2) as threads:
            store.finish(threads.map)
        read = zarr.open_array(store.path / "1/image", mode="r")[...]
        np.testing.assert_allclose(read, halved(image), rtol=1e-7)

    def test_memory_does_not_grow_with_the_detector(self, tmp_path, monkeypatch):
        monkeypatch.setattr(pyramid, "LONGEST_SIDE", 64)
        small, large = (
            peak_memory(create(tmp_path / f"{side}", (1, 1, side, side), (128, 128)).finish)
            for side in (256, 1024)
        )
        assert large < small + 1024 * 1024  # the large image itself is four times that

    def test_each_level_has_its_own_coordinates(self, tmp_path, monkeypatch):
        monkeypatch.setattr(pyramid, "LONGEST_SIDE", 32)
        store = create(tmp_path / "run.zarr")
        store.finish()
        level = xarray.open_zarr(store.path / "2")
        np.testing.assert_allclose(level.slow, 0.2 + 0.4 * np.arange(13), rtol=1e-12)
        np.testing.assert_allclose(level.fast, 0.4 + 0.8 * np.arange(18), rtol=1e-12)

    def test_ome_transformations_say_the_same_as_the_coordinates(self, tmp_path, monkeypatch):
        monkeypatch.setattr(pyramid, "LONGEST_SIDE", 32)
        store = create(tmp_path / "run.zarr")
        store.finish()
        datasets = zarr.open_group(store.path, mode="r").attrs["ome"]["multiscales"][0]["datasets"]
        assert [dataset["path"] for dataset in datasets] == ["0/image", "1/image", "2/image"]
        for number, dataset in enumerate(datasets):
            scale, translation = dataset["coordinateTransformations"]
            level = xarray.open_zarr(store.path / str(number))
            for axis, name in enumerate(("frame", "panel", "slow", "fast")):
                places = np.arange(level.sizes[name]) * scale["scale"][axis]
                np.testing.assert_allclose(
                    places + translation["translation"][axis], level[name], rtol=1e-12
                )


def peak_memory(function):
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def halved(image):
    """The definition: numpy's mean of 2 × 2 pixels, an odd edge padded with NaN."""
    image = np.pad(
        image.astype(np.float64),
        [(0, 0), (0, 0), (0, image.shape[2] % 2), (0, image.shape[3] % 2)],
        constant_values=np.nan,
    )
    frames, panels, slow, fast = image.shape
    blocks = image.reshape(frames, panels, slow // 2, 2, fast // 2, 2)
    return np.nanmean(blocks, axis=(3, 5)).astype(np.float32)


@pytest.fixture(params=["new", "underway", "finished"])
def visited(request, tmp_path, monkeypatch):
    """A run as readers of others find it at some time of its life."""
    monkeypatch.setattr(pyramid, "LONGEST_SIDE", 32)
    store = create(
        tmp_path / "run.zarr",
        structure_factors=structure_factors(),
        amorphous=TestBackground.TABLE,
        counts=True,
    )
    if request.param != "new":
        store.write_tile(0, 0, *FIRST, pixels(*FIRST))
        store.write_counts(0, 0, *FIRST, counts_of(*FIRST))
        store.write_sidecar(sidecar_of(tile_id(0, 0, 0, 0)))
    if request.param == "finished":
        store.finish()
    return store.path


def test_the_arrays_of_the_experiment_are_kept(tmp_path):
    arrays = RunStore.open(create(tmp_path / "run.zarr").path).read_arrays()
    assert arrays.keys() == {"spectrum/incident", "spectrum/weight"}
    assert arrays["spectrum/incident"].tolist() == np.eye(3)[:2].tolist()
    assert arrays["spectrum/weight"].tolist() == [1.0, 3.0]


@pytest.mark.usefixtures("no_warnings")
class TestOtherReaders:
    def test_xarray_opens_a_level(self, visited):
        level = xarray.open_zarr(visited / "0")
        assert dict(level.sizes) == {"frame": 1, "panel": 2, "slow": 50, "fast": 70}
        assert set(level.coords) == {"frame", "panel", "slow", "fast"}
        assert (level.image.dtype, level.mask.dtype) == (np.float32, np.uint8)
        assert level.counts.dtype == np.int32
        assert level.mask.dims == ("panel", "slow", "fast")
        assert level.slow.attrs["units"] == level.fast.attrs["units"] == "mm"

    def test_xarray_opens_the_whole_run_as_a_tree(self, visited):
        tree = xarray.open_datatree(visited, engine="zarr")
        levels = set(tree.children) - {"structure_factors", "background", "inputs"}
        assert levels in ({"0"}, {"0", "1", "2"})
        assert tree["structure_factors/amplitude"].dims == ("h", "k", "l")
        assert tree["structure_factors/given"].dtype == bool
        assert tree["background/F"].dims == ("stol",)
        assert tree["inputs/spectrum/weight"].dims == ("source",)

    def test_the_ome_validator_accepts_the_run(self, visited):
        image = ome_zarr_models.open_ome_zarr(zarr.open_group(visited, mode="r"), version="0.5")
        assert isinstance(image, ome_zarr_models.v05.Image)

    def test_plain_zarr_reads_units_dimensions_and_fill_values(self, visited):
        root = zarr.open_group(visited, mode="r")
        arrays = {name: node for name, node in root.members(None) if isinstance(node, zarr.Array)}
        assert {"0/image", "0/mask", "0/slow", "structure_factors/given"} <= set(arrays)
        for array in arrays.values():
            assert {"units", "long_name"} <= set(array.attrs)
            assert len(array.metadata.dimension_names) == array.ndim
        assert arrays["0/image"].attrs["units"] == "photon"
        assert np.isnan(arrays["0/image"].fill_value)
        assert arrays["0/counts"].attrs["units"] == "ADU"
        assert arrays["0/counts"].fill_value == NOT_COUNTED

    def test_consolidated_metadata_names_arrays_and_no_sidecars(self, visited):
        document = json.loads((visited / "zarr.json").read_text())
        names = document["consolidated_metadata"]["metadata"]
        assert {"0/image", "structure_factors/h"} <= set(names)
        assert not any(name.startswith("traces") for name in names)

    def test_every_metadata_file_is_strict_json(self, visited):
        for file in visited.rglob("*.json"):
            json.loads(file.read_text(), parse_constant=pytest.fail)


def test_the_documented_reader_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    store = create("run.zarr", structure_factors=structure_factors())
    region = (slice(32, 50), slice(0, 48))
    store.write_tile(0, 0, *region, pixels(*region))
    document = copy.deepcopy(sidecar_of(tile_id(0, 0, 1, 0)))
    document["image"]["sha256"] = image_digest(pixels(*region))
    store.write_sidecar(document)
    exec(re.search(r"```python\n(.*?)```", DOCUMENTATION, re.S)[1], {})
    printed = capsys.readouterr().out
    assert "computed: True" in printed
    assert "f00000/p000/r0001c0000 intact: True" in printed


sides = st.integers(1, 80)
tile_sides = st.sampled_from([16, 32, 48])


@settings(max_examples=15, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 2), st.integers(1, 2), sides, sides),
    tile=st.tuples(tile_sides, tile_sides),
)
def test_images_of_any_shape_survive_in_tiles_of_any_shape(shape, tile):
    image = np.random.default_rng(5).random(shape, dtype=np.float32)
    with tempfile.TemporaryDirectory() as folder:
        store = create(Path(folder) / "run.zarr", shape=shape, tile=tile)
        fill(store, image)
        read = zarr.open_array(store.path / "0/image", mode="r")
        np.testing.assert_array_equal(read[...], image)


@settings(deadline=None)
@given(shape=st.tuples(st.just(1), st.just(1), sides, sides), seed=st.integers(0, 5))
def test_halving_is_the_mean_of_numpy_where_it_is_defined(shape, seed):
    image = np.random.default_rng(seed).random(shape, dtype=np.float32)
    image[image < 0.3] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numpy's, of blocks that are all NaN
        expected = halved(image)
    np.testing.assert_allclose(pyramid.halve(image[0, 0]), expected[0, 0], rtol=1e-7)
