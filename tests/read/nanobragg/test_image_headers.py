"""Geometry from headers of images: what is missing, impossible or likely in another unit."""

import numpy as np
import pytest

from tiled_sim.errors import InputFileError
from tiled_sim.read.nanobragg.reader import read_options

LINE = "-default_F 100 -cell 100 -lambda 1 -N 5 -oversample 1 "
CAMERA = {
    "PIXEL_SIZE": 0.2,
    "DISTANCE": 100,
    "WAVELENGTH": 1.5,
    "BEAM_CENTER_X": 6.4,
    "BEAM_CENTER_Y": 6.2,
}
SIDE = 64


def smv(**header):
    keys = {"HEADER_BYTES": 512, "DIM": 2, "SIZE1": SIDE, "SIZE2": SIDE, **CAMERA, **header}
    lines = "".join(f"{key}={word};\n" for key, word in keys.items() if word is not None)
    pixels = np.ones((SIDE, SIDE), "<u2")
    pixels[:, :8] = 0
    return ("{\n" + lines + "}\f").ljust(512).encode() + pixels.tobytes()


@pytest.fixture
def masked(tmp_path, monkeypatch):
    """Read a command line with a mask of the given header."""
    monkeypatch.chdir(tmp_path)

    def read(line="", c_compat=False, **header):
        (tmp_path / "m.img").write_bytes(smv(**header))
        words = (LINE.replace("-lambda 1 ", "") + f"-mask m.img {line}").split()
        return read_options(words, c_compat=c_compat)

    return read


def notes(experiment):
    return "\n".join(experiment.notes)


def origin(experiment):
    """Corner of pixel (0, 0) [mm]."""
    return [round(1000 * one, 9) for one in experiment.detector.panels[0].origin]


# Missing


def test_a_whole_header_needs_no_note(masked):
    assert "m.img" not in notes(masked())


@pytest.mark.parametrize(
    ("header", "option", "words"),
    [
        ({"DISTANCE": None}, "-distance 100", "no DISTANCE: the default, 100 mm; -distance"),
        ({"PIXEL_SIZE": None}, "-pixel 0.1", "no PIXEL_SIZE: the default, 0.1 mm; -pixel gives"),
        ({"WAVELENGTH": None}, "-lambda 1", "no WAVELENGTH: the default, 1 Å; -lambda gives"),
        (
            {"BEAM_CENTER_X": None, "BEAM_CENTER_Y": None},
            "-Xbeam 6.5 -Ybeam 6.5",
            "no beam centre X and Y in the MOSFLM convention: the default, the middle of the panel",
        ),
        (
            {"BEAM_CENTER_Y": None},
            "-Ybeam 6.5",
            "no beam centre Y in the MOSFLM convention: the default, the middle of the panel; -Yb",
        ),
    ],
)
def test_what_a_header_does_not_say_is_a_note_unless_an_option_does(masked, header, option, words):
    assert f"-mask m.img says {words}" in notes(masked(**header))
    assert "m.img says no" not in notes(masked(option, **header))


@pytest.mark.parametrize(
    ("key", "line"), [("DISTANCE", "-close_distance 100"), ("WAVELENGTH", "-energy 12398.42")]
)
def test_another_way_to_say_it_needs_no_note_either(masked, key, line):
    assert "says no" not in notes(masked(line, **{key: None}))


def test_a_centre_of_another_convention_is_missed(masked):
    assert "m.img says no beam centre X and Y in the XDS convention" in notes(masked("-xds"))


