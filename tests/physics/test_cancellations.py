"""Formulas of the C program that subtract what is nearly equal, and what stands here for them.

Each is held against 60 digits where the difference is rounding noise; docs/differences.md has the
numbers in its rows 34 and 42.
"""

import math

import mpmath as mp
import numpy as np
import pytest
import torch

import tiled_sim as ts
from support.graphs import eager_graph
from tiled_sim.kernels import compiled
from tiled_sim.physics import lattice
from tiled_sim.physics.absorption import absorbed
from tiled_sim.physics.geometry import Vectors, solid_angle
from tiled_sim.physics.polarization import polarization_factor

#: Of float64, with room for the few operations of a formula.
ROUNDING = 5e-15
#: A subpixel of pixel (29, 31) lies in the direct beam, on node 0 0 0.
ROUND = (
    "-hkl sparse.hkl -misset -4.853 -86.202 18.975 -cell 70 80 90 75 85 95 -default_F 9.6 "
    "-lambda 1.5288 -oversample 3 -N 30 -round_xtal -detpixels_x 63 -detpixels_y 59 -pixel 0.465 "
    "-distance 156.75 -spindle_axis -0.333 -0.307 0.773 -detector_rotx 5.18 -mosaic 0.951 "
    "-mosaic_domains 5 -mosaic_seed 844095"
)


@pytest.fixture(autouse=True)
def _sixty_digits():
    with mp.workdps(60):
        yield


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def error(value, truth):
    """Relative."""
    return abs(float((mp.mpf(float(value)) - truth) / truth))


# The sphere


def sphere_as_c(x):
    """3(sin x/x - cos x)/x² as it stands, 1 at 0."""
    return torch.where(x == 0.0, 1.0, 3.0 * (torch.sin(x) / x - torch.cos(x)) / (x * x))


def sphere(x):
    x = mp.mpf(x)
    return 3 * (mp.sin(x) / x - mp.cos(x)) / x**2


@pytest.mark.parametrize("x", [1e-300, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 9.9e-3])
def test_a_round_crystal_has_no_noise_near_a_node(x):
    truth = sphere(x) if x > 1e-15 else mp.mpf(1)
    assert error(lattice._sphere(tensor(x)), truth) < ROUNDING


@pytest.mark.parametrize("x", [0.0101, 0.1, 1.0, 3.0])
def test_a_round_crystal_is_c_s_away_from_a_node(x):
    assert lattice._sphere(tensor(x)).item() == sphere_as_c(tensor(x)).item()
    assert error(lattice._sphere(tensor(x)), sphere(x)) < 1e-11


@pytest.mark.parametrize(("x", "least"), [(1e-9, 0.9), (1e-8, 0.9), (3e-8, 0.2), (1e-6, 1e-4)])
def test_c_s_formula_of_the_sphere_is_noise_near_a_node(x, least):
    assert error(sphere_as_c(tensor(x)), sphere(x)) > least


def test_a_pixel_in_the_direct_beam_is_41_times_brighter_than_by_c_s_formula(in_data, monkeypatch):
    experiment = ts.Experiment.from_nanobragg(ROUND.split())

    def image():
        return np.asarray(ts.simulate(experiment, kernel="reference"))[0, 0].astype(float)

    here = image()
    assert (here[29, 31], here.sum()) == pytest.approx((4.558e6, 9.994e6), rel=2e-4)
    monkeypatch.setattr(lattice, "_sphere", sphere_as_c)
    as_c = image()
    assert (as_c[29, 31], as_c.sum()) == pytest.approx((1.104e5, 5.547e6), rel=2e-4)
    others = np.ones_like(here, bool)
    others[29, 31] = False
    np.testing.assert_allclose(as_c[others], here[others], rtol=2e-7)


def test_the_fused_kernel_has_the_pixel_in_the_direct_beam(in_data, monkeypatch):
    # its graphs as they stand; the compiler makes no noise of them
    monkeypatch.setattr(compiled, "load", eager_graph)
    experiment = ts.Experiment.from_nanobragg(ROUND.split())
    for precision, tolerance in (("float64", 1e-6), ("mixed", 3e-5)):
        image = np.asarray(ts.simulate(experiment, kernel="compiled", precision=precision))[0, 0]
        assert image[29, 31] == pytest.approx(4557750.5, rel=tolerance)


