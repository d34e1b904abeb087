"""Detectors of geometry files and by name, beside nanoBragg options."""

import dataclasses
import json
import math

import numpy as np
import pytest

from support.corners import corners_of
from support.crystfel import HEAD, PANEL, WHOLE
from tiled_sim.errors import ExperimentError, InputFileError, TiledSimError, UsageError
from tiled_sim.io.named_detectors import extent_of, known_detector
from tiled_sim.model.detector import Region
from tiled_sim.model.experiment import Experiment
from tiled_sim.read.nanobragg.reader import Command
from tiled_sim.read.nanobragg.stated import DetectorSource

CRYSTAL = "-cell 70 80 90 -default_F 100 -N 5"
#: Rows X, Y, Z of the lab in x, y, z of a geometry file.
TO_LAB = {
    "-mosflm": np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]]),
    "-adxv": np.eye(3),
    "-xds": np.diag([-1.0, -1.0, 1.0]),
}


@pytest.fixture
def chips(data):
    return data / "geometry/chips16.geom"


def read(words, **stated):
    return Experiment.from_nanobragg(f"{CRYSTAL} {words}".split(), **stated)


def test_a_geometry_file_states_the_whole_detector(chips):
    experiment = read("", geometry=chips)
    assert len(experiment.detector.panels) == 16
    assert experiment.beam.wavelength == pytest.approx(12398.42 / 9500, rel=1e-9)
    # MOSFLM: Y is up, the beam travels along X
    first = experiment.detector.panels[0]
    np.testing.assert_allclose(first.origin, (0.09572, 0.00275, 0.0391), atol=1e-9)


@pytest.mark.parametrize(
    "option",
    [
        *("-Xbeam 3", "-Ybeam 3", "-ORGX 3", "-Xclose 3", "-close_distance 90"),
        *("-pix0_vector 0 0 0.1", "-pix0_vector_mm 0 0 100", "-pivot beam"),
        *("-fdet_vector 0 0 1", "-sdet_vector 0 1 0", "-odet_vector 1 0 0"),
        *("-detector_rotx 1", "-detector_rotz 1", "-twotheta 1", "-twotheta_axis 0 1 0"),
        *("-img a.img", "-curved_det"),
    ],
)
def test_an_option_that_places_the_detector_is_refused_by_name(chips, option):
    if option.startswith("-img"):
        option = f"-img {chips.parents[1] / 'mask.img'}"
    with pytest.raises(UsageError, match=f"^{option.split()[0]} beside geometry"):
        read(option, geometry=chips)


@pytest.mark.parametrize(
    ("option", "both"),
    [
        ("-distance 100", r"95\.3 mm, and -distance says 100"),
        ("-pixel 0.1", r"-pixel 0\.1 mm .* 0\.075 mm"),
        ("-detpixels 512", r"-detpixels 512 pixels .* 256 pixels"),
        ("-detpixels_f 255", r"-detpixels_f 255 pixels .* 256 pixels"),
        ("-detsize 20", r"-detsize 20 mm .* 19\.2 mm"),
        ("-lambda 1", r"1\.305096\d* A, and -lambda says 1 A"),
        ("-energy 9000", r"1\.305096\d* A, and -lambda says 1\.3776022"),
    ],
)
def test_a_number_that_contradicts_the_file_is_an_error_with_both(chips, option, both):
    with pytest.raises(TiledSimError, match=both):
        read(option, geometry=chips)


def test_numbers_that_agree_with_the_file_are_let_through(chips):
    said = "-distance 95.3 -pixel 0.075 -detpixels 256 -detsize 19.2 -energy 9500"
    said, unsaid = read(said, geometry=chips), read("", geometry=chips)
    assert said.detector.panels == unsaid.detector.panels
    assert said.detector.dead_pixels.sha256 == unsaid.detector.dead_pixels.sha256


@pytest.mark.parametrize("option", ["-roi 1 5 1 5", "-mask {}"])
def test_what_is_of_one_panel_is_refused_for_many(chips, data, option):
    with pytest.raises(UsageError, match="16 panels"):
        read(option.format(data / "mask.img"), geometry=chips)


def test_one_panel_has_a_region_of_interest(tmp_path):
    file = tmp_path / "a.geom"
    file.write_text(WHOLE)
    (panel,) = read("-roi 1 2 0 1", geometry=file).detector.panels
    assert panel.region == Region(0, 2, 1, 3)


