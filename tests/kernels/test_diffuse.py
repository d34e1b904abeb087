"""Diffuse scattering: against a sum by hand, and beside every kernel."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from tiled_sim.kernels.blocks import Pixels
from tiled_sim.kernels.diffuse import DiffuseKernel
from tiled_sim.kernels.lookups import Lookups
from tiled_sim.kernels.making import KernelMaker
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.diffuse import Diffuse
from tiled_sim.model.domains import Domains
from tiled_sim.model.experiment import Experiment, Reflections
from tiled_sim.model.settings import BY_REFERENCE
from tiled_sim.physics import lattice
from tiled_sim.physics.constants import R_E_SQR
from tiled_sim.plan.reach import table_of
from tiled_sim.read.inputs import load_inputs
from tiled_sim.simulation.images import simulate as simulate_image

CPU = torch.device("cpu")
ISOTROPIC = Diffuse((40.0, 40.0, 40.0), (0.4, 0.4, 0.4))
ALONG_AXES = Diffuse((60.0, 30.0, 45.0), (0.3, 0.6, 0.2), reach=2)


@pytest.fixture
def soft(still):
    """A small still whose atoms are displaced."""

    def make(*options, diffuse=ISOTROPIC, **changes):
        experiment = still("-fluence", 1e24, *options)
        crystal = dataclasses.replace(experiment.crystal, diffuse=diffuse)
        return dataclasses.replace(experiment, crystal=crystal, **changes)

    return make


def hard(experiment):
    crystal = dataclasses.replace(experiment.crystal, diffuse=None)
    return dataclasses.replace(experiment, crystal=crystal)


def image_of(experiment, **options):
    return simulate_image(experiment, **options).values.astype(np.float64)


def photons(experiment, pixels):
    """What the kernel makes of (slow, fast) pixels, and what it met."""
    factors = load_inputs(experiment).factors
    table = table_of(experiment, factors, CPU) if factors is not None else None
    kernel = DiffuseKernel(
        Scene.of(experiment, 0),
        experiment.crystal.diffuse,
        table,
        experiment.structure_factors.default_F,
        CPU,
    )
    slow, fast = torch.tensor(pixels, dtype=torch.float64).T
    live = torch.ones(len(pixels), dtype=torch.bool)
    summed, met = kernel._photons(Pixels(slow, fast, live, 0))
    return summed.numpy(), met


def by_hand(experiment, slow, fast):
    """The published formula, node by node with vectors, for a panel without layers [photons]."""
    crystal, beam, diffuse = experiment.crystal, experiment.beam, experiment.crystal.diffuse
    factors = load_inputs(experiment).factors
    (panel,) = experiment.detector.panels
    gamma, sigma = np.array(diffuse.gamma), np.array(diffuse.sigma)
    oversample = experiment.sampling.oversample
    side = panel.pixel_size[0] / oversample
    cells = math.prod(crystal.cells)
    total = 0.0
    first = None
    for sub in range(oversample**2):
        place = np.array(panel.origin)
        place = place + side * (slow * oversample + sub // oversample + 0.5) * np.array(
            panel.slow_axis
        )
        place = place + side * (fast * oversample + sub % oversample + 0.5) * np.array(
            panel.fast_axis
        )
        distance = np.linalg.norm(place)
        out = place / distance
        if first is None:
            first = panel.pixel_size[0] ** 2 * panel.close_distance / distance**3
        for source, weight in zip(beam.spectrum, beam.spectrum.relative_weights(), strict=True):
            q = (out - np.array(source.incident)) / source.wavelength
            for rotation in experiment.exposures[0].rotations:
                for a, b, c in crystal.in_domains(rotation[None])[0]:
                    volume = a @ np.cross(b, c)
                    star = np.array([np.cross(b, c), np.cross(c, a), np.cross(a, b)]) / volume
                    x, z = a / np.linalg.norm(a), star[2] / np.linalg.norm(star[2])
                    axes = np.array([x, np.cross(z, x), z])
                    B = 4.0 * math.pi**2 * float(((sigma * (axes @ q)) ** 2).sum())
                    near = np.ceil(np.array([q @ a, q @ b, q @ c]) - 0.5)
                    halos = 0.0
                    reach = range(-diffuse.reach, diffuse.reach + 1)
                    for off in ((h, k, l) for h in reach for k in reach for l in reach):
                        node = near + off
                        apart = gamma * (axes @ (q - node @ star))
                        width = (1.0 + 4.0 * math.pi**2 * float(apart @ apart)) ** 2
                        halos += F_of(factors, node) ** 2 * 8.0 * math.pi * gamma.prod() / width
                    total += weight * cells / volume * B * math.exp(-B) * halos
    assert beam.polarization is None
    return R_E_SQR * beam.fluence / experiment.steps * total * first


def F_of(factors, node):
    position = node.astype(int) - np.array(factors.minimum)
    if (position < 0).any() or (position >= factors.given.shape).any():
        return 0.0
    return float(factors.filled(0.0)[tuple(position)])


PIXELS = [(3, 5), (48, 48), (20, 70), (95, 0), (60, 31)]
STEPS = (
    "-nopolar -oversample 2 -phi 10 -osc 4 -phisteps 2 -mosaic 1 -mosaic_domains 3 -dispersion 2"
)


@pytest.mark.parametrize("diffuse", [ISOTROPIC, ALONG_AXES], ids=["isotropic", "anisotropic"])
@pytest.mark.parametrize("options", ["-nopolar", f"{STEPS} -dispsteps 2"])
def test_it_is_the_published_sum(soft, diffuse, options):
    experiment = soft(*options.split(), diffuse=diffuse)
    made, _ = photons(experiment, PIXELS)
    expected = [by_hand(experiment, slow, fast) for slow, fast in PIXELS]
    assert min(expected) > 0
    assert made == pytest.approx(expected, rel=1e-11)


def test_halos_add_up_to_what_reflections_integrate_to(soft):
    # over a cell of the reciprocal lattice the mean of Σ_h Γ(q - h) is V: where F is 1 everywhere
    # that of N/V · Σ Γ is N, less the 3 % that lie beyond the reach
    diffuse = Diffuse((100.0,) * 3, (0.001,) * 3, reach=5)
    experiment = soft("-nopolar", diffuse=diffuse)
    kernel = DiffuseKernel(Scene.of(experiment, 0), diffuse, None, 1.0, CPU)
    side = (torch.arange(24, dtype=torch.float64) + 0.5) / 24 - 0.5
    h, k, l = (axis.reshape(-1) for axis in torch.meshgrid(side, side, side, indexing="ij"))
    counted = torch.ones(len(h), dtype=torch.bool)
    halos = kernel._scale * kernel._halos(lattice.indices(h, k, l), counted, Lookups())
    assert 0.96 < float(halos.mean()) / math.prod(experiment.crystal.cells) < 1.0


def test_a_crystal_of_twice_the_cells_has_twice_as_much(soft):
    once, _ = photons(soft("-Na", 5), PIXELS)
    twice, _ = photons(soft("-Na", 10), PIXELS)
    assert twice == pytest.approx(2.0 * once, rel=1e-14)


@pytest.mark.parametrize("kernel", ["reference", "compiled", "spots"])
def test_every_kernel_adds_the_same(soft, kernel):
    experiment = soft("-gauss_xtal", "-N", 10)
    difference = image_of(experiment, kernel=kernel) - image_of(hard(experiment), kernel=kernel)
    expected, _ = photons(experiment, [divmod(number, 96) for number in range(96 * 96)])
    assert expected.min() > 0
    brightest = image_of(experiment, kernel=kernel).max()
    assert difference.reshape(-1) == pytest.approx(expected, rel=1e-5, abs=1e-6 * brightest)


def test_a_pixel_s_diffuse_light_does_not_depend_on_its_tile(soft, simulate):
    experiment = soft("-polar", 0.7)
    images = [simulate(experiment, tile=tile).image for tile in ((16, 16), (32, 96), (96, 48))]
    assert images[0].tobytes() == images[1].tobytes() == images[2].tobytes()


@pytest.mark.parametrize("kernel", ["reference", "compiled"])
def test_a_trace_tells_it_apart(soft, kernel):
    experiment = soft("-water", 30)
    image = simulate_image(experiment, kernel=kernel, trace_pixels=((30, 40),))
    row = image.attrs["traces"][0]["values"]
    crystal = row["r_e_sqr"] * row["fluence_photons_per_m2"] * row["I_before_scaling"]
    crystal *= row["polar"] * row["omega_pixel"] * row["capture_fraction"] / row["steps"]
    beside = row["diffuse_photons"] + row["background_photons"]
    assert row["I_pixel_final"] == pytest.approx(crystal + beside, rel=1e-12)
    assert row["diffuse_photons"] == pytest.approx(photons(experiment, [(30, 40)])[0][0])


def test_look_ups_are_counted_node_by_node_and_are_no_planned_steps(soft, simulate):
    experiment = soft()
    (result,) = simulate(experiment).results
    (alone,) = simulate(hard(experiment)).results
    assert result.lookups.total == 28 * alone.lookups.total
    assert result.evaluations == alone.evaluations
    _, met = photons(experiment, PIXELS)
    assert met.total == 27 * len(PIXELS)


def test_a_resolution_limit_cuts_it_with_the_reflections(soft):
    assert image_of(soft("-dmin", 1000)).max() == 0


def test_without_a_file_every_node_has_the_default(soft):
    experiment = soft(structure_factors=Reflections(default_F=3.0))
    doubled = soft(structure_factors=Reflections(default_F=6.0))
    made, met = photons(experiment, PIXELS)
    assert met.out_of_range == 27 * len(PIXELS)
    assert photons(doubled, PIXELS)[0] == pytest.approx(4.0 * made, rel=1e-14)


def test_dark_panels_are_lit_by_it(data):
    geometry = str(data / "geometry" / "chips16.expt")
    experiment = Experiment.from_nanobragg(
        f"-hkl {data / 'few.hkl'} -cell 70 80 90 90 90 90 -N 3 -oversample 1".split(),
        geometry=geometry,
    )
    settings = dataclasses.replace(BY_REFERENCE, kernel="compiled")

    def dark(one):
        factors = table_of(one, load_inputs(one).factors, CPU)
        return KernelMaker(one, settings, factors, None, CPU).dark_panels

    crystal = dataclasses.replace(experiment.crystal, diffuse=ISOTROPIC)
    assert dark(experiment)
    assert dark(dataclasses.replace(experiment, crystal=crystal)) == frozenset()


def test_domains_count_by_their_weights(soft):
    experiment = soft("-mosaic", 1, "-mosaic_domains", 2)
    listed = experiment.crystal.listed_domains()

    def weighed(*weights):
        of_list = dataclasses.replace(listed, weight=np.array(weights))
        crystal = dataclasses.replace(experiment.crystal, domains=Domains.of_list(of_list))
        return photons(dataclasses.replace(experiment, crystal=crystal), PIXELS)[0]

    alike, one, other = weighed(1.0, 1.0), weighed(1.0, 0.0), weighed(0.0, 1.0)
    np.testing.assert_allclose(alike, 0.5 * (one + other), rtol=1e-12)
    assert not np.allclose(one, other, rtol=1e-6)
