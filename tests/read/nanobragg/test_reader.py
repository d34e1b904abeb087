"""From a nanoBragg command line to an experiment: what each option does, and what contradicts."""

import hashlib
import math
import re
from functools import reduce

import numpy as np
import pytest

from tiled_sim.errors import ExperimentError, InputFileError, UsageError
from tiled_sim.model.detector import Region
from tiled_sim.model.experiment import Experiment, Reflections
from tiled_sim.model.readout import Noise
from tiled_sim.physics.vectors import about_fixed_axes
from tiled_sim.read.nanobragg.reader import Command, read_options
from tiled_sim.read.toml.writer import write_toml

EDGES = "-default_F 1 -N 5 -cell 50 60 70"
CRYSTAL = "-default_F 100 -cell 100 100 100 90 90 90 -N 5 "


def read(line="", c_compat=False, **keywords):
    """Read a command line with a crystal of its own."""
    return read_options((CRYSTAL + line).split(), c_compat=c_compat, **keywords)


def read_alone(line, **keywords):
    return read_options(line.split(), **keywords)


def attribute(experiment, path):
    """Attribute of an attribute …; a number picks from a tuple."""

    def pick(thing, name):
        return thing[int(name)] if name.isdigit() else getattr(thing, name)

    return reduce(pick, path.split("."), experiment)


def panel(line, c_compat=False):
    return read(line, c_compat).detector.panels[0]


def origin(line, c_compat=False):
    """Corner of pixel (0, 0) [mm]."""
    return [round(1000 * component, 9) for component in panel(line, c_compat).origin]


