"""Experiment lists and geometry files of a run, read back by our own readers."""

import dataclasses

import numpy as np
import pytest

from support.corners import corners_of
from support.panels import TOML
from support.small_camera import CAMERA, CENTRED, CLOSEST, SCAN, experiment, exported, planned
from tiled_sim.errors import UsageError
from tiled_sim.export.crystfel_geometry import _distinct
from tiled_sim.export.exporting import export_run
from tiled_sim.export.recorded import record
from tiled_sim.io.dials_experiments import read_experiments
from tiled_sim.model.detector import Sensor
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Listed
from tiled_sim.model.readout import Noise
from tiled_sim.physics.vectors import about_axis
from tiled_sim.read.geometry import read_geometry

#: Geometries of options; and the options that name the lab in which a file of them is read again.
GEOMETRIES = {
    "mosflm": (CENTRED, "-mosflm"),
    "denzo": (f"-denzo {CENTRED}", "-denzo"),
    "adxv": (f"-adxv {CENTRED}", "-adxv"),
    "xds": (f"-xds {CLOSEST}", "-xds"),
    "dials": (f"-dials {CLOSEST}", "-dials"),
    "swung": ("-twotheta 12 -detector_rotx 3 -detector_rotz 20", "-mosflm"),
    "off the panel": ("-Xbeam -30 -Ybeam 4.77", "-mosflm"),
}
#: A detector of many panels in groups, and one of panels of all kinds.
FILES = ("geometry/chips16.geom", "geometry/chips16.expt", "panels.toml")
CRYSTAL = ["-default_F", "100", "-cell", "70", "80", "90", "90", "90", "90", "-N", "5"]


@pytest.fixture(scope="module", params=[*GEOMETRIES, *FILES])
def geometry(request, data, tmp_path_factory):
    """Words that name the lab, None for a TOML file; a run that is planned, and its files."""
    lab = "-mosflm"
    if request.param in GEOMETRIES:
        words, lab = GEOMETRIES[request.param]
        made = experiment(words)
    elif request.param == "panels.toml":
        made, lab = Experiment.from_toml(TOML), None
    else:
        made = Experiment.from_nanobragg(CRYSTAL, geometry=str(data / request.param))
    folder = tmp_path_factory.mktemp("geometry")
    run = planned(made, folder / "run.zarr")
    return lab, made, {to: exported(run, folder / f"a.{to}", to) for to in ("expt", "geom")}


@pytest.mark.parametrize("to", ["expt", "geom"])
def test_corners_come_back(geometry, to):
    _, made, files = geometry
    read = read_geometry(str(files[to]))
    (recorded, *_) = record(made, range(1))
    for found, due in zip(read.panels, recorded.geometry.panels, strict=True):
        np.testing.assert_allclose(corners_of(found), corners_of(due), rtol=0, atol=1e-6)
        assert found.pixels == due.pixels
        assert found.pixel_size == pytest.approx(due.pixel_size, rel=1e-12)
        assert found.group == due.group
    assert read.light.wavelength == pytest.approx((made.beam.wavelength,), rel=1e-9)


@pytest.mark.parametrize("to", ["expt", "geom"])
def test_a_run_of_the_file_has_the_panels_where_they_were(geometry, to):
    """Out of the lab of each convention into the frame of files, and back."""
    lab, made, files = geometry
    if lab is None:
        pytest.skip("its lab is that of no convention")
    again = Experiment.from_nanobragg([*CRYSTAL, lab], geometry=str(files[to]))
    for found, due in zip(again.detector.panels, made.detector.panels, strict=True):
        np.testing.assert_allclose(corners_of(found), corners_of(due), rtol=0, atol=1e-6)


@pytest.mark.parametrize("to", ["expt", "geom"])
def test_dead_pixels_come_back(tmp_path, to):
    run = planned(Experiment.from_toml(TOML), tmp_path / "run.zarr")
    read = read_geometry(str(exported(run, tmp_path / f"a.{to}", to)))
    for number, (panel, dead) in enumerate(zip(read.panels, read.dead, strict=True)):
        slow, fast = panel.pixels
        mask = run.mask[number, :slow, :fast].values != 0
        np.testing.assert_array_equal(np.zeros_like(mask) if dead is None else dead, mask)
        assert mask.any() == (panel.name == "left")


@pytest.mark.parametrize("words", ["", "-xds", "-spindle_axis 0.6 0 0.8", "backwards"])
def test_the_crystal_stands_in_every_frame_as_it_is_recorded(tmp_path, words):
    made = experiment(f"{SCAN} {words.removesuffix('backwards')}", frames=4)
    if words == "backwards":
        turning = made.exposures
        back = dataclasses.replace(turning, step=-turning.step, oscillation=-turning.oscillation)
        made = dataclasses.replace(made, exposures=back)
    run = planned(made, tmp_path / "run.zarr")
    (found,) = read_experiments(exported(run, tmp_path / "a.expt", "expt", frames=(1, 3)))
    assert (found.scan.first_image, found.scan.count) == (2, 2)
    assert found.scan.width == pytest.approx(abs(made.exposures.oscillation), rel=1e-12)
    still = dataclasses.replace(made.exposures, start=0.0, step=0.0, oscillation=0.0, count=1)
    (first, *_) = record(dataclasses.replace(made, exposures=still), range(1))
    in_lab, in_file = made.crystal.direct_vectors, first.crystal.direct_vectors
    turn = np.linalg.solve(in_lab, in_file).T
    for place, frame in enumerate((1, 2)):
        exposure = made.exposures[frame]
        due = in_lab @ about_axis(exposure.spindle, exposure.angles[0]).T @ turn.T
        angle = found.scan.start + place * found.scan.width
        at = found.crystal.direct_vectors @ found.goniometer.rotation(angle).T
        np.testing.assert_allclose(at, due, rtol=0, atol=1e-9)


