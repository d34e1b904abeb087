"""Detectors by name: what is known of each, and how their panels lie."""

import math
import tomllib
from importlib import resources

import numpy as np
import pytest

from tiled_sim.errors import UsageError
from tiled_sim.io.detector_layouts import Image
from tiled_sim.io.named_detectors import detector_names, known_detector, named_detector

#: Image (slow, fast), gaps (slow, fast), masked pixels; measured apart from this table.
MEASURED = {
    "Pilatus 6M": ((2527, 2463), (17, 7), 526101),
    "Eiger 16M": ((4371, 4150), (37, 10), 1198210),
    "Eiger2 16M": ((4362, 4148), (38, 12), 1250824),
    "Eiger2 9M": ((3262, 3108), (38, 12), 664248),
    "Pilatus4 4M": ((2180, 2073), (20, 7), 333060),
    "Jungfrau 4M": ((2164, 2068), (36, 8), 239792),
    "Eiger2 CdTe 16M": ((4362, 4148), (38, 12), 1283592),
}
NOMINAL = [name for name in detector_names() if known_detector(name).nominal]


def corners(panel):
    """(4, 3) corners [m]: first pixel's, along fast, opposite, along slow."""
    slow, fast = (n * side for n, side in zip(panel.pixels, panel.pixel_size, strict=True))
    first = np.array(panel.origin)
    down, across = slow * np.array(panel.slow_axis), fast * np.array(panel.fast_axis)
    return np.array([first, first + across, first + across + down, first + down])


def all_corners(geometry):
    return np.concatenate([corners(panel) for panel in geometry.panels])


def dead_pixels(geometry):
    return sum(int(dead.sum()) for dead in geometry.dead if dead is not None)


