"""F per energy, in every kernel: an image is the mean, by weight, of those at each source's F."""

import dataclasses

import numpy as np
import pytest

from support.graphs import eager_graph
from support.models import atom, cryst1, summed
from tiled_sim.io.anomalous import chantler
from tiled_sim.kernels import compiled
from tiled_sim.kernels.blocks import Blocks
from tiled_sim.kernels.chain import Chain
from tiled_sim.kernels.making import KernelMaker
from tiled_sim.kernels.node_sums import node_sums
from tiled_sim.kernels.recorder import Recorder
from tiled_sim.kernels.sample import count_lookups
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.beam import Source, Spectrum
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Listed
from tiled_sim.model.settings import BY_REFERENCE, Settings
from tiled_sim.physics.constants import HC_EV_ANGSTROM
from tiled_sim.physics.lattice import indices
from tiled_sim.physics.structure_factor import StructureFactorTable
from tiled_sim.plan.reach import table_of
from tiled_sim.read.inputs import load_inputs
from tiled_sim.simulation.steps import steps_of_sum

import torch  # isort: skip

CPU = torch.device("cpu")
CELL = (21.0, 24.0, 27.0, 90.0, 105.0, 90.0)
#: Below, at and above the K edge of iron, not in order.
ENERGIES, WEIGHTS = (7124.0, 7060.0, 7112.0), (1.0, 2.0, 0.5)
LINE = (
    "-N 4 -distance 60 -detpixels 16 -pixel 4 -oversample 1 -nointerpolate -misset 10 20 30 "
    "-mosaic 1 -mosaic_domains 2"
)
WIDE = {"crystal.shape": "gauss_star", "crystal.fudge": 0.5}
DIFFUSE = {"crystal.diffuse.gamma_A": 20.0, "crystal.diffuse.sigma_A": 0.4}
ABSORBING = "-detector_thick 500 -detector_abs 300 -detector_thicksteps 2"
SETTINGS = {
    "reference": BY_REFERENCE,
    "compiled": Settings("compiled", "float64", 0.0, "as asked"),
    "mixed": Settings("compiled", "mixed", 0.0, "as asked"),
    "spots": Settings("spots", "float64", 1e-12, "as asked"),
}


