"""A number of photons is never negative, whatever the geometry and whichever kernel computes it."""

import dataclasses
import functools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies import scenes
from strategies.numbers import finite
from support.graphs import eager_graph
from tiled_sim.kernels import compiled
from tiled_sim.kernels.spots import obstacle
from tiled_sim.model.crystal import SHAPES
from tiled_sim.model.detector import Sensor
from tiled_sim.model.settings import NEGLIGIBLE
from tiled_sim.model.structure_factors import Provenance, StructureFactors
from tiled_sim.physics.vectors import about_fixed_axes, as_tuple
from tiled_sim.read.nanobragg.reader import read_options

KERNELS = ("reference", "compiled", "spots")
PRECISIONS = {"compiled": ("float64", "mixed")}
LOW, GRID = (-6, -5, -7), (13, 12, 15)


@pytest.fixture(scope="module", autouse=True)
def _eager():
    """Graphs run as they stand; the compiler changes no sign."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "load", eager_graph)
        yield


@functools.cache
def factors():
    """Amplitudes of both signs, between which the interpolated F goes through 0."""
    amplitude = np.random.default_rng(20260102).uniform(-500.0, 500.0, GRID)
    provenance = Provenance("made here", "hkl", 1, "0" * 64, "electron", amplitude.size, 0, 0, ())
    return StructureFactors(amplitude, np.ones(GRID, bool), LOW, provenance)


#: Of any shape and size, seen by panels at any angle to the beam, K of both ends among them.
any_experiment = scenes.experiments(
    scenes.LAYOUTS,
    lambda domains: scenes.crystals(
        domains,
        SHAPES,
        300.0,
        st.integers(1, 20),
        lambda shape, edges, cells: st.just(1.0) | finite(1e-6, 1e3),
        skewed=True,
    ),
    lambda laboratory: scenes.panels(laboratory, math.pi, strange=True, oblong=True),
    curved=True,
    dmin=True,
    c_compat=True,
)
sensors = st.none() | st.builds(Sensor, finite(1e-9, 1e-2), finite(1e-6, 1.0), st.integers(1, 3))


def images(simulate, experiment, **options):
    """The image by every kernel of the CPU and in every precision, by name."""
    for kernel in KERNELS:
        if kernel == "spots" and obstacle(experiment):
            continue
        for precision in PRECISIONS.get(kernel, ("float64",)):
            chosen = {"kernel": kernel, "precision": precision, "negligible": NEGLIGIBLE}
            made = simulate(experiment, **chosen, **options)
            yield f"{kernel} {precision}", made.image


@settings(deadline=None, max_examples=100)
@given(
    experiment=any_experiment,
    kahn=st.sampled_from([None, -1.0, 0.0, 1.0]),
    sensor=sensors,
    per_term=st.booleans(),
    between=st.booleans(),
)
def test_no_kernel_makes_less_than_no_photons(
    simulate, experiment, kahn, sensor, per_term, between
):
    sampling = dataclasses.replace(experiment.sampling, interpolate=between)
    parts = {}
    if not experiment.c_compat:
        sampling = dataclasses.replace(sampling, oversample_polar=per_term)
        parts["detector"] = dataclasses.replace(experiment.detector, sensor=sensor)
    experiment = dataclasses.replace(
        experiment,
        beam=dataclasses.replace(experiment.beam, polarization=kahn),
        sampling=sampling,
        **parts,
    )
    brought = {"factors": factors()} if between and not experiment.c_compat else {}
    for name, image in images(simulate, experiment, **brought):
        assert (image >= 0.0).all(), name


ONE_PIXEL = (
    "-default_F 100 -cell 100 -N 1 -lambda 1 -oversample 1 -polar 1 -fluence 1e30 -pixel 2e-6 "
    "-detpixels 1"
)


@settings(deadline=None, max_examples=30)
@given(turned=finite(-180.0, 180.0), tilted=finite(-80.0, 80.0))
def test_light_that_no_electron_sends_along_its_field_is_not_negative(simulate, turned, tilted):
    # 2θ is 90° and ψ 0 or 90°, where Kahn's factor is 0 but for rounding
    turn = about_fixed_axes(*np.radians([turned, tilted, turned / 3.0]))
    field, beam, other = (as_tuple(axis) for axis in turn)
    for sign in (-1.0, 1.0):
        experiment = looking_along(as_tuple(sign * np.array(field)), beam, field, other)
        for name, image in images(simulate, experiment):
            assert (image >= 0.0).all(), name


def looking_along(normal, beam, field, other):
    """One small pixel in the direction ``normal`` from the sample, in light of one polarization."""
    base = read_options(ONE_PIXEL.split())
    ((panel,), beam_now) = (base.detector.panels, base.beam)
    spectrum = dataclasses.replace(beam_now.spectrum, incident=np.array([beam]))
    origin = tuple(float(x) for x in 0.1 * np.array(normal))
    placed = dataclasses.replace(
        panel, origin=origin, fast_axis=beam, slow_axis=other, normal=normal
    )
    return dataclasses.replace(
        base,
        beam=dataclasses.replace(
            beam_now, direction=beam, polarization_axis=field, spectrum=spectrum
        ),
        detector=dataclasses.replace(base.detector, panels=(placed,)),
    )


def test_the_background_is_not_negative_where_the_table_s_cubic_is(
    simulate, still, in_data, tmp_path
):
    # between its points F swings below 0
    table = tmp_path / "steep.stol"
    table.write_text("0 2\n0.05 0\n0.1 300\n0.15 0\n0.2 0\n5 0\n")
    experiment = still("-default_F", 1e-9, "-water", 50, "-stol", table, "-fluence", 1e24)
    image = simulate(experiment).image
    assert (image >= 0.0).all()
    assert image.max() > 0.0