def lengths(flags):
    """Lengths of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    return (edges[1::2] - edges[::2]).tolist()


def panel_named(geometry, name):
    return next(panel for panel in geometry.panels if panel.name == name)


@pytest.mark.parametrize("name", MEASURED)
def test_size_gaps_and_masked_pixels_are_those_that_were_measured(name):
    pixels, gap, masked = MEASURED[name]
    geometry = named_detector(name, distance=0.2)
    (panel,), (dead,) = geometry.panels, geometry.dead
    assert panel.pixels == dead.shape == pixels
    assert int(dead.sum()) == masked
    assert set(lengths(dead.all(axis=1))) == {gap[0]}
    assert gap[1] in lengths(dead.all(axis=0))


@pytest.mark.parametrize(
    ("name", "columns"), [("Eiger2 CdTe 4M", 2), ("Pilatus CdTe 2M", 3), ("Pilatus4 4M CdTe", 1)]
)
def test_modules_of_cdte_have_a_gap_in_their_middle(name, columns):
    known = known_detector(name)
    (dead,) = named_detector(name, distance=0.2).dead
    width = known.layout.module[1]
    module = dead[0, :width]
    assert lengths(module) == [columns]
    assert np.array_equal(module, module[::-1])


def test_at_least_sixty_detectors_are_known():
    assert len(detector_names()) >= 60


@pytest.mark.parametrize("name", detector_names())
def test_every_known_detector_has_the_pixels_and_the_dead_ones_that_its_source_counts(name):
    known, geometry = known_detector(name), named_detector(name, distance=0.1)
    row = table()[name]
    assert known.source
    if isinstance(known.layout, Image):
        assert known.layout.pixels == tuple(row["image"])
        assert sum(math.prod(panel.pixels) for panel in geometry.panels) == math.prod(row["image"])
        assert dead_pixels(geometry) == row["masked"]
    else:
        assert known.nominal
    assert all(panel.close_distance == pytest.approx(0.1) for panel in geometry.panels)
    for panel, dead in zip(geometry.panels, geometry.dead, strict=False):
        assert dead is None or dead.shape == panel.pixels


def table():
    file = resources.files("tiled_sim.io").joinpath("detectors", "table.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "typed", ["Eiger2 16M", "eiger2-16m", "EIGER2_16M", "eiger2  16 m", "Dectris EIGER2 Si 16M"]
)
def test_case_blanks_hyphens_underscores_and_the_maker_do_not_count(typed):
    assert known_detector(typed).name == "Eiger2 16M"


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("pilatus-6m", "Pilatus 6M"),
        ("PILATUS3 6M", "Pilatus 6M"),
        ("jungfrau-4m", "Jungfrau 4M"),
        ("jungfrau-16m", "Jungfrau 16M"),
        ("agipd-1m", "AGIPD 1M"),
        ("epix10ka-2m", "ePix10K 2M"),
        ("cspad", "CSPAD"),
        ("MAR165", "Rayonix SX165"),
    ],
)
def test_names_as_people_type_them_are_known(typed, name):
    assert known_detector(typed).name == name


def test_every_name_and_alias_finds_its_own_detector():
    for name in detector_names():
        for one in (name, *known_detector(name).aliases):
            assert known_detector(one).name == name


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match=r"no detector is named 'eigr2 16m': .*Eiger2 16M.*--list"):
        named_detector("eigr2 16m", distance=0.1)


def test_a_name_that_is_near_to_none_is_answered_with_the_list():
    with pytest.raises(UsageError, match=r"'@@@': `tiled-sim geometry --list` names all"):
        known_detector("@@@")


@pytest.mark.parametrize("name", ["DSSC 1M", "dssc", "Pixirad-1"])
def test_hexagonal_pixels_are_refused_with_the_reason(name):
    with pytest.raises(UsageError, match="hexagons"):
        named_detector(name, distance=0.1)


def test_a_refused_detector_is_in_no_list():
    assert not {"DSSC 1M", "Pixirad-1", "RapidII"} & set(detector_names())


def test_a_curved_detector_is_refused_with_the_reason():
    with pytest.raises(UsageError, match="curved"):
        known_detector("rapid ii")


@pytest.mark.parametrize("distance", [0.0, -0.1, math.nan, math.inf])
def test_a_distance_that_is_not_positive_is_refused(distance):
    with pytest.raises(UsageError, match="distance"):
        named_detector("Eiger 1M", distance=distance)


def test_a_beam_centre_that_is_no_number_is_refused():
    with pytest.raises(UsageError, match="beam centre"):
        named_detector("Eiger 1M", distance=0.1, beam_centre=(math.nan, 0.0))


def test_the_first_pixel_is_the_upper_left_one_seen_from_the_sample():
    (panel,) = named_detector("Pilatus 6M", distance=0.3).panels
    # x is to the left looking downstream, y up
    assert panel.origin[0] > 0
    assert panel.origin[1] > 0
    assert panel.fast_axis == (-1.0, 0.0, 0.0)
    assert panel.slow_axis == (0.0, -1.0, 0.0)
    assert panel.normal == (0.0, 0.0, 1.0)


def test_the_beam_goes_through_the_middle_of_an_image_unless_told():
    geometry = named_detector("Eiger2 4M", distance=0.3)
    (panel,) = geometry.panels
    slow, fast = panel.pixels
    assert panel.origin == pytest.approx((fast * 37.5e-6, slow * 37.5e-6, 0.3), abs=1e-15)
    assert any("middle of the image" in note for note in geometry.notes)


def test_the_beam_centre_is_slow_and_fast_from_the_corner_of_the_first_pixel():
    (panel,) = named_detector("Eiger2 4M", distance=0.3, beam_centre=(0.08, 0.07)).panels
    assert panel.origin == pytest.approx((0.07, 0.08, 0.3), abs=1e-15)


def test_the_beam_centre_of_a_mosaic_counts_from_the_upper_left_corner_around_it():
    geometry = named_detector("AGIPD 1M", distance=0.3, beam_centre=(0.11, 0.12))
    x, y, z = all_corners(geometry).T
    assert (x.max(), y.max()) == pytest.approx((0.12, 0.11), abs=1e-12)
    assert set(z) == {0.3}


def test_a_detector_without_gaps_has_no_dead_pixels():
    assert named_detector("Eiger2 500k", distance=0.1).dead == ()


@pytest.mark.parametrize("name", NOMINAL)
def test_a_nominal_layout_is_called_so_wherever_it_is_printed(name):
    known, geometry = known_detector(name), named_detector(name, distance=0.1)
    assert "nominal" in known.title
    assert "nominal" in known.description
    assert any("nominal" in note and "geometry file" in note for note in geometry.notes)


def test_layouts_that_differ_by_beamtime_are_nominal_and_others_are_not():
    assert {"AGIPD 1M", "Jungfrau 16M", "CSPAD", "ePix10K 2M", "LPD 1M"} <= set(NOMINAL)
    assert not {"Eiger2 16M", "Jungfrau 4M", "ePix100"} & set(NOMINAL)


@pytest.mark.parametrize(
    ("name", "panels", "pixels"),
    [
        ("AGIPD 1M", 128, (64, 128)),
        ("Jungfrau 16M", 256, (256, 256)),
        ("CSPAD", 64, (185, 194)),
        ("ePix10K 2M", 64, (176, 192)),
        ("LPD 1M", 256, (32, 128)),
    ],
)
def test_each_tile_of_a_nominal_layout_is_a_panel(name, panels, pixels):
    geometry = named_detector(name, distance=0.1)
    assert len(geometry.panels) == panels
    assert {panel.pixels for panel in geometry.panels} == {pixels}


@pytest.mark.parametrize("name", NOMINAL)
def test_no_two_panels_of_a_nominal_layout_overlap(name):
    boxes = np.array(
        [
            (*corners(panel)[:, :2].min(axis=0), *corners(panel)[:, :2].max(axis=0))
            for panel in named_detector(name, distance=0.1).panels
        ]
    )
    low, high = boxes[:, None, :2], boxes[None, :, 2:]
    meet = (low < high - 1e-9) & (boxes[None, :, :2] < boxes[:, None, 2:] - 1e-9)
    assert np.count_nonzero(meet.all(axis=-1)) == len(boxes)  # each with itself


@pytest.mark.parametrize("name", sorted(set(NOMINAL) - {"AGIPD 500K2G", "Jungfrau 4M EuXFEL"}))
def test_the_beam_passes_a_nominal_layout_without_touching_a_live_pixel(name):
    geometry = named_detector(name, distance=0.1)
    for number, panel in enumerate(geometry.panels):
        low, high = corners(panel)[:, :2].min(axis=0), corners(panel)[:, :2].max(axis=0)
        assert not ((low < 0) & (high > 0)).all(), number


def test_panels_are_named_and_grouped_by_module_and_tile():
    geometry = named_detector("AGIPD 1M", distance=0.1)
    panel = geometry.panels[5 * 8 + 3]
    assert (panel.name, panel.group) == ("p5a3", ("q1", "p5"))
    assert len({panel.name for panel in geometry.panels}) == 128


def test_tiles_of_an_agipd_module_follow_each_other_along_slow_with_gaps_of_two_pixels():
    geometry = named_detector("AGIPD 1M", distance=0.1)
    first, second = (panel_named(geometry, name) for name in ("p0a0", "p0a1"))
    step = np.array(second.origin) - np.array(first.origin)
    assert step == pytest.approx(66 * 200e-6 * np.array(first.slow_axis), abs=1e-12)


def test_a_jungfrau_16m_is_4432_by_4216_pixels_in_all():
    x, y, _ = all_corners(named_detector("Jungfrau 16M", distance=0.1)).T
    assert np.ptp(y) / 75e-6 == pytest.approx(4432)
    assert np.ptp(x) / 75e-6 == pytest.approx(4216)


def test_chips_of_a_jungfrau_module_fill_514_by_1030_pixels():
    geometry = named_detector("Jungfrau 16M", distance=0.1)
    module = [corners(panel) for panel in geometry.panels if panel.group == ("p7",)]
    x, y, _ = np.concatenate(module).T
    assert (np.ptp(y) / 75e-6, np.ptp(x) / 75e-6) == pytest.approx((514, 1030))


def test_a_raw_jungfrau_module_has_5096_pixels_of_double_and_12_of_fourfold_area():
    geometry = named_detector("Jungfrau 500k", distance=0.1)
    count = {}
    for panel in geometry.panels:
        times = round(panel.pixel_area / 75e-6**2, 6)
        count[times] = count.get(times, 0) + math.prod(panel.pixels)
    assert count == {1.0: 512 * 1024 - 5096 - 12, 2.0: 5096, 4.0: 12}


def test_a_raw_jungfrau_module_covers_514_by_1030_pixels_without_a_gap():
    geometry = named_detector("Jungfrau 500k", distance=0.1)
    x, y, _ = all_corners(geometry).T
    assert (np.ptp(y) / 75e-6, np.ptp(x) / 75e-6) == pytest.approx((514, 1030))
    area = sum(math.prod(panel.pixels) * panel.pixel_area for panel in geometry.panels)
    assert area == pytest.approx(514 * 1030 * 75e-6**2)


def test_wide_pixels_of_an_epix100_are_175_micrometres():
    centre = panel_named(named_detector("ePix100", distance=0.1), "r1c1")
    assert centre.pixels == (2, 2)
    assert centre.pixel_size == pytest.approx((175e-6, 175e-6))


def test_a_strip_detector_has_rectangular_pixels():
    (panel,) = named_detector("Mythen 1280", distance=0.1).panels
    assert panel.pixel_size == (8e-3, 50e-6)


def test_pixels_beyond_the_disc_of_an_image_plate_are_dead():
    (dead,) = named_detector("mar345", distance=0.1).dead
    assert dead[[0, 0, -1, -1], [0, -1, 0, -1]].all()
    assert not dead[[1725, 0], [0, 1725]].any()


def test_the_hole_for_the_beam_is_cut_out_of_a_pnccd():
    top, bottom = named_detector("pnCCD", distance=0.1).dead
    assert (lengths(top.any(axis=1)), lengths(top.any(axis=0))) == ([22], [60])
    assert np.array_equal(bottom, top[::-1])
    assert top[-1].any()


def test_all_chips_of_a_jungfrau_8m_lie_whole_in_the_image():
    (dead,) = named_detector("Jungfrau 8M", distance=0.1).dead
    assert np.count_nonzero(~dead) == 128 * 256 * 256


def test_pixel_sizes_have_the_bits_of_the_decimal_number():
    (panel,) = named_detector("Pilatus 1M", distance=0.1).panels
    assert panel.pixel_size == (172e-6, 172e-6)


def test_the_sensor_of_a_detector_is_told():
    assert known_detector("Eiger2 CdTe 16M").sensors == (("CdTe", 750e-6),)
    notes = named_detector("Pilatus 6M", distance=0.1).notes
    assert any("Si of 320 µm or Si of 450 µm" in note for note in notes)


def test_notes_tell_whose_numbers_they_are_and_of_which_version():
    first, *_ = named_detector("Eiger2 16M", distance=0.1).notes
    assert first.startswith("Eiger2 16M: numbers from pyFAI 20")


def test_a_description_is_one_line_of_pixels_their_size_and_the_sensor():
    assert (
        known_detector("agipd-1m").description
        == "AGIPD 1M (nominal): 128 panels of 64 x 128 pixels of 200 µm, Si 500 µm"
    )
    assert (
        known_detector("mythen 1280").description
        == "Mythen 1280: 1 x 1280 pixels of 8000 x 50 µm, Si 320 µm"
    )


@pytest.mark.parametrize("name", detector_names())
def test_panels_are_right_handed_or_told_to_be_left_handed(name):
    geometry = named_detector(name, distance=0.1)
    right_handed = all(
        np.dot(np.cross(panel.fast_axis, panel.slow_axis), panel.normal) == 1
        for panel in geometry.panels
    )
    assert right_handed != any("left-handed" in note for note in geometry.notes)
