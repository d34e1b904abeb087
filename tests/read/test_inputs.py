"""The files that an experiment names: read once, checked against what was meant."""

import dataclasses
import shutil

import gemmi
import numpy as np
import pytest

import tiled_sim as ts
from tiled_sim.errors import ExperimentError, InputFileError
from tiled_sim.io.fdump import write_fdump
from tiled_sim.model.detector import Region
from tiled_sim.model.mask import NO_PIXEL
from tiled_sim.read.inputs import MASKED, OUTSIDE_REGION, load_inputs, load_mask

WHOLE = slice(0, 128)


@pytest.fixture
def mask_file(data, tmp_path):
    """A copy of the mask that may be changed."""
    return shutil.copy(data / "mask.img", tmp_path / "mask.img")


def masked_by(path, *options):
    """An experiment whose panel has this mask."""
    words = "-cell 70 80 90 -N 5 -default_F 1 -oversample 1"
    return ts.Experiment.from_nanobragg(["-mask", str(path), *words.split(), *options])


def with_panel(experiment, **changes):
    """The same experiment with another panel."""
    (panel,) = experiment.detector.panels
    panels = (dataclasses.replace(panel, **changes),)
    return dataclasses.replace(
        experiment, detector=dataclasses.replace(experiment.detector, panels=panels)
    )


def zeros_of(path):
    """Dead pixels by the bytes of the file."""
    return np.frombuffer(path.read_bytes()[512:], "<u2").reshape(128, 128) == 0


# Masks


def test_without_mask_and_region_every_pixel_is_live(still):
    assert not load_mask(still())(0, slice(0, 96), slice(0, 96)).any()


def test_a_pixel_that_is_zero_in_the_mask_file_is_masked(mask_file):
    mask = load_mask(masked_by(mask_file))(0, WHOLE, WHOLE)
    dead = zeros_of(mask_file)
    assert 0 < dead.sum() < dead.size
    np.testing.assert_array_equal(mask, np.where(dead, MASKED, 0))
    assert mask.dtype == np.uint8


def test_a_pixel_outside_the_region_has_a_bit_of_its_own(still):
    experiment = still("-roi", 10, 19, 30, 49)  # fast, fast, slow, slow, inclusive
    mask = load_mask(experiment)(0, slice(0, 96), slice(0, 96))
    expected = np.full((96, 96), OUTSIDE_REGION)
    expected[30:50, 10:20] = 0
    np.testing.assert_array_equal(mask, expected)


def test_a_masked_pixel_outside_the_region_has_both_bits(mask_file):
    experiment = masked_by(mask_file, "-roi", "20", "99", "40", "111")
    mask = load_mask(experiment)(0, WHOLE, WHOLE)
    outside = np.ones((128, 128), bool)
    outside[40:112, 20:100] = False
    expected = MASKED * zeros_of(mask_file) + OUTSIDE_REGION * outside
    assert (expected == MASKED + OUTSIDE_REGION).any()
    np.testing.assert_array_equal(mask, expected)


@pytest.mark.parametrize(
    ("slow", "fast"),
    [
        (slice(0, 16), slice(112, 128)),
        (slice(37, 41), slice(5, 90)),
        (slice(127, 128), slice(0, 1)),
    ],
)
def test_a_rectangle_of_the_mask_is_that_part_of_the_whole(mask_file, slow, fast):
    mask = load_mask(masked_by(mask_file, "-roi", "20", "99", "40", "111"))
    np.testing.assert_array_equal(mask(0, slow, fast), mask(0, WHOLE, WHOLE)[slow, fast])


def test_each_panel_has_its_own_mask_and_region(mask_file):
    experiment = masked_by(mask_file)
    (panel,) = experiment.detector.panels
    bare = dataclasses.replace(panel, mask=None, region=Region(0, 128, 0, 64))
    experiment = dataclasses.replace(
        experiment, detector=dataclasses.replace(experiment.detector, panels=(panel, bare))
    )
    mask = load_mask(experiment)
    assert set(np.unique(mask(0, WHOLE, WHOLE))) == {0, MASKED}
    assert not mask(1, WHOLE, slice(0, 64)).any()
    assert (mask(1, WHOLE, slice(64, 128)) == OUTSIDE_REGION).all()


def test_beyond_the_end_of_a_smaller_panel_there_is_no_pixel(mask_file):
    experiment = masked_by(mask_file, "-roi", "20", "99", "40", "111")
    (panel,) = experiment.detector.panels
    larger = dataclasses.replace(panel, pixels=(130, 200), mask=None, region=None)
    experiment = dataclasses.replace(
        experiment, detector=dataclasses.replace(experiment.detector, panels=(panel, larger))
    )
    alone = load_mask(masked_by(mask_file, "-roi", "20", "99", "40", "111"))(0, WHOLE, WHOLE)
    mask = load_mask(experiment)(0, slice(0, 130), slice(0, 200))
    np.testing.assert_array_equal(mask[:128, :128], alone)
    assert (mask[128:] == NO_PIXEL).all()
    assert (mask[:, 128:] == NO_PIXEL).all()
    assert (load_mask(experiment)(0, slice(128, 130), slice(16, 32)) == NO_PIXEL).all()
    assert not load_mask(experiment)(1, slice(0, 130), slice(0, 200)).any()


