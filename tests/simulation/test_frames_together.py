"""Frames that a kernel takes together: each is the image that it makes of the frame alone."""

import dataclasses

import numpy as np
import pytest

from support.graphs import eager_graph
from tiled_sim.kernels import blocks, compiled
from tiled_sim.kernels.graphs import Directions
from tiled_sim.model.exposures import Listed

FRAMES = 20
SHOTS = np.random.default_rng(12)
TURNS = np.linalg.qr(SHOTS.normal(size=(FRAMES, 3, 3)))[0]
TURNS *= np.sign(np.linalg.det(TURNS))[:, None, None]
TILTED = np.array([1.0, 0.0, 0.0]) + 0.003 * SHOTS.normal(size=(FRAMES, 3))
#: What may differ from one still to the next, beside how the crystal stands.
COLUMNS = {
    "wavelengths": {"wavelength": 1.0 + 0.02 * SHOTS.uniform(size=FRAMES)},
    "fluences": {"fluence": 1e28 * (1.0 + SHOTS.uniform(size=FRAMES))},
    "sizes": {"cells": SHOTS.integers(3, 9, size=(FRAMES, 3))},
    "beams": {"beam_direction": TILTED / np.linalg.norm(TILTED, axis=1, keepdims=True)},
    # of some frames that follow each other the same
    "distances": {"detector_shift": np.outer(np.arange(FRAMES) // 3 % 3, [0.03, 0.001, 0.0])},
    "phi": {
        "start": SHOTS.uniform(size=FRAMES),
        "oscillation": np.full(FRAMES, 0.02),
        "steps": 3,
    },
}


@pytest.fixture(autouse=True)
def _uncompiled(monkeypatch):
    monkeypatch.setattr(compiled, "load", eager_graph)


@pytest.fixture
def alike(simulate):
    """Make sure that frames are the same together and alone, and that there is something on them.

    ``alike(experiment, kernel and settings …)`` returns them, and what each tile of them is.
    """

    def compare(experiment, kernel="compiled", **settings):
        slow, fast = experiment.detector.pixels
        together, alone = (
            simulate(experiment, kernel=kernel, tile=tile, **settings)
            for tile in (None, (slow, fast))
        )
        assert len(together.results) < len(alone.results) == np.prod(experiment.shape[:2])
        assert np.array_equal(together.image, alone.image)
        assert (together.image.max(axis=(1, 2, 3)) > 0).all()
        return together, alone

    return compare


def scan(experiment, count=FRAMES):
    return dataclasses.replace(
        experiment, exposures=dataclasses.replace(experiment.exposures, count=count)
    )


def stills(experiment, **columns):
    return dataclasses.replace(
        experiment, exposures=Listed(TURNS, spindle=experiment.exposures.spindle, **columns)
    )


def with_other_cells(experiment):
    crystal = experiment.crystal
    cell = np.array([crystal.a, crystal.b, crystal.c])
    return stills(experiment, vectors=cell * (1.0 + 0.02 * SHOTS.uniform(size=(FRAMES, 3, 1))))


def beside(experiment, panels):
    """So many panels of the same kind side by side."""
    (panel,) = experiment.detector.panels
    side = panel.pixels[1] * panel.pixel_size[1] * np.array(panel.fast_axis)
    placed = tuple(
        dataclasses.replace(panel, origin=tuple((np.array(panel.origin) + n * side).tolist()))
        for n in range(panels)
    )
    return dataclasses.replace(
        experiment, detector=dataclasses.replace(experiment.detector, panels=placed)
    )


def counted(simulated):
    """Sums over all tiles of what they tell of look-ups and evaluations."""
    parts = [dataclasses.asdict(part.lookups) for part in simulated.results]
    parts += [dataclasses.asdict(part.evaluations) for part in simulated.results]
    return {name: sum(part.get(name, 0) for part in parts) for part in parts for name in part}


@pytest.mark.parametrize("precision", ["float64", "mixed"])
@pytest.mark.parametrize("shape", ["-square_xtal", "-round_xtal", "-gauss_xtal", "-tophat_spots"])
def test_frames_of_a_scan_are_the_same_together_and_alone(alike, still, shape, precision):
    alike(scan(still(shape, "-N", 3, "-osc", 1, "-phisteps", 2)), precision=precision)


@pytest.mark.parametrize("shape", ["-gauss_xtal", "-tophat_spots"])
def test_frames_whose_spots_are_followed_are_the_same_together_and_alone(alike, still, shape):
    words = (shape, "-N", 6, "-mosaic", 0.5, "-mosaic_domains", 3)
    together, alone = alike(with_other_cells(still(*words)), kernel="spots", negligible=1e-9)
    told, expected = counted(together), counted(alone)
    # no sum: each tile tells the largest of its frames
    del told["skipped_bound"], expected["skipped_bound"]
    assert told == expected


@pytest.mark.parametrize("name", COLUMNS)
def test_stills_that_differ_are_the_same_together_and_alone(alike, still, name):
    alike(stills(still("-N", 3), **COLUMNS[name]))


@pytest.mark.parametrize("shape", ["-square_xtal", "-gauss_xtal"])
def test_stills_of_other_cells_are_the_same_together_and_alone(alike, still, shape):
    alike(with_other_cells(still(shape, "-N", 3)))


@pytest.mark.parametrize(
    "options",
    [
        ("-oversample", 2),
        ("-dispersion", 2, "-dispsteps", 3),
        ("-hdivrange", 1, "-hdivsteps", 2),
        ("-dmin", 6),
        ("-detector_thick", 300, "-detector_thicksteps", 2, "-detector_abs", 500),
        ("-water", 30),
    ],
    ids=lambda options: options[0],
)
def test_frames_in_other_light_and_with_more_beside_are_the_same_together(alike, still, options):
    alike(scan(still("-N", 3, *options)))


def test_a_tile_that_is_cut_within_a_frame_is_the_same_as_its_images(alike, still, monkeypatch):
    # seven images of three panels each: two whole frames and a panel of the third are laid out
    monkeypatch.setattr(blocks, "PIXELS_LAID_OUT", 7 * 64 * 64)
    alike(beside(still("-N", 2, "-detpixels", 64, "-roi", 0, 63, 4, 50), 3))
    alike(scan(beside(still("-N", 2, "-detpixels", 64, "-roi", 0, 63, 4, 50), 3), 9))


def test_frames_of_several_crystals_are_the_same_together_and_alone(alike, still):
    experiment = still("-N", 3)
    first, second = (
        dataclasses.replace(experiment.crystal, share=share, cells=cells)
        for share, cells in ((0.6, (3, 3, 3)), (0.4, (4, 2, 3)))
    )
    both = dataclasses.replace(experiment, crystal=first, further_crystals=(second,))
    alike(stills(both, **COLUMNS["wavelengths"]))


@pytest.mark.parametrize("name", ["wavelengths", "distances", "phi"])
def test_look_ups_and_evaluations_are_the_same_together_and_alone(alike, still, name):
    together, alone = alike(stills(still("-N", 3, "-dmin", 6), **COLUMNS[name]))
    assert counted(together) == counted(alone)
    assert counted(together)["in_range"] > 0


def test_frames_in_the_same_light_see_the_pixels_once(simulate, still, monkeypatch):
    seen = []

    def counting(graph):
        run = eager_graph(graph)
        if not isinstance(graph.module(), Directions):
            return run
        return lambda *tensors: seen.append(len(tensors[0])) or run(*tensors)

    monkeypatch.setattr(compiled, "load", counting)
    of_frames = []
    for count in (1, 8):
        seen.clear()
        simulate(scan(still("-detpixels", 48), count), kernel="compiled", tile=None)
        of_frames.append(list(seen))
    assert of_frames[0] == of_frames[1]