@pytest.mark.parametrize(
    "option", ["-intfile a.img", "-noisefile a.img", "-pgmfile a.pgm", "-printout_pixel 1 2"]
)
def test_outputs_of_one_panel_are_refused_for_many(chips, option):
    command = Command.of(
        f"{CRYSTAL} {option}".split(), detector=DetectorSource(geometry=str(chips))
    )
    with pytest.raises(UsageError, match=f"^{option.split()[0]}: of one panel alone"):
        _ = command.outputs


def test_what_c_does_not_know_is_refused_with_c_compat(chips):
    for stated in ({"geometry": chips}, {"detector": "Eiger2 16M"}):
        with pytest.raises(UsageError, match="as C has it"):
            read("", c_compat=True, **stated)


def test_a_file_and_a_name_are_one_too_many(chips):
    with pytest.raises(UsageError, match="both state the detector"):
        read("", geometry=chips, detector="Eiger2 16M")


def test_what_the_file_lacks_must_be_given(tmp_path):
    file = tmp_path / "a.geom"
    file.write_text(WHOLE.replace("photon_energy = 10000", "photon_energy = /LCLS/eV"))
    with pytest.raises(InputFileError, match="-lambda"):
        read("", geometry=file)
    assert read("-energy 10000", geometry=file).beam.wavelength == pytest.approx(1.239842)


def test_an_experiment_list_without_a_wavelength_needs_one(data, tmp_path):
    document = json.loads((data / "geometry/chips16.expt").read_text())
    document["beam"][0]["wavelength"] = 0.0
    file = tmp_path / "a.expt"
    file.write_text(json.dumps(document))
    with pytest.raises(InputFileError, match="no wavelength; give it with -lambda"):
        read("", geometry=file)


def test_a_spectrum_of_the_file_is_the_beams_unless_another_is_said(data, tmp_path):
    h5py = pytest.importorskip("h5py")
    file = tmp_path / "a.nxs"
    file.write_bytes((data / "geometry/chips16.nxs").read_bytes())
    with h5py.File(file, "r+") as opened:
        beam = opened["/entry/instrument/beam"]
        units = beam["incident_wavelength"].attrs["units"]
        del beam["incident_wavelength"]
        beam["incident_wavelength"] = np.array([1.30, 1.31, 1.32])
        beam["incident_wavelength"].attrs["units"] = units
        beam["incident_wavelength_weights"] = np.array([1.0, 2.0, 1.0])
    experiment = read("", geometry=file)
    np.testing.assert_allclose(experiment.beam.spectrum.wavelength, [1.30, 1.31, 1.32])
    assert experiment.beam.wavelength == pytest.approx(1.31)
    with pytest.raises(ExperimentError, match="has a spectrum of 3 wavelengths, and -dispersion"):
        read("-dispersion 1 -dispsteps 3", geometry=file)


def test_the_crystal_of_an_experiment_list_is_turned_with_the_panels(data, tmp_path):
    document = json.loads((data / "geometry/chips16.expt").read_text())
    direct = np.array([[60.0, 5, 3], [-4, 70, 2], [1, -6, 80]])
    document["crystal"] = [
        {"__id__": "crystal", "space_group_hall_symbol": " P 1"}
        | {f"real_space_{axis}": list(row) for axis, row in zip("abc", direct, strict=True)}
    ]
    document["experiment"][0]["crystal"] = 0
    file = tmp_path / "a.expt"
    file.write_text(json.dumps(document))
    for convention, turn in TO_LAB.items():
        words = f"-default_F 1 -N 3 {convention}".split()
        experiment = Experiment.from_nanobragg(words, geometry=file)
        dxtbx_to_lab = turn @ np.diag([-1.0, 1.0, -1.0])
        np.testing.assert_allclose(
            experiment.crystal.direct_vectors, direct @ dxtbx_to_lab.T, atol=1e-12
        )


# Detectors by name


def test_an_image_by_name_is_placed_by_the_usual_options():
    by_name = read("-distance 200 -Xbeam 100 -Ybeam 90", detector="Eiger2 16M")
    usual = read(
        "-distance 200 -Xbeam 100 -Ybeam 90 -pixel 0.075 -detpixels_f 4148 -detpixels_s 4362"
    )
    assert by_name.detector.panels == usual.detector.panels
    assert by_name.detector.dead_pixels.model == "Eiger2 16M"


