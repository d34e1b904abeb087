"""CrystFEL's geometry files: where panels stand, how far away, in which light."""

import json

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from strategies.numbers import finite, unit_vectors
from support.crystfel import AXES, CORNER, HEAD, PANEL, SIZE, WHOLE, named, note, reading
from tiled_sim.errors import InputFileError
from tiled_sim.io.crystfel_geometry import read_crystfel_geometry

PROPERTY = settings(deadline=None, max_examples=80)


@pytest.fixture
def read(tmp_path):
    return reading(tmp_path)


@pytest.fixture
def panel(read):
    """The only panel of a text."""

    def only(text, **given):
        (panel,) = read(text, **given).panels
        return panel

    return only


def corners(panel):
    """Corners of the first pixel, of the far end of fast, of the far end of slow [m]."""
    first = np.array(panel.origin)
    slow, fast = np.array(panel.pixels) * panel.pixel_size
    return first, first + fast * np.array(panel.fast_axis), first + slow * np.array(panel.slow_axis)


# Where panels are


@pytest.mark.parametrize("name", ["chips16", "quirks"])
def test_every_corner_is_where_an_independent_calculation_has_it(data, name):
    geometry = read_crystfel_geometry(data / "geometry" / f"{name}.geom")
    expected = json.loads((data / "geometry" / "corners.json").read_text())[name]
    assert [panel.name for panel in geometry.panels] == list(expected)
    for panel in geometry.panels:
        known = expected[panel.name]
        assert list(panel.pixels) == known["pixels_slow_fast"]
        assert np.allclose(np.array(panel.pixel_size) * 1e3, known["pixel_size_mm"], atol=1e-9)
        three = [known[key] for key in ("corner_first", "corner_fast", "corner_slow")]
        assert np.abs(np.array(corners(panel)) * 1e3 - three).max() < 1e-6


def test_the_corner_is_the_outer_one_of_the_first_pixel(panel):
    assert panel(WHOLE).origin == pytest.approx((-2e-4, -1e-4, 0.2), abs=1e-15)


def test_both_ends_of_a_range_of_pixels_count(panel):
    assert panel(WHOLE).pixels == (3, 4)


def test_a_range_of_pixels_may_begin_anywhere_in_the_data(panel):
    moved = SIZE.replace("0", "100").replace("= 3", "= 103").replace("= 2", "= 102.0")
    assert panel(HEAD + CORNER + AXES + moved).pixels == (3, 4)


@pytest.mark.parametrize(
    ("text", "vector"),
    [
        ("x", (1, 0, 0)),
        ("-y", (0, -1, 0)),
        ("+z", (0, 0, 1)),
        ("+0.6x-0.8y", (0.6, -0.8, 0)),
        ("0.6x +0.8y", (0.6, 0.8, 0)),
        ("- 0.6 x + .8 z", (-0.6, 0, 0.8)),
        ("0.36x+0.48y-0.8z", (0.36, 0.48, -0.8)),
        ("6e-1x-8E-1y", (0.6, -0.8, 0)),
        ("0.3x+0.3x+0.8y", (0.6, 0.8, 0)),
    ],
)
def test_a_direction_begins_at_nothing_and_adds_its_terms(panel, text, vector):
    along = "x" if "z" not in text or "x" in text else "y"
    slow = "z" if along == "x" and "z" not in text else "y"
    if vector[1] and vector[2]:
        slow = "0.8x-0.6y"
    made = panel(HEAD + SIZE + "p/corner_x = 5\np/corner_y = 5\n" + f"p/fs = {text}\np/ss = {slow}")
    assert made.fast_axis == pytest.approx(vector, abs=1e-15)


def test_the_lengths_of_the_directions_are_the_sides_of_a_pixel(panel):
    made = panel(HEAD + SIZE + CORNER + "p/fs = 2x\np/ss = 0.5y")
    assert made.pixel_size == pytest.approx((0.5e-4, 2e-4))
    assert made.fast_axis == (1.0, 0.0, 0.0)


def test_directions_of_length_1_written_in_decimals_leave_pixels_square(data):
    geometry = read_crystfel_geometry(data / "geometry" / "chips16.geom")
    assert {panel.pixel_size for panel in geometry.panels} == {(1 / 13333.333333333,) * 2}


