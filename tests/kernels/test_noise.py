"""The loops that draw the numbers of counts: bit for bit those of numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.kernels import noise
from tiled_sim.kernels.noise import CompiledArithmetic, arithmetic_of
from tiled_sim.kernels.packages import has_compiler
from tiled_sim.physics.noise import BY_NUMPY, Corner, Counter, arriving_photons, read_photons
from tiled_sim.physics.point_spread import spread_of

pytestmark = pytest.mark.skipif(not has_compiler(), reason="no C++ compiler is installed")
WORD = st.integers(0, 2**32 - 1)
#: With those where one method takes over from another, and what is never counted.
MEANS = [0.0, 1e-300, 1e-9, 0.02, 0.7, 3.0, 9.0, np.nextafter(10.0, 0.0), 10.0, 12.0, 1e3, 1e9]


@pytest.fixture(scope="module")
def loops():
    return CompiledArithmetic()


@given(counter=st.tuples(WORD, WORD, WORD, WORD), key=st.tuples(WORD, WORD))
@settings(deadline=None, max_examples=300)
def test_uniform_numbers_of_any_counter_are_those_of_numpy(loops, counter, key):
    slow, fast = np.array(counter[:2], dtype=np.uint32)[:, None]
    for here, there in zip(
        loops.uniforms(Counter(slow, fast, *counter[2:]), key),
        BY_NUMPY.uniforms(Counter(slow, fast, *counter[2:]), key),
        strict=True,
    ):
        np.testing.assert_array_equal(here, there)


@pytest.mark.parametrize("number", [0, 1, 7, 8, 9, 10_001])
def test_any_number_of_counts_is_inverted_as_by_numpy(loops, number):
    random = np.random.default_rng(number)
    mean = random.uniform(0.0, 10.0, number) ** random.uniform(0.0, 1.0, number)
    uniform = random.uniform(1e-12, 1.0, number)
    np.testing.assert_array_equal(loops.inverted(mean, uniform), BY_NUMPY.inverted(mean, uniform))


@pytest.mark.parametrize("uniform", [2.0**-54, 0.5, 1.0 - 2.0**-53])
@pytest.mark.parametrize("mean", [mean for mean in MEANS if 0.0 < mean < 10.0])
def test_the_rarest_counts_are_those_of_numpy(loops, mean, uniform):
    pair = np.array([mean]), np.array([uniform])
    np.testing.assert_array_equal(loops.inverted(*pair), BY_NUMPY.inverted(*pair))


@pytest.mark.parametrize("mean", [10.0, 33.3, 1e6, 2.0**53])
def test_proposals_are_accepted_at_once_where_numpy_accepts_them(loops, mean):
    uniform, acceptance = np.random.default_rng(8).random((2, 5001))
    here, there = (
        who.accepted_at_once(np.full(5001, mean), uniform, acceptance) for who in (loops, BY_NUMPY)
    )
    np.testing.assert_array_equal(here, there)
    assert 0.2 < np.isfinite(here).mean() < 1.0


@pytest.mark.parametrize("mean", MEANS)
def test_photons_of_a_rectangle_are_those_of_numpy(loops, mean):
    expected = np.full((70, 333), mean, dtype=np.float32)
    corner, options = Corner(5, 1000, 17, 3), {"flicker": 0.05, "calibration": 0.1}
    here, there = (
        arriving_photons(expected, corner, 11, calibration_seed=4, arithmetic=who, **options)
        for who in (loops, BY_NUMPY)
    )
    np.testing.assert_array_equal(here, there)


def test_readings_are_those_of_numpy(loops):
    photons = np.random.default_rng(2).poisson(20.0, (70, 333)).astype(np.float64)
    here, there = (
        read_photons(photons, Corner(0, 0, 0, 9), 2**32 - 1, gain=1.7, readout=3.0, arithmetic=who)
        for who in (loops, BY_NUMPY)
    )
    np.testing.assert_array_equal(here, there)


@pytest.mark.parametrize("kind", ["gauss", "fiber"])
@pytest.mark.parametrize(
    ("radius", "shape"), [(1, (3, 1)), (5, (20, 31)), (17, (9, 32)), (40, (2, 100))]
)
def test_photons_that_spread_are_those_of_numpy(loops, kind, radius, shape):
    sides = [side + 2 * radius for side in shape]
    photons = np.random.default_rng(radius).poisson(300.0, sides).astype(np.float64)
    spread = spread_of(kind, radius / 3.0, radius)
    truth = BY_NUMPY.blur(photons, spread)
    assert truth.shape == shape
    wider = np.pad(photons, 3, constant_values=7.0)[3:-3, 3:-3]
    for laid_out in (photons, wider, np.asfortranarray(photons)):
        np.testing.assert_array_equal(loops.blur(laid_out, spread), truth)


# Who draws


def test_a_compiled_kernel_counts_by_the_loops(fresh):
    assert isinstance(arithmetic_of("spots"), CompiledArithmetic)


def test_the_reference_kernel_counts_by_numpy_where_nothing_is_compiled(fresh, monkeypatch):
    monkeypatch.setattr(noise, "is_built", lambda _: False)
    assert arithmetic_of("reference") is BY_NUMPY


def test_without_a_compiler_any_kernel_counts_by_numpy(fresh, monkeypatch):
    monkeypatch.setattr(noise, "is_built", lambda _: False)
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert arithmetic_of("triton") is BY_NUMPY


@pytest.fixture
def fresh():
    """Nobody has asked before."""
    arithmetic_of.cache_clear()
    yield
    arithmetic_of.cache_clear()
