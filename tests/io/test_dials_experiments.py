"""Reading experiment lists of DIALS: frames, light, masks, scans and crystals."""

import copy
import json
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from strategies.numbers import angles, finite, three, unit_vectors
from support.corners import FOLDER, STORED, corners_of, stored_corners
from tiled_sim.errors import InputFileError
from tiled_sim.io.dials_experiments import read_experiments
from tiled_sim.model.geometry import StatedSensor
from tiled_sim.physics.vectors import about_axis

#: From dxtbx's frame, in which light travels along -z, to ours.
TURN = np.diag([-1.0, 1.0, -1.0])

PANEL = {
    "name": "p",
    "fast_axis": [1, 0, 0],
    "slow_axis": [0, -1, 0],
    "origin": [-10.0, 8.0, -100.0],
    "image_size": [200, 160],
    "pixel_size": [0.1, 0.2],
    "trusted_range": [0, 100],
}
BEAM = {"__id__": "monochromatic", "direction": [0, 0, 1], "wavelength": 1.2}
CRYSTAL = {
    "__id__": "crystal",
    "real_space_a": [50.0, 1.0, 0.0],
    "real_space_b": [0.0, 60.0, 2.0],
    "real_space_c": [3.0, 0.0, 70.0],
    "space_group_hall_symbol": " P 2ac 2ab",
}
GONIOMETER = {"rotation_axis": [0.6, 0.8, 0.0]}
SCAN = {"image_range": [5, 8], "batch_offset": 0, "oscillation": [10.0, 0.5]}


def listed(**changes):
    """An experiment list of one panel; keys replace or add models."""
    made = {
        "__id__": "ExperimentList",
        "experiment": [{"__id__": "Experiment", "identifier": "one", "beam": 0, "detector": 0}],
        "beam": [copy.deepcopy(BEAM)],
        "detector": [{"panels": [copy.deepcopy(PANEL)]}],
    }
    for kind, model in changes.items():
        made[kind] = [copy.deepcopy(model)]
        made["experiment"][0][kind] = 0
    return made


