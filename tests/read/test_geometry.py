"""Geometry files of every format, turned into the frames of runs."""

import json

import h5py
import numpy as np
import pytest

from support.corners import STORED, corners_of, stored_corners
from support.crystfel import WHOLE
from tiled_sim.errors import ExperimentError, InputFileError, UsageError
from tiled_sim.model.experiment import Experiment
from tiled_sim.read.conventions import CONVENTIONS
from tiled_sim.read.geometry import read_geometry, turned
from tiled_sim.read.inputs import load_mask

FORMATS = ("geom", "expt", "nxs")
#: Rows X, Y, Z of the lab in x (left), y (up), z (along the beam) of a geometry, by convention.
TO_LAB = {
    "mosflm": [[0, 0, 1], [0, 1, 0], [-1, 0, 0]],
    "denzo": [[0, 0, 1], [0, 1, 0], [-1, 0, 0]],
    "adxv": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "xds": [[-1, 0, 0], [0, -1, 0], [0, 0, 1]],
    "dials": [[-1, 0, 0], [0, -1, 0], [0, 0, 1]],
}
SMV = (
    "{\nHEADER_BYTES=512;\nDIM=2;\nBYTE_ORDER=little_endian;\nTYPE=unsigned_short;\nSIZE1=40;\n"
    "SIZE2=30;\nPIXEL_SIZE=0.1;\nDISTANCE=120;\nWAVELENGTH=1.2;\nBEAM_CENTER_X=1.45;\n"
    "BEAM_CENTER_Y=2.15;\n"
)
CRYSTAL = ("-cell", "70", "80", "90", "-default_F", "1", "-N", "3")


def smv(tmp_path, text=SMV):
    file = tmp_path / "a.img"
    file.write_bytes((text + "}\f").encode().ljust(512) + bytes(2 * 30 * 40))
    return str(file)


def geom(tmp_path, text):
    file = tmp_path / "a.geom"
    file.write_text(text)
    return str(file)


@pytest.mark.parametrize("ending", FORMATS)
def test_the_content_tells_the_format(data, tmp_path, ending):
    file = tmp_path / "named_otherwise"
    file.write_bytes((data / f"geometry/chips16.{ending}").read_bytes())
    geometry = read_geometry(str(file))
    for panel in geometry.panels:
        stored = stored_corners("chips16", panel.name.split("/")[-1])
        np.testing.assert_allclose(corners_of(panel), stored, rtol=0, atol=1e-6)
    assert len(geometry.panels) == len(STORED["chips16"])


