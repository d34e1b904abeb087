"""The reflections under a pixel: against the steps written out one by one."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch

import tiled_sim as ts
from tiled_sim.kernels.reflections import reflections_under
from tiled_sim.kernels.scene import Scene, carried_over
from tiled_sim.physics.mosaic import mosaic_rotations
from tiled_sim.physics.structure_factor import StructureFactorTable
from tiled_sim.physics.vectors import about_axis
from tiled_sim.read.inputs import load_inputs

PIXEL = (7, 10)


@pytest.fixture(scope="module")
def broad(data):
    """A small cell seen in few pixels: many nodes under each, of sources, phi and domains."""
    words = (
        "-cell 20 25 30 80 95 100 -misset 10 20 30 -lambda 1 -N 4 -distance 30 -detpixels 12 "
        "-pixel 2.5 -oversample 3 -phi 1 -osc 4 -phisteps 3 -mosaic 2 -mosaic_domains 2 "
        "-dispersion 4 -dispsteps 2 -nointerpolate"
    )
    return ts.Experiment.from_nanobragg(["-hkl", str(data / "p1.hkl"), *words.split()])


def found_by_hand(experiment, F_of, angles=None):
    """Steps, and weight · F_cell² · F_latt², of each node under the pixel: numpy and loops."""
    crystal, exposures = experiment.crystal, experiment.exposures
    (panel,) = experiment.detector.panels
    domains = mosaic_rotations(crystal.domains.spread, crystal.domains.count, crystal.domains.seed)
    oversample = experiment.sampling.oversample
    mean = np.mean([source.weight for source in experiment.beam.spectrum])
    found = {}
    for sub_slow, sub_fast in itertools.product(range(oversample), repeat=2):
        slow, fast = (
            (side + (sub + 0.5) / oversample) * size
            for side, sub, size in zip(PIXEL, (sub_slow, sub_fast), panel.pixel_size, strict=True)
        )
        position = (
            np.array(panel.origin)
            + slow * np.array(panel.slow_axis)
            + fast * np.array(panel.fast_axis)
        )
        outgoing = position / np.linalg.norm(position)
        for source, phi, domain in itertools.product(
            experiment.beam.spectrum, angles or exposures[0].angles, domains
        ):
            q = (outgoing - np.array(source.incident)) / source.wavelength
            if np.linalg.norm(q) * experiment.sampling.dmin > 1:
                continue
            index = crystal.direct_vectors @ about_axis(exposures.spindle, phi).T @ domain.T @ q
            node = tuple(math.ceil(x - 0.5) for x in index)
            F = F_of(node)
            for x, cells in zip(index, crystal.cells, strict=True):
                F *= math.sin(math.pi * cells * x) / math.sin(math.pi * x)
            steps, weight, intensity = found.get(node, (0, 0.0, 0.0))
            share = source.weight / mean
            found[node] = steps + 1, weight + share, intensity + share * F * F
    return found


def look_up_in(factors):
    def look_up(node):
        place = tuple(index - low for index, low in zip(node, factors.minimum, strict=True))
        inside = all(0 <= n < side for n, side in zip(place, factors.given.shape, strict=True))
        return factors.amplitude[place] if inside else 0.0

    return look_up


def table_of(factors):
    return StructureFactorTable(
        factors.amplitude, factors.given, factors.minimum, 0.0, torch.device("cpu")
    )


def check(experiment, found, expected):
    total = sum(intensity for _, _, intensity in expected.values())
    assert {one.hkl: one.steps for one in found} == {hkl: n for hkl, (n, _, _) in expected.items()}
    for one in found:
        _, weight, intensity = expected[one.hkl]
        assert one.share_of_steps == pytest.approx(weight / experiment.steps, rel=1e-12)
        assert one.share_of_intensity == pytest.approx(intensity / total, rel=1e-9, abs=1e-12)


def test_every_step_is_counted_at_its_node_with_its_intensity(broad):
    factors = load_inputs(broad).factors
    found = reflections_under(Scene.of(broad, 0), table_of(factors), 0.0, PIXEL)
    assert len(found) > 3
    check(broad, found, found_by_hand(broad, look_up_in(factors)))
    assert sum(one.steps for one in found) == broad.steps == 108
    assert sum(one.share_of_steps for one in found) == pytest.approx(1)
    assert sum(one.share_of_intensity for one in found) == pytest.approx(1)


def test_the_greatest_share_comes_first(broad):
    factors = load_inputs(broad).factors
    found = reflections_under(Scene.of(broad, 0), table_of(factors), 0.0, PIXEL)
    shares = [one.share_of_intensity for one in found]
    assert shares == sorted(shares, reverse=True)


def test_a_weighted_source_counts_by_its_weight(broad):
    spectrum = dataclasses.replace(broad.beam.spectrum, weight=np.array([3.0, 1.0]))
    beam = dataclasses.replace(broad.beam, spectrum=spectrum)
    weighted = dataclasses.replace(broad, beam=beam)
    found = reflections_under(Scene.of(weighted, 0), None, 5.0, PIXEL)
    check(weighted, found, found_by_hand(weighted, lambda node: 5.0))
    even = reflections_under(Scene.of(broad, 0), None, 5.0, PIXEL)
    assert [one.share_of_steps for one in found] != [one.share_of_steps for one in even]


def test_steps_that_dmin_cuts_look_nothing_up(broad):
    lengths = []
    for dmin in (1.7, 3.5, 5.0):
        sampling = dataclasses.replace(broad.sampling, dmin=dmin)
        cut = dataclasses.replace(broad, sampling=sampling)
        found = reflections_under(Scene.of(cut, 0), None, 5.0, PIXEL)
        check(cut, found, found_by_hand(cut, lambda node: 5.0))
        lengths.append(sum(one.steps for one in found))
    assert lengths[-1] == 0
    assert len(set(lengths)) > 2


def test_without_intensity_there_are_no_shares_of_it(broad):
    found = reflections_under(Scene.of(broad, 0), None, 0.0, PIXEL)
    assert {one.share_of_intensity for one in found} == {None}
    assert sum(one.steps for one in found) == broad.steps


def test_the_carry_over_of_phi_0_is_replayed_as_in_the_image(data):
    words = (
        "-cell 20 25 30 80 95 100 -misset 10 20 30 -lambda 1 -N 4 -distance 30 -detpixels 12 "
        "-pixel 2.5 -oversample 1 -phi 0 -osc 40 -phisteps 4 -default_F 1 -nointerpolate"
    )
    experiment = ts.Experiment.from_nanobragg(words.split(), c_compat=True)
    acting, _ = carried_over(experiment.exposures[0].angles)
    assert acting[0] != 0.0
    found = reflections_under(Scene.of(experiment, 0), None, 1.0, PIXEL)
    check(experiment, found, found_by_hand(experiment, lambda node: 1.0, acting))


def test_shares_of_steps_add_up_to_1_with_layers_of_a_sensor_too(still):
    experiment = still("-detector_thick", 450, "-detector_thicksteps", 3, "-osc", 1)
    found = reflections_under(Scene.of(experiment, 0), None, 1.0, PIXEL)
    assert sum(one.share_of_steps for one in found) == pytest.approx(1.0)
    assert sum(one.steps for one in found) == experiment.evaluations_per_pixel