def test_coffset_adds_to_the_camera_length_in_metres(panel):
    assert panel(WHOLE + "p/coffset = -0.05").origin[2] == pytest.approx(0.15)


@pytest.mark.parametrize(
    "length", ["0.2", "0.2 m", "200 mm", "200mm", "2e-1", "+.2", "0.2;remark", "200 mm ; remark"]
)
def test_the_camera_length_is_in_metres_unless_it_says_millimetres(panel, length):
    assert panel(WHOLE.replace("clen = 0.2", f"clen = {length}")).origin[2] == pytest.approx(0.2)


def test_a_shift_of_the_whole_detector_moves_every_panel(panel):
    made = panel(WHOLE + "detector_shift_x = 1.5 mm\ndetector_shift_y = -0.002\n")
    assert made.origin == pytest.approx((-2e-4 + 1.5e-3, -1e-4 - 2e-3, 0.2))


def test_a_shift_in_the_data_files_is_none_and_is_told(read):
    geometry = read(WHOLE + "detector_shift_x = /shift mm")
    assert geometry.panels[0].origin[0] == pytest.approx(-2e-4)
    assert "no shift" in note(geometry, "detector_shift_x")


@pytest.mark.parametrize(
    ("fs", "ss", "normal"), [("x", "y", 1), ("x", "-y", 1), ("-y", "x", 1), ("-x", "y", 1)]
)
def test_the_normal_points_away_from_the_sample(panel, fs, ss, normal):
    made = panel(HEAD + SIZE + CORNER + f"p/fs = {fs}\np/ss = {ss}")
    assert made.normal == (0.0, 0.0, normal)


def test_a_panel_upstream_of_the_sample_faces_it(panel):
    made = panel(WHOLE.replace("clen = 0.2", "clen = -0.2"))
    assert made.normal == (0.0, 0.0, -1.0)


# Defaults


def test_a_default_counts_for_panels_that_begin_after_it(read):
    first, second, third = read(
        HEAD
        + named("a", PANEL)
        + "res = 20000\ncoffset = 0.01\n"
        + named("b", PANEL)
        + "res = 5000\n"
        + named("c", PANEL)
        + "a/no_index = 0\n"
    ).panels
    assert [panel.pixel_size[0] for panel in (first, second, third)] == [1e-4, 5e-5, 2e-4]
    assert [panel.origin[2] for panel in (first, second, third)] == pytest.approx([0.2, 0.21, 0.21])


def test_a_panel_s_own_key_counts_before_a_default_wherever_it_stands(read):
    first, second = read(
        "p/res = 2500\n"
        + HEAD
        + "fs = x\nss = y\n"
        + PANEL
        + named("q", SIZE + CORNER)
        + "p/fs = -x"
    ).panels
    assert first.pixel_size == (4e-4, 4e-4)
    assert first.fast_axis == (-1.0, 0.0, 0.0)
    assert second.fast_axis == (1.0, 0.0, 0.0)


def test_the_last_value_of_a_panel_s_key_counts_and_is_told(read):
    geometry = read(WHOLE + "p/corner_x = 7\n")
    assert geometry.panels[0].origin[0] == pytest.approx(7e-4)
    assert "lines 12" in note(geometry, "replace another")


def test_a_default_that_comes_after_all_panels_is_told(read):
    geometry = read(WHOLE + "res = 5000\n")
    assert geometry.panels[0].pixel_size == (1e-4, 1e-4)
    assert "res (line 12)" in note(geometry, "no panel begins after")


def test_one_camera_length_after_the_panels_counts_for_all_of_them(panel):
    assert panel("photon_energy = 1e4\nres = 1e4\n" + PANEL + "clen = 0.3").origin[2] == 0.3


def test_a_panel_may_have_a_camera_length_of_its_own(read):
    geometry = read(HEAD + named("a", PANEL) + named("b", PANEL) + "b/clen = 300 mm\n")
    assert [panel.origin[2] for panel in geometry.panels] == pytest.approx([0.2, 0.3])


