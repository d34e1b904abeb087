"""What is exported of a run, and how it is read."""

import numpy as np
import pytest

from support.exports import TILTED, chips, experiment_of, filled_run
from support.panels import TOML
from tiled_sim.errors import StoreError, TileError, UsageError
from tiled_sim.export.selection import Selection, rounded
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.mask import NO_PIXEL, OUTSIDE_REGION
from tiled_sim.model.readout import Noise


@pytest.fixture(scope="module")
def panels(tmp_path_factory):
    """Five panels of different sizes, with counts, two frames."""
    return filled_run(
        tmp_path_factory.mktemp("panels") / "r.zarr", Experiment.from_toml(TOML), tile=(32, 32)
    )


@pytest.fixture(scope="module")
def photons(tmp_path_factory):
    """One panel, without counts, three frames."""
    experiment = experiment_of(TILTED, frames=3)
    return filled_run(tmp_path_factory.mktemp("photons") / "r.zarr", experiment)


def test_all_is_selected_and_the_counts_where_nothing_else_is_said(panels):
    found = Selection.of(panels)
    assert (found.frames, found.panels) == (range(2), tuple(range(5)))
    assert (found.values, found.unit, found.dtype) == ("counts", "ADU", np.int32)


def test_a_run_without_counts_is_exported_in_photons(photons):
    found = Selection.of(photons)
    assert (found.values, found.unit, found.dtype) == ("image", "photon", np.float32)


def test_counts_that_a_run_has_not_are_refused(photons):
    with pytest.raises(UsageError, match="has no counts, it was made without noise"):
        Selection.of(photons, counts=True)


@pytest.mark.parametrize("frames", [(0, 3), (1, 1), (2, 1), (-1, 1)])
def test_frames_that_are_not_there_are_refused(panels, frames):
    with pytest.raises(UsageError, match="is no part of 0:2"):
        Selection.of(panels, frames=frames)


@pytest.mark.parametrize("chosen", [[5], [-1], [], [1, 1]])
def test_panels_that_are_not_there_or_twice_are_refused(panels, chosen):
    with pytest.raises(UsageError, match="panels: "):
        Selection.of(panels, panels=chosen)


@pytest.mark.parametrize("counts", [True, False])
def test_a_panel_is_read_as_far_as_it_has_pixels(panels, counts):
    found = Selection.of(panels, panels=[3, 4], counts=counts)
    whole = (panels.counts if counts else panels.image).values
    assert np.array_equal(found.read(1, 0), whole[1, 3, :20, :48])
    assert np.array_equal(found.read(1, 1, slice(10, 30)), whole[1, 4, 10:30, :32])


def test_bands_are_all_rows_in_order(panels):
    assert list(Selection.of(panels).bands(0)) == [slice(0, 50)]


def test_bands_end_where_tiles_do(panels, monkeypatch):
    monkeypatch.setattr("tiled_sim.export.selection._PIXELS_OF_BAND", 48 * 56)
    found = Selection.of(panels)
    assert list(found.bands(0)) == [slice(0, 32), slice(32, 50)]
    assert list(found.bands(4)) == [slice(0, 64)]


@pytest.mark.parametrize("counts", [True, False])
def test_the_parts_of_tiles_are_the_pixels_of_the_run(panels, counts):
    found = Selection.of(panels, frames=(1, 2), panels=[0, 4], counts=counts)
    whole = (panels.counts if counts else panels.image).values
    seen = np.zeros(whole.shape, dtype=int)
    for tile in found.tiles(found.frames):
        for corner, part in found.parts_of(tile):
            here = tuple(slice(at, at + size) for at, size in zip(corner, part.shape, strict=True))
            assert np.array_equal(part, whole[here])
            seen[here] += 1
    assert (seen[1, [0, 4]] == 1).all()
    assert seen[0].max() == 0


def test_the_mask_of_a_panel_has_its_own_pixels_alone(panels):
    found = Selection.of(panels)
    assert found.read_mask(0).shape == (50, 56)
    assert set(np.unique(found.read_mask(0))) == {0, OUTSIDE_REGION}
    assert not (found.read_mask(3) & NO_PIXEL).any()


def test_a_selection_of_what_is_done_of_a_run_can_be_exported(tmp_path):
    run = filled_run(
        tmp_path / "r.zarr", experiment_of(TILTED, frames=4), tile=(32, 32), undone=[3]
    )
    Selection.of(run, frames=(1, 4)).require_computed()
    with pytest.raises(TileError) as caught:
        Selection.of(run).require_computed()
    assert "1 of the 16 tiles to export are not computed" in str(caught.value)
    assert f"`tiled-sim resume {run.path}`" in str(caught.value)
    assert "frames=1:4 are complete" in str(caught.value)


def test_panels_that_are_done_can_be_exported(tmp_path):
    run = filled_run(tmp_path / "r.zarr", chips(), undone=[1, 3])
    Selection.of(run, panels=range(8)).require_computed()
    with pytest.raises(TileError, match="2 of the 4 tiles") as caught:
        Selection.of(run).require_computed()
    assert "complete" not in str(caught.value)


@pytest.mark.parametrize("noise", [None, Noise()])
def test_a_tile_that_is_lost_is_not_computed(tmp_path, noise):
    run = filled_run(
        tmp_path / "r.zarr", experiment_of(TILTED, frames=2, noise=noise), tile=(64, 64)
    )
    name = "image" if noise is None else "counts"
    (run.path / f"0/{name}/c/1/0/0/0").unlink()
    with pytest.raises(TileError, match="1 of the 2 tiles"):
        Selection.of(run).require_computed()


@pytest.mark.parametrize("noise", [None, Noise()])
def test_what_is_read_is_numbers_or_refused(tmp_path, noise):
    run = filled_run(tmp_path / "r.zarr", experiment_of(TILTED, noise=noise), undone=[0])
    found = Selection.of(run)
    with pytest.raises(TileError, match="tiled-sim verify"):
        found.read(0, 0)
    ((_, part),) = found.parts_of(run.plan[0])
    with pytest.raises(TileError, match="frame 0, panel 0 has pixels that are not computed"):
        found.require_numbers(0, 0, part)


def test_pixels_that_are_damaged_are_an_error(tmp_path):
    run = filled_run(tmp_path / "r.zarr", experiment_of(TILTED, noise=Noise()))
    shard = run.path / "0/counts/c/0/0/0/0"
    shard.write_bytes(bytes(100) + shard.read_bytes()[100:])
    with pytest.raises(StoreError, match="the counts cannot be read"):
        list(Selection.of(run).parts_of(run.plan[0]))


def test_photons_are_rounded_to_the_nearest_whole_number_and_no_further_than_it_reaches():
    values = np.array([0.49, 0.5, 1.5, -0.6, 3e9, -3e9], np.float32)
    assert rounded(values).tolist() == [0, 0, 2, -1, 2**31 - 1, -(2**31)]
    counts = np.array([3], np.int32)
    assert rounded(counts) is counts
