"""The run store on a real disk: making, opening, tiles, counts, sidecars."""

import json
import multiprocessing
import os
import pathlib
import pickle
import tempfile
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from support.stores import SHAPE, TILE, counts_of, create, fill, pixels, sidecar_of
from tiled_sim.errors import StoreError
from tiled_sim.model.grid import TileGrid
from tiled_sim.model.inputs import Inputs
from tiled_sim.model.mask import Mask
from tiled_sim.store import durable, layout
from tiled_sim.store.run_store import FORMAT, NOT_COUNTED, RunStore
from tiled_sim.store.sidecar import SidecarError

GRID = TileGrid(SHAPE, TILE)
#: The first tile of the second panel, and its last, which is cut at both edges.
FIRST, CORNER = GRID[4], GRID[7]
NAME = "f00000/p001/r0000c0000"
SLOW, FAST = slice(0, 32), slice(0, 48)


class TestCreating:
    def test_a_new_run_knows_its_shape_its_tiles_and_its_attributes(self, store):
        assert (store.shape, store.grid) == (SHAPE, GRID)
        assert (store.attributes["format"], store.attributes["run_id"]) == (FORMAT, "a run")

    def test_a_path_that_exists_is_refused_with_what_to_do(self, store):
        with pytest.raises(StoreError, match=r"run\.zarr exists.*another path.*tiled-sim resume"):
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

    @pytest.mark.parametrize("url", ["ftp://host/run.zarr", "https://host/run.zarr", "file://h/r"])
    def test_a_url_of_another_place_is_refused(self, url):
        with pytest.raises(StoreError, match="runs live in directories"):
            create(url)

    def test_a_file_url_names_a_local_directory(self, tmp_path):
        path = tmp_path / "a run.zarr"
        assert create(path.as_uri()).path == path

    def test_what_fails_underway_leaves_nothing_behind(self, tmp_path):
        def broken(panel, slow, fast):
            if fast.start:  # once some of it is written
                raise KeyboardInterrupt
            return np.ones((slow.stop - slow.start, fast.stop - fast.start), np.uint8)

        mask = Mask(SHAPE[1:], broken)
        vars(mask)["sha256"] = "of something"
        with pytest.raises(KeyboardInterrupt):
            create(tmp_path / "run.zarr", inputs=Inputs(mask))
        assert list(tmp_path.iterdir()) == []

    def test_attributes_come_back_as_plain_json(self, tmp_path):
        given_ones = {"precision": "mixed", "steps": np.int64(3), "tile": (1, 2), "flux": 1e-300}
        found = create(tmp_path / "run.zarr", attributes=given_ones).attributes
        assert {name: found[name] for name in given_ones} == given_ones | {"tile": [1, 2]}

    def test_attributes_with_nan_are_refused(self, tmp_path):
        with pytest.raises(ValueError, match="beam/flux is not finite"):
            create(tmp_path / "run.zarr", attributes={"beam": {"flux": float("nan")}})

    def test_what_is_filled_in_is_there_before_it_is_a_run(self, tmp_path):
        path = tmp_path / "run.zarr"

        def write(store):
            with pytest.raises(StoreError, match="making it was interrupted"):
                RunStore.open(path)
            store.write_tile(FIRST, pixels(FIRST))

        create(path, fill=write)
        np.testing.assert_array_equal(RunStore.open(path).read_part(FIRST), pixels(FIRST))


