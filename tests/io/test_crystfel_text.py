"""The text of CrystFEL's geometry files: groups, spellings, slips and what is refused."""

import gzip

import pytest

from support.crystfel import CORNER, HEAD, PANEL, SIZE, WHOLE, named, note, reading
from tiled_sim.errors import InputFileError
from tiled_sim.io.crystfel_geometry import read_crystfel_geometry
from tiled_sim.io.geometry_panels import MAX_PANELS


@pytest.fixture
def read(tmp_path):
    return reading(tmp_path)


# Groups


@pytest.fixture
def groups(read):
    """Path of the groups of each of the panels a, b, c, d."""

    def paths(lines):
        geometry = read(HEAD + "".join(named(name, PANEL) for name in "abcd") + lines)
        return {panel.name: panel.group for panel in geometry.panels}

    return paths


def test_a_panel_without_a_group_has_no_path(groups):
    assert set(groups("").values()) == {()}


def test_groups_of_groups_are_a_path_from_the_outermost(groups):
    lines = "group_all = q0,q1\ngroup_q0 = a, b\ngroup_q1 = c,half\ngroup_half = d\n"
    assert groups(lines) == {
        "a": ("all", "q0"),
        "b": ("all", "q0"),
        "c": ("all", "q1"),
        "d": ("all", "q1", "half"),
    }


def test_rigid_groups_are_nested_by_what_they_hold(groups):
    lines = "rigid_group_pair = a,b\nrigid_group_all = a,b,c,d\n"
    assert groups(lines) == {
        "a": ("all", "pair"),
        "b": ("all", "pair"),
        "c": ("all",),
        "d": ("all",),
    }


def test_a_collection_stands_before_each_of_its_rigid_groups(groups):
    lines = (
        "rigid_group_collection_quadrants = q0,q1\nrigid_group_q0 = a,b,c\nrigid_group_q1 = d\n"
        "rigid_group_a0 = a,b\nrigid_group_collection_asics = a0\n"
    )
    assert groups(lines) == {
        "a": ("quadrants", "q0", "asics", "a0"),
        "b": ("quadrants", "q0", "asics", "a0"),
        "c": ("quadrants", "q0"),
        "d": ("quadrants", "q1"),
    }


def test_a_rigid_group_may_have_the_name_of_its_panel(groups):
    assert groups("rigid_group_a = a\n")["a"] == ("a",)


def test_rigid_groups_do_not_count_beside_groups(read, groups):
    lines = "rigid_group_old = a,b\ngroup_all = a,b,c,d\n"
    assert set(groups(lines).values()) == {("all",)}
    geometry = read(WHOLE + "rigid_group_old = p\ngroup_all = p\n")
    assert note(geometry, "rigid_group do not count")


def test_groups_that_cross_are_left_out_and_told(read):
    geometry = read(
        HEAD
        + "".join(named(name, PANEL) for name in "abc")
        + "rigid_group_two = a,b\nrigid_group_other = b,c\n"
    )
    paths = [panel.group for panel in geometry.panels]
    assert paths in ([("two",), ("two",), ()], [(), ("other",), ("other",)])
    assert note(geometry, "cross each other")


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("group_a = b\ngroup_b = a\n", "line 1[23] .* closes a circle of groups, [ab] → [ab] → "),
        ("group_a = a\n", "line 12 .* circle of groups, a → a"),
        ("rigid_group_a = b\nrigid_group_b = a\n", "line 1[23] .* circle"),
        ("group_a = p,q\n", "line 12 .* names 'q', which the file does not have"),
        ("rigid_group_a = p,q\n", "line 12 .* names 'q', which the file does not have"),
        ("rigid_group_collection_a = p\n", "line 12 .* names 'p', which"),
        ("group_a = ,\n", "line 12 .* names no member"),
    ],
)
def test_groups_that_cannot_be_are_refused_with_their_line(read, lines, fault):
    with pytest.raises(InputFileError, match=rf"some\.geom: {fault}"):
        read(WHOLE + lines)


# The text


def test_blanks_comments_and_ends_of_lines_do_not_matter(read):
    plain = read(WHOLE).panels
    spread = "\ufeff; first\r\n\r\n" + WHOLE.replace(" = ", "=").replace("\n", " ; µ\r\n") + ";"
    assert read(spread).panels == plain
    assert read(WHOLE.replace(" = ", "\t =  ").replace("\n", "\r")).panels == plain
    assert read("; 75 \xb5m\n".encode("latin-1") + WHOLE.encode()).panels == plain


