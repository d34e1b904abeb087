"""XDS.INP and .poni: where their own rules put the pixels of a run."""

import json
import re

import numpy as np
import pytest

from support.corners import corners_of
from support.panels import TOML
from support.small_camera import CENTRED, SCAN, experiment, exported, planned
from tiled_sim.export.recorded import record
from tiled_sim.model.experiment import Experiment

#: From the frame with z along the beam, y up, x left to XDS's, and to pyFAI's (1, 2, 3).
TO_XDS = np.diag([-1.0, -1.0, 1.0])
TO_PYFAI = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
CAMERAS = ["-xds -ORGX 20.3 -ORGY 11.7", f"-adxv {CENTRED}", "-dials", "-twotheta 12"]


def parameters(text):
    """Values of each parameter of XDS.INP, in their order."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("!"):
            for key, value in re.findall(r"([A-Z_'-]+)=([^=]*?)(?=\s+[A-Z_'-]+=|$)", line):
                found.setdefault(key, []).append(value.split())
    return found


def numbers(words):
    return np.array([float(word) for word in words])


def by_xds(told, x, y, segment=None):
    """Where the centre of a pixel stands by XDS's rules [mm]; pixels count from 1."""

    def value(key, place=0):
        return numbers(told[key][place])

    pixel = np.array([value("QX")[0], value("QY")[0]])
    axes = [value(f"DIRECTION_OF_DETECTOR_{axis}-AXIS") for axis in "XY"]
    detector = np.column_stack([*axes, np.cross(*axes)])
    on_detector = np.array([x * pixel[0], y * pixel[1], 0.0])
    if segment is not None:
        axes = [value(f"DIRECTION_OF_SEGMENT_{axis}-AXIS", segment) for axis in "XY"]
        org = [value(f"SEGMENT_ORG{axis}", segment)[0] for axis in "XY"]
        along = np.array([(x - org[0]) * pixel[0], (y - org[1]) * pixel[1], 0.0])
        along[2] = value("SEGMENT_DISTANCE", segment)[0]
        on_detector = np.column_stack([*axes, np.cross(*axes)]) @ along
    org = np.array([value("ORGX")[0] * pixel[0], value("ORGY")[0] * pixel[1], 0.0])
    return detector @ (on_detector - org + [0.0, 0.0, value("DETECTOR_DISTANCE")[0]])


def centre(panel, slow, fast):
    """Of a pixel, which counts from 0 [mm]."""
    return 1e3 * (
        np.array(panel.origin)
        + (slow + 0.5) * panel.pixel_size[0] * np.array(panel.slow_axis)
        + (fast + 0.5) * panel.pixel_size[1] * np.array(panel.fast_axis)
    )


@pytest.mark.parametrize("words", CAMERAS)
def test_xds_puts_the_pixels_of_a_panel_where_they_are(tmp_path, words):
    made = experiment(f"{words} {SCAN} -polar 0.9", frames=3)
    run = planned(made, tmp_path / "run.zarr")
    told = parameters(exported(run, tmp_path / "XDS.INP", "xds").read_text())
    (one,) = record(made, range(3))
    (panel,) = one.geometry.panels
    for slow, fast in ((0, 0), (39, 0), (7, 59)):
        due = TO_XDS @ centre(panel, slow, fast)
        np.testing.assert_allclose(by_xds(told, fast + 1, slow + 1), due, rtol=0, atol=1e-6)
    for key, vector in (
        ("ROTATION_AXIS", one.goniometer.axis),
        ("INCIDENT_BEAM_DIRECTION", (0, 0, 1)),
    ):
        np.testing.assert_allclose(numbers(told[key][0]), TO_XDS @ vector, rtol=0, atol=1e-9)
    assert numbers(told["STARTING_ANGLE"][0]) == pytest.approx([5.0])
    assert numbers(told["OSCILLATION_RANGE"][0]) == pytest.approx([0.5])
    assert told["DATA_RANGE"] == [["1", "3"]]
    assert numbers(told["X-RAY_WAVELENGTH"][0]) == pytest.approx([1.1])
    assert numbers(told["FRACTION_OF_POLARIZATION"][0]) == pytest.approx([0.95])