class TestOpening:
    def test_an_opened_run_equals_the_one_created(self, store):
        opened = RunStore.open(store.path)
        assert (opened.shape, opened.grid) == (store.shape, store.grid)
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
        create(tmp_path / "run.zarr")
        with pytest.raises(StoreError, match="making it was interrupted"):
            RunStore.open(tmp_path / "run.zarr")

    @pytest.mark.parametrize("name", ["format", "hash_version"])
    def test_a_newer_run_is_refused(self, store, name):
        root = zarr.open_group(store.path, mode="r+")
        root.update_attributes({"tiled_sim": store.attributes | {name: 3}})
        with pytest.raises(StoreError, match=f"{name.replace('_', ' ')} 3.*update tiled_sim"):
            RunStore.open(store.path)

    def test_a_run_without_its_image_is_damaged(self, tmp_path):
        zarr.create_group(tmp_path / "run.zarr", attributes={"tiled_sim": {"format": FORMAT}})
        with pytest.raises(StoreError, match="'0/image' is missing"):
            RunStore.open(tmp_path / "run.zarr")

    @pytest.mark.parametrize(
        "write",
        [
            lambda store: store.write_tile(FIRST, pixels(FIRST)),
            lambda store: store.write_sidecar(sidecar_of(NAME)),
            lambda store: store.finish(),
        ],
        ids=["tile", "sidecar", "finish"],
    )
    def test_a_run_opened_to_read_is_not_written(self, store, write):
        with pytest.raises(StoreError, match="read only"):
            write(RunStore.open(store.path))