UNKNOWN = {
    "a.poni": b"poni_version: 2.1\nDetector: Eiger4M\nDistance: 0.1\n",
    "XDS.INP": b"DETECTOR=PILATUS MINIMUM_VALID_PIXEL_VALUE=0\nDETECTOR_DISTANCE= 150\n",
    "a.xml": b'<?xml version="1.0"?>\n<detector/>\n',
    "a.tif": b"II*\x00" + bytes(100),
    "a.npy": b"\x93NUMPY\x01\x00v\x00{'descr': '<f4'}",
    "noise.bin": bytes(range(256)) * 20,
    "a.json": b'{"detector": []}',
    "a.h5": None,
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_file_of_an_unknown_format_is_answered_with_those_that_are_read(tmp_path, name):
    file = tmp_path / name
    if UNKNOWN[name] is None:
        h5py.File(file, "w").close()
    else:
        file.write_bytes(UNKNOWN[name])
    command = [*CRYSTAL, "-lambda", "1", "-distance", "100"]
    with pytest.raises(InputFileError) as found:
        Experiment.from_nanobragg(command, geometry=str(file))
    for one in ("NXmx", "Eiger") if name == "a.h5" else ("CrystFEL", "DIALS", "NXmx", "CBF"):
        assert one in str(found.value), found.value


def test_a_geometry_of_crystfel_with_a_wrong_line_is_told_the_line(tmp_path):
    with pytest.raises(InputFileError, match=r"line \d+ .*did you mean"):
        read_geometry(geom(tmp_path, f"{WHOLE}p/cornerx = 1\n"))


@pytest.mark.parametrize("name", ["mine.geom", "folder/mine", "a.poni"])
def test_a_file_in_place_of_the_name_of_a_detector_is_told_how_files_are_named(name):
    with pytest.raises(UsageError, match=r"goes with geometry=FILE.*CrystFEL .geom, DIALS .expt"):
        Experiment.from_nanobragg([*CRYSTAL, "-lambda", "1", "-distance", "100"], detector=name)


def test_the_name_of_a_detector_in_place_of_a_file_is_told_how_it_is_named():
    with pytest.raises(InputFileError, match="detector='Eiger2 16M' is a detector by its name"):
        read_geometry("eiger2-16m")


def test_the_header_of_an_image_is_one_panel_across_the_beam(tmp_path):
    geometry = read_geometry(smv(tmp_path))
    (panel,) = geometry.panels
    # MOSFLM counts X down and Y to the right, from half a pixel into the image
    np.testing.assert_allclose(panel.origin, (2.2e-3, 1.5e-3, 0.12))
    assert (panel.fast_axis, panel.slow_axis) == ((-1, 0, 0), (0, -1, 0))
    assert panel.pixels == (30, 40)
    assert geometry.light.wavelength == (1.2,)


def test_the_header_of_a_cbf_is_one_panel_across_the_beam(tmp_path):
    file = tmp_path / "a.cbf"
    header = (
        "###CBF: VERSION 1.5\n# Pixel_size 172e-6 m x 172e-6 m\n# Detector_distance 0.2 m\n"
        "# Wavelength 0.98 A\n# Beam_xy (10.5, 4.25) pixels\n--CIF-BINARY-FORMAT-SECTION--\n"
        "X-Binary-Size-Fastest-Dimension: 20\nX-Binary-Size-Second-Dimension: 10\n\n"
    )
    file.write_bytes(header.encode() + b"\x0c\x1a\x04\xd5")
    geometry = read_geometry(str(file))
    (panel,) = geometry.panels
    np.testing.assert_allclose(panel.origin, (10.5 * 172e-6, 4.25 * 172e-6, 0.2))
    assert panel.pixels == (10, 20)
    assert geometry.light.wavelength == (0.98,)


def test_an_image_that_is_swung_is_refused_with_the_line(tmp_path):
    with pytest.raises(InputFileError, match="header line 13: TWOTHETA=5"):
        read_geometry(smv(tmp_path, f"{SMV}TWOTHETA=5;\n"))


def test_a_file_that_is_no_geometry_is_refused(tmp_path):
    with pytest.raises(InputFileError, match=r"a\.geom"):
        read_geometry(geom(tmp_path, "h k l\n1 2 3\n"))


@pytest.mark.parametrize("name", TO_LAB)
def test_a_convention_has_its_matrix(data, name):
    geometry = read_geometry(str(data / "geometry/chips16.geom"))
    convention = CONVENTIONS[name]
    up = tuple(-component for component in convention.slow)
    found = turned(geometry, convention.beam, up)
    turn = np.array(TO_LAB[name], dtype=float)
    for before, after in zip(geometry.panels, found.panels, strict=True):
        for vector in ("origin", "fast_axis", "slow_axis", "normal"):
            expected = turn @ np.array(getattr(before, vector))
            np.testing.assert_array_equal(getattr(after, vector), expected)
    assert found.light.direction == convention.beam


def test_what_is_up_counts_across_the_beam_alone(data):
    geometry = read_geometry(str(data / "geometry/chips16.geom"))
    upright = turned(geometry, (0.0, 0.0, 1.0), (0.0, 1.0, 0.0))
    tilted = turned(geometry, (0.0, 0.0, 1.0), (0.0, 0.8, 0.6))
    for one, other in zip(upright.panels, tilted.panels, strict=True):
        np.testing.assert_allclose(one.origin, other.origin, rtol=0, atol=1e-15)
    with pytest.raises(ExperimentError, match="along what is up"):
        turned(geometry, (0.0, 1.0, 0.0), (0.0, 1.0, 0.0))


def test_a_beam_that_is_tilted_in_the_file_is_turned_onto_the_labs(data, tmp_path):
    document = json.loads((data / "geometry/chips16.expt").read_text())
    document["beam"][0]["direction"] = [0.0, 0.6, 0.8]
    file = tmp_path / "tilted.expt"
    file.write_text(json.dumps(document))
    geometry = read_geometry(str(file))
    found = turned(geometry, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    for before, after in zip(geometry.panels, found.panels, strict=True):
        along = np.dot(before.origin, geometry.light.direction)
        assert after.origin[0] == pytest.approx(along, abs=1e-15)
    axis = np.array(found.light.polarization_axis)
    assert axis @ found.light.direction == pytest.approx(0.0, abs=1e-12)


def test_an_experiment_that_is_not_there_is_refused(data):
    with pytest.raises(UsageError, match="0 to 0"):
        read_geometry(str(data / "geometry/chips16.expt"), experiment=1)
    with pytest.raises(UsageError, match="only a DIALS experiment list"):
        read_geometry(str(data / "geometry/chips16.geom"), experiment=1)


@pytest.mark.parametrize("ending", ["expt", "nxs"])
def test_a_distance_must_be_that_of_the_panels(data, ending):
    with pytest.raises(ExperimentError, match=r"300 mm and .* stand 7\S* to \S* mm"):
        read_geometry(str(data / f"geometry/chips16.{ending}"), distance=0.3)


def test_dead_pixels_of_a_geometry_join_those_of_a_mask(data, tmp_path):
    bad = (
        "bad_a/panel = p\nbad_a/min_fs = 1\nbad_a/max_fs = 1\nbad_a/min_ss = 2\nbad_a/max_ss = 2\n"
    )
    file = geom(tmp_path, WHOLE + bad)
    mask = tmp_path / "mask.npz"
    live = np.ones((3, 4), dtype=bool)
    live[0, 3] = False
    np.savez(mask, mask=live)
    experiment = Experiment.from_nanobragg([*CRYSTAL, "-mask", str(mask)], geometry=file)
    found = load_mask(experiment)(0, slice(0, 3), slice(0, 4)) != 0
    live[2, 1] = False
    np.testing.assert_array_equal(found, ~live)


def test_dead_pixels_count_for_the_hash_and_not_where_they_lie(tmp_path):
    bad = (
        "bad_a/panel = p\nbad_a/min_fs = 1\nbad_a/max_fs = {}\nbad_a/min_ss = 2\nbad_a/max_ss = 2\n"
    )

    def sha256(text, name):
        file = tmp_path / name
        file.write_text(text)
        return Experiment.from_nanobragg(CRYSTAL, geometry=file).sha256

    live, one, two = sha256(WHOLE, "a"), *(sha256(WHOLE + bad.format(n), f"b{n}") for n in (1, 2))
    assert len({live, one, two}) == 3
    assert sha256(WHOLE + bad.format(1), "elsewhere") == one


def test_a_geometry_whose_dead_pixels_changed_is_refused(tmp_path):
    bad = (
        "bad_a/panel = p\nbad_a/min_fs = 1\nbad_a/max_fs = {}\nbad_a/min_ss = 2\nbad_a/max_ss = 2\n"
    )
    file = geom(tmp_path, WHOLE + bad.format(1))
    experiment = Experiment.from_nanobragg(CRYSTAL, geometry=file)
    geom(tmp_path, WHOLE + bad.format(2))
    with pytest.raises(InputFileError, match="have changed since"):
        load_mask(experiment)


def test_the_gaps_of_a_detector_by_name_are_dead():
    experiment = Experiment.from_nanobragg(CRYSTAL, detector="pilatus 300k")
    mask, (slow, fast) = load_mask(experiment), experiment.detector.panels[0].pixels
    assert (mask(0, slice(0, slow), slice(0, fast)) != 0).sum() == 2 * 17 * 487


def overlapping(data, folder, ending):
    """A file of the 16 chips in which the second stands where the first does."""
    file = folder / f"a.{ending}"
    file.write_bytes((data / f"geometry/chips16.{ending}").read_bytes())
    if ending == "geom":
        moved = "m0a1/corner_x = -521.3333333333\nm0a1/corner_y = 36.6666666667\n"
        file.write_text(f"{file.read_text()}\n{moved}m0a1/coffset = 0.00042\n")
    elif ending == "expt":
        document = json.loads(file.read_text())
        first, second, *_ = document["detector"][0]["panels"]
        second["origin"] = first["origin"]
        file.write_text(json.dumps(document))
    else:
        with h5py.File(file, "r+") as root:
            detector = root["entry/instrument/detector"]
            first, second = (detector[f"{name}/module_offset"] for name in ("m0a0", "m0a1"))
            second[...] = first[...]
            for name, value in first.attrs.items():
                second.attrs[name] = value
    return str(file)


@pytest.mark.parametrize("ending", FORMATS)
def test_panels_that_overlap_are_told_of_every_format_alike(data, tmp_path, ending):
    geometry = read_geometry(overlapping(data, tmp_path, ending))
    (note,) = [one for one in geometry.notes if "overlap" in one]
    assert note.startswith("1 pair of panels that overlap, seen from the sample; each is computed")
    assert note.endswith("m0a0 and m0a1")
    untouched = read_geometry(str(data / f"geometry/chips16.{ending}"))
    assert not [one for one in untouched.notes if "overlap" in one]