def test_of_several_camera_lengths_each_panel_has_the_one_before_it(read):
    geometry = read(HEAD + named("a", PANEL) + "clen = 0.3\n" + named("b", PANEL))
    assert [panel.origin[2] for panel in geometry.panels] == [0.2, 0.3]
    assert "lines 1, 12" in note(geometry, "clen stands in")


def test_panels_stay_in_the_order_of_the_file(read):
    names = ["q9", "a", "10", "p"]
    geometry = read(HEAD + "".join(named(name, PANEL) for name in names))
    assert [panel.name for panel in geometry.panels] == names


# Distance and wavelength


@pytest.mark.parametrize(
    ("line", "wavelength"),
    [
        ("photon_energy = 9000", 12398.42 / 9000),
        ("photon_energy = 9000 eV", 12398.42 / 9000),
        ("photon_energy = 9000eV", 12398.42 / 9000),
        ("photon_energy = 9e3 eV;x", 12398.42 / 9000),
        ("photon_energy = 9.0 keV", 12398.42 / 9000),
        ("photon_energy = 0.009 MeV", 12398.42 / 9000),
        ("wavelength = 1.125 A", 1.125),
        ("wavelength = 1.125e-10 m", 1.125),
        ("electron_voltage = 300 kV", 0.0196875),
        ("electron_voltage = 200000 V", 0.0250793),
    ],
)
def test_the_wavelength_is_read_in_its_units(read, line, wavelength):
    light = read(WHOLE.replace("photon_energy = 10000", line)).light
    assert light.wavelength == pytest.approx((wavelength,), rel=2e-6)
    assert light.direction == (0.0, 0.0, 1.0)


def test_a_wavelength_of_electrons_is_told(read):
    geometry = read(WHOLE.replace("photon_energy = 10000", "electron_voltage = 300 kV"))
    assert "X-rays" in note(geometry, "electron_voltage")


def test_what_stands_in_the_data_files_is_taken_as_given_and_told(read):
    text = WHOLE.replace("clen = 0.2", "clen = /LCLS/position mm")
    text = text.replace("photon_energy = 10000", "photon_energy = /LCLS/energy keV")
    geometry = read(text + "p/coffset = 0.5\n", distance=0.1, wavelength=1.3)
    assert geometry.panels[0].origin[2] == pytest.approx(0.6)
    assert geometry.light.wavelength == (1.3,)
    assert "line 1" in note(geometry, "clen is a path")
    assert "line 2" in note(geometry, "photon_energy is a path")


def test_what_the_file_does_not_say_is_taken_as_given(read):
    geometry = read("res = 1e4\n" + PANEL, distance=0.1, wavelength=1.3)
    assert geometry.panels[0].origin[2] == 0.1
    assert geometry.light.wavelength == (1.3,)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("clen = 0.2\n", "", "line 3: panel p has no clen: .*-distance"),
        ("clen = 0.2", "clen = /a/b", r"line 1 \(clen = '/a/b'\) is a path .*-distance"),
        ("photon_energy = 10000\n", "", "no photon_energy and no wavelength: .*-lambda"),
        ("photon_energy = 10000", "wavelength = /a m", r"line 2 \(wavelength .* path.*-lambda"),
    ],
)
def test_what_the_file_does_not_say_must_be_given(read, old, new, fault):
    with pytest.raises(InputFileError, match=rf"some\.geom: .*{fault}"):
        read(WHOLE.replace(old, new))


def test_what_is_given_may_repeat_what_the_file_says(read):
    geometry = read(WHOLE, distance=0.2 + 0.9e-6, wavelength=1.239842 * (1 + 0.9e-6))
    assert geometry.panels[0].origin[2] == 0.2
    assert geometry.light.wavelength == (1.239842,)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"distance": 0.2 + 1.1e-6}, r"line 1 \(clen = '0.2'\) is 200 mm, .* 200\.0011 mm"),
        ({"wavelength": 1.24}, r"line 2 \(photon_energy .*\) is 1\.239842 A, .* 1\.24 A"),
    ],
)
def test_what_is_given_must_not_contradict_the_file(read, options, fault):
    with pytest.raises(InputFileError, match=fault):
        read(WHOLE, **options)


