"""Rings of resolution: which are drawn, at any distance, and that they can be read."""

import numpy as np
import pytest

from tiled_sim.cluster.worker import compute_batch
from tiled_sim.instruments.pictures import picture, write_picture
from tiled_sim.instruments.rings import evenly_spread, rings_shown, round_resolutions
from tiled_sim.model.assembly import Assembly
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("matplotlib")


def shown(experiment):
    """The rings of the assembled detector, without their lines."""
    assembly = Assembly.of(experiment.detector, experiment.beam.direction)
    return sorted(rings_shown(experiment.detector, assembly, experiment.beam.wavelength, 360))


def labels(figure):
    """What is written beside rings."""
    return {text.get_text() for text in figure.axes[0].texts}


@pytest.fixture(scope="module")
def made(still, tmp_path_factory):
    """A run, finished, with these options."""

    def make(*options):
        path = tmp_path_factory.mktemp("rings") / "run.zarr"
        run = create_run(prepare(still(*options), require_coverage=0.0), path)
        compute_batch(str(path), run.run_id, "cpu", [(n, 1) for n in range(len(run.plan))])
        return Run(path)

    return make


@pytest.mark.parametrize("distance", [20, 100, 1000, 3000, 20_000])
def test_rings_cross_the_detector_at_every_distance(still, distance):
    rings = shown(still("-distance", distance))
    assert 3 <= len(rings) <= 5


@pytest.mark.parametrize("distance", [100, 3000])
def test_radii_of_rings_are_about_evenly_spread(still, distance):
    radii = 1.0 / np.array(shown(still("-distance", distance)))
    gaps = -np.diff([*radii, 0.0])
    assert gaps.max() < 4 * gaps.min()
    assert gaps.max() < 0.5 * radii.max()


def test_rings_have_round_numbers_that_are_printed_as_they_are_read():
    assert round_resolutions(0.29)[:3] == [0.3, 0.4, 0.5]
    assert round_resolutions(42.0)[:4] == [50.0, 60.0, 80.0, 100.0]


def test_a_narrow_detector_far_from_the_beam_has_all_rings_that_cross_it():
    assert evenly_spread([1.0, 1.1, 1.2]) == [1.0, 1.1, 1.2]
    assert evenly_spread([]) == []


def test_one_panel_and_all_panels_have_the_same_rings(made):
    run = made("-distance", 2500)
    expected = {f"{d:g} Å" for d in shown(run.experiment)}
    assert labels(picture(run, 0, 0, counts=False)) == expected
    assert len(expected) >= 3


def test_rings_have_a_dark_edge_on_bright_water(made, tmp_path):
    run = made("-distance", 3000, "-water", 1000, "-beamsize", 2, "-fluence", 1e30)
    bright = run.image.values[0, 0]
    assert bright.min() > 0.9 * bright.max()  # the whole picture is near one end of the scale
    write_picture(run, tmp_path / "run.png")
    with Image.open(tmp_path / "run.png") as opened:
        pixels = np.asarray(opened.convert("RGB")).astype(int).sum(axis=2)
    rows, columns = pixels.shape
    # from the middle of the detector, where the scale ends in a light yellow, to the left
    middle = pixels[rows // 2 - 5 : rows // 2 + 5, columns // 4 : columns * 2 // 5]
    assert (middle.max(axis=1) - middle.min(axis=1)).min() > 350
