"""Coverage: which reflections the detector can see, and how many of them the file gives."""

import dataclasses
import itertools
import json
import math
import re

import numpy as np
import pytest

import tiled_sim as ts
from tiled_sim.errors import CoverageError
from tiled_sim.model.detector import Region
from tiled_sim.model.structure_factors import Provenance, StructureFactors
from tiled_sim.physics.mosaic import mosaic_rotations
from tiled_sim.physics.vectors import about_axis
from tiled_sim.plan.coverage import measure_coverage
from tiled_sim.read.inputs import load_inputs, load_mask


def measured(experiment, factors=None):
    factors = load_inputs(experiment).factors if factors is None else factors
    return measure_coverage(experiment, factors, load_mask(experiment))


def listing(low, high, keep=lambda h, k, l: True):
    """Structure factors of 1 from node ``low`` to node ``high`` where ``keep`` says so."""
    given = np.zeros([b - a + 1 for a, b in zip(low, high, strict=True)], bool)
    for index in np.ndindex(given.shape):
        given[index] = keep(*np.add(index, low))
    provenance = Provenance("made.hkl", "hkl", 1, "ab" * 32, int(given.sum()))
    return StructureFactors(given.astype(float), given, low, provenance)


def nodes_in_reach(experiment):
    """Every node but (0, 0, 0) that a live pixel looks up, a pixel and a step at a time."""
    mask = load_mask(experiment)
    crystal, exposures = experiment.crystal, experiment.exposures
    domains = mosaic_rotations(crystal.domains.spread, crystal.domains.count, crystal.domains.seed)
    orientations = [
        crystal.direct_vectors @ about_axis(exposures.spindle, phi).T @ domain.T
        for exposure in exposures
        for phi in exposure.angles
        for domain in domains
    ]
    found = set()
    for number, panel in enumerate(experiment.detector.panels):
        live = mask(number, *(slice(0, side) for side in panel.pixels)) == 0
        for pixel, source in itertools.product(np.argwhere(live), experiment.beam.spectrum):
            along_slow, along_fast = (pixel + 0.5) * panel.pixel_size
            position = (
                np.array(panel.origin)
                + along_slow * np.array(panel.slow_axis)
                + along_fast * np.array(panel.fast_axis)
            )
            outgoing = position / np.linalg.norm(position)
            q = (outgoing - np.array(source.incident)) / source.wavelength
            if np.linalg.norm(q) * experiment.sampling.dmin <= 1:
                found |= {
                    tuple(math.ceil(x - 0.5) for x in vectors @ q) for vectors in orientations
                }
    return found - {(0, 0, 0)}


def replaced(experiment, part, **changes):
    """An experiment with a part changed."""
    changed = dataclasses.replace(getattr(experiment, part), **changes)
    return dataclasses.replace(experiment, **{part: changed})


def with_panels(experiment, *panels):
    return replaced(experiment, "detector", panels=panels)


# Against every pixel written out


@pytest.fixture(scope="module")
def tiny(data):
    """So few pixels and steps that the sample is all: two wavelengths, two phi, two domains."""
    words = (
        "-cell 20 25 30 80 95 100 -misset 10 20 30 -lambda 1 -N 3 -distance 30 -detpixels 12 "
        "-pixel 2.5 -oversample 1 -phi 1 -osc 2 -phisteps 2 -mosaic 1 -mosaic_domains 2 "
        "-dispersion 4 -dispsteps 2"
    )
    return ts.Experiment.from_nanobragg(["-hkl", str(data / "p1.hkl"), *words.split()])


def varied(experiment, variant):
    (panel,) = experiment.detector.panels
    x, y, z = panel.origin
    return {
        "as it is": lambda: experiment,
        "dmin": lambda: replaced(experiment, "sampling", dmin=2.5),
        "a region": lambda: with_panels(
            experiment, dataclasses.replace(panel, region=Region(2, 7, 3, 12))
        ),
        "two frames": lambda: replaced(experiment, "exposures", count=2),
        "two panels": lambda: with_panels(
            experiment, panel, dataclasses.replace(panel, origin=(x, y + 0.04, z))
        ),
    }[variant]()


@pytest.mark.parametrize("variant", ["as it is", "dmin", "a region", "two frames", "two panels"])
def test_a_tiny_detector_is_measured_as_pixel_by_pixel(tiny, variant):
    def keep(h, k, l):
        return (h + k + l) % 3 > 0

    low, high = (-4, -5, -9), (3, 6, 7)
    experiment = varied(tiny, variant)
    reach = nodes_in_reach(experiment)
    inside = {n for n in reach if all(a <= x <= b for x, a, b in zip(n, low, high, strict=True))}
    given = {node for node in inside if keep(*node)}
    found = measured(experiment, listing(low, high, keep))
    assert (found.reflections, found.in_range, found.given) == tuple(
        map(len, (reach, inside, given))
    )
    assert 0 < len(given) < len(inside)