@pytest.fixture(autouse=True)
def pdb(tmp_path, monkeypatch):
    """``m.pdb`` in the working directory: iron and three light atoms in P 21."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(compiled, "load", eager_graph)
    atoms = (("FE", (3, 4, 5)), ("S", (8, 9, 3)), ("O", (12, 5, 17)), ("C", (1, 20, 9)))
    lines = (atom(number, *one) for number, one in enumerate(atoms, start=1))
    (tmp_path / "m.pdb").write_text("\n".join([cryst1(CELL, "P 21"), *lines]))


def experiment_of(more="", changes=None, **own):
    """At three energies; along a second direction at the first two."""
    own = {"model": "m.pdb", "model_dmin": 2.5, "anomalous": "chantler", "solvent": (0, 0), **own}
    line = f"-lambda {HC_EV_ANGSTROM / 7100.0} {LINE} {more}"
    experiment = Experiment.from_nanobragg(line.split(), **own).with_(changes or {})
    along, tilted = (1.0, 0.0, 0.0), (np.cos(0.01), np.sin(0.01), 0.0)
    sources = [
        Source(incident, HC_EV_ANGSTROM / energy, weight)
        for energy, weight in zip(ENERGIES, WEIGHTS, strict=True)
        for incident in (along, tilted)
    ]
    return with_spectrum(experiment, Spectrum.of(sources[:-1]), experiment.beam.wavelength)


def with_spectrum(experiment, spectrum, wavelength):
    direction = tuple(spectrum.mean_direction.tolist())
    beam = dataclasses.replace(
        experiment.beam, spectrum=spectrum, wavelength=wavelength, direction=direction
    )
    return dataclasses.replace(experiment, beam=beam)


def table_for(experiment):
    return table_of(experiment, load_inputs(experiment).factors, CPU)


def kernels_of(experiment, settings, table):
    return KernelMaker(experiment, settings, table, None, CPU).kernels(0)


def block():
    corner = torch.zeros(1, dtype=torch.float64)
    return Blocks(corner, corner, torch.ones((1, 256), dtype=torch.bool), True)


def photons(experiment, settings=BY_REFERENCE, table=None):
    """Of the panel, by all kernels of an experiment."""
    kernels = kernels_of(experiment, settings, table or table_for(experiment))
    return sum(kernel.photons_of_blocks(block())[0].numpy() for kernel in kernels)


def one_by_one(experiment, settings=BY_REFERENCE):
    """The mean, by weight, of images of each source alone, F calculated at its wavelength."""
    total, weights = 0.0, experiment.beam.spectrum.weight
    alone = experiment.with_({"structure_factors.energies": 1})
    for source in experiment.beam.spectrum:
        one = Spectrum.of([source._replace(weight=1.0)])
        image = photons(with_spectrum(alone, one, source.wavelength), settings)
        total = total + source.weight * image
    return total / weights.sum()


@pytest.mark.parametrize(
    ("kernel", "more", "changes", "error"),
    [
        ("reference", "", {}, 1e-12),
        ("reference", ABSORBING, {}, 1e-12),
        ("reference", "-oversample_omega -polar 0.9", DIFFUSE, 1e-12),
        ("compiled", "", {}, 1e-7),
        ("compiled", ABSORBING, {}, 1e-7),
        ("mixed", "", {}, 1e-4),
        ("spots", "", WIDE, 1e-12),
    ],
)  # fmt: skip
def test_a_sum_over_energies_is_that_of_images_whose_f_is_of_each(kernel, more, changes, error):
    whole = experiment_of(more, changes, F_energies=0)
    settings = SETTINGS[kernel]
    expected = one_by_one(whole, settings)
    found = photons(whole, settings)
    if kernel == "reference":
        np.testing.assert_allclose(found, expected, rtol=error, atol=0.0)
    assert np.abs(found - expected).max() <= error * expected.max()
    at_one = photons(experiment_of(more, changes), settings)
    assert np.abs(at_one - expected).max() > 1e-3 * expected.max()


@pytest.mark.parametrize("kernel", ["compiled", "mixed", "spots"])
def test_every_kernel_looks_f_up_as_the_reference_does(kernel):
    whole = experiment_of("", WIDE, F_energies=0)
    table = table_for(whole)
    expected = photons(whole, table=table)
    found = photons(whole, SETTINGS[kernel], table)
    error = 1e-4 if kernel == "mixed" else 1e-7
    assert np.abs(found - expected).max() < error * expected.max()


def test_f_between_nodes_is_that_of_the_grid_too():
    whole = experiment_of(F_energies=0)
    sampling = dataclasses.replace(whole.sampling, interpolate=True)
    whole = dataclasses.replace(whole, sampling=sampling)
    expected, table = one_by_one(whole), table_for(whole)
    np.testing.assert_allclose(photons(whole, table=table), expected, rtol=1e-12, atol=0.0)
    fused = photons(whole, SETTINGS["compiled"], table)
    assert np.abs(fused - expected).max() < 1e-7 * expected.max()


@pytest.mark.parametrize("number", [2, 16])
def test_fewer_energies_are_nearer_than_one_and_enough_are_all(number):
    expected = photons(experiment_of(F_energies=0))
    found = photons(experiment_of(F_energies=number))
    if number == 16:
        np.testing.assert_array_equal(found, expected)
    else:
        far = np.abs(photons(experiment_of()) - expected).max()
        assert 0.0 < np.abs(found - expected).max() < far


def test_photons_are_shared_out_to_nodes_by_the_f_of_each_source():
    whole = experiment_of("", WIDE, F_energies=0)
    table = table_for(whole)
    pixels = block().pixels()
    found = node_sums(Scene.of(whole, 0), table, 0.0, pixels).photons.sum()
    assert float(found) == pytest.approx(photons(whole, table=table).sum(), rel=1e-7)


def test_frames_of_other_wavelengths_have_the_nearest_grid():
    whole = experiment_of(F_energies=3)
    ratio = 7140.0 / 7100.0
    frames = Listed(
        np.broadcast_to(np.eye(3), (2, 3, 3)),
        wavelength=whole.beam.wavelength * np.array([1.0, 1.0 / ratio]),
    )
    whole = dataclasses.replace(whole, exposures=frames)
    first, second = (Scene.of(whole, frame).grids for frame in range(2))
    # channels of 34.7 eV from 7060 to 7164 eV: 7094 and 7129 eV lie between them
    assert (first, second) == ((1, 1, 0, 0, 1), (2, 2, 1, 1, 2))


def F_at(grid, hkl):
    """Of one reflection, in the table of one energy [electron]."""
    h, k, l = (torch.tensor([float(index)], dtype=torch.float64) for index in hkl)
    return float(grid.nearest(grid.nodes(indices(h, k, l))))


@pytest.mark.parametrize("kernel", ["compiled", "spots"])
def test_a_trace_has_the_photons_of_the_image(kernel):
    whole = experiment_of("", WIDE, F_energies=0)
    table = table_for(whole)
    image = photons(whole, table=table)
    recorder = Recorder(int(image.argmax()))
    kernels_of(whole, SETTINGS[kernel], table)[0].trace(block().pixels(), recorder)
    assert recorder.values["photons"] == pytest.approx(image.max(), rel=1e-12)


def test_anomalous_differences_in_an_image_change_across_the_edge_as_by_hand():
    whole = experiment_of("", WIDE, F_energies=0)
    table = table_for(whole)
    scene = Scene.of(whole, 0)
    recorder = Recorder(int(photons(whole, table=table).argmax()), every_step=True)
    Chain(scene, table, 0.0).photons(block().pixels(), recorder)
    steps = {step["source"]: step for step in steps_of_sum(recorder) if step["domain"] == 0}
    differences = {}
    for source, energy in ((2, 7060.0), (0, 7124.0)):
        hkl = np.array([steps[source]["hkl_rounded"]], dtype=int)
        anomalous = chantler(("Fe", "S", "O", "C"), energy).factors
        plus, minus = (abs(summed("m.pdb", sign * hkl, anomalous)[0]) for sign in (1, -1))
        assert steps[source]["F_cell"] == pytest.approx(plus, rel=1e-4)
        differences[energy] = plus - minus
        of_mate = F_at(table.grids[scene.grids[source]], -hkl[0])
        assert plus - of_mate == pytest.approx(differences[energy], rel=0.01)
    assert abs(differences[7124.0]) > 3.0 * abs(differences[7060.0]) > 0.0


def test_look_ups_are_counted_in_the_grid_of_each_source():
    whole = experiment_of(F_energies=0)
    # nothing scatters at the lowest energy, which two of five sources have
    shape, given = (41, 41, 41), np.ones((41, 41, 41), dtype=bool)
    ones = StructureFactorTable(np.ones(shape), given, (-20, -20, -20), 0.0, CPU)
    table = StructureFactorTable(
        np.zeros(shape), given, (-20, -20, -20), 0.0, CPU, beside=(ones, ones)
    )
    reference, fused = (
        kernels_of(whole, SETTINGS[name], table)[0] for name in ("reference", "compiled")
    )
    _, met = reference.photons_of_blocks(block())
    sampled = count_lookups(fused.scene, table, block().pixels())
    assert (met.zero, met.in_range) == (sampled.zero, sampled.in_range) == (256 * 4, 256 * 6)
