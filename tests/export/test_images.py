"""Images of a run in files of others: pixels, what is dead, what is clipped, and headers."""

import dataclasses
import json
import shutil

import fabio
import numpy as np
import pytest
from PIL import Image

from support.exports import filled_run
from support.panels import TOML, panels_run
from support.small_camera import CENTRED, CLOSEST, SCAN, complete, experiment, exported
from tiled_sim.cli.main import main
from tiled_sim.errors import UsageError
from tiled_sim.export import selection as selection_module
from tiled_sim.export.exporting import export_run
from tiled_sim.io.cbf import read_cbf, read_cbf_header
from tiled_sim.io.smv import read_smv
from tiled_sim.model.detector import Region
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.readout import Noise

NOISE = Noise(gain=200.0, offset=10.0, saturation=90_000)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Three frames of a scan with counts that need 17 bits, and pixels that are not of interest."""
    made = experiment(f"{CENTRED} {SCAN}", frames=3, noise=NOISE)
    (panel,) = made.detector.panels
    cut = dataclasses.replace(panel, region=Region(2, 40, 0, 55))
    made = dataclasses.replace(made, detector=dataclasses.replace(made.detector, panels=(cut,)))
    run = complete(made, tmp_path_factory.mktemp("run") / "run.zarr")
    assert 65535 < run.counts.values.max() < 2**17
    return run


@pytest.fixture(scope="module")
def of_panels(tmp_path_factory):
    return panels_run(tmp_path_factory.mktemp("panels") / "run.zarr")


def dead_of(run):
    return run.mask[0].values != 0


def marked(run, frame):
    """Counts, -2 where a pixel is not of interest."""
    return np.where(dead_of(run), -2, run.counts[frame, 0].values)


def test_cbf_holds_the_counts_and_marks_what_is_dead(run, tmp_path):
    folder = exported(run, tmp_path / "scan", "cbf")
    files = sorted(folder.glob("*.cbf"))
    assert [file.name for file in files] == [f"scan_{n:05d}.cbf" for n in (1, 2, 3)]
    for frame, file in enumerate(files):
        np.testing.assert_array_equal(read_cbf(file), marked(run, frame))
        with fabio.open(file) as opened:
            np.testing.assert_array_equal(opened.data, marked(run, frame))


def test_bands_of_a_large_cbf_make_the_bytes_of_a_whole_one(run, tmp_path, monkeypatch):
    whole = exported(run, tmp_path / "whole_1.cbf", "cbf", frames=(1, 2))
    monkeypatch.setattr(selection_module, "_PIXELS_OF_BAND", 1)
    banded = exported(run, tmp_path / "bands_1.cbf", "cbf", frames=(1, 2))
    assert banded.read_bytes().replace(b"bands", b"whole") == whole.read_bytes()


def test_the_header_of_a_cbf_says_the_camera(run, tmp_path):
    file = exported(run, tmp_path / "a_2.cbf", "cbf", frames=(1, 2))
    header = read_cbf_header(file)
    said = {key: header.number(key) for key in ("DISTANCE", "WAVELENGTH", "PHI", "OSC_RANGE")}
    assert said == {"DISTANCE": 120.0, "WAVELENGTH": 1.1, "PHI": 5.5, "OSC_RANGE": 0.5}
    # MOSFLM counts X down and Y to the right, from half a pixel into the image
    assert header.number("BEAM_FAST") == pytest.approx(4.77 / 0.2 + 0.5)
    assert header.number("BEAM_SLOW") == pytest.approx(3.1 / 0.2 + 0.5)
    assert b"Count_cutoff 89999 counts" in file.read_bytes()


def test_smv_clips_at_16_bits_and_says_so(run, tmp_path):
    made = export_run(run, tmp_path / "scan", to="smv")
    for frame, file in enumerate(sorted(made.path.glob("*.img"))):
        due = np.clip(marked(run, frame), 0, 65535)
        np.testing.assert_array_equal(read_smv(file).pixels, due)
        with fabio.open(file) as opened:
            np.testing.assert_array_equal(opened.data, due)
    peak = run.counts.values.max()
    assert any(f"reach {peak} ADU" in note and "65535" in note for note in made.notes)


def test_the_header_of_an_smv_says_the_camera(run, tmp_path):
    image = read_smv(exported(run, tmp_path / "a_2.img", "smv", frames=(1, 2)))
    said = {
        key: image.number(key)
        for key in ("DISTANCE", "WAVELENGTH", "PIXEL_SIZE", "OSC_START", "OSC_RANGE", "PHI", "GAIN")
    }
    assert said == {
        **{"DISTANCE": 120.0, "WAVELENGTH": 1.1, "PIXEL_SIZE": 0.2, "GAIN": 200.0},
        **{"OSC_START": 5.5, "OSC_RANGE": 0.5, "PHI": 5.5},
    }
    assert image.number("BEAM_CENTER_X") == pytest.approx(3.1 + 0.1)
    assert image.number("BEAM_CENTER_Y") == pytest.approx(4.77 + 0.1)
    assert image.number("MOSFLM_CENTER_X") == pytest.approx(3.1)
    assert image.number("ADXV_CENTER_Y") == pytest.approx(40 * 0.2 - 3.2)


@pytest.mark.parametrize("to", ["edf", "tiff"])
def test_edf_and_tiff_hold_the_counts(run, tmp_path, to):
    folder = exported(run, tmp_path / "scan", to)
    for frame, file in enumerate(sorted(folder.glob(f"*.{to[:3]}"))):
        with fabio.open(file) as opened:
            assert opened.data.dtype == np.int32
            np.testing.assert_array_equal(opened.data, marked(run, frame))
    assert (folder / "scan.poni").exists()


@pytest.mark.parametrize("to", ["edf", "tiff"])
def test_edf_and_tiff_hold_photons_as_they_are_and_no_number_where_dead(run, tmp_path, to):
    folder = exported(run, tmp_path / "scan", to, counts=False)
    first = sorted(folder.glob(f"*.{to[:3]}"))[0]
    with fabio.open(first) as opened:
        assert opened.data.dtype == np.float32
        due = np.where(dead_of(run), np.nan, run.image[0, 0].values)
        np.testing.assert_array_equal(opened.data, due)


@pytest.mark.parametrize(
    ("noise", "region", "dtype"),
    [
        (Noise(), None, np.uint16),
        (Noise(), Region(2, 40, 0, 55), np.int16),
        (Noise(readout=3.0), None, np.int32),
    ],
)
def test_the_pixels_of_a_tiff_have_the_smallest_type_that_holds_them(
    tmp_path, noise, region, dtype
):
    made = experiment(CENTRED, noise=noise)
    (panel,) = made.detector.panels
    panels = (dataclasses.replace(panel, region=region),)
    made = dataclasses.replace(made, detector=dataclasses.replace(made.detector, panels=panels))
    run = complete(made, tmp_path / "run.zarr")
    file = exported(run, tmp_path / "a.tif", "tiff")
    with fabio.open(file) as opened:
        assert opened.data.dtype == dtype
        np.testing.assert_array_equal(opened.data, marked(run, 0))
    if dtype != np.int16:  # of which Pillow knows nothing
        np.testing.assert_array_equal(np.array(Image.open(file)), marked(run, 0))


def test_photons_are_rounded_to_whole_numbers_and_it_is_said(run, tmp_path):
    made = export_run(run, tmp_path / "scan", to="cbf", counts=False)
    due = np.where(dead_of(run), -2, np.rint(run.image[0, 0].values))
    np.testing.assert_array_equal(read_cbf(made.path / "scan_00001.cbf"), due)
    assert "expected photons are rounded to whole numbers" in made.notes


def test_counts_that_programs_take_for_dead_pixels_are_told(tmp_path):
    run = complete(experiment(CENTRED, noise=Noise(readout=3.0)), tmp_path / "run.zarr")
    negative = int((run.counts.values < 0).sum())
    made = export_run(run, tmp_path / "a", to="cbf")
    assert any(f"{negative} counts are negative" in note for note in made.notes)
    np.testing.assert_array_equal(read_cbf(made.path / "a_00001.cbf"), run.counts[0, 0].values)


def test_a_masked_pixel_is_marked_as_a_gap(tmp_path, data):
    words = ["-default_F", "9", "-cell", "70", "80", "90", "90", "90", "90", "-N", "3"]
    made = Experiment.from_nanobragg([*words, "-mask", str(data / "few_mask.img")])
    run = complete(made, tmp_path / "run.zarr", tile=(64, 64))
    pixels = read_cbf(exported(run, tmp_path / "a_1.cbf", "cbf"))
    np.testing.assert_array_equal(pixels == -1, run.mask[0].values != 0)
    assert (pixels == -1).any()


@pytest.mark.parametrize("to", ["cbf", "smv", "edf", "tiff"])
def test_several_panels_are_refused_but_one_of_them_is_written(of_panels, tmp_path, to):
    with pytest.raises(UsageError, match=r"there are 5: name one by panels, or .*nxmx"):
        exported(of_panels, tmp_path / "a", to)
    assert not list(tmp_path.iterdir())
    if to in ("edf", "tiff"):
        assert len(list(exported(of_panels, tmp_path / "a", to, panels=[2]).glob("a_0*"))) == 2


@pytest.mark.parametrize(
    ("words", "to", "told"),
    [
        (f"-adxv {CENTRED}", "smv", "mirror image"),
        (f"-adxv {CENTRED}", "cbf", "mirror image"),
        ("-twotheta 12", "smv", "not square to the beam"),
        ("-detector_roty 0.1", "cbf", "not square to the beam"),
        (f"-dials {CLOSEST} {SCAN}", "smv", "about another axis"),
        (f"{SCAN} -spindle_axis 0 0 -1", "cbf", "about another axis"),
        ("-curved_det", "smv", "curved"),
    ],
)
def test_what_a_header_cannot_say_is_refused_with_a_format_that_can(tmp_path, words, to, told):
    run = complete(experiment(words), tmp_path / "run.zarr")
    with pytest.raises(UsageError, match=f"{told}.*to n"):
        exported(run, tmp_path / "a", to)
    assert [path.name for path in tmp_path.iterdir()] == ["run.zarr"]


def test_pixels_that_are_not_square_go_into_cbf_and_not_into_smv(tmp_path):
    made = experiment(CENTRED)
    (panel,) = made.detector.panels
    panels = (dataclasses.replace(panel, pixel_size=(2e-4, 1e-4)),)
    made = dataclasses.replace(made, detector=dataclasses.replace(made.detector, panels=panels))
    run = complete(made, tmp_path / "run.zarr")
    with pytest.raises(UsageError, match=r"0.2 x 0.1 mm.*to cbf"):
        exported(run, tmp_path / "a", "smv")
    file = exported(run, tmp_path / "a_1.cbf", "cbf")
    assert b"Pixel_size 100e-6 m x 200e-6 m" in file.read_bytes()


def test_a_name_that_dials_refuses_is_refused(run, tmp_path):
    with pytest.raises(UsageError, match=r"without a number; write int_00001\.img"):
        exported(run, tmp_path / "int.img", "smv", frames=(0, 1))


@pytest.mark.parametrize("to", ["cbf", "smv"])
@pytest.mark.parametrize("name", ["scan#1", "scan?", "scan\n"])
def test_a_name_that_is_a_template_to_others_is_refused(run, tmp_path, to, name):
    with pytest.raises(UsageError, match=r"take # and \? in names of images for digits"):
        export_run(run, tmp_path / name, to=to)


def test_letters_that_are_not_ascii_may_be_in_a_name(run, tmp_path):
    folder = exported(run, tmp_path / "Å", "cbf")
    np.testing.assert_array_equal(read_cbf(folder / "Å_00001.cbf"), marked(run, 0))
    assert "NAME_TEMPLATE_OF_DATA_FRAMES= Å_?????.cbf" in (folder / "XDS.INP").read_text("utf-8")


def test_a_tiff_says_the_resolution_of_pixels_of_any_size(tmp_path):
    made = experiment(f"{CENTRED} {SCAN}".replace("-Xbeam 3.1 -Ybeam 4.77", ""))
    panels = tuple(
        dataclasses.replace(panel, pixel_size=(5.0, 75e-6)) for panel in made.detector.panels
    )
    detector = dataclasses.replace(made.detector, panels=panels)
    run = filled_run(tmp_path / "run.zarr", dataclasses.replace(made, detector=detector))
    with Image.open(exported(run, tmp_path / "a.tif", "tiff")) as opened:
        assert opened.tag_v2[282] == pytest.approx(1 / 75e-4)  # columns a centimetre
        assert opened.tag_v2[283] == pytest.approx(1 / 500)


@pytest.mark.parametrize("to", ["edf", "tiff", "geom", "xds", "poni", "nxmx"])
def test_the_name_of_a_run_does_not_end_a_header_or_a_comment(run, tmp_path, to):
    copy = shutil.copytree(run.path, tmp_path / "a};=\n\udcff.zarr")
    path = tmp_path / {"geom": "a.geom", "xds": "a", "poni": "a.poni", "nxmx": "a.nxs"}.get(to, "a")
    written = export_run(copy, path, to=to, frames=(0, 1)).path
    if to in ("edf", "tiff"):
        (image,) = written.glob("a_*")
        with fabio.open(image) as opened:
            np.testing.assert_array_equal(opened.data, marked(run, 0))
    else:
        assert b"a_____.zarr" in written.read_bytes()


@pytest.mark.parametrize("to", ["edf", "tiff", "poni"])
def test_a_spectrum_that_is_left_out_is_told(tmp_path, to):
    made = experiment(f"{CENTRED} {SCAN} -dispersion 2 -dispsteps 3")
    run = filled_run(tmp_path / "run.zarr", made)
    made = export_run(run, tmp_path / ("a.poni" if to == "poni" else "a"), to=to)
    assert any("3 sources of the beam are written as its central one" in one for one in made.notes)


def test_an_export_goes_on_with_the_frames_that_it_has(run, tmp_path, monkeypatch):
    """What was there when it broke off is not written again."""
    from tiled_sim.export import cbf

    real, written = cbf.write_image, []

    def breaks_off(file, *others):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(file.name)
        real(file, *others)

    monkeypatch.setattr(cbf, "write_image", breaks_off)
    with pytest.raises(KeyboardInterrupt):
        exported(run, tmp_path / "scan", "cbf")
    assert not (tmp_path / "scan").exists()
    there = {
        file.name: file.stat().st_mtime_ns for file in (tmp_path / "scan.partial").glob("*.cbf")
    }
    assert there
    monkeypatch.setattr(cbf, "write_image", real)
    folder = exported(run, tmp_path / "scan", "cbf")
    for frame, file in enumerate(sorted(folder.glob("*.cbf"))):
        np.testing.assert_array_equal(read_cbf(file), marked(run, frame))
        assert file.stat().st_mtime_ns == there.get(file.name, file.stat().st_mtime_ns)
    assert not (tmp_path / "scan.partial").exists()


def test_an_array_of_numpy_is_that_of_the_run(of_panels, tmp_path):
    found = np.load(exported(of_panels, tmp_path / "a.npy", "npy"), mmap_mode="r")
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, of_panels.counts.values)
    part = exported(
        of_panels, tmp_path / "b.npy", "npy", counts=False, panels=[4, 0], frames=(1, 2)
    )
    np.testing.assert_array_equal(np.load(part), of_panels.image[1:2, [4, 0], :, :56].values)


def test_pictures_are_those_of_view(of_panels, tmp_path, capsys):
    folder = exported(of_panels, tmp_path / "p", "png", frames=(0, 1))
    assert main(["view", str(of_panels.path), "--counts", "--out", str(tmp_path / "v.png")]) == 0
    capsys.readouterr()
    with Image.open(folder / "p_00001.png") as ours, Image.open(tmp_path / "v.png") as views:
        np.testing.assert_array_equal(np.array(ours), np.array(views))
    with pytest.raises(UsageError, match="of one panel or of all"):
        exported(of_panels, tmp_path / "q", "png", panels=[0, 1])


def test_a_picture_of_a_run_of_any_name_can_be_drawn(run, tmp_path):
    copy = shutil.copytree(run.path, tmp_path / "$_{$\udcff.zarr")
    assert Image.open(exported(copy, tmp_path / "a.png", "png", frames=(0, 1))).size[0] > 100


def test_the_command_line_writes_a_folder_and_tells_what_there_is_to_know(run, tmp_path, capsys):
    out = tmp_path / "scan"
    words = ["export", str(run.path), "--to", "smv", "--out", str(out), "--frames", "0:2", "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["path"] == str(out)
    assert sorted(file.name for file in out.iterdir()) == [
        *("XDS.INP", "scan.expt", "scan_00001.img", "scan_00002.img"),
    ]
    assert "NAME_TEMPLATE_OF_DATA_FRAMES= scan_?????.img" in (out / "XDS.INP").read_text()


def test_the_panels_of_the_fixture_are_those_of_the_file(of_panels):
    assert of_panels.experiment.sha256 == Experiment.from_toml(TOML).sha256