def test_every_variation_sees_other_reflections(tiny):
    counts = [
        len(nodes_in_reach(varied(tiny, name)))
        for name in ("as it is", "dmin", "a region", "two frames", "two panels")
    ]
    assert len(set(counts)) == 5


def test_masked_pixels_reach_nothing(data):
    words = "-cell 70 80 90 -N 5 -lambda 1 -oversample 1"
    experiment = ts.Experiment.from_nanobragg(
        ["-hkl", str(data / "p1.hkl"), "-mask", str(data / "mask.img"), *words.split()]
    )
    (panel,) = experiment.detector.panels
    bare = with_panels(experiment, dataclasses.replace(panel, mask=None))
    masked = measured(experiment)
    assert masked.reflections == len(nodes_in_reach(experiment))
    assert masked.reflections < measured(bare).reflections


# Files that give all, half, and next to nothing


def test_a_list_of_all_reflections_covers_all(still):
    found = measured(still())
    assert found.given == found.in_range == found.reflections > 500
    assert (found.fraction, found.missing) == (1.0, 0)


def test_a_list_of_one_half_covers_that_half(data, still, tmp_path):
    half = tmp_path / "half.hkl"
    lines = (data / "p1.hkl").read_text().splitlines(keepends=True)
    half.write_text("".join(line for line in lines if int(line.split()[0]) >= 0))
    whole = nodes_in_reach(still())
    found = measured(still("-hkl", half))
    assert found.reflections == len(whole)
    assert found.given == found.in_range == sum(h >= 0 for h, _, _ in whole)
    assert 0.3 < found.fraction < 0.7


def test_a_hole_inside_the_ranges_is_in_range_and_not_given(still):
    found = measured(still(), listing((-14, -16, -18), (14, 16, 18), lambda h, k, l: h % 2 == 0))
    assert found.in_range == found.reflections
    assert found.given < found.reflections


def test_a_stub_covers_next_to_nothing(still):
    found = measured(still(), listing((1, 2, 1), (1, 2, 1)))
    assert found.given <= 1
    assert found.fraction < 0.01


def test_the_direct_beam_is_no_reflection(still):
    found = measured(still(), listing((0, 0, 0), (0, 0, 0)))
    assert (found.in_range, found.given) == (0, 0)


def test_a_file_for_nothing_in_reach_covers_it_all(still):
    found = measured(still("-dmin", 1000))
    assert found.reflections == 0
    assert found.fraction == 1.0


def test_a_finer_limit_reaches_fewer_reflections(still):
    counts = [measured(still("-dmin", dmin)).reflections for dmin in (0, 8, 12)]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) == 3


def test_a_large_detector_is_sampled_and_misses_hardly_a_reflection(still):
    sampled = measured(still("-detpixels", 1200, "-pixel", 0.024))
    every = measured(still("-detpixels", 480, "-pixel", 0.06))
    assert 1200**2 / 10 < sampled.pixels <= 260_000
    assert every.pixels == 480**2
    assert sampled.reflections == pytest.approx(every.reflections, rel=0.01)


# What is let through, and what is said


def test_too_little_is_refused_with_every_number(still):
    factors = listing((-3, -3, -3), (3, 3, 3), lambda h, k, l: h > 0)
    found = measured(still(), factors)
    with pytest.raises(CoverageError) as caught:
        found.require(0.5, factors)
    message = str(caught.value)
    assert f"made.hkl gives {found.given} of {found.reflections} reflections" in message
    assert f"({100 * found.fraction:.3g} %, at least 50 % are required)" in message
    assert f"It holds {3 * 7 * 7} reflections, h -3..3, k -3..3, l -3..3" in message
    assert f"{found.in_range} of those in reach" in message
    assert re.search(r"require_coverage=FRACTION.* 0 lets everything through", message)


def test_just_enough_is_let_through(still):
    factors = listing((-3, -3, -3), (3, 3, 3))
    found = measured(still(), factors)
    found.require(found.fraction, factors)
    with pytest.raises(CoverageError):
        found.require(np.nextafter(found.fraction, 1), factors)


def test_zero_lets_everything_through(still):
    factors = listing((40, 40, 40), (40, 40, 40))
    found = measured(still(), factors)
    assert found.given == 0
    found.require(0.0, factors)


def test_the_numbers_are_plain_json(still):
    found = measured(still())
    numbers = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert numbers["reflections"] == found.reflections
    assert (numbers["fraction"], numbers["missing"]) == (1.0, 0)