def test_two_energies_must_agree(read):
    assert read(WHOLE + "wavelength = 1.239842 A").light.wavelength == (1.239842,)
    with pytest.raises(InputFileError, match=r"line 12 \(photon_energy = '9 keV'\) .*line 2 "):
        read(WHOLE + "photon_energy = 9 keV")


# What is written is read


def spelled(vector, style):
    """A direction as text, in one of several spellings that people and programs use."""
    form = ["{:+.12f}{}", "{:+.12f}{} ", "{: .12e} {} ", "{:.12f}{}"][style]
    terms = [form.format(size, letter) for size, letter in zip(vector, "xyz", strict=True)]
    text = "".join(terms) if style < 2 else "+".join(terms).replace("+-", "-").replace("+ -", " - ")
    return text.replace("+ ", "+").strip()


@st.composite
def panels(draw):
    """Corner [pixel], offset [m], pixels in a metre, size in pixels, axes, spelling."""
    fast, other = draw(unit_vectors), draw(unit_vectors)
    slow = np.cross(fast, other)
    length = np.linalg.norm(slow)
    if length < 0.1:
        fast, slow, length = (1.0, 0.0, 0.0), np.array([0.0, 1.0, 0.0]), 1.0
    return {
        "corner": (draw(finite(-3000, 3000)), draw(finite(-3000, 3000))),
        "coffset": draw(finite(-0.05, 0.05)),
        "res": draw(finite(3000, 50000)),
        "pixels": (draw(st.integers(1, 2000)), draw(st.integers(1, 2000))),
        "start": (draw(st.integers(0, 9000)), draw(st.integers(0, 9000))),
        "fast": np.array(fast),
        "slow": slow / length * draw(st.sampled_from([1.0, 2.5])),
        "style": draw(st.integers(0, 3)),
        "default": draw(st.booleans()),
    }


def as_text(index, one):
    slow, fast = one["pixels"]
    top, left = one["start"]
    res = f"res = {one['res']!r}; pixels in a metre\n"
    return (
        (res if one["default"] else f"m{index}/{res}")
        + f"m{index}/min_fs = {left}\nm{index}/max_fs={left + fast - 1}\n"
        + f"m{index}/min_ss = {top}.0\nm{index}/max_ss =\t{top + slow - 1}\n"
        + f"m{index}/fs = {spelled(one['fast'], one['style'])}\n"
        + f"m{index}/ss = {spelled(one['slow'], one['style'])}\n"
        + f"m{index}/corner_x = {one['corner'][0]!r}\nm{index}/corner_y = {one['corner'][1]!r}\n"
        + f"m{index}/coffset = {one['coffset']!r}\n"
    )


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """One file that the examples of a property overwrite."""
    return tmp_path_factory.mktemp("geometry") / "random.geom"


@PROPERTY
@given(made=st.lists(panels(), min_size=1, max_size=4), mm=st.booleans())
def test_panels_that_are_written_are_read(scratch, made, mm):
    clen = "1900 mm" if mm else "1.9"
    head = f"clen = {clen}\nwavelength = 1 A\n"
    scratch.write_text(head + "".join(as_text(index, one) for index, one in enumerate(made)))
    for one in made:
        first = np.array([*one["corner"], (1.9 + one["coffset"]) * one["res"]])
        normal = np.cross(one["fast"], one["slow"])
        assume(abs(first @ normal) > 1.0)  # a plane through the sample is refused
    geometry = read_crystfel_geometry(scratch)
    assert [panel.name for panel in geometry.panels] == [f"m{i}" for i in range(len(made))]
    for panel, one in zip(geometry.panels, made, strict=True):
        pixel = 1.0 / one["res"]
        first = np.array([*(place * pixel for place in one["corner"]), 1.9 + one["coffset"]])
        slow, fast = one["pixels"]
        expected = first, first + fast * one["fast"] * pixel, first + slow * one["slow"] * pixel
        assert panel.pixels == (slow, fast)
        assert np.abs(np.array(corners(panel)) - expected).max() < 1e-9
        assert np.dot(panel.normal, panel.origin) > 0