def test_stills_are_experiments_of_their_own_without_an_axis(tmp_path):
    made = experiment("-phi 7", frames=3)
    found = read_experiments(
        exported(planned(made, tmp_path / "run.zarr"), tmp_path / "a.expt", "expt")
    )
    assert len(found) == 3
    assert all(one.scan is None and one.goniometer is None for one in found)


def test_a_polarized_beam_comes_back(tmp_path):
    made = experiment("-polar 0.9")
    file = exported(planned(made, tmp_path / "run.zarr"), tmp_path / "a.expt", "expt")
    light = read_geometry(str(file)).light
    assert light.polarization == pytest.approx(0.9)
    (due, *_) = record(made, range(1))
    assert abs(np.dot(light.polarization_axis, due.geometry.light.polarization_axis)) == (
        pytest.approx(1.0)
    )


def test_a_known_space_group_is_written(data, tmp_path):
    words = CAMERA.replace("-default_F 100", f"-hkl {data / 'p1.hkl'}")
    words = words.replace("75 85 95", "90 95 90").split()
    made = Experiment.from_nanobragg(words, space_group="C 1 2 1")
    file = exported(planned(made, tmp_path / "run.zarr"), tmp_path / "a.expt", "expt")
    assert read_experiments(file)[0].crystal.space_group == "C 2y"


def test_some_panels_are_those_that_are_named(tmp_path):
    run = planned(Experiment.from_toml(TOML), tmp_path / "run.zarr")
    for to in ("expt", "geom"):
        file = exported(run, tmp_path / f"a.{to}", to, panels=[3, 0])
        assert [panel.name for panel in read_geometry(str(file)).panels] == ["top", "left"]


def test_names_of_panels_become_such_as_crystfel_has():
    assert _distinct(["0", "a/b", "a b", "bad one", "q0", "group"]) == [
        *("p0", "a_b", "a_b_2", "pbad_one", "q0", "pgroup"),
    ]


def test_nothing_has_to_be_computed(tmp_path):
    run = planned(experiment(SCAN), tmp_path / "run.zarr")
    for to in ("expt", "geom", "xds", "poni"):
        assert exported(run, tmp_path / to, to).read_bytes()


def test_what_a_text_cannot_say_is_refused_with_one_that_can(tmp_path):
    several = planned(Experiment.from_toml(TOML), tmp_path / "several.zarr")
    still = planned(experiment(""), tmp_path / "still.zarr")
    for run, to, told in (
        (several, "xds", "size of their pixels.*nxmx"),
        (several, "poni", "one panel.*geom"),
        (still, "xds", "no stills.*geom"),
    ):
        with pytest.raises(UsageError, match=told):
            exported(run, tmp_path / "a", to)
    curved = planned(experiment(f"{SCAN} -curved_det"), tmp_path / "curved.zarr")
    for to in ("expt", "geom", "xds", "poni"):
        with pytest.raises(UsageError, match=r"curved.*npy"):
            exported(curved, tmp_path / "a", to)
    assert not (tmp_path / "a").exists()
    assert not (tmp_path / "a.partial").exists()


def test_a_spectrum_is_written_as_its_central_wavelength_and_that_is_told(tmp_path):
    run = planned(experiment(f"{SCAN} -dispersion 1 -dispsteps 3"), tmp_path / "run.zarr")
    for to in ("expt", "geom", "xds"):
        made = export_run(run, tmp_path / to, to=to)
        assert any("3 sources of the beam" in note and "1.1 Å" in note for note in made.notes)


@pytest.mark.parametrize("to", ["geom", "xds"])
def test_an_offset_of_counts_that_is_left_out_is_told(tmp_path, to):
    made = experiment(SCAN, noise=Noise(offset=10.0))
    notes = export_run(planned(made, tmp_path / "r.zarr"), tmp_path / "a", to=to).notes
    assert any("offset of 10 ADU" in note for note in notes)


def test_listed_stills_are_each_as_they_stand(tmp_path):
    turns = np.stack([about_axis((0.0, 0.6, 0.8), angle) for angle in (0.1, 2.0, -1.0)])
    made = dataclasses.replace(experiment("-xds"), exposures=Listed(turns))
    file = exported(
        planned(made, tmp_path / "run.zarr"), tmp_path / "a.expt", "expt", frames=(1, 3)
    )
    upright = dataclasses.replace(made, exposures=Listed(np.eye(3)[None]))
    in_lab = made.crystal.direct_vectors
    turn = np.linalg.solve(in_lab, record(upright, range(1))[0].crystal.direct_vectors)
    for found, due in zip(read_experiments(file), turns[1:], strict=True):
        np.testing.assert_allclose(
            found.crystal.direct_vectors, in_lab @ due.T @ turn, rtol=0, atol=1e-9
        )


def test_each_panel_has_its_own_sensor(tmp_path):
    made = Experiment.from_toml(TOML)
    first, *others = made.detector.panels
    own = Sensor(450e-6, 3e-4, layers=5)
    panels = (dataclasses.replace(first, sensor=own), *others)
    shared = Sensor(320e-6, 2.5e-4)
    detector = dataclasses.replace(made.detector, panels=panels, sensor=shared)
    run = planned(dataclasses.replace(made, detector=detector), tmp_path / "run.zarr")
    read = read_geometry(str(exported(run, tmp_path / "a.expt", "expt")))
    thickness = [sensor.thickness for sensor in read.sensors]
    assert thickness == pytest.approx([450e-6, *[320e-6] * 4])
    assert read.sensors[0].attenuation_length == pytest.approx(3e-4)
    assert sum("ParallaxCorrected" in note for note in read.notes) == 1
