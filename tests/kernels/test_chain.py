"""The chain of one pixel, thousands of steps at once: what the reference kernel sums one by one."""

import dataclasses

import numpy as np
import pytest
import torch

from tiled_sim.kernels import chain
from tiled_sim.kernels.blocks import Pixels
from tiled_sim.kernels.chain import Chain
from tiled_sim.kernels.first import first_evaluations
from tiled_sim.kernels.recorder import Recorder
from tiled_sim.kernels.reference import ReferenceKernel
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.domains import Domains, ListedDomains
from tiled_sim.model.experiment import Experiment
from tiled_sim.physics import lattice
from tiled_sim.physics.structure_factor import StructureFactorTable
from tiled_sim.physics.vectors import about_fixed_axes

CPU = torch.device("cpu")
LINE = (
    "-default_F 10 -cell 70 80 90 75 85 95 -misset 10 20 30 -N 5 -lambda 1 -distance 100 "
    "-pixel 0.4 -detpixels 48 -oversample 1"
)
MANY = "-dispersion 3 -dispsteps 7 -mosaic 1 -mosaic_domains 4 -osc 1 -phi 3 -phisteps 3"
SENSOR = "-detector_thick 450 -detector_abs 500 -detector_thicksteps 2"
EVERY_TERM = "-oversample_thick -oversample_polar -oversample_omega"
#: What the sum of a pixel may be made of.
SCENES = {
    "one source": "-osc 1 -phisteps 3",
    "wavelengths": MANY,
    "directions": "-hdivrange 3 -hdivsteps 3 -vdivrange 2 -vdivsteps 2 -polar 0.8",
    "subpixels": f"{MANY} -oversample 2",
    "many subpixels": f"{MANY} -oversample 5",
    "many subpixels of one step": "-oversample 7",
    "layers": f"{MANY} {SENSOR} -oversample 2",
    "factors of every term": f"{MANY} {SENSOR} {EVERY_TERM} -oversample 2",
    "dmin": f"{MANY} -dmin 4.23 -oversample 2",
    "dmin and polarization of every term": f"{MANY} -dmin 4.23 -oversample 2 -oversample_polar",
    "no polarization": f"{MANY} -nopolar",
    "interpolated": f"{MANY} -interpolate",
    "curved": f"{MANY} -curved_det",
    "round": f"{MANY} -round_xtal",
    "Gaussian": f"{MANY} -gauss_xtal",
    "flat-topped": f"{MANY} -tophat_spots",
}
PLACE = 1


def read(words="", **more):
    return Experiment.from_nanobragg(f"{LINE} {words}".split(), **more)


def pixels():
    """Three, of which that at `PLACE` is traced."""
    slow, fast = (torch.tensor(values, dtype=torch.float64) for values in ([0, 17, 3], [0, 33, 5]))
    return Pixels(slow, fast, torch.ones(3, dtype=torch.bool))


def table(seed=1, beside=()):
    random = np.random.default_rng(seed)
    amplitude, given = random.uniform(1, 9, (31, 31, 31)), random.random((31, 31, 31)) > 0.1
    return StructureFactorTable(amplitude, given, (-15, -15, -15), 4.0, CPU, beside=beside)


def traced(scene, factors=None, every_step=False):
    """What the chain tells of the pixel, and its photons."""
    recorder = Recorder(PLACE, every_step=every_step)
    photons = Chain(scene, factors or table(), 10.0).photons(pixels(), recorder)
    return recorder, photons


def as_summed(scene, factors=None):
    """What the reference kernel tells of the pixel."""
    recorder = Recorder(PLACE)
    ReferenceKernel(scene, factors or table(), 10.0).trace(pixels(), recorder)
    return recorder


def assert_told_alike(scene, factors=None):
    told, photons = traced(scene, factors)
    expected = as_summed(scene, factors)
    assert photons == pytest.approx(expected.values["photons"], rel=1e-12)
    assert told.values.keys() == expected.values.keys()
    for name, value in expected.values.items():
        assert told.values[name] == pytest.approx(value, rel=1e-12, abs=1e-300), name
    assert told.phi_steps == expected.phi_steps
    assert len(told.phi_steps) == len(scene.angles)


@pytest.mark.parametrize("words", SCENES.values(), ids=SCENES.keys())
def test_the_chain_tells_what_the_reference_kernel_tells(words):
    assert_told_alike(Scene.of(read(words), 0))


