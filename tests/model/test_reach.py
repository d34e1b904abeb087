"""The finest spacing that a detector sees, which F of a model are calculated for by default."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tiled_sim.model.experiment import Experiment
from tiled_sim.model.reach import finest_spacing
from tiled_sim.plan.coverage import measure_coverage
from tiled_sim.read.inputs import load_inputs

WITHOUT_F = "-cell 70 80 90 90 90 90 -lambda 1 -N 30 -distance 100 -detpixels 200 -pixel 0.5"
STILL = f"{WITHOUT_F} -default_F 1"
HALF_A_NODE = 0.5 * math.sqrt(1 / 70**2 + 1 / 80**2 + 1 / 90**2)


def spacing(words=STILL, more="", **own):
    experiment = Experiment.from_nanobragg(f"{words} {more}".split(), **own)
    return finest_spacing(experiment)


def by_hand(angle, wavelength=1.0, around=HALF_A_NODE):
    return 1.0 / (2.0 * math.sin(angle / 2.0) / wavelength + around)


def farthest(half_slow, half_fast, distance=0.1):
    return math.atan(math.hypot(half_slow, half_fast) / distance)


def test_it_is_that_of_the_farthest_corner_and_the_nodes_around_it():
    # MOSFLM's beam centre is half a pixel beside the middle, along both sides
    assert spacing() == pytest.approx(by_hand(farthest(0.0505, 0.0505)), abs=2e-4)


@pytest.mark.parametrize("more", ["", "-twotheta 40", "-distance 40", "-curved_det"])
def test_every_reflection_in_reach_lies_within_it(data, more):
    experiment = Experiment.from_nanobragg(
        f"{WITHOUT_F} -nointerpolate {more}".split(),
        model=data / "2erl.pdb",
        model_dmin=20.0,
        ignore_file_cell=True,
    )
    # whatever F are, coverage tells which nodes the pixels look up
    inputs = load_inputs(experiment)
    wide = np.ones((161, 161, 161))
    factors = replace(
        inputs.factors, amplitude=wide, given=wide > 0, minimum=(-80, -80, -80), absences=None
    )
    nodes = np.argwhere(factors.given) + factors.minimum
    d = 1.0 / np.maximum(
        np.linalg.norm(nodes @ experiment.crystal.reciprocal_vectors, axis=1), 1e-9
    )
    dmin = spacing(WITHOUT_F + " -default_F 1", more)
    factors = replace(factors, given=(d >= dmin).reshape(wide.shape))
    met = measure_coverage(experiment, factors, inputs.mask)
    assert met.reflections > 1000
    assert met.missing == 0


def test_shorter_wavelengths_and_divergence_make_it_finer():
    assert spacing(more="-dispersion 10 -dispsteps 3") == pytest.approx(
        by_hand(farthest(0.0505, 0.0505), 0.95), abs=2e-4
    )
    assert spacing(more="-hdivrange 20 -hdivsteps 3") < spacing()


def test_a_resolution_that_is_cut_makes_it_coarser():
    assert spacing(more="-dmin 4") == pytest.approx(1 / (0.25 + HALF_A_NODE), abs=2e-4)


def test_the_frame_that_reaches_furthest_counts(tmp_path):
    table = tmp_path / "shots.csv"
    table.write_text("wavelength_A,shift_x_mm\n1.0,0\n0.9,0\n1.0,-30\n")
    shots = {"shots": table, "random_shots": None}
    assert spacing(**shots) == pytest.approx(by_hand(farthest(0.0505, 0.0505, 0.07)), abs=2e-4)


def test_interpolation_looks_two_nodes_further(data):
    far = Experiment.from_nanobragg(
        f"{WITHOUT_F} -interpolate".split(), model=data / "2erl.pdb", ignore_file_cell=True
    )
    expected = by_hand(farthest(0.0505, 0.0505), around=4 * HALF_A_NODE)
    assert far.structure_factors.calculation.dmin == pytest.approx(expected, abs=2e-4)


def test_beyond_a_right_angle_it_is_half_the_wavelength():
    assert spacing(more="-twotheta 80 -xds") == pytest.approx(1 / (2.0 + HALF_A_NODE), abs=2e-4)


def test_it_is_never_finer_than_a_model_is_asked_for():
    assert spacing(more="-lambda 0.1 -twotheta 80 -xds") == 0.2
