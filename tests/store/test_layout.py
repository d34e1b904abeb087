"""The mask, the inputs and the chunks of a run store."""

import dataclasses
import shutil

import numpy as np
import pytest
import zarr

from support.stores import AMORPHOUS, SHAPE, create, mask_of, structure_factors
from tiled_sim.errors import StoreError
from tiled_sim.model.inputs import Inputs
from tiled_sim.model.mask import NO_PIXEL, Mask
from tiled_sim.model.structure_factors import Computed, StructureFactors
from tiled_sim.store import layout
from tiled_sim.store.run_store import RunStore

WHOLE = (slice(0, 50), slice(0, 70))


class TestChunks:
    @pytest.mark.parametrize(
        ("side", "chunk"),
        [
            (64, 64),
            (256, 256),
            (512, 256),
            (528, 176),
            (272, 272),  # and not 16, its longest divisor of at most 256
            (496, 496),
            (544, 272),
            (16, 16),
            (48, 48),
            (80, 80),
        ],
    )
    def test_inner_chunks_divide_the_tile(self, side, chunk):
        assert layout.inner_chunk(side) == chunk

    def test_no_chunk_is_shorter_than_64_pixels_where_the_tile_is_not(self):
        for side in range(64, 1025, 16):
            assert side % layout.inner_chunk(side) == 0
            assert layout.inner_chunk(side) >= 64

    def test_a_chunk_is_of_one_panel_in_one_frame(self, tmp_path):
        store = create(tmp_path / "run.zarr", (4, 3, 50, 70), (4, 2, 64, 80))
        image = zarr.open_array(store.path / "0/image", mode="r")
        assert (image.shards, image.chunks) == ((4, 2, 64, 80), (1, 1, 64, 80))


class TestMask:
    @pytest.fixture
    def values(self):
        return np.random.default_rng(2).integers(0, 8, SHAPE[1:], dtype=np.uint8)

    @pytest.fixture
    def masked(self, tmp_path, values):
        """A run in whose last tile every pixel is live."""
        values[1, 32:, 48:] = 0
        return create(tmp_path / "run.zarr", inputs=Inputs(mask_of(values)))

    def test_without_a_mask_all_is_live(self, store):
        assert not store.read_mask(1, *WHOLE).any()
        assert store.read_inputs().mask.all_live
        assert not (store.path / "0/mask/c").exists()

    def test_a_mask_comes_back_as_it_was_given(self, masked, values):
        read = RunStore.open(masked.path).read_mask(1, slice(10, 50), slice(5, 70))
        np.testing.assert_array_equal(read, values[1, 10:50, 5:70])

    def test_its_hash_comes_back_too(self, masked, values):
        assert masked.read_inputs().mask.sha256 == mask_of(values).sha256

    def test_a_shard_holds_the_panels_of_a_tile(self, tmp_path):
        values = np.full((3, 50, 70), NO_PIXEL, np.uint8)
        inputs = Inputs(mask_of(values))
        store = create(tmp_path / "run.zarr", (4, 3, 50, 70), (2, 2, 64, 80), inputs=inputs)
        files = [file for file in (store.path / "0/mask/c").rglob("*") if file.is_file()]
        assert len(files) == 2
        assert (store.read_mask(2, *WHOLE) == NO_PIXEL).all()

    @pytest.mark.parametrize("lost", ["c/0/0/0", "c/1/1/1", "c"])
    def test_a_part_that_is_lost_is_an_error_even_where_it_was_live(self, masked, lost):
        path = masked.path / "0/mask" / lost
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        with pytest.raises(StoreError, match=r"lost its file 0/mask/c/.*dead pixels.*submit"):
            _ = RunStore.open(masked.path).read_inputs().mask.sha256

    def test_a_part_that_is_there_can_be_read_although_another_is_lost(self, masked, values):
        (masked.path / "0/mask/c/0/0/0").unlink()
        read = masked.read_mask(1, slice(10, 50), slice(5, 70))
        np.testing.assert_array_equal(read, values[1, 10:50, 5:70])

    def test_a_function_is_asked_for_the_mask_tile_by_tile(self, tmp_path):
        asked = []

        def read(panel, slow, fast):
            asked.append((panel, slow, fast))
            return np.full((slow.stop - slow.start, fast.stop - fast.start), panel, np.uint8)

        mask = Mask(SHAPE[1:], read)
        mask.sha256  # noqa: B018 - is asked for the whole, once
        asked.clear()
        store = create(tmp_path / "run.zarr", inputs=Inputs(mask))
        assert asked[3] == (0, slice(32, 50), slice(48, 70))
        assert len(asked) == 8
        assert (store.read_mask(1, *WHOLE) == 1).all()


def of_two_energies():
    factors = structure_factors()
    grids = np.stack([2.0 * factors.amplitude, factors.amplitude])
    energies = {"energy": 7112.5, "energies": [7000.0, 7112.5]}
    of_iron = {"elements": {"Fe": [-7, 1]}, "elements_at": {"Fe": [[-5, 0.5], [-7, 1]]}}
    computed = Computed("gemmi", "its own", 2.0, 0.35, 46.0, "a table", **energies, **of_iron)
    return dataclasses.replace(
        factors,
        provenance=dataclasses.replace(factors.provenance, computed=computed),
        at_energies=grids,
    )