# The grating


def grating(h0, N, delta):
    """With delta as float64 has it in h0 + delta."""
    d = mp.mpf(h0 + delta) - h0
    sign = -1 if h0 * (N - 1) % 2 else 1
    return sign * (mp.sin(mp.pi * N * d) / mp.sin(mp.pi * d) if d else mp.mpf(N))


@pytest.mark.parametrize("delta", [0.0, 1e-13, 1e-11, 1e-9, 1e-7, 1e-5, 1e-3])
@pytest.mark.parametrize(("h0", "N"), [(3, 10), (3, 100), (50, 100), (51, 99)])
def test_a_square_crystal_has_no_noise_near_a_node(h0, N, delta):
    index = lattice.indices(*(tensor(h) for h in (h0 + delta, 0.0, 0.0)))
    factor = lattice.grating(index.dh, N) * lattice.grating_sign(index.h0, N)
    assert error(factor, grating(h0, N, delta)) < ROUNDING


@pytest.mark.parametrize(("delta", "least"), [(0.0, 1.0), (1e-13, 1e-2), (1e-11, 1e-4)])
def test_c_s_formula_of_the_grating_is_noise_near_a_node(delta, least):
    h, N = 50 + delta, 100
    as_c = math.sin(math.pi * h * N) / math.sin(math.pi * h)
    assert error(as_c, grating(50, N, delta)) > least


# Thin layers


@pytest.mark.parametrize("layer", [0, 7])
@pytest.mark.parametrize("thickness", [1e-17, 1e-12, 1e-9, 1e-7, 1e-5, 1e-3, 1.0, 30.0])
def test_a_thin_layer_absorbs_in_proportion_to_its_thickness(thickness, layer):
    front, back = thickness * layer, thickness * (layer + 1)
    truth = mp.exp(-mp.mpf(front)) - mp.exp(-mp.mpf(back))
    assert error(absorbed(front, back, 1.0, tensor(1.0)), truth) < 1e-9


def test_ordinary_layers_are_the_difference_of_two_exponentials_to_the_last_bit():
    obliquity = torch.linspace(0.05, 1.0, 1000, dtype=torch.float64)
    for front, back in ((0.0, 450e-6), (90e-6, 180e-6), (0.0, 1e-6)):
        per_depth = -1.0 / (500e-6 * obliquity)
        plain = torch.exp(front * per_depth) - torch.exp(back * per_depth)
        assert torch.equal(absorbed(front, back, 500e-6, obliquity), plain)


def test_a_layer_of_no_thickness_absorbs_nothing():
    assert absorbed(1e-4, 1e-4, 1.0, tensor(1.0)).item() == 0.0


# What cancels and does no harm


@pytest.mark.parametrize("angle", [0.0, 1e-12, 1e-8, 1e-4, math.pi - 1e-8, math.pi])
@pytest.mark.parametrize("kahn", [-1.0, 0.5, 1.0])
def test_polarization_is_exact_near_the_beam_where_psi_has_no_meaning(angle, kahn):
    x, z = mp.sin(mp.mpf(angle)), mp.cos(mp.mpf(angle))
    diffracted = Vectors(*(tensor(float(part)) for part in (x, 0.0, z)))
    factor = polarization_factor(diffracted, (0.0, 0.0, 1.0), kahn, (1.0, 0.0, 0.0))
    # ψ is 0: the field lies in the plane of scattering
    assert error(factor, (1 + z * z - mp.mpf(kahn) * x * x) / 2) < ROUNDING


@pytest.mark.parametrize("degrees", [0.0, 60.0, 89.0, 89.99, 89.9999])
def test_the_solid_angle_of_a_grazing_panel_is_exact(degrees):
    close = math.cos(math.radians(degrees))
    omega = solid_angle(tensor(1.0), (1e-4, 1e-4), close)
    assert error(omega, mp.mpf(1e-4) ** 2 * mp.mpf(close)) < ROUNDING