@pytest.mark.parametrize(
    ("option", "both"),
    [
        ("-pixel 0.172", r"-pixel 0\.172 mm .* 0\.075 mm"),
        ("-detpixels 4362", r"-detpixels 4362 pixels .* 4148 pixels"),
    ],
)
def test_a_number_that_contradicts_the_detector_is_an_error_with_both(option, both):
    with pytest.raises(ExperimentError, match=both):
        read(option, detector="Eiger2 16M")


def test_a_mask_of_another_detector_is_refused(data):
    with pytest.raises(ExperimentError, match=r"128 x 128 pixels .* 4362 x 4148"):
        read(f"-mask {data / 'mask.img'}", detector="Eiger2 16M")


def test_a_mosaic_by_name_stands_at_the_distance():
    experiment = read("-distance 200 -xds", detector="agipd-1m")
    panels = experiment.detector.panels
    assert len(panels) == 128
    assert {panel.close_distance for panel in panels} == {0.2}
    with pytest.raises(UsageError, match="-twotheta beside"):
        read("-twotheta 10", detector="agipd-1m")


@pytest.mark.parametrize("model", ["agipd-1m", "jungfrau-16m", "ePix100"])
@pytest.mark.parametrize(
    "words",
    [
        "-Xbeam 120 -Ybeam 100",
        "-adxv -Xbeam 120 -Ybeam 100",
        "-denzo -Xbeam 120 -Ybeam 100",
        "-xds -ORGX 500 -ORGY 600.5",
        "-dials -ORGX 500 -ORGY 600.5",
        "-beam_vector 1 0 0 -Xbeam 12 -Ybeam 10",
    ],
)
def test_the_centre_of_a_mosaic_counts_as_on_one_image_around_all_panels(model, words):
    known = known_detector(model)
    height, width = (side / known.pixel_size[0] for side in extent_of(known))
    words = f"-distance 200 {words}"
    image = f"-pixel {known.pixel_size[0] * 1e3} -detpixels_s {math.ceil(height - 1e-6)}"
    (around,) = read(f"{words} {image} -detpixels_f {math.ceil(width - 1e-6)}").detector.panels
    panels = read(words, detector=model).detector.panels
    lowest = np.array(
        [
            min((corners_of(panel) / 1e3 @ np.array(axis)).min() for panel in panels)
            for axis in (around.fast_axis, around.slow_axis)
        ]
    )
    corner = [np.dot(around.origin, axis) for axis in (around.fast_axis, around.slow_axis)]
    np.testing.assert_allclose(lowest, corner, atol=1e-9)
    assert {panel.close_distance for panel in panels} == {0.2}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("-Xbeam 100", "no middle that would be the other coordinate; give -Ybeam too"),
        ("-xds -ORGY 100", "give -ORGX too"),
        ("-xds -Xbeam 100 -Ybeam 100", "-Xbeam -Ybeam cannot move the detector in the XDS"),
        ("-Xbeam 100 -Ybeam 100 -beam_vector 1 0 0.3", "leave -beam_vector out"),
    ],
)
def test_half_a_centre_of_a_mosaic_and_one_without_effect_are_refused(words, complaint):
    with pytest.raises((UsageError, ExperimentError), match=complaint):
        read(words, detector="agipd-1m")


def test_options_count_no_pixels_that_are_not_square():
    with pytest.raises(UsageError, match=r"not square; .* beam_center_px"):
        read("-Xbeam 1 -Ybeam 1", detector="Mythen 1280")


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match=r"nearest are .*Eiger2 16M"):
        read("", detector="Eigr2 16M")


# Where spots fall


def lattice():
    """Rows a*, b*, c* [1/Å] in the frame of the file: a triclinic cell, turned anyhow."""
    direct = np.array([[40.0, 6, 9], [-8, 50, 4], [3, -9, 60]])
    return np.linalg.inv(direct).T