def test_sources_of_other_weights_and_attenuation_count_as_in_the_reference_kernel():
    experiment = read(f"{MANY} {SENSOR} {EVERY_TERM}")
    spectrum = experiment.beam.spectrum
    spectrum = dataclasses.replace(spectrum, weight=np.arange(1.0, 8.0))
    ends = float(spectrum.wavelength.min()), float(spectrum.wavelength.max())
    sensor = dataclasses.replace(
        experiment.detector.sensor, attenuation_table=((ends[0], 6e-4), (ends[1], 3e-4))
    )
    scene = Scene.of(experiment, 0)
    scene = dataclasses.replace(
        scene,
        spectrum=spectrum,
        detector=dataclasses.replace(scene.detector, sensor=sensor),
    )
    assert_told_alike(scene)


def test_domains_of_other_weights_count_as_in_the_reference_kernel():
    weights = np.array([1.0, 3.0, 0.0, 0.25])
    turns = np.stack([about_fixed_axes(0.02 * n, 0.01 * n, -0.03 * n) for n in range(4)])
    domains = Domains.of_list(ListedDomains(turns, weights))
    crystal = dataclasses.replace(read(MANY).crystal, domains=domains)
    assert_told_alike(Scene.of(dataclasses.replace(read(MANY), crystal=crystal), 0))


@pytest.mark.parametrize("more", ["", "-interpolate"])
@pytest.mark.parametrize("grids", [(0, 0, 1, 1, 1, 2, 2), (2, 0, 1, 2, 0, 1, 2)])
def test_each_source_looks_F_up_in_its_grid(grids, more):
    factors = table(1, beside=(table(2), table(3)))
    scene = dataclasses.replace(Scene.of(read(f"{MANY} {more}"), 0), grids=grids)
    assert_told_alike(scene, factors)
    told, _ = traced(scene, factors, every_step=True)
    assert {step["F_cell"] for step in told.steps if step["source"] == 0}.isdisjoint(
        step["F_cell"] for step in told.steps if grids[step["source"]] != grids[0]
    )


@pytest.mark.parametrize("more", ["", "-dmin 4.23 -oversample 2"])
def test_the_first_evaluation_of_the_c_program_is_replayed(more):
    experiment = read(f"{MANY} -phi 0 {more}", c_compat=True)
    rows = [np.zeros(48, np.uint8)] * 48
    (first,) = first_evaluations(experiment, lambda _: rows)
    at = dataclasses.replace(first, slow=17, fast=33)
    assert_told_alike(Scene.of(experiment, 0, (at,)))


@pytest.mark.parametrize("words", [MANY, f"{MANY} {SENSOR} -oversample 2 -dmin 4.23"])
def test_every_step_is_told_once_in_the_order_of_the_sum(words):
    scene = Scene.of(read(words), 0)
    told, _ = traced(scene, every_step=True)
    keys = ("layer", "subpixel", "source", "phi_tic", "domain")
    places = [tuple(step[key] for key in keys) for step in told.steps]
    layers = scene.detector.layers_of(0)
    assert places == list(np.ndindex(layers, scene.sampling.oversample**2, 7, 3, 4))


@pytest.mark.parametrize("together", [1, 5, 25])
@pytest.mark.parametrize("words", [MANY, f"{MANY} -oversample 2 -dmin 4.23"])
def test_what_is_told_does_not_depend_on_how_many_steps_are_taken_together(
    words, together, monkeypatch
):
    scene = Scene.of(read(words), 0)
    expected, photons = traced(scene, every_step=True)
    monkeypatch.setattr(chain, "STEPS_TOGETHER", together)
    found, other = traced(scene, every_step=True)
    assert other == pytest.approx(photons, rel=1e-13)
    assert found.steps == expected.steps
    assert found.phi_steps == expected.phi_steps


def sizes_of_evaluations(scene, monkeypatch):
    sizes, indices = [], lattice.indices

    def counting(*every):
        sizes.append(len(every[0]))
        return indices(*every)

    monkeypatch.setattr(lattice, "indices", counting)
    traced(scene)
    return sizes


def test_steps_of_all_sources_and_subpixels_are_evaluated_together(monkeypatch):
    scene = Scene.of(read(f"{MANY} -oversample 2"), 0)
    steps = 7 * 3 * 4  # of the first subpixel, those in the middle, and the last
    assert sizes_of_evaluations(scene, monkeypatch) == [steps, 2 * steps, steps]


@pytest.mark.parametrize(
    "words",
    [
        "-mosaic 1 -mosaic_domains 9000",
        "-dispersion 1 -dispsteps 300 -mosaic 1 -mosaic_domains 50",
        f"{MANY} -oversample 9",
    ],
)
def test_no_more_steps_are_evaluated_together_than_is_promised(words, monkeypatch):
    scene = Scene.of(read(words), 0)
    sizes = sizes_of_evaluations(scene, monkeypatch)
    assert max(sizes) <= chain.STEPS_TOGETHER < sum(sizes) == scene.steps
