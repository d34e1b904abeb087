"""What DIALS reads of exported images and experiment lists is the truth that was simulated."""

import dataclasses

import numpy as np
import pytest

from support.corners import corners_of
from support.panels import TOML
from support.small_camera import (
    CENTRED,
    CLOSEST,
    SCAN,
    complete,
    experiment,
    exported,
    planned,
    read_by_dxtbx,
    read_xds_by_dxtbx,
    require_dxtbx,
)
from tiled_sim.export.recorded import record
from tiled_sim.io.dials_detector import TO_Z_ALONG_BEAM
from tiled_sim.model.detector import Region
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.readout import Noise

pytestmark = pytest.mark.dials
ENDINGS = {"cbf": "*.cbf", "smv": "*.img"}
CAMERAS = {
    "mosflm": f"{CENTRED} {SCAN}",
    "denzo": f"-denzo {CENTRED} {SCAN}",
    "xds": f"-xds {CLOSEST} {SCAN}",
    "still": f"-dials {CLOSEST}",
    "off the panel": "-Xbeam -30 -Ybeam 4.77",
}


@pytest.fixture(autouse=True)
def _dxtbx():
    require_dxtbx()


@pytest.fixture(scope="module", params=CAMERAS)
def run(request, tmp_path_factory):
    frames = 3 if SCAN in CAMERAS[request.param] else 1
    made = experiment(CAMERAS[request.param], frames=frames, noise=Noise(gain=2.0, offset=10.0))
    (panel,) = made.detector.panels
    panels = (dataclasses.replace(panel, region=Region(2, 40, 0, 55)),)
    made = dataclasses.replace(made, detector=dataclasses.replace(made.detector, panels=panels))
    return complete(made, tmp_path_factory.mktemp("run") / "run.zarr")


@pytest.mark.parametrize("by", ["header", "list"])
@pytest.mark.parametrize("to", ENDINGS)
def test_images_are_what_was_simulated(run, tmp_path, to, by):
    folder = exported(run, tmp_path / "scan", to)
    names = sorted(folder.glob(ENDINGS[to])) if by == "header" else [folder / "scan.expt"]
    (told,), pixels, live = read_by_dxtbx(names, tmp_path)
    dead = run.mask[0].values != 0
    frames = len(run.experiment.exposures)
    assert len(pixels) == frames
    for frame in range(frames):
        due = np.where(dead, -2 if to == "cbf" else 0, run.counts[frame, 0].values)
        np.testing.assert_array_equal(pixels[frame], due)
    if to == "cbf" or by == "list":
        np.testing.assert_array_equal(live[0], ~dead)
    (one, *_) = record(run.experiment, range(frames))
    (panel,), (found,) = one.geometry.panels, told["panels"]
    origin, side = np.array(panel.origin), panel.pixel_size[0]
    beam = [-origin @ panel.fast_axis / side, -origin @ panel.slow_axis / side]
    assert found["beam"] == pytest.approx(beam, abs=0.01)
    assert found["distance"] == pytest.approx(origin[2] * 1e3, abs=1e-6)
    assert told["wavelength"] == pytest.approx(1.1, abs=1e-9)
    if to == "smv" or by == "list":
        assert (found["gain"], found["pedestal"]) == (2.0, 10.0)
    if one.scan is not None:
        np.testing.assert_allclose(
            told["axis"], TO_Z_ALONG_BEAM @ np.array(one.goniometer.axis), atol=1e-9
        )
        assert told["oscillation"] == pytest.approx([5.0, 0.5], abs=1e-9)
        assert told["images"] == [1, 3]


def test_pixels_of_a_cbf_need_not_be_square(tmp_path):
    made = experiment(CENTRED)
    (panel,) = made.detector.panels
    panels = (dataclasses.replace(panel, pixel_size=(2e-4, 1e-4)),)
    made = dataclasses.replace(made, detector=dataclasses.replace(made.detector, panels=panels))
    run = complete(made, tmp_path / "run.zarr")
    file = exported(run, tmp_path / "a_1.cbf", "cbf")
    (told,), _, _ = read_by_dxtbx([file], tmp_path)
    (panel,) = record(made, range(1))[0].geometry.panels
    np.testing.assert_allclose(
        told["panels"][0]["corners"], corners_of(panel) @ TO_Z_ALONG_BEAM, rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("of", ["panels", "chips", "swung"])
def test_corners_crystal_and_axis_of_a_list_are_what_was_simulated(data, tmp_path, of):
    if of == "panels":
        made = Experiment.from_toml(TOML)
    elif of == "chips":
        words = ["-default_F", "1", "-cell", "70", "80", "90", "75", "85", "95", "-N", "3"]
        made = Experiment.from_nanobragg(words, geometry=str(data / "geometry/chips16.expt"))
    else:
        made = experiment(f"-twotheta 12 -detector_rotx 3 {SCAN} -spindle_axis 0.6 0 0.8")
    run = planned(made, tmp_path / "run.zarr")
    file = exported(run, tmp_path / "a.expt", "expt")
    (told,), _, _ = read_by_dxtbx([file], tmp_path, images=False)
    (one,) = record(made, range(len(made.exposures)))
    for found, panel in zip(told["panels"], one.geometry.panels, strict=True):
        due = corners_of(panel) @ TO_Z_ALONG_BEAM
        np.testing.assert_allclose(found["corners"], due, rtol=0, atol=1e-6)
    due = (one.crystal.reciprocal_vectors @ TO_Z_ALONG_BEAM).T
    np.testing.assert_allclose(np.reshape(told["A"], (3, 3)), due, rtol=0, atol=1e-9)
    np.testing.assert_allclose(told["to_source"], (0, 0, 1), rtol=0, atol=1e-9)
    if of != "chips":
        axis = TO_Z_ALONG_BEAM @ np.array(one.goniometer.axis)
        np.testing.assert_allclose(told["axis"], axis, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "words", [CENTRED, f"-xds {CLOSEST}", f"-dials {CLOSEST}", f"-adxv {CENTRED}", "-twotheta 12"]
)
def test_an_xds_input_puts_panel_and_axis_where_they_were(tmp_path, words):
    made = experiment(f"{words} {SCAN}")
    file = exported(planned(made, tmp_path / "run.zarr"), tmp_path / "XDS.INP", "xds")
    told = read_xds_by_dxtbx(file)
    (one,) = record(made, range(1))
    axis = TO_Z_ALONG_BEAM @ np.array(one.goniometer.axis)
    turn = np.array([axis, np.cross((0, 0, 1), axis), (0, 0, 1)])
    due = corners_of(one.geometry.panels[0]) @ TO_Z_ALONG_BEAM @ turn.T
    np.testing.assert_allclose(told["corners"], due, rtol=0, atol=1e-6)
    np.testing.assert_allclose(told["axis"], (1, 0, 0), rtol=0, atol=1e-9)
    assert told["oscillation"] == pytest.approx([5.0, 0.5])
    assert told["wavelength"] == pytest.approx(1.1)
