"""Detectors of geometry files and by name in TOML."""

import numpy as np
import pytest

from support.corners import corners_of, stored_corners
from tiled_sim.errors import ExperimentError, InputFileError
from tiled_sim.io.named_detectors import known_detector, named_detector
from tiled_sim.model.experiment import Experiment
from tiled_sim.read.toml.reader import read_toml, write_toml

BEAM = "[beam]\nfluence_photons_per_m2 = 1e24\n"
REST = """
[crystal]
cell_A = [70.0, 80.0, 90.0]
cell_angles_deg = [90.0, 90.0, 90.0]
cells = [5, 5, 5]
[structure_factors]
default_F = 100.0
[detector]
"""


@pytest.fixture
def read(tmp_path):
    def from_text(detector, beam=""):
        file = tmp_path / "a.toml"
        file.write_text(BEAM + beam + REST + detector)
        return read_toml(file)

    return from_text


@pytest.fixture
def chips(data):
    return f'geometry = "{data}/geometry/chips16.geom"\n'


def test_a_geometry_file_stands_with_the_beam_along_z_and_y_up(read, chips):
    experiment = read(chips)
    assert experiment.beam.wavelength == pytest.approx(12398.42 / 9500, rel=1e-9)
    for panel in experiment.detector.panels:
        stored = stored_corners("chips16", panel.name)
        np.testing.assert_allclose(corners_of(panel), stored, rtol=0, atol=1e-6)


def test_a_beam_that_travels_elsewhere_takes_the_panels_along(read, chips):
    panels = read(chips).detector.panels
    turned = read(chips, "direction = [1.0, 0.0, 0.0]\n").detector.panels
    for one, other in zip(panels, turned, strict=True):
        x, y, z = one.origin
        assert other.origin == (z, y, -x)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ("pixel_size_mm = 0.1\n", r"pixel_size_mm \(0\.1 mm\) .* 0\.075 mm"),
        ("pixels = [256, 512]\n", r"\[256, 512\] .* \[256, 256\]"),
        ("distance_mm = 100\n", r"95\.3 mm, and distance_mm says 100 mm"),
        ("beam_center_px = [1, 1]\n", "says where the panels stand"),
        ("region = {slow = [0, 5]}\n", "which of the 16 panels"),
        ('model = "Eiger2 16M"\n', "both state the detector"),
        ("experiment = 1\n", "only a DIALS experiment list"),
    ],
)
def test_what_contradicts_the_file_is_an_error(read, chips, more, complaint):
    with pytest.raises((ExperimentError, InputFileError), match=complaint):
        read(chips + more)


def test_another_wavelength_than_the_files_is_an_error(read, data):
    stated = f'geometry = "{data}/geometry/chips16.nxs"\n'
    with pytest.raises(ExperimentError, match=r"wavelength_A \(1\.2 Å\) .*\(1\.305096 Å\)"):
        read(stated, "wavelength_A = 1.2\n")
    assert read(stated, "wavelength_A = 1.305096\n").beam.wavelength == 1.305096


def test_a_file_that_is_not_there_names_the_key(read):
    with pytest.raises(InputFileError, match=r"\[detector\] geometry: .*none\.geom"):
        read('geometry = "none.geom"\n')


def test_an_image_by_name_is_placed_by_the_other_keys(read):
    wavelength = "wavelength_A = 1.0\n"
    placed = "distance_mm = 200\nbeam_center_px = [100, 200]\n"
    by_name = read(f'model = "eiger2-16m"\n{placed}', wavelength)
    usual = read(f"pixels = [4362, 4148]\npixel_size_um = 75\n{placed}", wavelength)
    assert by_name.detector.panels == usual.detector.panels
    assert by_name.detector.dead_pixels is not None


def test_a_mosaic_by_name_stands_at_the_distance(read):
    experiment = read('model = "AGIPD 1M"\ndistance_mm = 200\n', "wavelength_A = 1.0\n")
    assert experiment.detector.panels == named_detector("AGIPD 1M", distance=0.2).panels
    with pytest.raises(ExperimentError, match="needs a distance: give distance_mm"):
        read('model = "AGIPD 1M"\n', "wavelength_A = 1.0\n")


@pytest.mark.parametrize("model", ["AGIPD 1M", "Mythen 1280"])
def test_the_centre_of_a_mosaic_is_in_pixels_from_its_upper_left_corner(read, model):
    words = f'model = "{model}"\ndistance_mm = 200\nbeam_center_px = [0.5, 600]\n'
    panels = read(words, "wavelength_A = 1.0\n").detector.panels
    slow, fast = known_detector(model).pixel_size
    centre = (0.5 * slow, 600 * fast)
    assert panels == named_detector(model, distance=0.2, beam_centre=centre).panels
    xs, ys = np.array([corner for panel in panels for corner in corners_of(panel)])[:, :2].T / 1e3
    np.testing.assert_allclose((ys.max(), xs.max()), centre)


@pytest.mark.parametrize("stated", [{"geometry": "chips16.geom"}, {"detector": "Pilatus 300k"}])
def test_dead_pixels_are_written_and_read_back(data, tmp_path, monkeypatch, stated):
    monkeypatch.chdir(data / "geometry")
    words = ["-cell", "70", "80", "90", "-default_F", "100", "-N", "5"]
    experiment = Experiment.from_nanobragg(words, **stated)
    assert experiment.detector.dead_pixels is not None
    text = write_toml(experiment)
    again = tmp_path / "again.toml"
    again.write_text(text.replace('path = "chips16', f'path = "{data}/geometry/chips16'))
    found = read_toml(again)
    assert found.sha256 == experiment.sha256
    assert found.detector.dead_pixels.sha256 == experiment.detector.dead_pixels.sha256