class TestTiles:
    @pytest.mark.parametrize("tile", [FIRST, CORNER], ids=["first", "corner"])
    def test_a_tile_comes_back_as_it_was_written(self, store, tile):
        store.write_tile(tile, pixels(tile))
        opened = RunStore.open(store.path)
        assert opened.read_part(tile).dtype == np.float32
        np.testing.assert_array_equal(opened.read_part(tile), pixels(tile))
        np.testing.assert_array_equal(
            opened.read_tile(0, 1, slice(*tile.slow), slice(*tile.fast)), pixels(tile)[0, 0]
        )

    def test_a_tile_of_several_panels_and_frames_comes_back(self, tmp_path):
        store = create(tmp_path / "run.zarr", (5, 3, 50, 70), (2, 2, 64, 80))
        for tile in store.grid:
            store.write_tile(tile, pixels(tile, tile.index))
        for tile in store.grid:
            np.testing.assert_array_equal(store.read_part(tile), pixels(tile, tile.index))

    def test_a_tile_is_one_file_of_all_its_panels_and_frames(self, tmp_path):
        store = create(tmp_path / "run.zarr", (5, 3, 50, 70), (2, 2, 64, 80))
        store.write_tile(store.grid[5], pixels(store.grid[5]))
        files = [file for file in (store.path / "0/image/c").rglob("*") if file.is_file()]
        assert files == [store.path / "0/image/c/2/1/0/0"]

    def test_what_is_not_computed_is_nan(self, store):
        store.write_tile(FIRST, pixels(FIRST))
        assert np.isnan(store.read_part(CORNER)).all()

    def test_a_computed_zero_differs_from_not_yet(self, store):
        store.write_tile(CORNER, np.zeros(CORNER.shape, dtype=np.float32))
        assert (RunStore.open(store.path).read_part(CORNER) == 0).all()

    def test_a_computed_nan_is_stored(self, store):
        opened = RunStore.open(store.path, mode="r+")
        opened.write_tile(FIRST, np.full(FIRST.shape, np.nan, dtype=np.float32))
        assert (store.path / "0/image/c/0/1/0/0").is_file()

    def test_a_damaged_shard_is_replaced(self, store):
        store.write_tile(FIRST, pixels(FIRST))
        (store.path / "0/image/c/0/1/0/0").write_bytes(b"damaged")
        store.write_tile(FIRST, pixels(FIRST))
        np.testing.assert_array_equal(store.read_part(FIRST), pixels(FIRST))

    def test_any_rectangle_can_be_read(self, store):
        store.write_tile(FIRST, pixels(FIRST))
        read = store.read_tile(0, 1, slice(5, 7), slice(10, 60))
        np.testing.assert_array_equal(read[:, :38], pixels(FIRST)[0, 0, 5:7, 10:48])

    @pytest.mark.parametrize(
        ("frame", "panel", "slow", "fast"),
        [
            (1, 0, SLOW, FAST),
            (0, 2, SLOW, FAST),
            (0, -1, SLOW, FAST),
            (0, 0, slice(32, 64), slice(0, 48)),
            (0, 0, slice(-32, 0), slice(0, 48)),
            (0, 0, slice(32, 32), slice(0, 48)),
            (0, 0, slice(0, 32, 2), slice(0, 48)),
        ],
    )
    def test_what_lies_outside_the_image_is_refused(self, store, frame, panel, slow, fast):
        with pytest.raises(ValueError, match=r"not (one|a range) of"):
            store.read_tile(frame, panel, slow, fast)

    def test_a_tile_of_another_grid_is_refused(self, store):
        (tile,) = TileGrid((1, 1, 18, 22), (1, 1, 32, 32))
        with pytest.raises(ValueError, match="no tile of"):
            store.write_tile(tile, pixels(tile))

    def test_pixels_of_another_type_are_refused(self, store):
        with pytest.raises(ValueError, match=r"float32.*not float64"):
            store.write_tile(FIRST, np.zeros(FIRST.shape))

    def test_pixels_of_another_shape_are_refused(self, store):
        with pytest.raises(ValueError, match=r"\(1, 1, 48, 32\)"):
            store.write_tile(FIRST, np.zeros((1, 1, 48, 32), dtype=np.float32))

    def test_two_processes_write_two_tiles(self, store):
        processes = [
            multiprocessing.get_context("spawn").Process(
                target=write_from_another_process, args=(store.path, tile, seed)
            )
            for seed, tile in enumerate((FIRST, CORNER))
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        for seed, tile in enumerate((FIRST, CORNER)):
            np.testing.assert_array_equal(store.read_part(tile), pixels(tile, seed))


def write_from_another_process(path, tile, seed):
    RunStore.open(path, mode="r+").write_tile(tile, pixels(tile, seed))


class TestCounts:
    @pytest.fixture
    def counted(self, tmp_path):
        return create(tmp_path / "counted.zarr", noise=True)

    @pytest.mark.parametrize("tile", [FIRST, CORNER])
    def test_counts_come_back_as_they_were_written(self, counted, tile):
        counted.write_counts(tile, counts_of(tile))
        opened = RunStore.open(counted.path)
        read = opened.read_counts(0, 1, slice(*tile.slow), slice(*tile.fast))
        assert read.dtype == np.int32
        np.testing.assert_array_equal(read, counts_of(tile)[0, 0])
        np.testing.assert_array_equal(opened.read_counts_part(tile), counts_of(tile))

    def test_counts_are_written_beside_the_image_and_not_over_it(self, counted):
        counted.write_tile(FIRST, pixels(FIRST))
        counted.write_counts(FIRST, counts_of(FIRST))
        np.testing.assert_array_equal(counted.read_part(FIRST), pixels(FIRST))
        assert (counted.path / "0/counts/c/0/1/0/0").is_file()

    def test_a_counted_zero_differs_from_not_yet(self, counted):
        counted.write_counts(FIRST, np.zeros(FIRST.shape, np.int32))
        assert np.all(counted.read_counts_part(FIRST) == 0)
        assert np.all(counted.read_counts_part(CORNER) == NOT_COUNTED)

    def test_a_run_without_noise_has_none(self, store):
        with pytest.raises(StoreError, match="no counts"):
            store.read_counts(0, 0, SLOW, FAST)
        with pytest.raises(StoreError, match="no counts"):
            store.write_counts(FIRST, counts_of(FIRST))

    def test_counts_of_another_type_are_refused(self, counted):
        with pytest.raises(ValueError, match="int32 counts"):
            counted.write_counts(FIRST, pixels(FIRST))

    def test_counts_of_a_run_opened_to_read_are_not_written(self, counted):
        with pytest.raises(StoreError, match="read only"):
            RunStore.open(counted.path).write_counts(FIRST, counts_of(FIRST))

    @pytest.mark.parametrize("leftover", ["0/counts/c/0/0/0/0.0123.partial", "tiles/.x.0123.tmp"])
    def test_what_an_interrupted_write_left_behind_is_swept_up(self, counted, leftover):
        file = counted.path / leftover
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"half")
        counted.sweep()
        assert not file.exists()