def test_an_image_of_no_geometry_is_told_with_the_defaults(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mask = np.ones((SIDE, SIDE), bool)
    mask[3] = False
    np.savez("m.npz", mask=mask)
    experiment = read_options((LINE + "-mask m.npz").split())
    assert experiment.detector.pixels == (SIDE, SIDE)
    assert "-mask m.npz says no DISTANCE: the default, 100 mm" in notes(experiment)


# Impossible


@pytest.mark.parametrize("key", ["DISTANCE", "CLOSE_DISTANCE", "PIXEL_SIZE", "WAVELENGTH"])
@pytest.mark.parametrize("value", ["0", "-100.0"])
@pytest.mark.parametrize("c_compat", [False, True])
def test_what_must_be_positive_is_blamed_on_its_line(masked, key, value, c_compat):
    with pytest.raises(InputFileError, match=rf"m\.img, header line \d+: {key}={value} must be p"):
        masked(c_compat=c_compat, **{key: value})


@pytest.mark.parametrize("key", ["DISTANCE", "PIXEL_SIZE", "WAVELENGTH", "BEAM_CENTER_X"])
@pytest.mark.parametrize("value", ["", "nan", "100.0 mm", "far"])
def test_what_is_garbled_is_blamed_on_its_line(masked, key, value):
    with pytest.raises(InputFileError, match=rf"m\.img, header line \d+: {key}={value} "):
        masked(**{key: value})


def test_an_option_stands_in_for_a_garbled_line(masked):
    assert origin(masked("-distance 150", DISTANCE="far"))[0] == 150


# In another unit


def test_a_centre_in_pixels_is_a_note_with_both_readings(masked):
    note = notes(masked(BEAM_CENTER_X=32, BEAM_CENTER_Y=31))
    assert "misses the panel of 12.8 x 12.8 mm (fast x slow) by 19.3 mm: X 32, Y 31 are" in note
    assert "if they are pixels, give -Xbeam 6.4 -Ybeam 6.2, which is on the panel" in note
    assert "m.img, header line 9: BEAM_CENTER_X=32" in note


def test_a_centre_in_pixels_of_an_option_is_one_too(masked):
    note = notes(masked("-Xbeam 32 -Ybeam 31"))
    assert (
        "if they are pixels, give -Xbeam 6.4 -Ybeam 6.2, which is on the panel (-Xbeam -Y" in note
    )


def test_a_centre_beyond_the_panel_by_more_than_its_width_is_a_note_in_any_unit(masked):
    note = notes(masked(BEAM_CENTER_X=-500, BEAM_CENTER_Y=6.4))
    assert "by 499.9 mm" in note
    assert "give -Xbeam -100 -Ybeam 1.28, which is off the panel, too" in note


def test_a_centre_just_off_the_panel_that_fits_as_pixels_is_a_note(masked):
    assert "misses the panel" in notes(masked(BEAM_CENTER_X=13))


@pytest.mark.parametrize(
    ("line", "header"),
    [
        ("", {"BEAM_CENTER_X": -5}),  # near the panel, and off it in either unit
        ("-Xbeam 6 -Ybeam 6", {"BEAM_CENTER_X": 32, "BEAM_CENTER_Y": 32}),
        ("-pix0_vector 0.1 0 0", {"BEAM_CENTER_X": 32, "BEAM_CENTER_Y": 32}),
    ],
)
def test_a_centre_that_may_well_be_meant_or_does_not_count_is_none(masked, line, header):
    assert "misses the panel" not in notes(masked(line, **header))


def test_the_note_changes_nothing(masked):
    assert origin(masked(BEAM_CENTER_X=32, BEAM_CENTER_Y=31)) == [100, 32.1, -31.1]


def test_an_origin_of_xds_off_the_panel_is_a_note(masked):
    assert "misses the panel" in notes(masked("-xds", XDS_ORGX=500, XDS_ORGY=32))
    assert "misses the panel" not in notes(masked("-xds", XDS_ORGX=32, XDS_ORGY=32))


def test_lengths_in_metres_are_a_note(masked):
    assert "PIXEL_SIZE=0.0002 is taken as 0.0002 mm; if it is in metres, give -pixel 0.2" in notes(
        masked(PIXEL_SIZE=0.0002)
    )
    assert "DISTANCE=0.1 is taken as 0.1 mm; if it is in metres, give -distance 100" in notes(
        masked(DISTANCE=0.1)
    )


def test_a_centre_of_nothing_is_a_note(masked):
    assert "BEAM_CENTER_X=0, and so is Y: the beam is at the panel's corner" in notes(
        masked(BEAM_CENTER_X=0, BEAM_CENTER_Y=0)
    )


def test_a_mask_that_is_mostly_dead_is_a_note(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mask = np.zeros((SIDE, SIDE), bool)
    mask[:8] = True
    np.savez("m.npz", mask=mask)
    experiment = read_options((LINE + "-mask m.npz").split())
    assert "the mask m.npz: 3584 of 4096 pixels are dead, more than half" in notes(experiment)


# Headers of CBF

CBF = """# Pixel_size 200e-6 m x 200e-6 m
# Wavelength 1.5 A
# Detector_distance 0.15 m
# Beam_xy (30.00, 33.00) pixels
# Start_angle 12.5 deg.
# Angle_increment 0.5 deg."""


@pytest.fixture
def cbf(tmp_path, monkeypatch):
    """A CBF with a camera and gaps in its first 8 columns."""
    cbfimage = pytest.importorskip("fabio.cbfimage")
    monkeypatch.chdir(tmp_path)
    pixels = np.full((SIDE, SIDE), 3, np.int32)
    pixels[:, :8] = -1
    cbfimage.CbfImage(data=pixels).write("m.cbf")
    content = (tmp_path / "m.cbf").read_bytes()
    at = content.index(b"--CIF-BINARY")
    (tmp_path / "m.cbf").write_bytes(content[:at] + CBF.encode() + b"\r\n" + content[at:])
    return tmp_path / "m.cbf"


def by_header(option, convention):
    return read_options(f"-default_F 100 -cell 100 -N 5 {option} m.cbf {convention}".split())


#: The same beam, 30 pixels along fast and 33 along slow, as each convention counts it.
SPOTS = {
    "-mosflm": "-Xbeam 6.5 -Ybeam 5.9",
    "-denzo": "-Xbeam 6.6 -Ybeam 6",
    "-adxv": "-Xbeam 6 -Ybeam 6.2",
    "-xds": "-ORGX 30.5 -ORGY 33.5",
    "-dials": "-ORGX 30.5 -ORGY 33.5",
    "-spindle_axis 0 0 1": "-Xbeam 6 -Ybeam 6.6",
}


@pytest.mark.parametrize("convention", SPOTS)
@pytest.mark.parametrize("option", ["-mask", "-img"])
def test_a_header_of_cbf_gives_the_geometry_in_any_convention(cbf, option, convention):
    found = by_header(option, convention)
    detector = "-detpixels 64 -pixel 0.2 -distance 150 -lambda 1.5 -phi 12.5 -osc 0.5"
    words = f"-default_F 100 -cell 100 -N 5 {detector} {convention} {SPOTS[convention]}"
    meant = read_options(words.split())
    assert origin(found) == pytest.approx(origin(meant), abs=1e-9)
    assert found.beam.wavelength == meant.beam.wavelength
    assert found.exposures == meant.exposures
    assert found.detector.pixel_size == pytest.approx(meant.detector.pixel_size)
    assert "says no" not in notes(found)


def test_an_option_beats_the_header_of_a_cbf(cbf):
    assert origin(by_header("-mask", "-distance 120 -Xbeam 6.4 -Ybeam 6.4")) == [120, 6.5, -6.5]


def test_the_cbf_of_an_image_beats_the_smv_of_a_mask(cbf, tmp_path):
    (tmp_path / "m.img").write_bytes(smv())
    found = by_header("-mask m.img -img", "")
    assert origin(found) == origin(by_header("-img", ""))


def test_the_gaps_of_a_cbf_are_dead_only_as_a_mask(cbf):
    assert by_header("-mask", "").detector.panels[0].mask.path == "m.cbf"
    assert by_header("-img", "").detector.panels[0].mask is None


def test_geometry_is_not_read_from_other_formats(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("m.npz", mask=np.ones((SIDE, SIDE), bool))
    with pytest.raises(InputFileError, match=r"m\.npz: geometry is read from the headers of SMV"):
        read_options((LINE + "-img m.npz").split())


@pytest.mark.parametrize("key", ["DISTANCE", "PIXEL_SIZE", "BEAM_CENTER_X", "WAVELENGTH"])
def test_a_number_that_no_camera_has_is_blamed_on_its_line(masked, key):
    with pytest.raises(InputFileError, match=rf"header line \d+: {key}=1e308 is more than any"):
        masked(**{key: "1e308"})


def test_a_pixel_in_micrometres_is_noted_in_both_readings(masked):
    notes = "\n".join(masked(PIXEL_SIZE=172).notes)
    assert "pixels of 172 mm are larger than any detector has" in notes
    assert "if they were given in µm, they are of 0.172 mm" in notes