class TestStructureFactors:
    @pytest.fixture
    def with_factors(self, tmp_path):
        inputs = Inputs(Mask.live(SHAPE[1:]), structure_factors())
        return create(tmp_path / "run.zarr", inputs=inputs)

    def test_they_come_back_as_they_were_given(self, with_factors):
        factors = structure_factors()
        read = RunStore.open(with_factors.path).read_structure_factors()
        np.testing.assert_array_equal(read.amplitude, factors.amplitude)
        np.testing.assert_array_equal(read.given, factors.given)
        assert (read.minimum, read.provenance) == (factors.minimum, factors.provenance)
        assert read.sha256 == factors.sha256

    def test_those_of_several_energies_have_an_axis_for_them(self, tmp_path):
        factors = of_two_energies()
        path = create(tmp_path / "run.zarr", inputs=Inputs(Mask.live(SHAPE[1:]), factors)).path
        group = zarr.open_group(path, mode="r")["inputs/structure_factors"]
        assert group["amplitude"].metadata.dimension_names == ("energy", "h", "k", "l")
        assert group["amplitude"].chunks[0] == 1
        assert group["energy"][:].tolist() == [7000.0, 7112.5]
        read = RunStore.open(path).read_structure_factors()
        np.testing.assert_array_equal(read.at_energies, factors.at_energies)
        np.testing.assert_array_equal(read.amplitude, factors.amplitude)
        assert (read.provenance, read.sha256) == (factors.provenance, factors.sha256)

    def test_a_changed_amplitude_of_any_energy_is_found(self, tmp_path):
        inputs = Inputs(Mask.live(SHAPE[1:]), of_two_energies())
        path = create(tmp_path / "run.zarr", inputs=inputs).path
        zarr.open_group(path, mode="r+")["inputs/structure_factors/amplitude"][0, 3, 1, 1] = 7.0
        with pytest.raises(StoreError, match="damaged"):
            RunStore.open(path).read_structure_factors()

    def test_a_run_without_them_says_none(self, store):
        assert store.read_structure_factors() is None

    def test_a_negative_zero_stays_negative(self, tmp_path):
        amplitude = np.full((1, 2, 3), -0.0)
        provenance = structure_factors().provenance
        factors = StructureFactors(amplitude, amplitude == 0, (0, 0, 0), provenance)
        inputs = Inputs(Mask.live(SHAPE[1:]), factors)
        store = create(tmp_path / "run.zarr", inputs=inputs)
        assert store.read_structure_factors().sha256 == factors.sha256

    @pytest.mark.parametrize(
        ("shape", "chunk"), [((70, 50, 60), (70, 50, 60)), ((70, 70, 60), (64, 64, 60))]
    )
    def test_a_grid_of_few_nodes_is_one_file(self, tmp_path, shape, chunk):
        given = np.zeros(shape, dtype=bool)
        factors = StructureFactors(
            given.astype(float), given, (0, 0, 0), structure_factors().provenance
        )
        store = create(tmp_path / "run.zarr", inputs=Inputs(Mask.live(SHAPE[1:]), factors))
        group = zarr.open_group(store.path, mode="r")
        assert group["inputs/structure_factors/amplitude"].chunks == chunk

    def test_a_changed_amplitude_is_found(self, with_factors):
        amplitude = zarr.open_group(with_factors.path, mode="r+")[
            "inputs/structure_factors/amplitude"
        ]
        amplitude[3, 1, 1] = 7.0
        with pytest.raises(StoreError, match="damaged"):
            RunStore.open(with_factors.path).read_structure_factors()

    def test_a_lost_chunk_is_found(self, with_factors):
        (with_factors.path / "inputs/structure_factors/given/c/0/0/0").unlink()
        with pytest.raises(StoreError, match="damaged"):
            RunStore.open(with_factors.path).read_structure_factors()


class TestBackground:
    @pytest.fixture
    def wet(self, tmp_path):
        inputs = Inputs(Mask.live(SHAPE[1:]), None, AMORPHOUS)
        return create(tmp_path / "wet.zarr", inputs=inputs)

    def test_a_table_comes_back_as_it_was_written(self, wet):
        assert RunStore.open(wet.path).read_inputs().amorphous.sha256 == AMORPHOUS.sha256

    def test_a_run_without_a_background_has_no_table(self, store):
        assert store.read_inputs().amorphous is None

    def test_a_table_that_is_not_what_was_written_is_damaged(self, wet):
        zarr.open_group(wet.path, mode="r+")["inputs/background/F"][1] = 8.0
        with pytest.raises(StoreError, match=r"table of the background is damaged.*submit"):
            RunStore.open(wet.path).read_inputs()


class TestSmallArrays:
    @pytest.mark.parametrize("values", [np.full(3, 0.5), np.zeros(3), np.full(3, -0.0)])
    def test_one_of_the_same_value_everywhere_has_no_file(self, tmp_path, values):
        group = zarr.open_group(tmp_path, mode="w", zarr_format=3)
        layout.write_array(group, "x", layout.Described(values, ("x",), "1", "of a test"))
        assert layout.values_of(group, "x").tobytes() == values.tobytes()
        assert not (tmp_path / "x/c").exists()

    def test_a_negative_zero_among_zeros_stays_negative(self, tmp_path):
        group = zarr.open_group(tmp_path, mode="w", zarr_format=3)
        values = np.array([0.0, -0.0])
        layout.write_array(group, "x", layout.Described(values, ("x",), "1", "of a test"))
        assert layout.values_of(group, "x").tobytes() == values.tobytes()

    def test_many_values_are_cut_into_chunks(self, tmp_path):
        group = zarr.open_group(tmp_path, mode="w", zarr_format=3)
        values = np.arange(3 << 20).reshape(-1, 2)
        layout.write_array(group, "x", layout.Described(values, ("x", "y"), "1", "of a test"))
        assert group["x"].chunks == (1 << 19, 2)
        np.testing.assert_array_equal(group["x"][...], values)

    def test_an_array_that_is_missing_is_told_by_name(self, tmp_path):
        group = zarr.open_group(tmp_path, mode="w", zarr_format=3)
        with pytest.raises(StoreError, match="array 'x' is missing"):
            layout.values_of(group, "x")