class TestSidecars:
    def test_a_sidecar_comes_back_as_it_was_written(self, store):
        store.write_sidecar(sidecar_of(NAME))
        assert RunStore.open(store.path).read_sidecar(NAME) == sidecar_of(NAME)

    def test_a_sidecar_is_a_plain_file_beside_the_arrays(self, store):
        store.write_sidecar(sidecar_of("f00000/p001/r0003c0007"))
        file = store.path / "traces" / "f00000" / "p001" / "r0003c0007.json"
        assert json.loads(file.read_text()) == sidecar_of("f00000/p001/r0003c0007")

    def test_a_tile_that_is_not_done_has_none(self, store):
        assert store.read_sidecar(NAME) is None

    def test_a_damaged_sidecar_is_an_error(self, store):
        damage(store, NAME)
        with pytest.raises(SidecarError, match=r"r0000c0000 is damaged.*resume"):
            store.read_sidecar(NAME)

    def test_what_is_no_tile_id_is_refused(self, store):
        with pytest.raises(ValueError, match="no tile id"):
            store.read_sidecar("../zarr")

    def test_all_sidecars_are_found_in_order(self, store):
        names = ["f00000/p001/r0000c0000", "f00000/p000/r0001c0000", "f00000/p000/r0000c0001"]
        for name in names:
            store.write_sidecar(sidecar_of(name))
        assert list(store.sidecar_ids()) == sorted(names)

    def test_a_refused_sidecar_leaves_the_tile_not_done(self, store):
        document = sidecar_of(NAME)
        document["image"]["sum"] = float("nan")
        with pytest.raises(SidecarError, match="image/sum"):
            store.write_sidecar(document)
        assert list(store.sidecar_ids()) == []

    def test_a_write_that_fails_leaves_no_file(self, store, monkeypatch):
        monkeypatch.setattr(Path, "replace", failing)
        with pytest.raises(OSError, match="disk full"):
            store.write_sidecar(sidecar_of(NAME))
        assert [file for file in (store.path / "traces").rglob("*") if file.is_file()] == []

    def test_a_process_killed_while_writing_leaves_no_sidecar(self, store):
        process = multiprocessing.get_context("spawn").Process(
            target=die_before_the_rename, args=(store.path,)
        )
        process.start()
        process.join()
        assert process.exitcode == 9
        assert len(list((store.path / "traces/f00000/p001").iterdir())) == 1
        assert list(store.sidecar_ids()) == []
        assert store.read_sidecar(NAME) is None


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


def damage(store, name):
    store.write_sidecar(sidecar_of(name))
    file = store.path / "traces" / f"{name}.json"
    file.write_text(file.read_text()[:100])


def failing(*_):
    raise OSError("disk full")


def die_before_the_rename(path):
    durable.os.fsync = lambda _: os._exit(9)
    RunStore.open(path, mode="r+").write_sidecar(sidecar_of(NAME))


sides = st.integers(1, 80)
tile_sides = st.sampled_from([16, 32, 48])


@settings(max_examples=15, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 3), sides, sides),
    tile=st.tuples(st.integers(1, 3), st.integers(1, 3), tile_sides, tile_sides),
)
def test_images_of_any_shape_survive_in_tiles_of_any_shape(shape, tile):
    image = np.random.default_rng(5).random(shape, dtype=np.float32)
    with tempfile.TemporaryDirectory() as folder:
        store = create(Path(folder) / "run.zarr", shape, tile)
        fill(store, image)
        read = zarr.open_array(store.path / "0/image", mode="r")
        np.testing.assert_array_equal(read[...], image)
