"""Dead pixels of CrystFEL's geometry files: flags, edges, regions and masks."""

import numpy as np
import pytest

from support.crystfel import HEAD, PANEL, SIZE, WHOLE, named, note, reading
from tiled_sim.errors import InputFileError
from tiled_sim.io.crystfel_geometry import read_crystfel_geometry


@pytest.fixture
def read(tmp_path):
    return reading(tmp_path)


@pytest.fixture
def dead(read):
    """The dead pixels of the only panel, as a set of (slow, fast)."""

    def places(text, **given):
        (pixels,) = read(text, **given).dead
        return (
            set() if pixels is None else {tuple(map(int, place)) for place in np.argwhere(pixels)}
        )

    return places


def test_no_pixel_is_dead_unless_the_file_says_so(read):
    assert read(WHOLE + "p/no_index = 0\np/mask_edge_pixels = 0").dead == (None,)


@pytest.mark.parametrize(
    ("flag", "count"), [("1", 12), ("true", 12), ("0.5", 12), ("0", 0), ("false", 0), ("0.0", 0)]
)
def test_a_panel_that_is_not_indexed_is_dead_where_the_flag_is_not_0(dead, flag, count):
    assert len(dead(WHOLE + f"p/no_index = {flag}")) == count


def test_pixels_at_the_edge_are_dead(dead):
    assert dead(WHOLE + "p/mask_edge_pixels = 1") == {
        (slow, fast) for slow in range(3) for fast in range(4)
    } - {(1, 1), (1, 2)}
    assert len(dead(WHOLE + "mask_edge_pixels = 9\n" + "p/mask_edge_pixels = 9")) == 12


def test_a_region_of_the_data_is_dead_with_both_its_ends(dead):
    moved = WHOLE.replace("min_fs = 0", "min_fs = 100").replace("max_fs = 3", "max_fs = 103")
    region = "bad_a/panel = p\nbad_a/min_fs = 101\nbad_a/max_fs = 102\nbad_a/min_ss = 2\n"
    assert dead(moved + region + "bad_a/max_ss = 2") == {(2, 1), (2, 2)}


def test_a_region_of_the_data_is_cut_at_the_panel_s_edge(dead):
    region = "bad/min_fs = 3\nbad/max_fs = 90\nbad/min_ss = 1\nbad/max_ss = 90\n"
    assert dead(WHOLE + region) == {(1, 3), (2, 3)}


def test_a_region_beside_its_panel_in_the_data_counts_from_the_panel_and_is_told(data):
    geometry = read_crystfel_geometry(data / "geometry" / "chips16.geom")
    index = [panel.name for panel in geometry.panels].index("m0a3")
    expected = np.zeros((256, 256), dtype=bool)
    expected[3, 10:13] = True
    assert np.array_equal(geometry.dead[index], expected)
    assert "m0a3" in note(geometry, "bad_hot (line 17)")


def test_a_region_of_the_lab_takes_pixels_whose_centres_lie_inside(dead):
    # centres at x -1.5, -0.5, 0.5, 1.5 and y -0.5, 0.5, 1.5
    region = "bad/min_x = -0.6\nbad/max_x = 1.4\nbad/min_y = 0.4\nbad/max_y = 9\n"
    assert dead(WHOLE + region) == {(1, 1), (1, 2), (2, 1), (2, 2)}


def test_a_region_of_the_lab_reaches_over_panels_that_are_turned(read):
    turned = named("q", SIZE) + "q/fs = y\nq/ss = -x\nq/corner_x = -3\nq/corner_y = -1\n"
    region = "bad/min_x = -4\nbad/max_x = -1\nbad/min_y = -1\nbad/max_y = 0\n"
    straight, other = read(HEAD + PANEL + turned + region).dead
    assert np.argwhere(straight).tolist() == [[0, 0]]
    assert np.argwhere(other).tolist() == [[0, 0]]


def test_a_region_of_the_lab_is_of_all_panels_though_it_names_one(read):
    region = "bad/panel = p\nbad/min_x = -9\nbad/max_x = 9\nbad/min_y = -9\nbad/max_y = 9\n"
    geometry = read(WHOLE + named("q", PANEL) + region)
    assert all(pixels.all() for pixels in geometry.dead)
    assert note(geometry, "of all panels").startswith("bad (line 20)")


def test_a_region_of_the_lab_counts_in_each_panel_s_own_pixels(dead):
    finer = WHOLE + "p/res = 20000\n"
    region = "bad/min_x = -1.6\nbad/max_x = -1.4\nbad/min_y = -9\nbad/max_y = 9\n"
    assert dead(finer + region) == {(0, 0), (1, 0), (2, 0)}


def test_a_region_of_the_lab_is_found_in_every_row_of_a_large_panel(read):
    large = WHOLE.replace("max_ss = 2", "max_ss = 1500")
    region = "bad/min_x = -2\nbad/max_x = -1\nbad/min_y = 500\nbad/max_y = 1200\n"
    (pixels,) = read(large + region).dead
    assert np.argwhere(pixels[:, 0]).ravel().tolist() == list(range(501, 1201))
    assert not pixels[:, 1:].any()


