"""Every option does something: the experiment, or what is written beside it, is another."""

import pytest

from tiled_sim.read.nanobragg.options import OPTIONS
from tiled_sim.read.nanobragg.reader import Command

BASE = "-default_F 10 -cell 70 80 90 -N 5 -lambda 1 -oversample 1 -detpixels 64 -pixel 0.2"
SWEEP = "-hdivrange 1 -vdivrange 1 -dispersion 1 -hdivsteps 3 -vdivsteps 3 -dispsteps 3"
TURN = "-osc 1 -phisteps 4"
WET = "-water 5"
THICK = "-detector_thick 400 -detector_abs 500 -detector_thicksteps 3"
CUSTOM = "-beam_vector 1 0 0"
#: Of the base, what an option would contradict.
CONTRADICTED = {
    **dict.fromkeys(("-detsize", "-detsize_f", "-detsize_s"), "-detpixels 64"),
    **dict.fromkeys(("-xtal_size", "-xtal_x", "-xtal_y", "-xtal_z"), "-N 5"),
    **dict.fromkeys(("-mask", "-img"), "-detpixels 64 -pixel 0.2"),
    "-energy": "-lambda 1",
}
#: For each option what is said before it, and its values.
EFFECTS = {
    "-mat": ("", "A.mat"),
    "-cell": ("", "50 60 70 80 90 100"),
    "-hkl": ("", "p1.hkl"),
    "-default_F": ("", "20"),
    "-dump": ("-hkl p1.hkl", "new.bin"),
    "-mask": ("", "mask.img"),
    "-sourcefile": ("", "sources.txt"),
    "-img": ("", "mask.img"),
    "-water": ("", "5"),
    "-stol": (WET, "droplet.stol"),
    "-4stol": (WET, "droplet.stol"),
    "-Q": (WET, "droplet.stol"),
    "-density": (WET, "2"),
    "-MW": (WET, "40"),
    "-N": ("", "7"),
    "-Na": ("", "7"),
    "-Nb": ("", "7"),
    "-Nc": ("", "7"),
    "-xtal_size": ("", "0.0001"),
    "-xtal_x": ("", "0.0001"),
    "-xtal_y": ("", "0.0001"),
    "-xtal_z": ("", "0.0001"),
    "-square_xtal": ("-round_xtal", ""),
    "-round_xtal": ("", ""),
    "-gauss_xtal": ("", ""),
    "-tophat_spots": ("", ""),
    "-fudge": ("-gauss_xtal", "2"),
    "-mosaic": ("", "0.5"),
    "-mosaic_domains": ("-mosaic 0.5", "4"),
    "-mosaic_seed": ("-mosaic 0.5", "7"),
    "-misset": ("", "10 20 30"),
    "-misset_seed": ("-misset random", "7"),
    "-lambda": ("", "1.1"),
    "-energy": ("", "12000"),
    "-dispersion": ("-dispsteps 3", "2"),
    "-dispsteps": ("-dispersion 2", "5"),
    "-divergence": ("", "1"),
    "-hdivrange": (SWEEP, "2"),
    "-vdivrange": (SWEEP, "2"),
    "-hdivstep": ("-hdivrange 1", "0.2"),
    "-vdivstep": ("-vdivrange 1", "0.2"),
    "-hdivsteps": (SWEEP, "5"),
    "-vdivsteps": (SWEEP, "5"),
    "-divsteps": (SWEEP, "5"),
    "-round_div": ("-square_div " + SWEEP, ""),
    "-square_div": (SWEEP, ""),
    "-polar": ("", "0.9"),
    "-nopolar": ("", ""),
    "-fluence": ("", "1e20"),
    "-flux": ("", "1e12"),
    "-exposure": ("-flux 1e12", "2"),
    "-beamsize": ("-flux 1e12", "0.2"),
    "-pixel": ("", "0.1"),
    "-detpixels": ("", "32"),
    "-detpixels_f": ("", "32"),
    "-detpixels_s": ("", "32"),
    "-detsize": ("", "12.8"),
    "-detsize_f": ("", "12.8"),
    "-detsize_s": ("", "12.8"),
    "-distance": ("", "50"),
    "-close_distance": ("", "50"),
    "-Xbeam": ("", "5"),
    "-Ybeam": ("", "5"),
    "-Xclose": (CUSTOM, "5"),
    "-Yclose": (CUSTOM, "5"),
    "-ORGX": ("-xds", "5"),
    "-ORGY": ("-xds", "5"),
    "-twotheta": ("", "5"),
    "-detector_rotx": ("", "5"),
    "-detector_roty": ("", "5"),
    "-detector_rotz": ("", "5"),
    "-pivot": (CUSTOM + " -detector_rotz 5", "sample"),
    "-mosflm": ("-xds", ""),
    "-xds": ("", ""),
    "-adxv": ("", ""),
    "-denzo": ("", ""),
    "-dials": ("", ""),
    "-fdet_vector": ("", "0 0.1 1"),
    "-sdet_vector": ("", "0 -1 0.1"),
    "-odet_vector": ("-sdet_vector 0 -1 0", "0.8 0.6 0"),
    "-beam_vector": ("", "1 0.01 0"),
    "-polar_vector": ("", "0 1 0"),
    "-spindle_axis": ("", "0 1 0"),
    "-twotheta_axis": ("-twotheta 5", "0 0 1"),
    "-pix0_vector": ("", "0.1 0.01 -0.01"),
    "-pix0_vector_mm": ("", "100 10 -10"),
    "-curved_det": ("", ""),
    "-point_pixel": ("", ""),
    "-detector_abs": ("-detector_thick 400", "500"),
    "-detector_thick": ("", "400"),
    "-detector_thicksteps": (THICK, "5"),
    "-phi": ("", "5"),
    "-osc": ("", "5"),
    "-phistep": ("-osc 1", "0.1"),
    "-phisteps": ("-osc 1", "7"),
    "-oversample": ("", "3"),
    "-oversample_thick": (THICK, ""),
    "-oversample_polar": ("", ""),
    "-oversample_omega": ("", ""),
    "-roi": ("", "3 10 4 20"),
    "-dmin": ("", "3"),
    "-interpolate": ("-hkl p1.hkl", ""),
    "-nointerpolate": ("-hkl p1.hkl -interpolate", ""),
    "-floatfile": ("", "f.bin"),
    "-intfile": ("", "i.img"),
    "-pgmfile": ("", "i.pgm"),
    "-noisefile": ("", "n.img"),
    # they contradict what they take back
    "-nonoise": None,
    "-nopgm": None,
    "-scale": ("-intfile i.img", "7"),
    "-pgmscale": ("-pgmfile i.pgm", "7"),
    "-adc": ("-intfile i.img", "7"),
    "-seed": ("-noisefile n.img", "7"),
    # beside -printout_pixel it says nothing more: see the tests of what it is refused without
    "-printout": None,
    "-printout_pixel": ("", "3 4"),
    "-trace_pixel": ("", "3 4"),
    "-progress": ("", ""),
    "-noprogress": ("", ""),
}
OPTIONS_WITH_EFFECT = [name for name, effect in EFFECTS.items() if effect is not None]


def outcome(words):
    command = Command.of(words)
    return command.experiment().sha256, command.outputs


def test_every_option_that_is_honoured_is_looked_at():
    assert set(EFFECTS) == {option.name for option in OPTIONS if not option.inert}


@pytest.mark.parametrize("name", OPTIONS_WITH_EFFECT)
def test_an_option_has_an_effect(in_data, name):
    before, values = EFFECTS[name]
    without = f"{BASE} {before}".replace(CONTRADICTED.get(name, " "), " ").split()
    assert outcome([*without, name, *values.split()]) != outcome(without)