def test_a_mask_that_has_changed_since_is_refused_with_both_hashes(mask_file):
    experiment = masked_by(mask_file)
    meant = experiment.detector.panels[0].mask.sha256
    content = bytearray(mask_file.read_bytes())
    content[-1] ^= 1
    mask_file.write_bytes(content)
    with pytest.raises(InputFileError, match=rf"mask\.img has changed since.*not {meant}"):
        load_mask(experiment)


def test_a_mask_that_is_gone_is_refused(mask_file):
    experiment = masked_by(mask_file)
    mask_file.unlink()
    with pytest.raises(InputFileError, match=r"mask\.img"):
        load_mask(experiment)


def test_a_mask_of_another_size_is_refused_with_both_sizes(mask_file):
    experiment = with_panel(masked_by(mask_file), pixels=(128, 64))
    with pytest.raises(ExperimentError, match=r"\(128, 128\) pixels, the panel \(128, 64\)"):
        load_mask(experiment)


# Structure factors


def test_an_experiment_without_a_file_has_no_structure_factors(mask_file):
    assert load_inputs(masked_by(mask_file)).factors is None


def test_structure_factors_are_read_from_the_file_named(data, still):
    found = load_inputs(still()).factors
    assert found.provenance.path == str(data / "p1.hkl")
    assert found.provenance.format == "hkl"
    assert found.amplitude[0, 0, 0] == 8.06  # the first line: -14 -16 -18 8.06


def test_an_fdump_is_read_as_one(still, tmp_path):
    listed = load_inputs(still()).factors
    write_fdump(tmp_path / "F.bin", listed, 0.0)
    words = "-cell 70 80 90 -N 5"
    experiment = ts.Experiment.from_nanobragg(words.split(), fdump=tmp_path / "F.bin")
    found = load_inputs(experiment).factors
    assert found.provenance.format == "fdump"
    np.testing.assert_array_equal(found.amplitude, listed.amplitude)


def test_an_mtz_is_read_by_its_column(tmp_path):
    mtz = gemmi.Mtz(with_base=True)
    mtz.spacegroup = gemmi.SpaceGroup("P 1")
    mtz.set_cell_for_all(gemmi.UnitCell(70, 80, 90, 90, 90, 90))
    mtz.add_dataset("made")
    for label in ("FP", "FC"):
        mtz.add_column(label, "F")
    mtz.set_data(np.array([[1, 2, 3, 7, 8]], np.float32))
    path = tmp_path / "a.mtz"
    mtz.write_to_file(str(path))
    words = "-cell 70 80 90 -N 5"
    experiment = ts.Experiment.from_nanobragg(words.split(), mtz=f"{path}:FC")
    found = load_inputs(experiment).factors
    assert found.provenance.format == "mtz"
    assert found.amplitude[found.given].tolist() == [8.0, 8.0]  # the reflection and its mate


def test_a_file_that_is_gone_is_refused_by_name(still, tmp_path):
    with pytest.raises(InputFileError, match=r"gone\.hkl"):
        load_inputs(still("-hkl", tmp_path / "gone.hkl"))


def test_a_list_of_nothing_but_zeros_is_told(still, tmp_path):
    (tmp_path / "z.hkl").write_text("1 2 3 0\n2 2 3 0\n")
    (tmp_path / "f.hkl").write_text("1 2 3 0\n2 2 3 1\n")
    zeros, some = (load_inputs(still("-hkl", tmp_path / f"{n}.hkl")).factors for n in "zf")
    assert "every F that it gives is 0: is it the right column, or file?" in zeros.provenance.notes
    assert not any("every F" in note for note in some.provenance.notes)


# F000

CELL = "-cell 70 80 90 90 90 90 -N 5 -oversample 1"


def test_f000_that_is_asked_for_stands_in_place_of_the_lists(tmp_path):
    listed = tmp_path / "a.hkl"
    listed.write_text("0 0 0 7\n1 0 0 5\n")
    words = f"-hkl {listed} {CELL}".split()
    plain, asked = (ts.Experiment.from_nanobragg(words, **own) for own in ({}, {"F000": 0.0}))
    assert load_inputs(plain).factors.amplitude[0, 0, 0] == 7.0
    factors = load_inputs(asked).factors
    assert (factors.amplitude[0, 0, 0], factors.given[0, 0, 0]) == (0.0, True)
    assert plain.sha256 != asked.sha256
    assert ts.simulate(asked).values.sum() < ts.simulate(plain).values.sum()


def test_f000_beyond_the_list_is_refused_with_what_to_add(tmp_path):
    listed = tmp_path / "a.hkl"
    listed.write_text("1 0 0 5\n")
    words = f"-hkl {listed} {CELL}".split()
    with pytest.raises(InputFileError, match=r"a\.hkl: F\(0 0 0\) is asked for.*`0 0 0 F`"):
        load_inputs(ts.Experiment.from_nanobragg(words, F000=3.0))


def test_f000_without_a_file_is_refused():
    with pytest.raises(ExperimentError, match="F000 = 3"):
        ts.Experiment.from_nanobragg(f"-default_F 10 {CELL}".split(), F000=3.0)