def test_a_gzipped_file_is_read(read):
    assert read(gzip.compress(WHOLE.encode())).panels == read(WHOLE).panels


def test_keys_that_do_not_concern_a_simulation_are_listed_with_their_lines(read):
    defaults = (
        "max_adu = 65535\ndata = /d/%/e\ndim0 = %\ndim1 = ss\ndim2 = fs\nflag_equal = 0xffff\n"
        "peak_list = /p\nbandwidth = 0.01\n"
    )
    own = "p/adu_per_eV = 1e-4\np/badrow_direction = x\n"
    told = note(read(defaults + WHOLE + own), "of no concern")
    for key in ("max_adu (line 1)", "data (line 2)", "dim2 (line 5)", "peak_list (line 7)"):
        assert key in told
    assert "badrow_direction (line 21)" in told


def test_left_handed_panels_are_told_and_read(read):
    geometry = read(HEAD + PANEL + named("q", SIZE + CORNER) + "q/fs = x\nq/ss = -y\n")
    assert note(geometry, "left-handed").startswith("panel q: ")


def test_overlapping_panels_are_told_and_read(read):
    beside = named("q", PANEL).replace("corner_x = -2", "corner_x = 2")
    over = named("r", PANEL).replace("corner_y = -1", "corner_y = -3")
    geometry = read(HEAD + PANEL + beside + over)
    assert note(geometry, "1 pair of panels that overlap").endswith("p and r")


def test_panels_that_touch_are_not_said_to_overlap(read):
    beside = named("q", PANEL).replace("corner_x = -2", "corner_x = 1.7")
    assert not [one for one in read(HEAD + PANEL + beside).notes if "overlap" in one]


def test_a_last_line_without_an_end_is_told(read):
    assert note(read(WHOLE[:-1]), "may be cut short")
    assert not [one for one in read(WHOLE).notes if "cut short" in one]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("res = 10000\n", "", "line 3: panel p has no res"),
        ("p/corner_y = -1\n", "", "line 4: panel p has no corner_y"),
        ("p/fs = x\n", "", "line 4: panel p has no fs"),
        ("p/max_ss = 2\n", "", "line 4: panel p has no max_ss"),
        ("p/fs = x", "p/fs = 0x", r"line 10 \(fs = '0x'\) is a vector of length 0"),
        ("p/fs = x", "p/fs = x-x", "line 10 .* is a vector of length 0"),
        ("p/fs = x", "p/fs = 1", "line 10 .* is not a direction"),
        ("p/fs = x", "p/fs = 0.5x0.5y", "line 10 .* is not a direction"),
        ("p/fs = x", "p/fs = w", "line 10 .* is not a direction"),
        ("p/fs = x", "p/fs = 1e999x", "line 10 .* is too large"),
        ("p/fs = x", "p/fs = -y", r"line 4: panel p has fast .* and slow .* at right angles"),
        ("p/max_fs = 3", "p/max_fs = -1", "line 5 .* is not a whole number of 0 or more"),
        ("p/max_fs = 3", "p/max_fs = 3.5", "line 5 .* is not a whole number"),
        ("p/min_fs = 0", "p/min_fs = 4", r"line 5 \(max_fs = '3'\) is less than min_fs = 4"),
        (
            "p/max_fs = 3",
            "p/max_fs = 2147483646",
            "line 4: panel p has 2147483647 pixels along a side",
        ),
        ("p/corner_x = -2", "p/corner_x = two", "line 8 .* is not a number"),
        ("p/corner_x = -2", "p/corner_x = nan", "line 8 .* is not a number"),
        ("p/corner_x = -2", "p/corner_x = 1e400", "line 8 .* is too large"),
        ("p/corner_x = -2", "p/corner_x = 1_0", "line 8 .* is not a number"),
        ("res = 10000", "res = 0", r"line 3 \(res = '0'\) must be positive"),
        ("res = 10000", "res = 1e-320", "line 4: panel p (has pixels of|stands more than)"),
        ("p/fs = x", "p/fs = 1e300x", "line 4: panel p (has pixels of|stands more than)"),
        ("clen = 0.2", "clen = far", "line 1 .* is neither a number nor a path"),
        ("clen = 0.2", "clen = 2 cm", "line 1 .* has the unit 'cm': write m or mm"),
        ("clen = 0.2", "clen = /a cm", "line 1 .* has the unit 'cm'"),
        (
            "clen = 0.2",
            "clen = 0",
            "line 4: panel p cannot be a panel .* passes through the sample",
        ),
        ("photon_energy = 10000", "photon_energy = -1", "line 2 .* must be positive"),
        ("photon_energy = 10000", "photon_energy = 1 J", "line 2 .* has the unit 'J'"),
        ("photon_energy = 10000", "wavelength = 1.2", "line 2 .* has no unit: write A or m"),
        ("photon_energy = 10000", "electron_voltage = 3e5", "line 2 .* has no unit: write V"),
        (
            "p/corner_x = -2",
            "p/corner_X = -2",
            r"line 8 \(corner_X = '-2'\) .* did you mean corner_x",
        ),
        ("res = 10000", "pixel = 1", r"line 3 \(pixel = '1'\) has a key .* does not have"),
        ("res = 10000", "mask8_data = /m", "line 3 .* does not have"),
        ("p/fs = x", "p/photon_energy = 1", "line 10 .* is of the whole file"),
        ("p/fs = x", "group/fs = x", "line 10 .* is of 'group'"),
        ("p/fs = x", "/fs = x", "line 10 .* is of ''"),
        ("p/fs = x", "p/fs x", r"line 10 \('p/fs x'\) is not `key = value`"),
        ("p/fs = x", "p/fs =", r"line 10 \('p/fs ='\) is not `key = value`"),
        ("p/fs = x", "p/fs = ; x", "line 10 .* is not `key = value`"),
        ("p/fs = x", "p/fs = x\ndim0 = ss\np/dim1 = 3", "line 4: panel p has dimensions ss, 3"),
        ("p/fs = x", "p/fs = x\np/dim0 = fs\np/dim1 = ss", "line 4: panel p has dimensions fs, ss"),
        ("p/fs = x", "p/fs = x\np/dim3 = 0", "line 4: panel p has no dim2"),
        ("p/fs = x", "p/fs = x\np/dim2 = up", r"line 11 \(dim2 = 'up'\) is not a number"),
        ("p/fs = x", "p/fs = x\np/no_index = no", "line 11 .* is neither true nor false"),
        ("p/fs = x", "p/fs = x\np/mask_file = m\np/mask_bad = x1", "line 12 .* not a mask of bits"),
    ],
)
def test_a_line_that_cannot_be_is_refused_with_file_and_line(read, old, new, fault):
    assert old in WHOLE
    with pytest.raises(InputFileError, match=rf"some\.geom: {fault}"):
        read(WHOLE.replace(old, new))


