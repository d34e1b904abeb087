"""Options whose values can hardly be meant: what is said of each."""

import pytest

from tiled_sim.errors import TiledSimError
from tiled_sim.model.experiment import Experiment

STILL = (
    "-default_F 100 -cell 100 -lambda 1 -N 5 -oversample 1 -distance 100 -detpixels 32 -pixel 0.4 "
)


def read(options, **how):
    return Experiment.from_nanobragg((STILL + options).split(), **how)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("-lambda 1e-10", r"is it in metres\? 1 Å, then"),
        ("-lambda 12398", r"is it an energy\? -energy 12398 \(eV\), then"),
        ("-energy 12.398", r"is it in keV\? -energy 12398, then"),
        ("-N 1e9", "-N 1000000000 cells along a are more than the 100000000"),
        ("-N 1_0", "'1_0' is not a number"),
        ("-N ٣", "'٣' is not a number"),
        ("-N 2.5", r"not a whole number \(the C program takes 2\)"),
        ("-pixel 1e-308", "-pixel 1e-308 mm must lie between 1e-06 and 10000 mm"),
        ("-detpixels 1e9", "-detpixels 1000000000: 1000000000 pixels along slow"),
        ("-oversample 1e308", "-oversample: '1e308' is more than 9223372036854775807"),
        ("-oversample 10000", "100000000 subpixels .* 3162 along each side are allowed"),
        ("-divergence 1 -divsteps 1000000000", "make 1000000000000000000 sources, more than"),
        ("-divergence 1e308", "-divergence: '1e308' is more than any experiment has, 10000 mrad"),
        ("-dispersion 300", "-dispersion 300 % is the full spread, from wavelength -0.5 Å on"),
        ("-osc -1", "-osc -1 must not be negative: .*reverse -spindle_axis"),
        ("-cell 100 100 100 90 90 181", "gamma = 181° must lie between 0 and 180°"),
        ("-cell 1e-8", "a = 1e-08 Å must lie between 0.1"),
        ("-xtal_x 1e8", r"-xtal_x 1e\+08 mm are 10000000000000 cells along a, more than"),
        ("-polar 2", r"beam.polarization = 2.0 must lie between -1 and 1 \(-polar\)"),
        ("-detector_thick 9 -detector_abs 9 -detector_thicksteps 1e9", "more than the 10000"),
        (
            "-exposure 1 -flux 1e12 -beamsize 1e-308",
            "fluence = inf must be finite .*-beamsize",
        ),
    ],
)
@pytest.mark.parametrize("how", [{}, {"c_compat": True}], ids=["right", "as C"])
def test_what_makes_no_sense_is_refused_with_what_is_likely_meant(options, said, how):
    if how and options in ("-N 2.5", "-osc -1"):
        read(options, **how)  # C reads them
        return
    with pytest.raises(TiledSimError, match=said):
        read(options, **how)


@pytest.mark.parametrize(
    ("options", "note"),
    [
        ("-N 0", "-N 0: 1 cell is taken, as in C"),
        ("-xtal_size 0", "-xtal_size 0: it counts as not given, as in C"),
        ("-flux 0", "-flux 0: it counts as not given, and -fluence is taken, as in C"),
        ("-mosaic 0 -mosaic_domains 50", "1 mosaic domain, not 50: the mosaic spread is 0"),
        ("-osc 0 -phisteps 5", "phi: 5 steps at the same angle make the image of one"),
        ("-fluence 0", "the fluence is 0, so the image is empty"),
        ("-roi 0 31 0 32", "-roi 0 31 0 32 (first and last pixel along fast, then slow) does not"),
        ("-dmin 100", "no reflection is as coarse as dmin, 100 Å (the coarsest has 100 Å)"),
        ("-cell 3 -lambda 7", "a wavelength of 7 Å reaches no reflection (the coarsest has 3 Å"),
        ("-cell 100 0 100", "b is a, as in C"),
    ],
)
def test_what_is_computed_and_hardly_meant_is_told(options, note):
    notes = read(options).notes
    assert any(note in told for told in notes), notes


def test_of_what_is_meant_nothing_is_told():
    told = ("counts as", "is taken", "is empty", "same angle", "as coarse", "reaches no", "-roi")
    notes = read("-osc 1 -phisteps 5 -dmin 2 -mosaic 1 -mosaic_domains 3 -roi 0 31 0 31").notes
    assert not [note for note in notes for part in told if part in note]


def test_as_c_a_count_is_cut_off_and_told():
    experiment = read("-N 2.5", c_compat=True)
    assert experiment.crystal.cells == (2, 2, 2)
    assert "as C: -N 2.5 is read as 2" in experiment.notes


def test_weights_that_cannot_be_added_are_refused(tmp_path):
    (tmp_path / "s.txt").write_text("-10 0 0 1e308 1e-10\n-10 0 0 1e308 1e-10\n")
    with pytest.raises(TiledSimError, match=r"source\.weight = 1e\+308 is more than 1e\+30"):
        read(f"-sourcefile {tmp_path / 's.txt'}")