@pytest.mark.parametrize(
    ("region", "fault"),
    [
        ("bad/min_x = 1\nbad/max_x = 2\nbad/min_y = 1\n", "line 12: bad has no max_y"),
        ("bad/min_fs = 1\nbad/max_fs = 2\n", "line 12: bad has no min_ss"),
        ("bad/min_x = 1\nbad/max_fs = 2\n", "line 13 .* stands beside x or y"),
        (
            "bad/min_x = 2\nbad/max_x = 1\nbad/min_y = 1\nbad/max_y = 2\n",
            "line 13 .* is less than min_x = 2",
        ),
        (
            "bad/min_fs = 2\nbad/max_fs = 3\nbad/min_ss = 2\nbad/max_ss = 1\n",
            "line 15 .* is less than min_ss = 2",
        ),
        (
            "bad/min_fs = 4\nbad/max_fs = 5\nbad/min_ss = 2\nbad/max_ss = 2\n",
            "line 12: bad lies beside panel p",
        ),
        (
            "bad/panel = r\nbad/min_fs = 1\nbad/max_fs = 2\nbad/min_ss = 2\nbad/max_ss = 2\n",
            r"line 12 \(panel = 'r'\) names a panel that the file does not have",
        ),
        ("bad/max_z = 1\n", r"line 12 \(max_z = '1'\) has a key .* did you mean max_"),
        ("bad/fs = x\n", "line 12 .* a bad region does not have"),
    ],
)
def test_a_bad_region_that_cannot_be_is_refused_with_its_line(read, region, fault):
    with pytest.raises(InputFileError, match=rf"some\.geom: {fault}"):
        read(WHOLE + region)


def test_a_region_of_the_data_must_name_one_of_several_panels(read):
    region = "bad/min_fs = 1\nbad/max_fs = 2\nbad/min_ss = 0\nbad/max_ss = 0\n"
    with pytest.raises(InputFileError, match="line 20: bad names no panel"):
        read(WHOLE + named("q", PANEL) + region)


# Masks


@pytest.fixture
def masked(tmp_path):
    """Write an array of bits as a mask beside the geometry file."""
    h5py = pytest.importorskip("h5py")

    def write(values, name="mask.h5"):
        with h5py.File(tmp_path / name, "w") as file:
            file["/m/bits"] = np.array(values)

    return write


MASK = "p/mask0_file = mask.h5\np/mask0_data = /m/bits\n"


def test_a_pixel_is_dead_by_any_bad_bit_and_without_a_good_one(dead, masked):
    bits = np.full((3, 4), 0b0100, dtype=np.uint16)
    bits[0, 1], bits[2, 3], bits[1, 0] = 0b0101, 0b0110, 0b1000
    masked(bits)
    assert dead(WHOLE + MASK + "p/mask0_goodbits = 0x4\np/mask0_badbits = 1\n") == {(0, 1), (1, 0)}


def test_the_older_words_for_a_mask_are_its_number_0(dead, masked):
    masked(np.eye(3, 4, dtype=np.uint8))
    older = "mask_file = mask.h5\nmask = /m/bits\nmask_good = 0x0\nmask_bad = 0x1\n"
    assert dead(older + WHOLE) == {(0, 0), (1, 1), (2, 2)}


def test_a_panel_has_its_part_of_a_mask(read, masked):
    bits = np.zeros((2, 3, 8), dtype=np.uint8)
    bits[1, 2, 5] = 1
    masked(bits)
    order = "dim0 = %\ndim1 = 0\ndim2 = ss\ndim3 = fs\n" + MASK.replace("p/", "") + "mask_bad = 1\n"
    second = (
        named("q", PANEL).replace("min_fs = 0", "min_fs = 4").replace("max_fs = 3", "max_fs = 7")
    )
    first, other = read(order + WHOLE + second + "q/dim1 = 1\n").dead
    assert first is None
    assert np.argwhere(other).tolist() == [[2, 1]]


def test_a_mask_that_is_applied_is_told(read, masked):
    masked(np.zeros((3, 4), dtype=np.uint8))
    assert "mask.h5:/m/bits applied" in note(read(WHOLE + MASK), "mask ")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (MASK, "mask file mask.h5 is not there"),
        ("p/mask3_data = /m\n", "mask /m is in the data files"),
        ("p/mask_file = mask.h5\n", "without the place of its array"),
        (MASK.replace("/m/", "/%/"), "one of each frame"),
        ("p/mask_file = some.geom\np/mask = /m\n", "some.geom is not HDF5"),
    ],
)
def test_a_mask_that_cannot_be_applied_is_told(read, lines, told):
    geometry = read(WHOLE + lines)
    assert geometry.dead == (None,)
    assert "not applied (1 of 1 panels)" in note(geometry, told)


@pytest.mark.parametrize(
    ("shape", "kind", "fault"),
    [
        ((3, 3), np.uint8, r"has \(3, 3\) pixels where panel p is, which has \(3, 4\)"),
        ((2, 3, 4), np.uint8, "the array has 3 axes, the panel 2"),
        ((3, 4), np.float32, "float32, not bits"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused_with_its_line(read, masked, shape, kind, fault):
    masked(np.zeros(shape, dtype=kind))
    with pytest.raises(InputFileError, match=rf"line 13 \(mask0_data = '/m/bits'\) .*{fault}"):
        read(WHOLE + MASK)


def test_a_mask_without_the_array_that_is_named_is_refused_with_its_line(read, masked):
    masked(np.zeros((3, 4), dtype=np.uint8))
    with pytest.raises(InputFileError, match=r"line 13 \(mask0_data = '/n'\)"):
        read(WHOLE + MASK.replace("/m/bits", "/n"))
