"""What the header of an image says of the camera: held against headers of the C program."""

import pytest

from tiled_sim.io.camera import header_bytes
from tiled_sim.read.nanobragg.reader import Command

LINE = "-lambda 1.1 -detpixels 128 -pixel 0.2 "  # at 100 mm, the default
#: Of the lines of a header, those that the options decide.
KEYS = (
    *("DISTANCE", "CLOSE_DISTANCE", "BEAM_CENTER_X", "BEAM_CENTER_Y"),
    *("ADXV_CENTER_X", "ADXV_CENTER_Y", "MOSFLM_CENTER_X", "MOSFLM_CENTER_Y"),
    *("DENZO_X_BEAM", "DENZO_Y_BEAM", "DIALS_ORIGIN", "XDS_ORGX", "XDS_ORGY"),
    *("PHI", "OSC_START", "OSC_RANGE", "TWOTHETA"),
)
#: Options, and what the C program printed for these keys.
PRINTED = {
    "-mosflm": "100 100 12.9 12.9 13 12.6 12.9 12.9 13 13 -13,13,-100 65.5 65.5 0 0 0 0",
    "-xds": "100 100 12.8 12.8 12.8 12.8 12.7 12.7 12.8 12.8 100,-12.8,12.8 64.5 64.5 0 0 0 0",
    "-adxv": "100 100 12.9 12.7 12.9 12.7 12.8 12.8 12.9 12.9 100,12.9,12.9 65 65 0 0 0 0",
    "-denzo": "100 100 12.9 12.9 12.9 12.7 12.8 12.8 12.9 12.9 -12.9,12.9,-100 65 65 0 0 0 0",
    "-dials": "100 100 12.8 12.8 12.8 12.8 12.7 12.7 12.8 12.8 100,-12.8,12.8 64.5 64.5 0 0 0 0",
    "-Xbeam 11.1 -Ybeam 12.3": (
        "100 100 11.1 12.3 12.4 14.4 11.1 12.3 11.2 12.4 -12.4,11.2,-100 62.5 56.5 0 0 0 0"
    ),
    "-adxv -Xbeam 11.1 -Ybeam 12.3": (
        "100 100 11.1 12.3 11.1 12.3 13.2 11 13.3 11.1 100,13.3,11.1 56 67 0 0 0 0"
    ),
    "-denzo -Xbeam 11.1 -Ybeam 12.3": (
        "100 100 11.1 12.3 12.3 14.5 11 12.2 11.1 12.3 -12.3,11.1,-100 62 56 0 0 0 0"
    ),
    "-xds -ORGX 60.5 -ORGY 70.25": (
        "100 100 12 13.95 12 11.65 13.85 11.9 13.95 12 100,-13.95,12 60.5 70.25 0 0 0 0"
    ),
    "-fdet_vector 0 0 1 -twotheta_axis 0 0 -1 -Xbeam 12 -Ybeam 13": (
        "100 100 12 13 12 12.6 12.9 11.9 13 12 -12,13,-100 60.5 65.5 0 0 0 0"
    ),
    "-detector_rotx 3 -detector_roty 4 -detector_rotz 5 -twotheta 7": (
        "100.321 99.6956 12.9 12.9 13.0217 12.6124 12.8876 12.9217 12.9876 13.0217 "
        "-12.2718,13.6842,-99.6192 31.604 84.7501 0 0 0 7"
    ),
    "-xds -twotheta 12": (
        "100 100 12.8 12.8 12.8 -7.99117 33.4912 12.7 33.5912 12.8 95.1535,-33.3115,12.8 "
        "64.5 64.5 0 0 0 12"
    ),
    "-fdet_vector 0 0 1 -Xbeam 12 -Ybeam 13 -twotheta 5 -pivot sample": (
        "100 100 12 13 20.7156 12.6 12.9 20.6156 13 20.7156 -20.6699,13,-98.5736 60.5 65.5 0 0 0 5"
    ),
    "-phi 2.5 -osc 1 -phisteps 3": (
        "100 100 12.9 12.9 13 12.6 12.9 12.9 13 13 -13,13,-100 65.5 65.5 2.5 2.5 1 0"
    ),
}


def printed(line):
    text = header_bytes(Command.of((LINE + line).split()).camera).decode()
    return dict(word.split("=") for word in text.replace(";", "").split("\n") if "=" in word)


@pytest.mark.parametrize("line", PRINTED)
def test_a_header_says_what_that_of_the_c_program_says(line):
    found = printed(line)
    assert [found[key] for key in KEYS] == PRINTED[line].split()


def test_an_origin_given_as_such_gives_the_beam_centre():
    found = printed("-pix0_vector_mm 100 12 -13")
    assert (found["BEAM_CENTER_X"], found["BEAM_CENTER_Y"]) == ("13", "12")
    assert found["DIALS_ORIGIN"] == "-13,12,-100"