@pytest.fixture
def written(tmp_path):
    """Write an experiment list; its path."""

    def write(content, name="made.expt"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


@pytest.fixture
def read(written):
    """The only experiment of a list."""

    def one(content):
        (experiment,) = read_experiments(written(content))
        return experiment

    return one


def with_panel(**changes):
    return listed(detector={"panels": [{**PANEL, **changes}]})


def refusal(path):
    with pytest.raises(InputFileError) as caught:
        read_experiments(path)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


def test_corners_of_a_tree_of_panels_stand_where_an_independent_calculation_has_them():
    (experiment,) = read_experiments(FOLDER / "chips16.expt")
    panels = experiment.geometry.panels
    assert [panel.name for panel in panels] == list(STORED["chips16"])
    for panel in panels:
        assert corners_of(panel) == pytest.approx(stored_corners("chips16", panel.name), abs=1e-6)


def test_panels_know_the_groups_that_hold_them():
    (experiment,) = read_experiments(FOLDER / "chips16.expt")
    assert {panel.group for panel in experiment.geometry.panels[:8]} == {("m0",)}
    assert {panel.group for panel in experiment.geometry.panels[8:]} == {("m1",)}


def test_sizes_are_turned_from_fast_slow_to_slow_fast_and_metres(read):
    (panel,) = read(listed()).geometry.panels
    assert panel.pixels == (160, 200)
    assert panel.pixel_size == pytest.approx((0.2e-3, 0.1e-3), rel=1e-15)


def test_a_panel_without_a_hierarchy_stands_in_the_lab(read):
    (panel,) = read(listed()).geometry.panels
    assert panel.origin == pytest.approx((10e-3, 8e-3, 100e-3), rel=1e-15)
    assert (panel.fast_axis, panel.slow_axis) == ((-1.0, 0.0, 0.0), (0.0, -1.0, 0.0))
    assert panel.normal == (0.0, 0.0, 1.0)


def test_a_list_of_panels_is_a_detector_as_it_once_was(read):
    assert read(listed(detector=[PANEL])).geometry.panels == read(listed()).geometry.panels


def frame(rotation, origin):
    return {
        "fast_axis": rotation[:, 0].tolist(),
        "slow_axis": rotation[:, 1].tolist(),
        "origin": list(origin),
    }


rotations = st.builds(about_axis, unit_vectors, angles)
frames = st.tuples(rotations, three(finite(-200.0, 200.0)))


@settings(max_examples=60, deadline=None)
@given(
    root=frames,
    groups=st.lists(st.tuples(st.integers(0, 5), frames), min_size=1, max_size=6),
    hung=st.lists(st.tuples(st.integers(0, 5), frames), min_size=1, max_size=6),
)
def test_a_tree_of_frames_is_the_product_of_its_matrices(tmp_path_factory, root, groups, hung):
    """From the panel outwards, one parent after the other, where the reader goes inwards."""
    above = [0]  # the parent of each node of the tree; the root is its own
    nodes = [{"name": "root", **frame(*root), "children": []}]
    stands = [root]
    for parent, (rotation, origin) in groups:
        above.append(parent % len(nodes))
        nodes.append({"name": "", **frame(rotation, origin), "children": []})
        nodes[above[-1]]["children"].append(nodes[-1])
        stands.append((rotation, origin))
    panels = []
    for number, (parent, (rotation, origin)) in enumerate(hung):
        nodes[parent % len(nodes)]["children"].append({"panel": number})
        panels.append({**PANEL, **frame(rotation, origin)})
    expected = []
    for parent, (rotation, origin) in hung:
        place, fast, slow = np.array(origin), rotation[:, 0], rotation[:, 1]
        at = parent % len(nodes)
        while True:
            R, t = stands[at]
            place, fast, slow = R @ place + t, R @ fast, R @ slow
            if at == 0:
                break
            at = above[at]
        expected.append((TURN @ place * 1e-3, TURN @ fast, TURN @ slow))
    for place, fast, slow in expected:  # not through the sample
        assume(abs(np.cross(fast, slow) @ place) > 1e-6)
    path = tmp_path_factory.mktemp("tree") / "made.expt"
    path.write_text(json.dumps(listed(detector={"panels": panels, "hierarchy": nodes[0]})))
    (experiment,) = read_experiments(path)
    for panel, (place, fast, slow) in zip(experiment.geometry.panels, expected, strict=True):
        assert np.array(panel.origin) == pytest.approx(place, abs=1e-12)
        assert np.array(panel.fast_axis) == pytest.approx(fast, abs=1e-12)
        assert np.array(panel.slow_axis) == pytest.approx(slow, abs=1e-12)
        assert np.dot(panel.normal, panel.origin) > 0


def test_axes_of_a_frame_are_scaled_to_length_1(read):
    (panel,) = read(with_panel(fast_axis=[3, 0, 0], slow_axis=[0, -0.5, 0])).geometry.panels
    assert (panel.fast_axis, panel.slow_axis) == ((-1.0, 0.0, 0.0), (0.0, -1.0, 0.0))


def test_light_travels_away_from_dxtbx_direction_to_the_source(read):
    content = listed()
    content["beam"][0]["direction"] = [0.3, 0.2, 2.0]
    direction = read(content).geometry.light.direction
    toward_source = np.array([0.3, 0.2, 2.0]) / math.hypot(0.3, 0.2, 2.0)
    assert direction == pytest.approx(-TURN @ toward_source, abs=1e-15)


def test_half_of_the_light_in_the_plane_is_no_polarization(read):
    content = listed()
    content["beam"][0] |= {"polarization_normal": [0, 1, 0], "polarization_fraction": 0.5}
    assert read(content).geometry.light.polarization == 0.0


def test_the_field_is_perpendicular_to_the_normal_of_its_plane(read):
    content = listed()
    content["beam"][0] |= {"polarization_normal": [1, 0, 0], "polarization_fraction": 0.995}
    light = read(content).geometry.light
    assert np.abs(light.polarization_axis) == pytest.approx([0, 1, 0], abs=1e-15)
    assert light.polarization == pytest.approx(0.99, rel=1e-14)


def test_a_polychromatic_beam_has_no_wavelength_and_says_its_range(read):
    content = listed()
    content["beam"] = [
        {"__id__": "polychromatic", "direction": [0, 0, 1], "wavelength_range": [0.9, 1.3]}
    ]
    geometry = read(content).geometry
    assert geometry.light.wavelength == ()
    assert any("0.9 to 1.3 Å" in note and "spectrum" in note for note in geometry.notes)


def test_a_rectangle_of_the_mask_is_fast_slow_of_its_first_pixel_and_of_what_follows_its_last(read):
    (dead,) = read(with_panel(mask=[[3, 5, 7, 6], [-4, 150, 1, 900]])).geometry.dead
    expected = np.zeros((160, 200), dtype=bool)
    expected[5:6, 3:7] = True
    expected[150:, :1] = True
    np.testing.assert_array_equal(dead, expected)


def test_a_panel_without_a_mask_has_no_dead_pixels(read):
    assert read(with_panel(mask=[])).geometry.dead == (None,)


def test_a_sensor_has_the_thickness_and_the_inverse_of_mu(read):
    (sensor,) = read(with_panel(thickness=0.32, mu=4.0, material="Si")).geometry.sensors
    assert (sensor.thickness, sensor.attenuation_length) == pytest.approx((0.32e-3, 0.25e-3))


def test_a_sensor_without_mu_has_a_material_alone(read):
    geometry = read(with_panel(thickness=0.32, material="CdTe")).geometry
    assert geometry.sensors == (StatedSensor(pytest.approx(0.32e-3), None, "CdTe"),)
    assert any("0.32 mm (CdTe) without mu" in note for note in geometry.notes)


@pytest.mark.parametrize("kind", ["SimplePxMmStrategy", "ParallaxCorrectedPxMmStrategy"])
def test_the_way_to_millimetres_is_told_and_never_moves_the_panel(read, kind):
    content = with_panel(thickness=0.32, mu=4.0, px_mm_strategy={"type": kind})
    geometry = read(content).geometry
    assert geometry.panels[0].origin == read(listed()).geometry.panels[0].origin
    assert any(kind in note for note in geometry.notes)


def test_a_remark_on_some_panels_names_them_once(read):
    panels = [
        {**PANEL, "name": name, "gain": gain} for name, gain in zip("abc", (1, 2, 2), strict=True)
    ]
    notes = read(listed(detector={"panels": panels})).geometry.notes
    assert "panels b, c: gain = 2 is not used" in notes
    assert sum("trusted_range" in note for note in notes) == 1


def test_left_handed_panels_are_told(read):
    geometry = read(with_panel(slow_axis=[0, 1, 0])).geometry
    assert any("left-handed" in note for note in geometry.notes)
    assert geometry.panels[0].normal == (0.0, 0.0, 1.0)
    assert not any("left-handed" in note for note in read(listed()).geometry.notes)


def test_panels_upstream_are_told(read):
    assert any("upstream" in n for n in read(with_panel(origin=[0, 0, 90.0])).geometry.notes)


def test_panels_of_one_name_are_told_apart(read):
    geometry = read(listed(detector={"panels": [PANEL, PANEL]})).geometry
    assert [panel.name for panel in geometry.panels] == ["p#0", "p#1"]


def test_a_scan_has_start_and_width_in_radians(read):
    scan = read(listed(goniometer=GONIOMETER, scan=SCAN)).scan
    assert (scan.start, scan.width) == pytest.approx((math.radians(10), math.radians(0.5)))
    assert (scan.count, scan.first_image) == (4, 5)


@pytest.mark.parametrize(
    ("images", "properties"),
    [
        ([1, 4], {"oscillation": [30.0, 30.2, 30.4, 30.6], "epochs": [0, 1, 2, 3]}),
        ([1, 1], {"oscillation": [30.0], "oscillation_width": [0.2]}),
    ],
)
def test_a_scan_has_start_and_width_of_a_table_of_images(read, images, properties):
    scan = read(listed(scan={"image_range": images, "properties": properties})).scan
    assert (scan.start, scan.width) == pytest.approx((math.radians(30), math.radians(0.2)))


def test_uneven_images_are_told(read):
    scan = {"image_range": [1, 3], "properties": {"oscillation": [0.0, 0.1, 0.5]}}
    assert any("differ in width" in note for note in read(listed(scan=scan)).geometry.notes)


def test_the_axis_turns_with_the_panels(read):
    goniometer = read(listed(goniometer=GONIOMETER)).goniometer
    assert goniometer.axis == pytest.approx((-0.6, 0.8, 0.0), abs=1e-15)


def test_axes_of_a_goniometer_are_listed_from_the_crystal_to_the_base(read):
    axes = [[1, 0, 0], [0, 0.6, 0.8], [0, 1, 0], [0, 0, 1], [0.8, 0.6, 0]]
    names = ["PHI", "CHI", "KAPPA", "OMEGA", "ARC"]
    many = {"axes": axes, "angles": [20, 30, 99, -50, 40], "names": names, "scan_axis": 2}
    goniometer = read(listed(goniometer=many)).goniometer
    phi, chi, kappa, omega, arc = (
        about_axis(axis, math.radians(angle))
        for axis, angle in zip(axes, (20.0, 30.0, 7.0, -50.0, 40.0), strict=True)
    )
    lab = TURN @ arc @ omega @ kappa @ chi @ phi @ TURN
    np.testing.assert_allclose(goniometer.rotation(math.radians(7.0)), lab, atol=1e-14)


def test_fixed_and_setting_rotations_stand_before_and_after_the_axis(read):
    fixed, setting = about_axis([0, 0, 1], 0.3), about_axis([1, 0, 0], 0.7)
    goniometer = read(
        listed(
            goniometer={
                **GONIOMETER,
                "fixed_rotation": fixed.ravel().tolist(),
                "setting_rotation": setting.ravel().tolist(),
            }
        )
    ).goniometer
    lab = TURN @ setting @ about_axis([0.6, 0.8, 0.0], 0.2) @ fixed @ TURN
    np.testing.assert_allclose(goniometer.rotation(0.2), lab, atol=1e-14)


def test_a_crystal_turns_with_the_panels(read):
    crystal = read(listed(crystal=CRYSTAL)).crystal
    np.testing.assert_array_equal(crystal.direct_vectors, [[-50, 1, 0], [0, 60, -2], [-3, 0, -70]])
    assert crystal.space_group == " P 2ac 2ab"
    np.testing.assert_allclose(
        crystal.direct_vectors @ crystal.reciprocal_vectors.T, np.eye(3), atol=1e-14
    )


def test_reciprocal_vectors_at_scan_points_are_the_columns_of_A(read):
    direct = np.array([CRYSTAL[f"real_space_{axis}"] for axis in "abc"])
    turned = [about_axis([0, 0, 1], 0.01 * point) for point in range(5)]
    A = [turn @ np.linalg.inv(direct) for turn in turned]
    content = listed(
        goniometer=GONIOMETER,
        scan=SCAN,
        crystal={**CRYSTAL, "A_at_scan_points": [matrix.ravel().tolist() for matrix in A]},
    )
    found = read(content).crystal.reciprocal_at_scan_points
    np.testing.assert_allclose(found, [(TURN @ matrix).T for matrix in A], atol=1e-16)


def test_a_panel_sees_a_reflection_where_it_does_before_the_frame_is_turned(read):
    """Frame by frame: what a ray along q + s0 does to a panel is no matter of the frame."""
    experiment = read(listed(crystal=CRYSTAL))
    panel, light = experiment.geometry.panels[0], experiment.geometry.light
    hkl = np.array([1, 2, 1])
    s0 = np.array(light.direction) / light.wavelength[0]
    ray = hkl @ experiment.crystal.reciprocal_vectors + s0
    basis = np.column_stack([panel.fast_axis, panel.slow_axis, panel.origin])
    fast, slow, scale = np.linalg.solve(basis, ray)
    A = np.linalg.inv([CRYSTAL[f"real_space_{axis}"] for axis in "abc"])
    theirs = A @ hkl + np.array([0, 0, -1]) / 1.2
    basis = np.column_stack([PANEL["fast_axis"], PANEL["slow_axis"], PANEL["origin"]])
    expected = np.linalg.solve(basis, theirs)
    assert (1e3 * fast / scale, 1e3 * slow / scale) == pytest.approx(
        (expected[0] / expected[2], expected[1] / expected[2]), rel=1e-12
    )


def test_mosaicity_is_kept_in_radians(read):
    crystal = {**CRYSTAL, "mosaicity": 0.2}
    assert read(listed(crystal=crystal)).crystal.mosaicity == pytest.approx(math.radians(0.2))
    crystal = {**CRYSTAL, "ML_half_mosaicity_deg": 0.1, "ML_domain_size_ang": 900.0}
    found = read(listed(crystal=crystal)).crystal
    assert (found.mosaicity, found.domain_size) == (None, 900.0)
    assert found.half_mosaicity == pytest.approx(math.radians(0.1))


def test_left_handed_crystals_are_told(read):
    crystal = {**CRYSTAL, "real_space_c": [-3.0, 0.0, -70.0]}
    assert any("left-handed" in note for note in read(listed(crystal=crystal)).geometry.notes)


def test_experiments_share_a_detector_and_have_crystals_of_their_own(written):
    content = listed()
    content["crystal"] = [CRYSTAL, {**CRYSTAL, "real_space_a": [55.0, 0.0, 0.0]}]
    content["experiment"] = [
        {"identifier": name, "beam": 0, "detector": 0, "crystal": number}
        for number, name in enumerate(("first", "second"))
    ]
    first, second = read_experiments(written(content))
    assert (first.identifier, second.identifier) == ("first", "second")
    assert first.geometry.panels is second.geometry.panels
    assert first.crystal.direct_vectors[0, 0] == -50
    assert second.crystal.direct_vectors[0, 0] == -55


def test_images_and_what_lies_beside_them_are_told_and_never_opened(read):
    content = listed(
        imageset={"__id__": "ImageSequence", "template": "x_####.h5", "mask": "m.pickle", "dx": ""}
    )
    notes = read(content).geometry.notes
    assert any("x_####.h5" in note and "spectra" in note for note in notes)
    assert any("m.pickle" in note and "pickle" in note for note in notes)
    assert not any("dx" in note for note in notes)


def test_a_still_has_neither_goniometer_nor_scan(read):
    experiment = read(listed())
    assert (experiment.goniometer, experiment.scan, experiment.crystal) == (None, None, None)


def test_a_model_that_is_null_is_none(read):
    assert read(listed(goniometer=None, scan=None)).goniometer is None


TREE = {"name": "root", "children": [{"panel": 0}]}


@pytest.mark.parametrize(
    ("change", "place", "why"),
    [
        ({"fast_axis": [0, 0, 0]}, "detector[0].panels[0].fast_axis", "zero vector"),
        ({"fast_axis": [1, 0]}, "detector[0].panels[0].fast_axis", "3 numbers"),
        ({"slow_axis": [1, 0, 0]}, "detector[0].panels[0]", "right angles"),
        ({"origin": [0, 0, float("nan")]}, "detector[0].panels[0].origin[2]", "finite"),
        ({"origin": [0, 0, 10**400]}, "detector[0].panels[0].origin[2]", "finite"),
        ({"origin": [0, 0, True]}, "detector[0].panels[0].origin[2]", "number"),
        ({"origin": [5, 5, 0]}, "detector[0].panels[0]", "through the sample"),
        ({"origin": [0, 0, 1e12]}, "detector[0].panels[0]", "m from the sample"),
        ({"image_size": [10**9, 10]}, "detector[0].panels[0]", "pixels along a side"),
        ({"image_size": [10.5, 10]}, "detector[0].panels[0].image_size[0]", "whole"),
        ({"pixel_size": [0, 0.1]}, "detector[0].panels[0]", "pixels of 0 m"),
        ({"pixel_size": "0.1"}, "detector[0].panels[0].pixel_size", "a list"),
        ({"mask": [[1, 2, 3]]}, "detector[0].panels[0].mask[0]", "4 numbers"),
        ({"mask": [[5, 2, 3, 4]]}, "detector[0].panels[0].mask[0]", "before it begins"),
        ({"mu": -1.0}, "detector[0].panels[0]", "negative"),
        ({"px_mm_strategy": {"type": "x"}}, "detector[0].panels[0].px_mm_strategy.type", "none of"),
    ],
)
def test_a_panel_that_cannot_be_is_refused_by_its_place(written, change, place, why):
    message = refusal(written(with_panel(**change)))
    assert f": {place} " in message
    assert why in message


@pytest.mark.parametrize("key", ["fast_axis", "slow_axis", "origin", "image_size", "pixel_size"])
def test_a_panel_that_lacks_a_key_is_refused(written, key):
    content = listed()
    del content["detector"][0]["panels"][0][key]
    assert f"detector[0].panels[0] has no {key!r}" in refusal(written(content))


@pytest.mark.parametrize(
    ("tree", "place", "why"),
    [
        ({"children": [{"panel": 0}, {"panel": 0}]}, "hierarchy.children[1]", "already"),
        ({"children": [{"panel": 7}]}, "hierarchy.children[0]", "panel 7 of 1"),
        ({"children": []}, "panels[0]", "in no group"),
        ({"children": [{"name": "g"}]}, "hierarchy.children[0]", "no 'children'"),
        ({"fast_axis": [1, 0, 0], **TREE}, "hierarchy", "'slow_axis'"),
    ],
)
def test_a_tree_that_does_not_hold_every_panel_once_is_refused(written, tree, place, why):
    message = refusal(written(listed(detector={"panels": [PANEL], "hierarchy": tree})))
    assert f": detector[0].{place}" in message
    assert why in message


@pytest.mark.parametrize(
    ("kind", "model", "place", "why"),
    [
        ("beam", {**BEAM, "direction": [0, 0, 0]}, "beam[0].direction", "zero vector"),
        ("beam", {"direction": [0, 0, 1]}, "beam[0]", "no 'wavelength'"),
        ("beam", {**BEAM, "wavelength": -1.0}, "beam[0].wavelength", "positive"),
        ("goniometer", {"rotation_axis": [0, 0, 0]}, "goniometer[0].rotation_axis", "zero"),
        (
            "goniometer",
            {**GONIOMETER, "fixed_rotation": [1, 0, 0, 0, 1, 0, 0, 0, -1]},
            "goniometer[0].fixed_rotation",
            "no rotation",
        ),
        ("scan", {**SCAN, "image_range": [9, 3]}, "scan[0].image_range", "number of images"),
        (
            "scan",
            {"image_range": [1, 1], "properties": {"oscillation": [0.0]}},
            "scan[0].properties",
            "oscillation_width",
        ),
        ("crystal", {**CRYSTAL, "real_space_b": [100.0, 2.0, 0.0]}, "crystal[0]", "no cell"),
        (
            "crystal",
            {**CRYSTAL, "A_at_scan_points": [[0.0] * 9]},
            "crystal[0].A_at_scan_points[0]",
            "no cell",
        ),
    ],
)
def test_a_model_that_cannot_be_is_refused_by_its_place(written, kind, model, place, why):
    message = refusal(written(listed(**{kind: model})))
    assert f": {place} " in message
    assert why in message


def test_matrices_that_do_not_fit_the_scan_are_refused(written):
    A = np.linalg.inv([CRYSTAL[f"real_space_{axis}"] for axis in "abc"]).ravel().tolist()
    content = listed(scan=SCAN, crystal={**CRYSTAL, "A_at_scan_points": [A, A]})
    assert "crystal[0].A_at_scan_points holds 2 matrices" in refusal(written(content))


@pytest.mark.parametrize(
    ("named", "why"),
    [(3, "detector 3 of 1"), ("other.json", "another file"), (None, "no detector")],
)
def test_an_experiment_without_a_detector_in_the_file_is_refused(written, named, why):
    content = listed()
    content["experiment"][0]["detector"] = named
    message = refusal(written(content))
    assert ": experiment[0]" in message
    assert why in message


def test_a_detector_of_a_hundred_thousand_panels_is_refused_in_a_sentence(written):
    content = listed(detector={"panels": [PANEL] * 100_000})
    assert "detector[0] has 100000 panels" in refusal(written(content))


def test_more_pixels_than_can_be_meant_are_refused_before_masks_are_made(written):
    panel = {**PANEL, "image_size": [90_000, 90_000], "mask": [[0, 0, 1, 1]]}
    assert "detector[0] has 8100000000 pixels" in refusal(written(listed(detector=[panel])))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_short_is_refused(written, share):
    text = (FOLDER / "chips16.expt").read_text()
    assert "not JSON" in refusal(written(text[: int(share * len(text))]))


@pytest.mark.parametrize("content", ["[]", "{}", "7", '{"__id__": "ImageSet"}', "\x00", "[" * 9999])
def test_what_is_no_experiment_list_is_refused(written, content):
    refusal(written(content))


def test_a_file_that_is_missing_or_a_folder_is_refused(tmp_path):
    assert "no such file" in refusal(tmp_path / "missing.expt")
    assert "folder" in refusal(tmp_path)


VALUES = st.sampled_from(
    [None, True, -1, 0, 1e300, float("nan"), "", "x", [], [0, 0, 0], {}, [[1]], {"panel": 0}]
)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_value_anywhere_is_read_or_refused_in_a_sentence(tmp_path_factory, data):
    content = listed(goniometer=GONIOMETER, scan=SCAN, crystal=CRYSTAL)
    content["detector"][0]["hierarchy"] = copy.deepcopy(TREE)
    content["detector"][0]["panels"][0] |= {"mask": [[0, 0, 1, 1]], "thickness": 0.3, "mu": 2.0}
    at, key = content, data.draw(st.sampled_from(sorted(content)))
    while isinstance(at[key], dict | list) and at[key] and data.draw(st.integers(0, 3)):
        at = at[key]
        key = data.draw(
            st.sampled_from(sorted(at)) if isinstance(at, dict) else st.integers(0, len(at) - 1)
        )
    at[key] = data.draw(VALUES)
    path = tmp_path_factory.mktemp("any") / "made.expt"
    path.write_text(json.dumps(content))
    try:
        read_experiments(path)
    except InputFileError as error:
        assert str(path) in str(error)  # noqa: PT017
