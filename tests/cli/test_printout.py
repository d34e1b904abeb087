"""The lines of ``-printout_pixel``: those that the C program printed."""

import pytest

from tiled_sim.cli.printout import printout_lines

#: -printout_pixel 50 41 of `STEPS` and the common still.
PRINTED = [
    "  50   41 : stol = 1.14705e+08 or 0.0114705",
    "at 0.1 0.00225 0.00045",
    "hkl= 0.509959 1.676844 0.422290  hkl0= 1 2 0",
    " F_cell=167.54  F_latt=-0.384292   I = 4225.72",
    "I/steps     2112.859142",
    "polar      0.9998583246",
    "omega   8.992896925e-06",
    "capfrac               1",
    "pixel     0.01899803244",
    "real-space cell vectors (Angstrom):",
    "     a           b           c         ",
    "X: 61.49681196 -28.05049261 34.01286031",
    "Y: 27.26265071 67.87307765  2.51376230",
    "Z: -19.36207620 31.72404757 83.28749206",
]
STEPS = "-phi 1 -osc 1 -phisteps 2 -polar 0.5"


def test_a_pixel_is_printed_as_by_the_c_program(still, simulate):
    experiment = still(*STEPS.split())
    made = simulate(experiment, holding=[(41, 50)], trace_pixels=((41, 50),))
    (trace,) = (
        trace.to_dict()
        for result in made.results
        for trace in result.traces
        if trace.pixel == (41, 50)
    )
    assert printout_lines(experiment, trace) == PRINTED


@pytest.mark.parametrize("convention", ["-xds", "-adxv", "-dials"])
def test_both_values_of_stol_agree_whatever_the_beam_s_direction(still, simulate, convention):
    experiment = still(convention)
    made = simulate(experiment, holding=[(41, 50)], trace_pixels=((41, 50),))
    trace = made.results[0].traces[-1].to_dict()
    first = printout_lines(experiment, trace)[0]
    per_metre, per_angstrom = (float(word) for word in first.split("=")[1].split(" or "))
    assert per_angstrom == pytest.approx(per_metre * 1e-10, rel=1e-5)