def bragg(panel, reciprocal, beam, wavelengths):
    """A reflection that hits a panel well inside: wavelength [Å] at which it is just so, place.

    Independent of the package: the node lies on the sphere of Ewald where 2 b·q = -λ q².
    """
    nodes = np.stack(np.meshgrid(*[np.arange(-20, 21)] * 3), axis=-1).reshape(-1, 3)
    q = nodes @ reciprocal
    length = (q**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        wavelength = -2.0 * (q @ beam) / length
    low, high = wavelengths
    for node in np.flatnonzero((wavelength > low) & (wavelength < high)):
        ray = beam / wavelength[node] + q[node]
        origin = np.array(panel.origin)
        basis = np.column_stack([panel.fast_axis, panel.slow_axis, -ray])
        fast, slow, along = np.linalg.solve(basis, -origin)
        place = np.array([slow, fast]) / panel.pixel_size
        if along > 0 and (place > 20).all() and (place < np.array(panel.pixels) - 20).all():
            return float(wavelength[node]), place
    return None


@pytest.mark.parametrize("convention", TO_LAB)
def test_spots_fall_where_the_reciprocal_lattice_puts_them(chips, tmp_path, simulate, convention):
    turn = TO_LAB[convention]
    text = chips.read_text().replace("photon_energy = 9500 eV", "")
    file = tmp_path / "a.geom"
    file.write_text(text)
    in_lab = lattice() @ turn.T
    words = f"{convention} -mat {tmp_path / 'a.mat'} -default_F 100 -N 20 -round_xtal -nopolar"
    panels = read(f"-lambda 1.3 {convention}", geometry=file).detector.panels
    met = 0
    for number in (0, 6, 9, 15):
        panel = panels[number]
        found = bragg(panel, in_lab, turn @ [0, 0, 1], (1.1, 1.6))
        if found is None:
            continue
        met += 1
        wavelength, place = found
        # a MOSFLM matrix is times the wavelength
        np.savetxt(tmp_path / "a.mat", in_lab.T * wavelength, fmt="%.15g")
        experiment = Experiment.from_nanobragg(
            f"{words} -lambda {wavelength!r} -oversample 2".split(), geometry=file
        )
        slow, fast = (int(at) for at in place)
        panel = dataclasses.replace(
            experiment.detector.panels[number],
            region=Region(slow - 8, slow + 9, fast - 8, fast + 9),
        )
        detector = dataclasses.replace(experiment.detector, panels=(panel,), dead_pixels=None)
        image = simulate(dataclasses.replace(experiment, detector=detector)).panel.astype(float)
        centres = np.indices(image.shape) + 0.5
        centroid = (centres * image).sum(axis=(1, 2)) / image.sum()
        np.testing.assert_allclose(centroid, place, rtol=0, atol=0.1)
    assert met >= 3


def few_panels(experiment):
    """An experiment with the first and the last panel alone."""
    panels = experiment.detector.panels
    few = dataclasses.replace(experiment.detector, panels=(panels[0], panels[-1]), dead_pixels=None)
    return dataclasses.replace(experiment, detector=few)


def test_one_crystal_makes_one_image_in_every_convention(data, tmp_path, simulate):
    images = []
    for convention, turn in TO_LAB.items():
        np.savetxt(tmp_path / "a.mat", (lattice() @ turn.T).T * 1.305096, fmt="%.17g")
        words = f"{convention} -mat {tmp_path / 'a.mat'} -default_F 100 -N 5 -nopolar -oversample 1"
        experiment = Experiment.from_nanobragg(
            words.split(), geometry=data / "geometry/chips16.expt"
        )
        images.append(simulate(few_panels(experiment)).image)
    assert images[0].max() > 0
    for image in images[1:]:
        np.testing.assert_allclose(image, images[0], rtol=1e-5, atol=1e-6 * images[0].max())


def test_all_formats_make_the_same_image(data, simulate):
    """Of the same words: what only some of the formats can say counts only if it is asked for."""
    words = f"{CRYSTAL} -misset 10 20 30 -lambda 1.305096 -oversample 1".split()
    images = []
    for ending in ("geom", "expt", "nxs"):
        file = data / f"geometry/chips16.{ending}"
        images.append(simulate(few_panels(Experiment.from_nanobragg(words, geometry=file))).image)
    for image in images[1:]:
        np.testing.assert_allclose(image, images[0], rtol=0, atol=1e-6 * images[0].max())


def test_a_sensor_and_a_polarization_of_the_file_are_told(data):
    experiment = read("", geometry=data / "geometry/chips16.expt")
    assert experiment.detector.sensor is None
    told = "\n".join(experiment.notes)
    assert "-detector_thick 320 -detector_abs 109.8901" in told
    assert "Kahn's factor 0.998" in told
    with pytest.raises(ExperimentError, match=r"300 µm and .* 320 µm"):
        read("-detector_thick 300", geometry=data / "geometry/chips16.expt")


def test_panels_that_overlap_are_told_and_computed(tmp_path):
    file = tmp_path / "a.geom"
    file.write_text(HEAD + PANEL + PANEL.replace("p/", "q/"))
    experiment = read("", geometry=file)
    assert len(experiment.detector.panels) == 2
    assert any("overlap" in note for note in experiment.notes)