def test_xds_puts_the_pixels_of_every_segment_where_they_are(data, tmp_path):
    words = ["-default_F", "1", "-cell", "70", "80", "90", "90", "90", "90", "-N", "3"]
    made = Experiment.from_nanobragg(
        [*words, *SCAN.split()], geometry=str(data / "geometry/chips16.expt")
    )
    run = planned(made, tmp_path / "run.zarr")
    told = parameters(exported(run, tmp_path / "XDS.INP", "xds").read_text())
    (one,) = record(made, range(1))
    assert len(told["SEGMENT"]) == 16
    for number, panel in enumerate(one.geometry.panels):
        first_x, last_x, first_y, last_y = map(int, told["SEGMENT"][number])
        assert (last_y - first_y + 1, last_x - first_x + 1) == panel.pixels
        for slow, fast in ((0, 0), (255, 0), (17, 200)):
            found = by_xds(told, first_x + fast, first_y + slow, number)
            due = TO_XDS @ centre(panel, slow, fast)
            np.testing.assert_allclose(found, due, rtol=0, atol=1e-5)


def test_untrusted_rectangles_are_the_dead_pixels(tmp_path):
    run = planned(Experiment.from_toml(TOML), tmp_path / "run.zarr")
    text = exported(run, tmp_path / "XDS.INP", "xds", panels=[0, 3]).read_text()
    told = parameters(text)
    untrusted = np.zeros((100, 56), dtype=bool)
    for x1, x2, y1, y2 in (map(int, words) for words in told["UNTRUSTED_RECTANGLE"]):
        # pixels between the limits, counted from 1
        untrusted[y1 : y2 - 1, x1 : x2 - 1] = True
    due = np.ones((2, 50, 56), dtype=bool)
    due[0] = run.mask[0, :50, :56].values != 0
    due[1, :20, :48] = False
    np.testing.assert_array_equal(untrusted, due.reshape(100, 56))
    assert told["NX"] == [["56"]]
    assert told["NY"] == [["100"]]


def by_pyfai(told, slow, fast):
    """Where the centre of a pixel stands along pyFAI's axes 1, 2, 3 by its rules [mm]."""
    config = json.loads(told["Detector_config"])
    rows = config["max_shape"][0]
    place = {2: rows - (slow + 0.5), 3: slow + 0.5}[config["orientation"]]
    along = np.array(
        [
            place * config["pixel1"] - float(told["Poni1"]),
            (fast + 0.5) * config["pixel2"] - float(told["Poni2"]),
            float(told["Distance"]),
        ]
    )
    (c1, s1), (c2, s2), (c3, s3) = (
        (np.cos(angle), np.sin(angle)) for angle in (float(told[f"Rot{n}"]) for n in (1, 2, 3))
    )
    about_1 = np.array([[1, 0, 0], [0, c1, s1], [0, -s1, c1]])
    about_2 = np.array([[c2, 0, -s2], [0, 1, 0], [s2, 0, c2]])
    about_3 = np.array([[c3, -s3, 0], [s3, c3, 0], [0, 0, 1]])
    return 1e3 * about_3 @ about_2 @ about_1 @ along


@pytest.mark.parametrize("words", [*CAMERAS, "-detector_rotx 4 -detector_roty 9 -detector_rotz 70"])
def test_pyfai_puts_the_pixels_where_they_are(tmp_path, words):
    made = experiment(words)
    file = exported(planned(made, tmp_path / "run.zarr"), tmp_path / "a.poni", "poni")
    told = dict(line.split(": ", 1) for line in file.read_text().splitlines()[1:])
    (panel,) = record(made, range(1))[0].geometry.panels
    for slow, fast in ((0, 0), (39, 0), (7, 59)):
        due = TO_PYFAI @ centre(panel, slow, fast)
        np.testing.assert_allclose(by_pyfai(told, slow, fast), due, rtol=0, atol=1e-9)
    assert float(told["Wavelength"]) == pytest.approx(1.1e-10, rel=1e-12)
    assert np.isfinite(corners_of(panel)).all()


@pytest.mark.parametrize("words", CAMERAS)
def test_pyfai_itself_agrees(tmp_path, words):
    pyfai = pytest.importorskip("pyFAI")
    made = experiment(words)
    file = exported(planned(made, tmp_path / "run.zarr"), tmp_path / "a.poni", "poni")
    z, y, x = pyfai.load(str(file)).calc_pos_zyx(corners=False)
    (panel,) = record(made, range(1))[0].geometry.panels
    for slow, fast in ((0, 0), (39, 0), (7, 59)):
        found = 1e3 * np.array([y[slow, fast], x[slow, fast], z[slow, fast]])
        np.testing.assert_allclose(found, TO_PYFAI @ centre(panel, slow, fast), atol=1e-4)