def notes(line, c_compat=False):
    return "\n".join(read(line, c_compat).notes)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a file that a command line may then name without its folder."""
    monkeypatch.chdir(tmp_path)

    def write_file(name, content):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return write_file


def smv(**header):
    """An SMV image of 4 × 6 (slow × fast) pixels, one of them dead."""
    keys = {"HEADER_BYTES": 512, "SIZE1": 6, "SIZE2": 4, **header}
    text = "{\n" + "".join(f"{key}={word};\n" for key, word in keys.items()) + "}\f"
    pixels = np.ones((4, 6), "<u2")
    pixels[1, 2] = 0
    return text.ljust(512).encode() + pixels.tobytes()


# One option, one effect

EFFECTS = [
    # beam
    ("", "beam.wavelength", 1.0),
    ("-lambda 1.5", "beam.wavelength", 1.5),
    ("-energy 12398.42", "beam.wavelength", 1.0),
    ("-energy 6199.21", "beam.wavelength", 2.0),
    ("", "beam.fluence", 1.2593201528622709e29),
    ("-fluence 1e24", "beam.fluence", 1e24),
    ("-flux 1e12 -exposure 0.1 -beamsize 0.01", "beam.fluence", 1e21),
    ("-flux 1e12", "beam.fluence", 1e20),
    ("-flux 0 -fluence 1e24", "beam.fluence", 1e24),
    ("", "beam.polarization", 0.0),
    ("-polar 0.9", "beam.polarization", 0.9),
    ("-nopolar", "beam.polarization", None),
    ("-nopolar -polar 0.9", "beam.polarization", 0.9),
    ("", "beam.polarization_axis", (0.0, 0.0, 1.0)),
    ("-adxv", "beam.polarization_axis", (1.0, 0.0, 0.0)),
    ("-polar_vector 0 3 0", "beam.polarization_axis", (0.0, 1.0, 0.0)),
    ("", "beam.direction", (1.0, 0.0, 0.0)),
    ("-xds", "beam.direction", (0.0, 0.0, 1.0)),
    ("-beam_vector 2 2 0", "beam.direction", (math.sqrt(0.5), math.sqrt(0.5), 0.0)),
    # crystal
    ("", "crystal.cells", (5, 5, 5)),
    ("-Na 7 -Nc 9", "crystal.cells", (7, 5, 9)),
    ("-Nb 7 -N 4", "crystal.cells", (4, 4, 4)),
    ("-N 0", "crystal.cells", (1, 1, 1)),
    ("-N -3", "crystal.cells", (1, 1, 1)),
    ("", "crystal.shape", "square"),
    ("-round_xtal", "crystal.shape", "round"),
    ("-gauss_xtal", "crystal.shape", "gauss_star"),
    ("-tophat_spots", "crystal.shape", "tophat"),
    ("-round_xtal -square_xtal", "crystal.shape", "square"),
    ("", "crystal.fudge", 1.0),
    ("-fudge 2", "crystal.fudge", 2.0),
    ("", "crystal.domains.count", 1),
    ("-mosaic 1", "crystal.domains.count", 10),
    ("-mosaic 1 -mosaic_domains 3", "crystal.domains.count", 3),
    ("-mosaic_domains 3", "crystal.domains.count", 1),
    ("-mosaic 0 -mosaic_domains 3", "crystal.domains.count", 1),
    ("-mosaic 1", "crystal.domains.spread", math.radians(1)),
    ("", "crystal.domains.seed", 12345678),
    ("-mosaic_seed 7", "crystal.domains.seed", 7),
    # detector
    ("", "detector.pixels", (1024, 1024)),
    ("", "detector.pixel_size", (1e-4, 1e-4)),
    ("-pixel 0.2", "detector.pixel_size", (2e-4, 2e-4)),
    ("-pixel 0.2", "detector.pixels", (512, 512)),
    ("-detpixels 300", "detector.pixels", (300, 300)),
    ("-detpixels_f 300 -detpixels_s 200", "detector.pixels", (200, 300)),
    ("-detpixels 300 -detpixels_s 200", "detector.pixels", (200, 300)),
    ("-detsize 20", "detector.pixels", (200, 200)),
    ("-detsize_f 30 -detsize_s 20", "detector.pixels", (200, 300)),
    ("-detsize 20.04", "detector.pixels", (200, 200)),
    ("-detsize 20.06", "detector.pixels", (201, 201)),
    ("", "detector.point_pixel", False),
    ("-point_pixel", "detector.point_pixel", True),
    ("", "detector.curvature_radius", None),
    ("-curved_det -distance 150", "detector.curvature_radius", 0.15),
    ("", "detector.panels.0.region", None),
    ("-distance 150", "detector.panels.0.close_distance", 0.15),
    ("", "detector.panels.0.close_distance", 0.1),
    ("-detector_rotx 90", "detector.panels.0.slow_axis", (0.0, 0.0, -1.0)),
    ("-detector_roty 60", "detector.panels.0.normal", (0.5, 0.0, -math.sqrt(0.75))),
    ("-detector_rotz 60", "detector.panels.0.normal", (0.5, math.sqrt(0.75), 0.0)),
    ("-xds -twotheta 90", "detector.panels.0.slow_axis", (0.0, 0.0, 1.0)),
    ("-fdet_vector 0 0.6 0.8", "detector.panels.0.fast_axis", (0.0, 0.6, 0.8)),
    ("-sdet_vector 0 -3 0", "detector.panels.0.slow_axis", (0.0, -1.0, 0.0)),
    ("-odet_vector 0.8 0.6 0", "detector.panels.0.normal", (0.8, 0.6, 0.0)),
    # sampling
    ("-oversample 3", "sampling.oversample", 3),
    # ceil(3 · 500 Å / (1 Å · 100 mm / 0.1 mm)) = ceil(1.5)
    ("", "sampling.oversample", 2),
    ("-oversample 0", "sampling.oversample", 2),
    # three hundred cells of 100 Å: 90, which rounding must not make 91
    ("-N 300 -pixel 0.1", "sampling.oversample", 90),
    ("-N 1", "sampling.oversample", 1),
    ("-distance 200", "sampling.oversample", 1),
    ("", "sampling.dmin", 0.0),
    ("-dmin 2.5", "sampling.dmin", 2.5),
    ("-dmin -1", "sampling.dmin", 0.0),
    # frames
    ("", "exposures.count", 1),
    ("", "exposures.steps", 1),
    ("-phi 90", "exposures.start", math.pi / 2),
    ("-osc 1 -phisteps 10", "exposures.steps", 10),
    ("-osc 1 -phisteps 10", "exposures.step", math.radians(0.1)),
    ("-osc 1 -phisteps 10", "exposures.oscillation", math.radians(1)),
    ("-osc 1 -phistep 0.25", "exposures.steps", 4),
    ("", "exposures.spindle", (0.0, 0.0, 1.0)),
    ("-xds", "exposures.spindle", (1.0, 0.0, 0.0)),
    ("-spindle_axis 0 2 0", "exposures.spindle", (0.0, 1.0, 0.0)),
    # without effect on the experiment
    ("-nonoise -nopgm -noprogress -floatfile x.bin", "exposures.count", 1),
]


@pytest.mark.parametrize(("line", "path", "expected"), EFFECTS)
def test_an_option_sets_its_value(line, path, expected):
    found = attribute(read(line), path)
    if isinstance(expected, float | tuple):
        expected = pytest.approx(expected, rel=1e-12, abs=1e-15)
    assert found == expected


def test_a_later_option_wins_over_the_same_one_earlier():
    assert read("-lambda 1.5 -lambda 2").beam.wavelength == 2.0


# The crystal


def direct(line):
    """Rows a, b, c of an experiment without a crystal of its own [Å]."""
    return read_alone("-default_F 100 -N 5 " + line).crystal.direct_vectors


def test_a_cubic_cell_lies_along_the_axes():
    assert direct("-cell 70 80 90 90 90 90") == pytest.approx(np.diag([70, 80, 90]), abs=1e-12)


def test_a_cell_of_one_length_is_a_cube():
    assert direct("-cell 70") == pytest.approx(np.diag([70, 70, 70]), abs=1e-12)


def test_angles_left_out_are_right_angles():
    assert direct("-cell 70 80 90") == pytest.approx(np.diag([70, 80, 90]), abs=1e-12)


def test_a_triclinic_cell_keeps_its_lengths():
    crystal = read_alone("-default_F 1 -cell 70 80 90 75 85 95 -N 5").crystal
    assert np.linalg.norm(crystal.direct_vectors, axis=1) == pytest.approx([70, 80, 90])


def test_a_triclinic_cell_as_the_c_program_orients_it_is_noted():
    experiment = read_alone("-default_F 1 -cell 70 80 90 75 85 95 -N 5")
    assert any("angles come out as" in note for note in experiment.notes)


def test_an_orthorhombic_cell_is_not_noted():
    assert "angles come out as" not in notes("")


def test_missetting_turns_about_x_then_y_then_z():
    # a: X → X → -Z → -Z;  b: Y → Z → X → Y;  c: Z → -Y → -Y → X
    assert direct("-cell 70 80 90 90 90 90 -misset 90 90 90") == pytest.approx(
        np.array([[0, 0, -70], [0, 80, 0], [90, 0, 0]]), abs=1e-12
    )


def test_a_matrix_holds_reciprocal_vectors_in_columns_times_the_wavelength(write):
    write("A.mat", "0.02 0 0\n0 0.025 0\n0 0.001 0.03125\n")
    crystal = read_alone("-default_F 1 -mat A.mat -N 5 -lambda 2").crystal
    assert crystal.reciprocal_vectors == pytest.approx(
        np.array([[0.01, 0, 0], [0, 0.0125, 0.0005], [0, 0, 0.015625]])
    )


def test_a_matrix_is_divided_by_the_wavelength_of_an_energy_too(write):
    write("A.mat", "0.02 0 0 0 0.02 0 0 0 0.02")
    crystal = read_alone("-default_F 1 -mat A.mat -N 5 -energy 6199.21").crystal
    assert crystal.direct_vectors == pytest.approx(np.diag([100, 100, 100]), abs=1e-9)


def test_missetting_turns_a_matrix_too(write):
    write("A.mat", "0.01 0 0 0 0.01 0 0 0 0.01")
    assert direct("-mat A.mat -misset 0 0 90") == pytest.approx(
        np.array([[0, 100, 0], [-100, 0, 0], [0, 0, 100]]), abs=1e-9
    )


def test_a_cell_beside_a_matrix_gives_the_lengths(write):
    write("A.mat", "0 0.01 0 -0.01 0 0 0 0 0.01")
    assert direct("-mat A.mat -cell 70 80 90 90 90 90") == pytest.approx(
        np.array([[0, -70, 0], [80, 0, 0], [0, 0, 90]]), abs=1e-9
    )


def test_a_command_without_a_crystal_is_refused():
    with pytest.raises(ExperimentError, match=r"no crystal: give -cell .* or -mat"):
        read_alone("-default_F 100 -N 5")


def test_a_cell_that_cannot_exist_is_refused():
    with pytest.raises(ExperimentError, match="no such cell exists"):
        read_alone("-default_F 100 -cell 70 80 90 30 30 90")


def test_a_matrix_without_volume_is_refused(write):
    write("A.mat", "1 1 0 1 1 0 0 0 1")
    with pytest.raises(InputFileError, match=r"A.mat: its columns a\* and b\* are parallel"):
        read_alone("-default_F 100 -mat A.mat")


def test_a_negative_mosaic_spread_is_refused():
    with pytest.raises(ExperimentError, match="-mosaic -1° must not be negative"):
        read("-mosaic -1")


# Random missetting


def told_angles(experiment):
    (note,) = (note for note in experiment.notes if note.startswith("-misset random"))
    return note.split(" is -misset ")[1]


@pytest.mark.parametrize("line", ["-misset random", "-misset random -misset_seed -12345678901"])
def test_the_angles_of_the_note_give_the_orientation_of_a_random_missetting(line):
    experiment = read(line)
    same = read(f"-misset {told_angles(experiment)}")
    assert experiment.sha256 == same.sha256
    x, y, z = (math.radians(float(angle)) for angle in told_angles(experiment).split())
    turned = about_fixed_axes(x, y, z) @ read().crystal.direct_vectors.T
    np.testing.assert_allclose(experiment.crystal.direct_vectors.T, turned, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("line", "same"),
    [
        ("", "-misset_seed 1"),
        ("-seed 5", "-misset_seed 5"),
        ("-seed 5 -misset_seed 6", "-misset_seed 6"),
        ("-misset_seed 6 -seed 5", "-misset_seed 6"),
    ],
)
def test_the_seed_of_a_random_missetting_is_its_own_or_the_common_one(line, same):
    assert read(f"-misset random {line}").sha256 == read(f"-misset random {same}").sha256


def test_two_seeds_are_two_orientations():
    one, other = (read(f"-misset random -misset_seed {seed}").crystal.a for seed in (1, 2))
    assert max(abs(x - y) for x, y in zip(one, other, strict=True)) > 1


def test_angles_after_random_count():
    assert read("-misset random -misset 1 2 3").sha256 == read("-misset 1 2 3").sha256


@pytest.mark.parametrize("line", ["-misset random", "-misset 1 2 3 -misset_seed 7"])
def test_a_random_missetting_cannot_be_had_as_in_c(line):
    with pytest.raises(UsageError, match="-misset random and -misset_seed cannot be had"):
        read(line, c_compat=True)


def test_a_seed_of_no_random_missetting_is_refused():
    with pytest.raises(UsageError, match="-misset_seed has no effect without -misset random"):
        read("-misset 1 2 3 -misset_seed 7")


# The size of the crystal

SIZED = "-default_F 1 -cell 70 80 90 90 90 90 "


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ("-xtal_size 0.000083", (12, 11, 10)),
        ("-samplesize 0.000083", (12, 11, 10)),
        # 720 Å are 10.3, 9 and 8 cells
        ("-xtal_size 0.000072", (11, 9, 8)),
        ("-xtal_x 0.000083", (12, 1, 1)),
        ("-xtal_y 0.000083", (1, 11, 1)),
        ("-xtal_z 0.000083", (1, 1, 10)),
        ("-xtal_thick 0.000083 -xtal_width 0.000083 -xtal_height 0.000083", (12, 11, 10)),
        ("-N 3 -xtal_size 0", (3, 3, 3)),
    ],
)
def test_a_size_sets_the_number_of_cells(line, cells):
    assert read_alone(SIZED + line).crystal.cells == cells


WIDE = SIZED + "-xtal_size 0.000083 -beamsize 0.00004"


def test_a_crystal_larger_than_the_beam_is_refused_with_both_sizes_and_both_choices():
    with pytest.raises(
        ExperimentError,
        match=r"-xtal_size 8.3e-05 mm is larger than the beam, 4e-05 mm .*Say clip_to_beam=True "
        r".*clip_to_beam=False",
    ):
        read_alone(WIDE)


@pytest.mark.parametrize(
    ("clip", "c_compat", "cells"),
    [
        (True, False, (12, 5, 5)),
        (False, False, (12, 11, 10)),
        (None, True, (12, 5, 5)),
        (False, True, (12, 11, 10)),
    ],
)
def test_a_crystal_larger_than_the_beam_is_clipped_where_asked(clip, c_compat, cells):
    experiment = read_alone(WIDE, clip_to_beam=clip, c_compat=c_compat)
    assert experiment.crystal.cells == cells


@pytest.mark.parametrize(("clip", "told"), [(True, "is clipped to"), (False, "is not clipped")])
def test_what_was_done_of_the_beam_s_size_is_noted(clip, told):
    experiment = read_alone(SIZED + "-xtal_y 0.2 -pixel 10 -oversample 1", clip_to_beam=clip)
    assert any("-xtal_y 0.2 mm" in note and told in note for note in experiment.notes)


def test_the_beam_does_not_clip_along_x():
    assert read_alone(SIZED + "-xtal_x 0.000083 -beamsize 0.00004").crystal.cells == (12, 1, 1)


# Structure factors


@pytest.mark.parametrize(
    ("line", "source"),
    [
        ("-hkl p1.hkl", Reflections("p1.hkl", "hkl", 0.0)),
        ("-hkl p1.hkl -default_F 5", Reflections("p1.hkl", "hkl", 5.0)),
        ("-default_F 5", Reflections(None, None, 5.0)),
        ("-dump F.bin", Reflections("F.bin", "fdump", 0.0)),
        ("-hkl p1.hkl -dump F.bin", Reflections("p1.hkl", "hkl", 0.0)),
    ],
)
def test_structure_factors_come_from_the_file_that_is_named(write, line, source):
    write("F.bin", "")
    assert read_alone(f"-cell 100 -N 5 {line}").structure_factors == source


def test_an_fdump_is_named_beside_the_options(write):
    write("F.bin", "")
    experiment = read_options(["-cell", "100"], fdump="F.bin")
    assert experiment.structure_factors == Reflections("F.bin", "fdump", 0.0)


@pytest.mark.parametrize(
    ("mtz", "source"),
    [
        ("a.mtz", Reflections("a.mtz", "mtz")),
        ("a.mtz:F-obs", Reflections("a.mtz", "mtz", column="F-obs")),
        ("at:9/a.mtz", Reflections("at:9/a.mtz", "mtz")),
    ],
)
def test_an_mtz_is_named_beside_the_options(mtz, source):
    experiment = read_options(["-cell", "100", "-N", "5"], mtz=mtz)
    assert experiment.structure_factors == source
    assert not experiment.sampling.interpolate


@pytest.mark.parametrize("line", ["-hkl p1.hkl", "-dump F.bin"])
def test_an_mtz_beside_another_source_is_refused(line):
    with pytest.raises(UsageError, match=r"two sources of structure factors.*mtz='a.mtz'; name"):
        read_options(f"-cell 100 {line}".split(), mtz="a.mtz")


def test_three_sources_are_refused_with_their_names():
    with pytest.raises(UsageError, match=r"three sources.*-hkl a.* fdump b.* mtz c.*"):
        read_options(["-cell", "100", "-hkl", "a"], fdump="b", mtz="c")


def test_a_source_that_is_handed_over_stands_for_those_that_are_named():
    source = Reflections(default_F=2.0)
    words = ["-cell", "100", "-hkl", "a"]
    experiment = Command.of(words).experiment(fdump="b", structure_factors=source)
    assert experiment.structure_factors == source


def test_an_fdump_in_the_working_directory_is_not_read_unasked(write):
    write("Fdump.bin", "")
    with pytest.raises(ExperimentError, match="no structure factors"):
        read_alone("-cell 100")


@pytest.mark.parametrize("line", ["-hkl p1.hkl", "-dump other.bin"])
def test_two_sources_of_structure_factors_are_refused(line):
    with pytest.raises(UsageError, match=r"two sources of structure factors.*name one"):
        read_options(f"-cell 100 {line}".split(), fdump="F.bin")


def test_a_dump_that_does_not_exist_is_refused(write):
    write("other.bin", "")
    with pytest.raises(InputFileError, match=r"F.bin: no such Fdump file"):
        read_alone("-cell 100 -dump F.bin")


@pytest.mark.parametrize(
    ("line", "chosen"),
    [
        ("-hkl p1.hkl -N 3", False),
        ("-hkl p1.hkl -Na 2 -Nb 3 -Nc 3", True),
        ("-hkl p1.hkl", True),
        ("-hkl p1.hkl -N 3 -interpolate", True),
        ("-hkl p1.hkl -nointerpolate", False),
        ("-hkl p1.hkl -interpolate -nointerpolate", False),
        ("-default_F 5", False),
        ("-default_F 5 -interpolate", False),
        ("-hkl p1.hkl -xtal_size 0.001", False),
    ],
)
def test_interpolation_is_chosen_from_the_cells_unless_it_is_asked_for(line, chosen):
    assert read_alone(f"-cell 100 {line}").sampling.interpolate is chosen


def test_the_c_program_chooses_interpolation_before_it_knows_the_size():
    line = "-cell 100 -hkl p1.hkl -xtal_size 0.001"
    assert read_options(line.split(), c_compat=True).sampling.interpolate


# The beam


def incident(line, c_compat=False):
    return [source.incident for source in read(line, c_compat).beam.spectrum]


def test_one_source_lies_on_the_beam():
    assert incident("-lambda 1.5") == [(1.0, 0.0, 0.0)]


def test_dispersion_spreads_the_wavelengths():
    sources = read("-lambda 2 -dispersion 1 -dispsteps 3").beam.spectrum
    assert [source.wavelength for source in sources] == pytest.approx([1.99, 2.0, 2.01])


def test_dispersion_alone_gives_its_two_ends():
    sources = read("-lambda 2 -dispersion 1").beam.spectrum
    assert [source.wavelength for source in sources] == pytest.approx([1.99, 2.01])


def test_a_number_of_wavelengths_without_a_dispersion_is_one():
    assert len(read("-dispsteps 5").beam.spectrum) == 1


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("-hdivrange 1 -hdivsteps 4", 4),
        ("-vdivrange 1 -vdivsteps 4", 4),
        ("-hdivrange 1 -hdivstep 0.5", 2),
        ("-divergence 1 -divsteps 3", 5),
        ("-divergence 1 -divsteps 3 -square_div", 9),
        ("-divergence 1 -divsteps 3 -square_div -round_div", 5),
        ("-hdivrange 2 -hdivstep 1 -vdivrange 1 -vdivstep 0.5", 3),
        ("-hdivrange 2 -hdivstep 1 -vdivrange 1 -vdivstep 0.5 -square_div", 4),
        ("-divergence 0.28 -hdivstep 0.02 -vdivstep 0.02", 167),
        ("-hdivstep 1", 2),
        ("-hdivrange 0 -hdivsteps 3", 1),
    ],
)
def test_divergence_makes_sources(line, count):
    assert len(read(line).beam.spectrum) == count


def test_horizontal_is_the_plane_of_the_polarization():
    ((x, y, z), _) = incident("-hdivrange 2")
    assert (x, y) == (pytest.approx(1.0, abs=1e-6), pytest.approx(0.0, abs=1e-12))
    assert abs(z) == pytest.approx(1e-3, rel=1e-6)


def test_vertical_is_across_the_plane_of_the_polarization():
    ((x, y, z), _) = incident("-vdivrange 2")
    assert (x, z) == (pytest.approx(1.0, abs=1e-6), pytest.approx(0.0, abs=1e-12))
    assert abs(y) == pytest.approx(1e-3, rel=1e-6)


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("-hdivstep 1 -hdivsteps 5", "hdiv: a step without a range gives 2 steps .* not the 5"),
        ("-vdivsteps 5", "vdiv: a count alone gives a range of 1 rad"),
        ("-hdivrange 1", "hdiv: a range alone gives its two ends"),
        ("-phistep 1 -phisteps 5", "phi: a step without -osc gives 2 steps, not the 5"),
        ("-osc 1", "phi: -osc alone gives 2 steps"),
        ("-phisteps 4", "phi: -phisteps alone gives a range of 1°"),
        ("-exposure 5", "-exposure has no effect without -flux"),
        ("-mosaic_domains 5", "1 mosaic domain, not 5: the mosaic spread is 0"),
        ("-mosaic 1", "10 mosaic domains, the default"),
        ("-oversample 1", "oversample 1: the crystal is 500 Å wide, 2 subpixels would be needed"),
        ("", "oversample 2, chosen from the size of the crystal"),
        ("-interpolate", "no interpolation: without a file F is the same everywhere"),
    ],
)
def test_a_choice_made_for_the_user_is_noted(line, note):
    assert re.search(note, notes(line))


def test_sources_of_a_file_have_its_directions_wavelengths_and_weights(write):
    write("s.txt", "-10 0 0 3 1.5e-10\n0 -5 0 1\n")
    first, second = read("-sourcefile s.txt -lambda 2").beam.spectrum
    assert (first.incident, first.wavelength, first.weight) == ((1.0, 0.0, 0.0), 1.5, 3.0)
    assert (second.incident, second.wavelength, second.weight) == ((0.0, 1.0, 0.0), 2.0, 1.0)


def test_a_beam_has_the_mean_wavelength_of_a_source_file_that_is_without_its_own(write):
    write("s.txt", "-10 0 0 3 1.1e-10\n-10 0 0 1 1.3e-10\n")
    experiment = read("-sourcefile s.txt -lambda 2")
    assert experiment.beam.wavelength == pytest.approx(1.15)
    assert "is the mean of its sources', 1.15 Å, not 2 Å" in notes("-sourcefile s.txt -lambda 2")


def test_a_beam_has_the_mean_direction_of_a_source_file_that_is_beside_it(write):
    write("s.txt", "0 -5 0\n0 0 -5\n")
    beam = read("-sourcefile s.txt").beam
    assert beam.direction == pytest.approx((0.0, 2**-0.5, 2**-0.5))
    assert "the direction of the beam is the mean" in notes("-sourcefile s.txt")


def test_a_beam_among_the_sources_of_a_file_stays_as_it_is_said(write):
    write("s.txt", "-10 0.1 0 9 1.1e-10\n-10 -0.1 0 1 1.3e-10\n")
    beam = read("-sourcefile s.txt -lambda 1.25").beam
    assert (beam.direction, beam.wavelength) == ((1.0, 0.0, 0.0), 1.25)
    assert "mean" not in notes("-sourcefile s.txt -lambda 1.25")


@pytest.mark.parametrize("c_compat", [False, True])
def test_a_curved_detector_beside_all_sources_is_refused(write, c_compat):
    write("s.txt", "0 -5 0\n")
    with pytest.raises(ExperimentError, match=r"-curved_det bends .* sources around the beam"):
        read("-sourcefile s.txt -curved_det", c_compat)


def test_steps_that_do_not_make_the_oscillation_are_refused():
    with pytest.raises(ExperimentError, match=r"oscillation of 1° and 10 steps of 0.5°, .* 5°"):
        read("-osc 1 -phistep 0.5 -phisteps 10")


def test_as_in_c_steps_are_as_given_and_make_the_oscillation():
    exposures = read("-osc 1 -phistep 0.5 -phisteps 10", c_compat=True).exposures
    assert (exposures.steps, math.degrees(exposures.step)) == (10, pytest.approx(0.5))
    assert math.degrees(exposures.oscillation) == pytest.approx(5)


def test_the_c_program_ignores_the_weights_of_sources_and_it_is_noted(write):
    write("s.txt", "-10 0 0 3\n-10 0 0 1\n")
    assert "as C: the weights of the sources are ignored" in notes("-sourcefile s.txt", True)


def test_weights_that_count_are_noted(write):
    write("s.txt", "-10 0 0 3\n-10 0 0 1\n")
    assert "the sources are weighted as the file says" in notes("-sourcefile s.txt")


def test_equal_weights_are_not_noted(write):
    write("s.txt", "-10 0 0 3\n-10 0 0 3\n")
    assert "weight" not in notes("-sourcefile s.txt", True)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("-energy 0", "-energy 0 eV must be positive"),
        ("-lambda 0", "-lambda 0 Å must be positive"),
        ("-flux 1e12 -exposure 0", "positive -exposure .is 0 s"),
        ("-flux 1e12 -beamsize 0", "-beamsize .is 0 mm"),
        ("-polar 2", "polarization = 2.0 must lie between -1 and 1"),
        ("-beam_vector 0 0 0", "-beam_vector 0 0 0 has no length"),
    ],
)
def test_a_beam_that_cannot_be_is_refused(line, fault):
    with pytest.raises(ExperimentError, match=fault):
        read(line)


# The detector

SMALL = "-detpixels 100 -pixel 0.1 "


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # default centres: half the detector and half a pixel more or less
        ("", [100.0, 5.1, -5.1]),
        ("-mosflm", [100.0, 5.1, -5.1]),
        ("-denzo", [100.0, 5.05, -5.05]),
        ("-adxv", [-5.05, 5.05, 100.0]),
        ("-xds", [-5.0, -5.0, 100.0]),
        ("-dials", [-5.0, -5.0, 100.0]),
        ("-spindle_axis 0 0 1", [100.0, 5.0, -5.0]),
        # beam centres: (fast, slow) = (Y + px/2, X + px/2), (Y, X), (X, size - Y), (X, Y)
        ("-mosflm -Xbeam 3 -Ybeam 4", [100.0, 3.05, -4.05]),
        ("-denzo -Xbeam 3 -Ybeam 4", [100.0, 3.0, -4.0]),
        ("-adxv -Xbeam 3 -Ybeam 4", [-3.0, 6.0, 100.0]),
        ("-spindle_axis 0 0 1 -Xbeam 3 -Ybeam 4", [100.0, 4.0, -3.0]),
        ("-spindle_axis 0 0 1 -Xclose 3 -Yclose 4", [100.0, 4.0, -3.0]),
        ("-xds -ORGX 30.5 -ORGY 40.5", [-3.0, -4.0, 100.0]),
        ("-dials -ORGX 30.5 -ORGY 40.5", [-3.0, -4.0, 100.0]),
        ("-spindle_axis 0 0 1 -ORGX 30.5 -ORGY 40.5", [100.0, 4.0, -3.0]),
        ("-Xbeam 3", [100.0, 3.05, -5.1]),
        ("-distance 200", [200.0, 5.1, -5.1]),
        ("-close_distance 200", [200.0, 5.1, -5.1]),
    ],
)
def test_the_detector_stands_where_its_convention_puts_it(line, expected):
    assert origin(SMALL + line) == expected


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("", "convention MOSFLM, the default"),
        ("-xds", "convention XDS, named by the option"),
        ("-xds -denzo", "convention DENZO, named by the option"),
        ("-spindle_axis 0 0 1", "convention CUSTOM, because -spindle_axis was given"),
        ("-xds -polar_vector 0 0 1", "CUSTOM, because -polar_vector was given; -xds has no effect"),
        ("-pix0_vector 0.1 0.05 -0.05", "convention CUSTOM, because -pix0_vector was given"),
        ("-twotheta_axis 0 0 1", "convention CUSTOM, because -twotheta_axis was given"),
        ("", "pivot beam, which MOSFLM forces"),
        ("-xds", "pivot sample, which XDS forces"),
        ("-dials", "pivot sample, which DIALS forces"),
        ("-denzo -twotheta 5", "pivot beam, which DENZO forces"),
        ("-spindle_axis 0 0 1", "pivot beam, the default"),
        ("-spindle_axis 0 0 1 -twotheta 0", "pivot sample, because -twotheta is the last"),
        ("-spindle_axis 0 0 1 -twotheta 0 -distance 90", "pivot beam, because -distance"),
        ("-spindle_axis 0 0 1 -distance 90 -twotheta 0", "pivot sample, because -twotheta"),
        ("-spindle_axis 0 0 1 -twotheta 0 -pivot beam", "pivot beam, because -pivot"),
        ("-spindle_axis 0 0 1 -Xclose 5", "pivot sample, because -Xclose"),
        ("-spindle_axis 0 0 1 -close_distance 90", "pivot sample, because -close_distance"),
        ("-odet_vector 0.5 0 0", "the detector normal is fast x slow"),
    ],
)
def test_the_convention_and_pivot_in_force_are_noted_with_their_reason(line, note):
    assert note in notes(line)


def test_the_beam_pivot_keeps_the_beam_centre():
    tilted = origin(SMALL + "-spindle_axis 0 0 1 -Xbeam 3 -Ybeam 4 -detector_rotx 90")
    # fast Z → -Y, slow -Y → -Z: the spot stays 3 along fast and 4 along slow
    assert tilted == [100.0, 3.0, 4.0]


def test_the_sample_pivot_turns_the_whole_detector():
    line = SMALL + "-spindle_axis 0 0 1 -Xbeam 3 -Ybeam 4 -detector_rotx 90 -pivot sample"
    # (100, 4, -3) turned about X
    assert origin(line) == [100.0, 3.0, 4.0]


def test_two_theta_swings_the_detector_about_the_sample():
    # XDS: (-5, -5, 100) turned by 90° about X
    assert origin(SMALL + "-xds -twotheta 90") == [-5.0, -100.0, -5.0]


def test_the_c_program_takes_a_two_theta_axis_for_a_two_theta_angle():
    line = SMALL + "-twotheta_axis 1 0 0 -pivot beam"
    swung = SMALL + "-twotheta_axis 1 0 0 -twotheta 1 -pivot beam"
    assert panel(line, c_compat=True) == panel(swung)
    assert panel(line) == panel(SMALL + "-spindle_axis 0 0 1 -pivot beam")


def test_a_two_theta_after_the_axis_counts_for_the_c_program_too():
    line = SMALL + "-twotheta_axis 1 0 0 -twotheta 5"
    assert panel(line, c_compat=True) == panel(line)


def test_a_two_theta_axis_taken_for_an_angle_is_noted():
    noted = notes(SMALL + "-twotheta_axis 1 0 0", c_compat=True)
    assert "as C: -twotheta_axis is read as -twotheta 1 too" in noted


def test_tilt_with_the_beam_pivot_and_a_distance_keeps_the_way_along_the_beam():
    tilted = panel(SMALL + "-detector_rotz 60 -distance 100")
    assert tilted.close_distance == pytest.approx(0.05)


def test_tilt_with_a_close_distance_keeps_it():
    assert panel(SMALL + "-detector_rotz 60 -close_distance 100").close_distance == pytest.approx(
        0.1
    )


@pytest.mark.parametrize(
    ("line", "region"),
    [
        ("-roi 10 20 30 50", Region(30, 51, 10, 21)),
        ("-roi 0 0 0 0", Region(0, 1, 0, 1)),
        ("-roi -1 -1 -1 -1", Region(0, 100, 0, 100)),
        ("-roi 90 200 95 200", Region(95, 100, 90, 100)),
    ],
)
def test_a_region_is_fast_before_slow_and_inclusive(line, region):
    assert panel(SMALL + line).region == region


@pytest.mark.parametrize("line", ["-roi 20 10 0 5", "-roi 100 120 0 5"])
def test_a_region_without_pixels_is_refused(line):
    with pytest.raises(ExperimentError, match=r"region of interest .* holds no pixel"):
        read(SMALL + line)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("-pixel 0", "-pixel 0.0 mm must be positive"),
        ("-detpixels 0", "-detpixels 0: a detector needs at least one pixel"),
        ("-detsize_s 0.01", "-detsize_s 0.01 mm is less than half a pixel"),
        ("-distance 0", "-distance 0 mm must be positive"),
        ("-close_distance -5", "-close_distance -5 mm must be positive"),
        ("-detector_rotz 90 -odet_vector 1 0 0", "parallel to the beam"),
        (
            "-twotheta 120",
            r"-twotheta 120° with pivot beam .* a negative number of photons, as in C",
        ),
        ("-twotheta -90.1 -denzo", r"-twotheta -90\.1° with pivot beam .*Turn it by less than 90°"),
        ("-twotheta 90", "-twotheta 90° with pivot beam turns the detector"),
        ("-twotheta_axis 0 1 0 -twotheta 91 -pivot beam", "or about the sample: -pivot sample"),
        ("-pivot centre", "-pivot 'centre' must be"),
        ("-twotheta_axis 0 0 0", "-twotheta_axis 0 0 0 has no length"),
    ],
)
def test_a_detector_that_cannot_be_is_refused(line, fault):
    with pytest.raises(ExperimentError, match=fault):
        read(line)


# The origin of pixel (0, 0)


@pytest.mark.parametrize("option", ["-pix0_vector 0.1 0.004 -0.003", "-pix0_vector_mm 100 4 -3"])
def test_an_origin_alone_is_honoured(option):
    assert origin(SMALL + option) == [100.0, 4.0, -3.0]


def test_an_origin_that_the_beam_centre_agrees_with_is_honoured():
    line = "-pix0_vector_mm 100 4 -3 -Xbeam 3 -Ybeam 4 -distance 100"
    assert origin(SMALL + line) == [100.0, 4.0, -3.0]


def test_an_origin_means_the_detector_before_it_is_turned():
    # the sample pivot turns (100, 4, -3) by 90° about X
    line = "-pix0_vector_mm 100 4 -3 -pivot sample -detector_rotx 90"
    assert origin(SMALL + line) == [100.0, 3.0, 4.0]


def test_an_origin_contradicted_by_the_beam_centre_is_refused_with_the_numbers():
    with pytest.raises(ExperimentError, match=r"5\.000 mm \(50\.0 px\) apart.*100\.000, 4\.000"):
        read(SMALL + "-pix0_vector_mm 100 4 -3 -Xbeam 8 -Ybeam 4")


def test_the_c_program_ignores_an_origin():
    assert origin(SMALL + "-pix0_vector_mm 50 60 70", c_compat=True) == [100.0, 5.0, -5.0]


def test_an_origin_that_the_c_program_ignores_is_noted():
    line = SMALL + "-pix0_vector_mm 50 60 70"
    assert "as C: the value of -pix0_vector_mm is ignored" in notes(line, c_compat=True)


# Contradictions: refused with both sides, or done as the C program does and noted

CONTRADICTIONS = [
    (
        "-energy 12000 -lambda 1.5",
        r"-energy 12000 eV \(1\.0332 Å\) and -lambda 1\.5 Å",
        "beam.wavelength",
        1.5,
    ),
    ("-lambda 1.5 -energy 6199.21", r"-energy 6199\.21 eV \(2 Å\)", "beam.wavelength", 2.0),
    (
        "-fluence 1e24 -flux 1e12",
        r"-fluence 1e\+24 and -flux 1e\+12 .* = 1e\+20 photons/m²",
        "beam.fluence",
        1e20,
    ),
    ("-polar 0.9 -nopolar", "-nopolar takes back -polar", "beam.polarization", None),
    (
        "-Na 7 -xtal_x 0.0001",
        r"-Na 7 and -xtal_x 0\.0001 mm \(10 cells along a\)",
        "crystal.cells",
        (10, 5, 5),
    ),
    (
        "-detpixels 100 -detsize 20",
        r"-detpixels 100 and -detsize 20 mm \(200 pixels",
        "detector.pixels",
        (100, 100),
    ),
    (
        "-spindle_axis 0 1 0 -xds",
        "-spindle_axis has no effect: -xds comes later",
        "exposures.spindle",
        (1.0, 0.0, 0.0),
    ),
    (
        "-curved_det -xds -twotheta 5",
        "-curved_det with -twotheta",
        "detector.curvature_radius",
        0.1,
    ),
    (
        "-spindle_axis 0 0 1 -polar_vector 1 0 0 -polar 0.9",
        "the polarization axis lies along the beam",
        "beam.polarization_axis",
        (1.0, 0.0, 0.0),
    ),
]


@pytest.mark.parametrize(("line", "fault", "path", "as_c"), CONTRADICTIONS)
def test_a_contradiction_is_refused_with_both_sides(line, fault, path, as_c):
    with pytest.raises(ExperimentError, match=f"{fault}.*say c_compat=True"):
        read(line)


@pytest.mark.parametrize(("line", "fault", "path", "as_c"), CONTRADICTIONS)
def test_a_contradiction_is_settled_as_in_c_under_c_compat(line, fault, path, as_c):
    assert attribute(read(line, c_compat=True), path) == pytest.approx(as_c)


@pytest.mark.parametrize(("line", "fault", "path", "as_c"), CONTRADICTIONS)
def test_a_contradiction_settled_as_in_c_is_noted(line, fault, path, as_c):
    assert re.search(f"as C: .*{fault}", notes(line, c_compat=True))


GEOMETRIC_CONTRADICTIONS = [
    ("-mosflm -pivot sample", "-pivot sample contradicts the MOSFLM", "-mosflm"),
    ("-xds -pivot beam", "-pivot beam contradicts the XDS", "-xds"),
    ("-xds -Xbeam 3", "-Xbeam cannot move the detector in the XDS .* only -ORGX and", "-xds"),
    ("-dials -Xclose 3 -Ybeam 4", "-Ybeam -Xclose cannot move the detector in the DIALS", "-dials"),
    ("-ORGX 30", "-ORGX cannot move the detector in the MOSFLM .* only -Xbeam and", ""),
    ("-adxv -Xclose 3", "-Xclose cannot move the detector in the ADXV", "-adxv"),
    (
        "-spindle_axis 0 0 1 -Xbeam 3 -Xclose 4",
        r"-Xclose \(4 mm\) and -Xbeam \(3 mm\) contradict",
        "-spindle_axis 0 0 1 -Xbeam 3",
    ),
    (
        "-spindle_axis 0 0 1 -Yclose 4 -ORGY 30.5",
        r"-ORGY \(3 mm\) and -Yclose \(4 mm\) contradict",
        "-spindle_axis 0 0 1 -Yclose 4",
    ),
    (
        "-distance 100 -close_distance 90",
        r"-distance 100 mm and -close_distance 90 mm \(which is 90 mm along the beam\)",
        "-close_distance 90",
    ),
    (
        "-close_distance 100 -distance 100 -detector_rotz 60",
        r"-close_distance 100 mm \(which is 200 mm along the beam\)",
        "-close_distance 100 -detector_rotz 60",
    ),
    (
        "-spindle_axis 0 0 1 -pix0_vector 0.1 0.2 0.3 -Xbeam 3",
        "-pix0_vector and -Xbeam put pixel",
        "-spindle_axis 0 0 1 -Xbeam 3",
    ),
]


@pytest.mark.parametrize(("line", "fault", "same"), GEOMETRIC_CONTRADICTIONS)
def test_a_contradiction_of_geometry_is_refused_with_both_sides(line, fault, same):
    with pytest.raises(ExperimentError, match=f"{fault}.*say c_compat=True"):
        read(SMALL + line)


@pytest.mark.parametrize(("line", "fault", "same"), GEOMETRIC_CONTRADICTIONS)
def test_the_overruled_option_has_no_effect_under_c_compat(line, fault, same):
    assert panel(SMALL + line, c_compat=True) == panel(SMALL + same)


@pytest.mark.parametrize(("line", "fault", "same"), GEOMETRIC_CONTRADICTIONS)
def test_an_overruled_option_is_noted_under_c_compat(line, fault, same):
    assert re.search(f"as C: .*{fault}", notes(SMALL + line, c_compat=True))


@pytest.mark.parametrize(
    "line",
    [
        "-lambda 1.0332 -energy 12000.018",
        "-flux 1e12 -fluence 1e20",
        "-Na 10 -xtal_x 0.0001",
        "-detpixels 100 -detsize 10",
        "-mosflm -pivot beam",
        "-spindle_axis 0 0 1 -Xbeam 3 -Xclose 3",
        "-distance 100 -close_distance 100",
    ],
)
def test_two_options_that_agree_are_accepted(line):
    assert read(line).steps > 0


def test_the_c_program_takes_the_source_list_before_the_divergence(write):
    write("s.txt", "-10 0 0\n")
    assert incident("-sourcefile s.txt -hdivrange 1", c_compat=True) == [(1.0, 0.0, 0.0)]


# Masks


@pytest.fixture
def masked(write):
    """Read a command line with a mask of the given header."""

    def read_masked(line="", c_compat=False, **header):
        write("m.img", smv(**header))
        return read(f"-mask m.img {line}", c_compat)

    return read_masked


def test_a_mask_gives_the_number_of_pixels(masked):
    assert masked().detector.pixels == (4, 6)


def test_a_mask_is_kept_by_its_hash(masked, tmp_path):
    described = masked().detector.panels[0].mask
    assert described.path == "m.img"
    assert described.sha256 == hashlib.sha256((tmp_path / "m.img").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("header", "path", "expected"),
    [
        ({"PIXEL_SIZE": 0.2}, "detector.pixel_size", (2e-4, 2e-4)),
        ({"DISTANCE": 150}, "detector.panels.0.close_distance", 0.15),
        ({"CLOSE_DISTANCE": 150}, "detector.panels.0.close_distance", 0.15),
        ({"WAVELENGTH": 1.5}, "beam.wavelength", 1.5),
        ({"PHI": 90}, "exposures.start", math.pi / 2),
        ({"OSC_RANGE": 1}, "exposures.oscillation", math.radians(1)),
        (
            {"BEAM_CENTER_X": 0.3, "BEAM_CENTER_Y": 0.1},
            "detector.panels.0.origin",
            (0.1, 35e-5, -15e-5),
        ),
    ],
)
def test_a_mask_header_gives_what_the_options_do_not(masked, header, path, expected):
    assert attribute(masked(**header), path) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("header", "line", "path", "expected"),
    [
        ({"PIXEL_SIZE": 0.2}, "-pixel 0.3", "detector.pixel_size", (3e-4, 3e-4)),
        ({"DISTANCE": 150}, "-distance 120", "detector.panels.0.close_distance", 0.12),
        ({"WAVELENGTH": 1.5}, "-lambda 1.2", "beam.wavelength", 1.2),
        ({"PHI": 90}, "-phi 0", "exposures.start", 0.0),
        ({"OSC_RANGE": 1}, "-osc 2", "exposures.oscillation", math.radians(2)),
        ({"BEAM_CENTER_X": 0.3}, "-Xbeam 0.1", "detector.panels.0.origin.1", 15e-5),
    ],
)
def test_an_option_beats_the_mask_header(masked, header, line, path, expected):
    assert attribute(masked(line, **header), path) == pytest.approx(expected)


def test_an_origin_of_the_mask_header_counts_for_xds(masked):
    experiment = masked("-xds", ORGX=2.5, ORGY=1.5)
    assert experiment.detector.panels[0].origin == pytest.approx((-2e-4, -1e-4, 0.1))


def test_the_origin_that_the_c_program_writes_into_a_header_counts(masked):
    experiment = masked("-xds", XDS_ORGX=2.5, XDS_ORGY=1.5)
    assert experiment.detector.panels[0].origin == pytest.approx((-2e-4, -1e-4, 0.1))


def test_a_close_distance_of_the_header_gives_way_to_a_distance_and_it_is_noted(masked):
    experiment = masked("-distance 120", CLOSE_DISTANCE=150)
    assert experiment.detector.panels[0].close_distance == pytest.approx(0.12)
    assert any("-distance overrides CLOSE_DISTANCE=150" in note for note in experiment.notes)


def test_in_the_c_program_a_close_distance_of_the_header_wins(masked):
    experiment = masked("-distance 120", c_compat=True, CLOSE_DISTANCE=150)
    assert experiment.detector.panels[0].close_distance == pytest.approx(0.15)
    assert any("CLOSE_DISTANCE=150 mm, which is taken" in note for note in experiment.notes)


def test_the_c_program_counts_the_header_s_y_from_the_other_edge(masked):
    experiment = masked(c_compat=True, BEAM_CENTER_X=0.3, BEAM_CENTER_Y=0.1)
    # Ybeam = 4 · 0.1 mm - 0.1 mm, half a pixel more for MOSFLM
    assert experiment.detector.panels[0].origin == pytest.approx((0.1, 35e-5, -35e-5))


def test_the_c_program_counts_that_edge_in_pixels_of_the_header(masked):
    experiment = masked("-pixel 0.5", c_compat=True, BEAM_CENTER_X=0.3, BEAM_CENTER_Y=0.1)
    assert experiment.detector.panels[0].origin == pytest.approx((0.1, 55e-5, -55e-5))


def test_a_mask_of_another_size_is_refused(masked):
    with pytest.raises(ExperimentError, match=r"m.img has 4 pixels along slow, .* ask for 5"):
        masked("-detpixels 5")


def test_a_mask_swung_in_two_theta_is_refused_with_the_angle(masked):
    with pytest.raises(ExperimentError, match="TWOTHETA=15°, the options say no -twotheta"):
        masked(TWOTHETA=15)


def test_the_c_program_does_not_swing_by_the_mask(masked):
    swung, straight = (masked(c_compat=True, TWOTHETA=angle) for angle in (15, 0))
    assert swung.detector.panels[0].normal == straight.detector.panels[0].normal


# Images whose headers alone count


@pytest.fixture
def with_image(write):
    """Read a command line with an image of the given header, without its pixels."""

    def read_with_image(line="", c_compat=False, **header):
        write("i.img", smv(**({"TYPE": "float"} | header))[:512])
        return read(f"-img i.img {line}", c_compat)

    return read_with_image


def test_an_image_header_gives_the_number_of_pixels_and_no_mask(with_image):
    detector = with_image().detector
    assert (detector.pixels, detector.panels[0].mask) == ((4, 6), None)


def test_a_number_of_pixels_beats_that_of_an_image_header(with_image):
    assert with_image("-detpixels_s 7").detector.pixels == (7, 6)


def test_a_size_that_contradicts_an_image_header_is_refused_with_both_numbers(with_image):
    with pytest.raises(ExperimentError, match=r"-detsize 1 mm \(10 pixels\) and -img i.img \(4 p"):
        with_image("-detsize 1")
    assert with_image("-detsize 1", c_compat=True).detector.pixels == (4, 6)


@pytest.mark.parametrize("c_compat", [False, True])
def test_the_beam_centre_of_an_image_header_is_never_turned_over(with_image, c_compat):
    experiment = with_image(c_compat=c_compat, BEAM_CENTER_X=0.3, BEAM_CENTER_Y=0.1)
    assert experiment.detector.panels[0].origin == pytest.approx((0.1, 35e-5, -15e-5))


@pytest.mark.parametrize(("c_compat", "steps"), [(False, 1), (True, 2)])
def test_the_header_of_a_still_means_a_still_but_two_steps_in_c(with_image, c_compat, steps):
    assert with_image(c_compat=c_compat, OSC_RANGE=0).exposures.steps == steps


def test_an_image_swung_in_two_theta_is_refused_with_the_angle(with_image):
    with pytest.raises(ExperimentError, match="header of -img says TWOTHETA=15°, the options say"):
        with_image(TWOTHETA=15)


@pytest.fixture
def with_both(write):
    """Read a command line with a mask and an image, each of its own header."""

    def read_with_both(mask, image, line="", c_compat=False):
        write("m.img", smv(**mask))
        write("i.img", smv(**image))
        return read(f"-img i.img -mask m.img {line}", c_compat)

    return read_with_both


def test_of_two_headers_that_of_the_image_counts_and_it_is_noted(with_both):
    experiment = with_both({"DISTANCE": 150, "WAVELENGTH": 1.5}, {"DISTANCE": 120})
    assert experiment.detector.panels[0].close_distance == pytest.approx(0.12)
    assert experiment.beam.wavelength == 1.5
    assert "where both headers say a value, -img i.img beats -mask m.img" in experiment.notes


def test_in_c_only_the_centre_of_the_mask_is_turned_over_when_both_say_one(with_both):
    centre = {"BEAM_CENTER_X": 0.3, "BEAM_CENTER_Y": 0.1}
    of_image = with_both(centre, centre, c_compat=True)
    of_mask = with_both(centre, {"BEAM_CENTER_X": 0.3}, c_compat=True)
    assert of_image.detector.panels[0].origin == pytest.approx((0.1, 35e-5, -15e-5))
    assert of_mask.detector.panels[0].origin == pytest.approx((0.1, 35e-5, -35e-5))


def test_images_of_two_sizes_are_refused_with_both(with_both):
    with pytest.raises(ExperimentError, match=r"m.img has 4 x 6 pixels .*, -img i.img 5 x 6"):
        with_both({}, {"SIZE2": 5})


def test_a_nearest_point_beats_the_beam_centre_of_a_header_but_in_c(with_image):
    line, header = "-spindle_axis 0 0 1 -Xclose 0.2 -Yclose 0.2", {"BEAM_CENTER_X": 0.3}
    assert with_image(line, **header).detector.panels[0].origin[2] == pytest.approx(-2e-4)
    as_c = with_image(line, c_compat=True, **header)
    assert as_c.detector.panels[0].origin[2] == pytest.approx(-3e-4)
    assert "as C: BEAM_CENTER_X of the header beats -Xclose" in as_c.notes


# Other files


@pytest.mark.parametrize(
    ("line", "float_image", "fdump", "progress"),
    [
        ("", None, None, None),
        ("-floatfile x.bin", "x.bin", None, None),
        ("-floatimage x.bin", "x.bin", None, None),
        ("-hkl a.hkl -dump F.bin", None, "F.bin", None),
        ("-dump F.bin", None, None, None),
        ("-noprogress -progress", None, None, True),
        ("-noprogress", None, None, False),
    ],
)
def test_files_beside_the_run_are_told(line, float_image, fdump, progress):
    outputs = Command.of(line.split()).outputs
    assert (outputs.float_image, outputs.fdump, outputs.progress) == (float_image, fdump, progress)


@pytest.mark.parametrize(
    ("line", "attribute", "value"),
    [
        ("-intfile a.img -scale 2 -adc 0", ("integer_image", "scale", "offset"), ("a.img", 2, 0)),
        ("-intimage a.img -scale 0", ("scale", "offset"), (None, 40)),
        ("-pgmfile a.pgm -pgmscale 3", ("grey_image", "grey_scale"), ("a.pgm", 3)),
        ("-nopgm -pgmimage a.pgm", ("grey_image",), ("a.pgm",)),
        ("-noiseimage a.img", ("count_image",), ("a.img",)),
        ("-printout -printout_pixel 3 5", ("printed", "pixels"), ((5, 3), [(5, 3)])),
        ("-trace_pixel 5 3", ("traced", "printed", "pixels"), ((5, 3), None, [(5, 3)])),
        ("-trace_pixel 5 3 -printout_pixel 3 5", ("pixels",), ([(5, 3)],)),
    ],
)
def test_outputs_and_what_belongs_to_them_are_told(line, attribute, value):
    outputs = Command.of(line.split()).outputs
    assert tuple(getattr(outputs, name) for name in attribute) == value


@pytest.mark.parametrize(
    ("line", "other"),
    [("-scale 2", "-intfile"), ("-pgmscale 2", "-pgmfile"), ("-adc 2", "-intfile or -noisefile")],
)
def test_an_option_that_needs_another_is_refused_without_it_but_under_c_compat(line, other):
    with pytest.raises(UsageError, match=f"has no effect without {other}"):
        read(line)
    assert Command.of(line.split(), c_compat=True).outputs.files == {}


@pytest.mark.parametrize("c_compat", [False, True])
def test_printing_every_pixel_is_refused(c_compat):
    with pytest.raises(UsageError, match="name one by -printout_pixel FAST SLOW"):
        read("-printout", c_compat=c_compat)


@pytest.mark.parametrize("option", ["-mat", "-mask", "-img", "-sourcefile"])
def test_a_file_that_does_not_exist_is_refused_by_its_name(option):
    with pytest.raises(InputFileError, match=r"nowhere\.txt"):
        read(f"{option} nowhere.txt")


def test_c_compat_is_kept_in_the_experiment():
    assert (read().c_compat, read(c_compat=True).c_compat) == (False, True)


# Noise


def test_without_a_word_of_noise_there_is_none():
    assert read().noise is None


@pytest.mark.parametrize("line", ["-noisefile x.img", "-nonoise -noiseimage x.img"])
def test_a_noise_file_asks_for_plain_poisson_noise(line):
    assert read(line).noise == Noise()


def test_nonoise_makes_none():
    assert read("-nonoise").noise is None


@pytest.mark.parametrize("line", ["-noisefile x.img -nonoise", "-pgmfile x.pgm -nopgm"])
def test_a_file_that_is_taken_back_is_a_contradiction(line):
    option, name, negation = line.split()
    with pytest.raises(UsageError, match=f"{negation} takes back {option} {name}.*c_compat=True"):
        read(line)
    assert Command.of(line.split(), c_compat=True).outputs.files == {}
    assert read(line, c_compat=True).noise is None


def test_noise_may_be_asked_for_beside_the_options():
    assert read(noise=Noise(gain=3)).noise == Noise(gain=3)


def test_noise_beside_the_options_goes_with_a_noise_file():
    assert read("-nonoise -noisefile x.img", noise=Noise(gain=3)).noise == Noise(gain=3)


def test_nonoise_contradicts_noise_beside_the_options():
    with pytest.raises(UsageError, match=r"noise=.*-nonoise takes it back"):
        read("-nonoise", noise=Noise())


@pytest.mark.parametrize(("line", "asked"), [("-noisefile x.img", None), ("", Noise(gain=3))])
def test_the_seed_is_that_of_the_noise(line, asked):
    assert read(f"{line} -seed 5", noise=asked).noise.seed == 5


def test_a_seed_of_nothing_is_refused():
    with pytest.raises(UsageError, match=r"-seed 5 has no effect.*noise="):
        read("-seed 5")


def test_a_seed_of_nothing_is_read_over_as_by_the_c_program():
    assert read("-seed 5", c_compat=True).noise is None


def test_a_seed_that_is_none_is_refused():
    with pytest.raises(ExperimentError, match=r"noise\.seed = -5 must lie between 0 and"):
        read("-noisefile x.img -seed -5")


def test_what_ours_ask_for_is_known_by_its_name():
    words = ["-cell", "100", "-default_F", "1"]
    assert read_options(words, ignore_file_cell=True).structure_factors.ignore_file_cell
    assert not read_options(words).structure_factors.ignore_file_cell
    with pytest.raises(TypeError, match="'ignore_cell'; there are fdump, mtz"):
        read_options(words, ignore_cell=True)


def test_a_file_s_cell_that_counts_for_nothing_is_kept_in_the_document(tmp_path):
    asked = read_options(["-cell", "100", "-default_F", "1"], ignore_file_cell=True)
    path = tmp_path / "same.toml"
    path.write_text(write_toml(asked))
    assert "ignore_file_cell = true" in path.read_text()
    assert Experiment.from_toml(path).structure_factors == asked.structure_factors


def test_a_skewed_cell_that_c_makes_another_of_is_refused_with_the_ways_to_it():
    words = f"{EDGES} 30 30 30".split()
    with pytest.raises(ExperimentError, match=r"0\.384 times the volume .*TOML.*-mat FILE alone"):
        read_options(words)


def test_angles_of_a_cell_in_radians_are_refused_with_the_degrees():
    words = f"{EDGES} 1.5708 1.5708 2.0944".split()
    with pytest.raises(ExperimentError, match=r"are in radians, write 90 90 120"):
        read_options(words)


def test_options_in_one_text_are_refused_with_how_to_split_them():
    with pytest.raises(UsageError, match=r"split it, by shlex\.split"):
        read_options(EDGES)


def test_too_many_subpixels_of_a_distance_in_metres_are_blamed_on_units():
    words = f"{EDGES} -distance 0.1 -pixel 1".split()
    with pytest.raises(ExperimentError, match="check the units of the crystal's size, the dist"):
        read_options(words)


def test_a_negative_beam_is_noted_to_have_no_end():
    assert "-beamsize -1 mm: less than 0 is a beam without an end, as in C" in notes("-beamsize -1")
    assert "without an end" not in notes("-beamsize 1")