def test_a_camera_length_after_all_panels_that_contradicts_theirs_is_refused(read):
    with pytest.raises(InputFileError, match=r"line 12 \(clen = '0.3'\) .* line 1"):
        read(WHOLE + "clen = 0.3\n")


def test_a_scale_beside_an_energy_is_refused(read):
    assert read(WHOLE + "photon_energy_scale = 1.0\n").light.wavelength == (1.239842,)
    with pytest.raises(InputFileError, match=r"line 12 .* write the product"):
        read(WHOLE + "photon_energy_scale = 1.1\n")


def test_a_file_that_ends_anywhere_is_refused_with_its_name_or_read(data, read):
    content = (data / "geometry" / "chips16.geom").read_bytes()
    refused = 0
    for end in range(0, len(content) - 100, 97):
        with pytest.raises(InputFileError, match=r"some\.geom: "):
            read(content[:end])
        refused += 1
    assert refused > 50


@pytest.mark.parametrize("content", [b"\x89HDF\r\n\x1a\n\0\0", b"\0" * 40])
def test_what_is_not_text_is_refused_by_its_name(read, content):
    with pytest.raises(InputFileError, match=r"some\.geom: .* is not a geometry file"):
        read(content)


def test_a_text_without_panels_is_refused_by_its_name(read):
    with pytest.raises(InputFileError, match=r"some\.geom: it has no panel"):
        read(HEAD)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputFileError, match=r"none\.geom: there is no such file"):
        read_crystfel_geometry(tmp_path / "none.geom")


def test_a_file_of_too_many_panels_is_refused_with_the_line_that_begins_the_last(read):
    lines = "".join(f"p{index}/fs = x\n" for index in range(MAX_PANELS + 1))
    with pytest.raises(InputFileError, match=rf"line {MAX_PANELS + 4} .* panel number 16385"):
        read(HEAD + lines)
