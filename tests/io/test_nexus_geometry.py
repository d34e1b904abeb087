"""Reading NXmx and DECTRIS' own HDF5: chains of transformations, modules, light and masks."""

import math
import sys

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.numbers import finite, three, unit_vectors
from support.corners import FOLDER, STORED, corners_of, stored_corners
from tiled_sim.errors import InputFileError, UsageError
from tiled_sim.io.dials_experiments import read_experiments
from tiled_sim.io.nexus_geometry import read_nexus_geometry
from tiled_sim.model.geometry import StatedSensor

DETECTOR = "entry/instrument/detector"
AXES = f"{DETECTOR}/transformations"
MASTER = "entry/instrument/detector/detectorSpecific"


def group(file, path, nx_class):
    made = file.require_group(path)
    made.attrs["NX_class"] = nx_class
    return made


def axis(file, path, value, **attributes):
    """A dataset of a transformation; what is None is not written."""
    made = file.create_dataset(path, data=value)
    defaults = {"transformation_type": "translation", "units": "mm", "vector": (0.0, 0.0, 1.0)}
    for name, attribute in {**defaults, "depends_on": ".", **attributes}.items():
        if attribute is not None:
            made.attrs[name] = attribute
    return made


def module(file, name="m", carrier=f"/{AXES}/distance", **changes):
    """A module of 30 x 40 pixels of 0.2 mm x 0.1 mm."""
    path = f"{changes.get('detector', DETECTOR)}/{name}"
    made = group(file, path, "NXdetector_module")
    made["data_origin"] = changes.get("data_origin", (0, 0))
    made["data_size"] = changes.get("data_size", (30, 40))
    axis(made, "fast_pixel_direction", 0.1, vector=(-1.0, 0, 0), depends_on=carrier)
    axis(made, "slow_pixel_direction", 0.2, vector=(0, -1.0, 0), depends_on=carrier)
    return made


def frame(file):
    """Everything of a minimal file but detectors."""
    group(file, "entry", "NXentry")["definition"] = "NXmx"
    group(file, "entry/instrument", "NXinstrument")
    group(file, "entry/instrument/beam", "NXbeam")
    wavelength = file.create_dataset("entry/instrument/beam/incident_wavelength", data=1.5)
    wavelength.attrs["units"] = "angstrom"


def detector(file, path=DETECTOR):
    """A detector with an axis that puts it at 100 mm."""
    made = group(file, path, "NXdetector")
    group(file, f"{path}/transformations", "NXtransformations")
    axis(file, f"{path}/transformations/distance", 100.0)
    return made


@pytest.fixture
def path(tmp_path):
    return tmp_path / "made.nxs"


@pytest.fixture
def made(path):
    """An open file of one module; `read` closes it."""
    file = h5py.File(path, "w")
    frame(file)
    detector(file)
    module(file)
    return file


def read(file):
    name = file.filename
    file.close()
    return read_nexus_geometry(name)


def refusal(file):
    name = file.filename
    with pytest.raises(InputFileError) as caught:
        read(file)
    assert str(caught.value).startswith(f"{name}: ")
    return str(caught.value)


def replaced(file, path, value, **attributes):
    del file[path]
    return axis(file, path, value, **attributes)


def test_corners_of_modules_stand_where_an_independent_calculation_has_them():
    panels = read_nexus_geometry(FOLDER / "chips16.nxs").panels
    assert [panel.name for panel in panels] == list(STORED["chips16"])
    for panel in panels:
        assert corners_of(panel) == pytest.approx(stored_corners("chips16", panel.name), abs=1e-6)


def test_nexus_and_dials_files_of_one_detector_give_the_same_panels():
    (experiment,) = read_experiments(FOLDER / "chips16.expt")
    geometry = read_nexus_geometry(FOLDER / "chips16.nxs")
    for ours, theirs in zip(geometry.panels, experiment.geometry.panels, strict=True):
        assert (ours.name, ours.pixels) == (theirs.name, theirs.pixels)
        assert ours.origin == pytest.approx(theirs.origin, abs=1e-9)
        for vector in ("fast_axis", "slow_axis", "normal"):
            assert getattr(ours, vector) == pytest.approx(getattr(theirs, vector), abs=1e-9)
        assert ours.pixel_size == pytest.approx(theirs.pixel_size, abs=1e-9)
    assert geometry.light.wavelength == experiment.geometry.light.wavelength


def test_axes_that_carry_some_modules_make_groups():
    panels = read_nexus_geometry(FOLDER / "chips16.nxs").panels
    assert [panel.group for panel in panels] == [("m0_turn",)] * 8 + [("m1_turn",)] * 8


def test_a_module_hangs_from_its_corner_with_slow_before_fast(made):
    (panel,) = read(made).panels
    assert panel.origin == pytest.approx((0, 0, 0.1), abs=1e-15)
    assert (panel.fast_axis, panel.slow_axis) == ((-1.0, 0.0, 0.0), (0.0, -1.0, 0.0))
    assert panel.pixels == (30, 40)
    assert panel.pixel_size == pytest.approx((2e-4, 1e-4))


@pytest.mark.parametrize(
    ("unit", "value"), [("m", 0.25), ("cm", 25), ("mm", 250), ("um", 250e3), (b"micron", 250e3)]
)
def test_shifts_have_units_of_length(made, unit, value):
    replaced(made, f"{AXES}/distance", value, units=unit)
    assert read(made).panels[0].origin == pytest.approx((0, 0, 0.25), rel=1e-14)


@pytest.mark.parametrize(("unit", "value"), [("deg", 30.0), ("rad", math.pi / 6), ("degrees", 30)])
def test_turns_have_units_of_angle_and_are_right_handed(made, unit, value):
    turn = {"transformation_type": "rotation", "vector": (0, 1.0, 0), "units": unit}
    axis(made, f"{AXES}/swing", value, **turn)
    made[f"{AXES}/distance"].attrs["depends_on"] = f"/{AXES}/swing"
    (panel,) = read(made).panels
    assert panel.origin == pytest.approx((0.1 * 0.5, 0, 0.1 * math.sqrt(0.75)), abs=1e-15)
    assert panel.fast_axis == pytest.approx((-math.sqrt(0.75), 0, 0.5), abs=1e-15)


def turned(point, vector, degrees):
    """A point about an axis through 0: its part along the axis stays, the rest goes round."""
    along = (point @ vector) * vector
    across, beside = point - along, np.cross(vector, point)
    angle = math.radians(degrees)
    return along + math.cos(angle) * across + math.sin(angle) * beside


links = st.tuples(
    st.sampled_from(["translation", "rotation"]),
    finite(-50.0, 50.0),
    unit_vectors,
    three(finite(-20.0, 20.0)),
)


@settings(max_examples=40, deadline=None)
@given(chain=st.lists(links, min_size=1, max_size=6))
def test_a_chain_applies_its_root_last_and_offsets_in_the_frame_of_the_carrier(
    tmp_path_factory, chain
):
    """On points, from the panel outwards, without a matrix."""
    file = h5py.File(tmp_path_factory.mktemp("chain") / "made.nxs", "w")
    frame(file)
    detector(file)
    module(file, carrier=f"/{AXES}/t0")
    place, along = np.zeros(3), np.array([-1.0, 0.0, 0.0])
    for number, (kind, value, vector, offset) in enumerate(chain):
        last = number == len(chain) - 1
        axis(
            file,
            f"{AXES}/t{number}",
            value,
            transformation_type=kind,
            vector=vector,
            units="deg" if kind == "rotation" else "mm",
            offset=offset,
            offset_units="cm",
            depends_on="distance" if last else f"t{number + 1}",
        )
        if kind == "rotation":
            place, along = (turned(one, np.array(vector), value) for one in (place, along))
        else:
            place = place + 1e-3 * value * np.array(vector)
        place = place + 1e-2 * np.array(offset)
    replaced(file, f"{AXES}/distance", 9.0, units="m")  # so that no plane meets the sample
    (panel,) = read(file).panels
    assert np.array(panel.origin) == pytest.approx(place + np.array([0, 0, 9.0]), abs=1e-12)
    assert np.array(panel.fast_axis) == pytest.approx(along, abs=1e-12)


def test_a_relative_path_begins_at_the_group_that_holds_the_axis(made):
    axis(made, f"{AXES}/near", 5.0, vector=(1.0, 0, 0), depends_on="distance")
    made[f"{DETECTOR}/m/fast_pixel_direction"].attrs["depends_on"] = f"/{AXES}/near"
    assert read(made).panels[0].origin == pytest.approx((0.005, 0, 0.1), abs=1e-15)


def test_an_offset_without_units_has_those_of_its_shift_and_is_told(made):
    made[f"{AXES}/distance"].attrs["offset"] = (1.0, 2.0, 3.0)
    geometry = read(made)
    assert geometry.panels[0].origin == pytest.approx((0.001, 0.002, 0.103), abs=1e-15)
    assert any("no offset_units" in note for note in geometry.notes)


def test_an_offset_of_the_fast_direction_is_turned_by_what_carries_it(made):
    swing = {"transformation_type": "rotation", "vector": (0, 0, 1.0), "units": "deg"}
    axis(made, f"{AXES}/swing", 90.0, **swing, depends_on="distance")
    for direction in ("fast", "slow"):
        made[f"{DETECTOR}/m/{direction}_pixel_direction"].attrs["depends_on"] = f"/{AXES}/swing"
    fast = made[f"{DETECTOR}/m/fast_pixel_direction"]
    fast.attrs["offset"], fast.attrs["offset_units"] = (4.0, 0, 0), "mm"
    assert read(made).panels[0].origin == pytest.approx((0, 0.004, 0.1), abs=1e-15)


@pytest.mark.parametrize(("hung", "carrier"), [("fast", "slow"), ("slow", "fast")])
def test_a_direction_that_hangs_from_the_other_is_shifted_by_no_pixel(made, hung, carrier):
    direction = made[f"{DETECTOR}/m/{hung}_pixel_direction"]
    direction.attrs["depends_on"] = f"{carrier}_pixel_direction"
    (panel,) = read(made).panels
    assert panel.origin == pytest.approx((0, 0, 0.1), abs=1e-15)
    assert (panel.fast_axis, panel.slow_axis) == ((-1.0, 0.0, 0.0), (0.0, -1.0, 0.0))


def test_a_negative_size_counts_pixels_against_the_vector(made):
    path, carrier = f"{DETECTOR}/m/fast_pixel_direction", f"/{AXES}/distance"
    replaced(made, path, -0.1, vector=(1.0, 0, 0), depends_on=carrier)
    (panel,) = read(made).panels
    assert panel.fast_axis == (-1.0, 0.0, 0.0)
    assert panel.pixel_size[1] == pytest.approx(1e-4)


def test_a_shift_along_a_long_vector_is_longer_and_told(made):
    made[f"{AXES}/distance"].attrs["vector"] = (0, 0, 2.0)
    geometry = read(made)
    assert geometry.panels[0].origin == pytest.approx((0, 0, 0.2), abs=1e-15)
    assert any(f"/{AXES}/distance" in note and "length 2" in note for note in geometry.notes)


def test_a_turn_about_a_long_vector_is_longer_and_told(made):
    twist = {"transformation_type": "rotation", "vector": (0, 0, 2.0), "units": "deg"}
    axis(made, f"{AXES}/twist", 45.0, **twist)
    made[f"{AXES}/distance"].attrs["depends_on"] = "twist"
    geometry = read(made)
    assert geometry.panels[0].fast_axis == pytest.approx((0, -1, 0), abs=1e-15)
    assert any("angle is that much longer" in note for note in geometry.notes)


def test_a_vector_rounded_to_float32_is_not_told(made):
    made[f"{AXES}/distance"].attrs["vector"] = np.array([0, 0, 1.0], dtype="f4") * np.float32(
        1 + 2e-7
    )
    assert not any("length" in note for note in read(made).notes)


def test_the_size_of_a_pixel_is_the_value_whatever_its_vector(made):
    made[f"{DETECTOR}/m/fast_pixel_direction"].attrs["vector"] = (-3.0, 0, 0)
    geometry = read(made)
    assert geometry.panels[0].pixel_size[1] == pytest.approx(1e-4)
    assert geometry.panels[0].fast_axis == (-1.0, 0.0, 0.0)
    assert any("length 3" in note for note in geometry.notes)


def test_a_zero_vector_of_a_shift_by_nothing_does_no_harm(made):
    axis(made, f"{AXES}/none", 0.0, vector=(0, 0, 0), units=None)
    made[f"{AXES}/distance"].attrs["depends_on"] = "none"
    assert read(made).panels[0].origin == pytest.approx((0, 0, 0.1), abs=1e-15)


def test_an_axis_that_moves_stands_at_its_first_position_and_is_told(made):
    replaced(made, f"{AXES}/distance", [100.0, 120.0])
    geometry = read(made)
    assert geometry.panels[0].origin == pytest.approx((0, 0, 0.1), abs=1e-15)
    assert any("2 positions" in note for note in geometry.notes)


def test_an_offset_of_the_slow_direction_alone_shifts_the_module(made):
    slow = made[f"{DETECTOR}/m/slow_pixel_direction"]
    slow.attrs["offset"], slow.attrs["offset_units"] = (4.0, 0, 0), "mm"
    assert read(made).panels[0].origin == pytest.approx((0.004, 0, 0.1), abs=1e-15)


def test_directions_that_are_not_at_right_angles_are_told(made):
    made[f"{DETECTOR}/m/slow_pixel_direction"].attrs["vector"] = (0.01, -1.0, 0)
    assert any("not at right angles" in note for note in read(made).notes)


def test_pixels_that_are_left_out_are_refused(made):
    made[f"{DETECTOR}/m/data_stride"] = (1, 2)
    assert f"/{DETECTOR}/m/data_stride " in refusal(made)


def test_a_direction_that_depends_on_nothing_takes_the_module_offset(made):
    axis(
        made, f"{DETECTOR}/m/module_offset", 7.0, vector=(1.0, 0, 0), depends_on=f"/{AXES}/distance"
    )
    for direction in ("fast", "slow"):
        made[f"{DETECTOR}/m/{direction}_pixel_direction"].attrs["depends_on"] = "."
    geometry = read(made)
    assert geometry.panels[0].origin == pytest.approx((0.007, 0, 0.1), abs=1e-15)
    assert any("module_offset is taken" in note for note in geometry.notes)


def test_without_a_module_offset_it_takes_what_the_detector_depends_on(made):
    made[f"{DETECTOR}/depends_on"] = "transformations/distance"
    for direction in ("fast", "slow"):
        del made[f"{DETECTOR}/m/{direction}_pixel_direction"].attrs["depends_on"]
    assert read(made).panels[0].origin == pytest.approx((0, 0, 0.1), abs=1e-15)


def test_a_module_offset_that_no_chain_leads_through_is_told(made):
    axis(made, f"{DETECTOR}/m/module_offset", 7.0)
    geometry = read(made)
    assert geometry.panels[0].origin == pytest.approx((0, 0, 0.1), abs=1e-15)
    assert any("shifts nothing" in note for note in geometry.notes)


def test_a_beam_centre_stands_in_for_shifts_across_the_beam_that_are_missing(made):
    made[f"{DETECTOR}/beam_center_x"], made[f"{DETECTOR}/beam_center_y"] = 20.0, 15.0
    geometry = read(made)
    assert geometry.panels[0].origin == pytest.approx((0.002, 0.003, 0.1), abs=1e-15)
    assert any("beam_center_x" in note for note in geometry.notes)


def test_modules_come_in_the_order_of_their_data(made):
    del made[f"{DETECTOR}/m"]
    axis(made, f"{AXES}/aside", 30.0, vector=(1.0, 0, 0), depends_on="distance")
    for number in range(12):
        module(
            made,
            f"m{number}",
            f"/{AXES}/{'aside' if number % 2 else 'distance'}",
            data_origin=(number, 0, 0),
            data_size=(1, 30, 40),
        )
    panels = read(made).panels
    assert [panel.name for panel in panels] == [f"m{number}" for number in range(12)]
    assert [panel.group for panel in panels[:2]] == [(), ("aside",)]


def test_the_component_of_the_equipment_names_a_group(made):
    axis(made, f"{AXES}/aside", 30.0, vector=(1.0, 0, 0), depends_on="distance")
    made[f"{AXES}/aside"].attrs["equipment_component"] = "quadrant"
    for name in "ab":
        module(made, name, f"/{AXES}/aside")
    assert {panel.group for panel in read(made).panels} == {(), ("quadrant",)}


def test_several_detectors_are_one_detector_of_all_their_modules(made):
    other = "entry/instrument/back"
    detector(made, other)
    module(made, "m", f"/{other}/transformations/distance", detector=other)
    panels = read(made).panels
    assert [panel.name for panel in panels] == ["back/m", "detector/m"]
    assert [panel.group for panel in panels] == [("back",), ("detector",)]


@pytest.mark.parametrize("upstream", [True, False])
def test_a_detector_upstream_stays_there_and_is_told(made, upstream):
    replaced(made, f"{AXES}/distance", -100.0 if upstream else 100.0)
    geometry = read(made)
    assert geometry.panels[0].origin[2] == pytest.approx(-0.1 if upstream else 0.1)
    assert any("upstream" in note for note in geometry.notes) is upstream


def test_left_handed_modules_are_told(made):
    made[f"{DETECTOR}/m/fast_pixel_direction"].attrs["vector"] = (1.0, 0, 0)
    assert any("left-handed" in note for note in read(made).notes)


BEAM = "entry/instrument/beam"


def spectrum(file, wavelength, weights=None, name="incident_wavelength", unit="angstrom"):
    if f"{BEAM}/{name}" in file:
        del file[f"{BEAM}/{name}"]
    made = file.create_dataset(f"{BEAM}/{name}", data=wavelength)
    made.attrs["units"] = unit
    if weights is not None:
        file[f"{BEAM}/{name}_weights"] = weights
    return made


@pytest.mark.parametrize(("unit", "value"), [("nm", 0.12), ("m", 1.2e-10), ("Angstrom", 1.2)])
def test_a_wavelength_has_units_of_length(made, unit, value):
    spectrum(made, value, unit=unit)
    light = read(made).light
    assert light.wavelength == pytest.approx((1.2,))
    assert light.weight == (1.0,)


def test_a_spectrum_has_weights(made):
    spectrum(made, [1.0, 1.1, 1.2], [1.0, 5.0, 2.0])
    light = read(made).light
    assert light.wavelength == pytest.approx((1.0, 1.1, 1.2))
    assert light.weight == (1.0, 5.0, 2.0)


def test_of_spectra_of_many_shots_the_first_is_taken_and_told(made):
    spectrum(made, [1.0, 1.1], [[1.0, 2.0], [3.0, 4.0]])
    geometry = read(made)
    assert geometry.light.weight == (1.0, 2.0)
    assert any("2 shots" in note for note in geometry.notes)


def test_of_wavelengths_of_many_shots_the_first_is_taken_and_told(made):
    spectrum(made, [1.0, 1.1, 1.2])
    geometry = read(made)
    assert geometry.light.wavelength == (1.0,)
    assert any("one a shot" in note for note in geometry.notes)


def test_a_variant_with_weights_is_the_spectrum(made):
    spectrum(made, 1.05).attrs["variant"] = "incident_wavelength_1D"
    spectrum(made, [1.0, 1.1], [1.0, 1.0], name="incident_wavelength_1D")
    assert read(made).light.wavelength == pytest.approx((1.0, 1.1))


def test_variants_that_name_each_other_end(made):
    spectrum(made, 1.05).attrs["variant"] = "incident_wavelength_1D"
    spectrum(made, 1.06, name="incident_wavelength_1D").attrs["variant"] = "incident_wavelength"
    assert read(made).light.wavelength == (1.05,)


def test_negative_weights_of_a_background_count_for_nothing_and_are_told(made):
    spectrum(made, [1.0, 1.1], [-0.1, 2.0])
    geometry = read(made)
    assert geometry.light.weight == (0.0, 2.0)
    assert any("negative weights" in note for note in geometry.notes)


def test_a_beam_that_depends_on_an_axis_is_turned_by_it(made):
    tilt = {"transformation_type": "rotation", "vector": (1.0, 0, 0), "units": "deg"}
    axis(made, f"{BEAM}/tilt", 30.0, **tilt)
    made[f"{BEAM}/depends_on"] = "tilt"
    direction = read(made).light.direction
    assert direction == pytest.approx((0, -0.5, math.sqrt(0.75)), abs=1e-15)


@pytest.mark.parametrize(
    ("stokes", "axis_", "degree"),
    [
        ((2.0, 1.8, 0, 0), (1, 0, 0), 0.9),
        ((1.0, -1.0, 0, 0), (0, 1, 0), 1.0),
        ([(1.0, 0, 0.5, 0), (1.0, 1.0, 0, 0)], (math.sqrt(0.5), math.sqrt(0.5), 0), 0.5),
    ],
)
def test_stokes_parameters_are_an_axis_and_a_degree_of_polarization(made, stokes, axis_, degree):
    made[f"{BEAM}/incident_polarization_stokes"] = stokes
    light = read(made).light
    assert light.polarization_axis == pytest.approx(axis_, abs=1e-15)
    assert light.polarization == pytest.approx(degree)


def test_a_file_without_a_beam_says_nothing_of_light(made):
    del made[BEAM]
    geometry = read(made)
    assert geometry.light.wavelength == ()
    assert any("no beam" in note for note in geometry.notes)


def test_a_beam_of_the_sample_is_read_as_older_files_have_it(made):
    group(made, "entry/sample", "NXsample")
    made.move(BEAM, "entry/sample/beam")
    assert read(made).light.wavelength == (1.5,)


def test_pixels_with_any_bit_set_in_any_mask_are_dead(made):
    masks = np.zeros((2, 30, 40), dtype=np.uint32)
    masks[0, 3, 5], masks[1, 7, 9] = 1, 1 << 31
    made[f"{DETECTOR}/pixel_mask"], made[f"{DETECTOR}/pixel_mask_2"] = masks
    (dead,) = read(made).dead
    np.testing.assert_array_equal(np.argwhere(dead), [[3, 5], [7, 9]])


def test_a_mask_without_dead_pixels_is_none(made):
    made[f"{DETECTOR}/pixel_mask"] = np.zeros((30, 40), dtype=np.uint8)
    assert read(made).dead == (None,)


def test_each_module_has_its_part_of_the_mask(made):
    del made[f"{DETECTOR}/m"]
    for number in range(2):
        origin = (number, 0, 0)
        module(made, f"m{number}", data_origin=origin, data_size=(1, 30, 40))
    mask = np.zeros((2, 30, 40), dtype=np.uint8)
    mask[1, 2, 3] = 4
    made[f"{DETECTOR}/pixel_mask"] = mask
    first, second = read(made).dead
    assert first is None
    np.testing.assert_array_equal(np.argwhere(second), [[2, 3]])


def test_modules_cut_from_one_image_have_their_part_of_its_mask(made):
    del made[f"{DETECTOR}/m"]
    for number in range(2):
        module(made, f"m{number}", data_origin=(40 * number, 10))
    mask = np.zeros((80, 60), dtype=np.uint8)
    mask[42, 11] = mask[35, 20] = 1
    made[f"{DETECTOR}/pixel_mask"] = mask
    first, second = read(made).dead
    assert first is None
    np.testing.assert_array_equal(np.argwhere(second), [[2, 1]])


@pytest.mark.parametrize(
    ("origin", "size", "shape"),
    [((0, 0, 0), (1, 30, 40), (30, 40)), ((0, 0), (30, 40), (1, 30, 40))],
)
def test_a_mask_may_have_or_lack_the_axis_of_a_single_module(made, origin, size, shape):
    del made[f"{DETECTOR}/m"]
    module(made, data_origin=origin, data_size=size)
    made[f"{DETECTOR}/pixel_mask"] = np.ones(shape, dtype=np.uint8)
    assert read(made).dead[0].all()


def test_axes_of_linked_files_are_told_apart_where_their_paths_are_equal(made, tmp_path):
    with h5py.File(tmp_path / "other.nxs", "w") as other:
        frame(other)
        detector(other)
        replaced(other, f"{AXES}/distance", 300.0)
        module(other)
    made["entry/instrument/other"] = h5py.ExternalLink("other.nxs", f"/{DETECTOR}")
    first, second = read(made).panels
    assert {first.origin[2], second.origin[2]} == {0.1, 0.3}


def test_a_mask_in_a_file_that_is_missing_is_told(made):
    made[f"{DETECTOR}/pixel_mask"] = h5py.ExternalLink("gone.h5", "mask")
    geometry = read(made)
    assert geometry.dead == (None,)
    assert any("file that is missing" in note for note in geometry.notes)


def test_links_to_data_that_are_missing_do_no_harm(made):
    group(made, "entry/data", "NXdata")
    for number in range(3):
        made[f"entry/data/data_{number:06}"] = h5py.ExternalLink(f"gone_{number}.h5", "data")
    made["entry/link"] = h5py.ExternalLink("gone.h5", "/")
    made[f"{DETECTOR}/data"] = h5py.SoftLink("/nowhere")
    assert len(read(made).panels) == 1


def test_a_sensor_has_a_thickness_and_a_material_and_no_attenuation_length(made):
    made[f"{DETECTOR}/sensor_material"] = "CdTe"
    thickness = made.create_dataset(f"{DETECTOR}/sensor_thickness", data=750.0)
    thickness.attrs["units"] = "um"
    geometry = read(made)
    assert geometry.sensors == (StatedSensor(pytest.approx(750e-6), None, "CdTe"),)
    assert any("0.75 mm (CdTe)" in note for note in geometry.notes)


def master(path):
    """A DECTRIS master without NXmx: an Eiger of 60 x 50 (slow, fast) pixels."""
    file = h5py.File(path, "w")
    frame(file)
    del file["entry/definition"]
    made = group(file, DETECTOR, "NXdetector")
    for name, value, unit in (
        ("x_pixel_size", 75e-6, "m"),
        ("y_pixel_size", 80e-6, "m"),
        ("beam_center_x", 20.5, "pixel"),
        ("beam_center_y", 30.0, "pixel"),
        ("detector_distance", 0.12, "m"),
    ):
        made.create_dataset(name, data=np.float32(value)).attrs["units"] = unit
    file[f"{MASTER}/x_pixels_in_detector"], file[f"{MASTER}/y_pixels_in_detector"] = 50, 60
    return file


def test_a_master_without_modules_is_a_flat_panel_about_its_beam_centre(path):
    geometry = read(master(path))
    (panel,) = geometry.panels
    assert panel.pixels == (60, 50)
    assert panel.pixel_size == pytest.approx((80e-6, 75e-6))
    assert panel.origin == pytest.approx((20.5 * 75e-6, 30 * 80e-6, 0.12))
    assert (panel.fast_axis, panel.slow_axis) == ((-1.0, 0.0, 0.0), (0.0, -1.0, 0.0))
    assert any("no NXdetector_module" in note for note in geometry.notes)


def test_the_mask_of_a_master_is_that_of_detector_specific(path):
    file = master(path)
    mask = np.zeros((60, 50), dtype=np.uint32)
    mask[1, 2] = 1
    file[f"{MASTER}/pixel_mask"] = mask
    (dead,) = read(file).dead
    np.testing.assert_array_equal(np.argwhere(dead), [[1, 2]])


def test_the_mask_of_a_master_says_its_size_where_nothing_else_does(path):
    file = master(path)
    del file[f"{MASTER}/x_pixels_in_detector"]
    file[f"{MASTER}/pixel_mask"] = np.zeros((44, 33), dtype=np.uint32)
    assert read(file).panels[0].pixels == (44, 33)


def test_the_orientation_of_a_master_turns_its_panel(path):
    file = master(path)
    file[f"{DETECTOR}/geometry/orientation/value"] = np.array([0, -1, 0, 1, 0, 0], dtype="f4")
    (panel,) = read(file).panels
    assert (panel.fast_axis, panel.slow_axis) == ((0.0, -1.0, 0.0), (1.0, 0.0, 0.0))
    assert panel.origin == pytest.approx((-30 * 80e-6, 20.5 * 75e-6, 0.12))


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("geometry/orientation/value", [-1, 0, 0, 0, -0.8, 0.6], "write NXmx"),
        ("goniometer/two_theta_start", [10.0], "swings the detector by 10°"),
    ],
)
def test_a_master_that_is_turned_about_axes_it_does_not_name_is_refused(path, name, value, why):
    file = master(path)
    file[f"{DETECTOR}/{name}"] = value
    message = refusal(file)
    assert f"/{DETECTOR}/{name} " in message
    assert why in message


@pytest.mark.parametrize("key", ["y_pixel_size", "beam_center_x", "detector_distance"])
def test_a_master_that_lacks_a_value_is_refused(path, key):
    file = master(path)
    del file[f"{DETECTOR}/{key}"]
    assert "no '" in refusal(file)


def test_a_chain_that_bites_its_tail_is_refused_with_the_circle(made):
    axis(made, f"{AXES}/b", 1.0, depends_on="distance")
    made[f"{AXES}/distance"].attrs["depends_on"] = "b"
    message = refusal(made)
    assert f"/{AXES}/distance → /{AXES}/b → /{AXES}/distance" in message


def test_a_chain_that_bites_its_tail_through_a_soft_link_is_refused(made):
    made[f"{AXES}/again"] = h5py.SoftLink(f"/{AXES}")
    made[f"{AXES}/distance"].attrs["depends_on"] = "again/distance"
    assert "without end" in refusal(made)


@pytest.mark.parametrize(
    ("name", "attributes", "why"),
    [
        ("distance", {"vector": (0, 0, 0.0)}, "zero vector"),
        ("distance", {"vector": (0, 0, math.nan)}, "finite"),
        ("distance", {"vector": (0, 1.0)}, "three finite numbers"),
        ("distance", {"vector": "z"}, "three finite numbers"),
        ("distance", {"vector": None}, "no attribute 'vector'"),
        ("distance", {"units": None}, "no attribute 'units'"),
        ("distance", {"units": "furlong"}, "'furlong'"),
        ("distance", {"units": "deg"}, "'deg'"),
        ("distance", {"transformation_type": None}, "translation or rotation"),
        ("distance", {"transformation_type": "rotation"}, "'mm'"),
        ("distance", {"offset": (1.0, 0, 0), "units": "deg"}, "no attribute 'offset_units'"),
        ("distance", {"offset": (1.0, 0)}, "three finite numbers"),
        ("distance", {"depends_on": "nowhere"}, "no axis"),
        ("distance", {"depends_on": f"/{DETECTOR}"}, "no axis"),
    ],
)
def test_an_axis_that_cannot_be_is_refused_by_its_place(made, name, attributes, why):
    replaced(made, f"{AXES}/{name}", 100.0, **attributes)
    message = refusal(made)
    assert f": /{AXES}/{name} " in message
    assert why in message


@pytest.mark.parametrize("value", [math.nan, math.inf, "far", np.empty(0)])
def test_an_axis_without_a_finite_value_is_refused(made, value):
    replaced(made, f"{AXES}/distance", value)
    assert f": /{AXES}/distance " in refusal(made)


@pytest.mark.parametrize(
    ("changes", "place", "why"),
    [
        ({"data_size": (0, 40)}, "m/data_size", "pixels a side"),
        ({"data_size": (10**8, 40)}, "m/data_size", "pixels a side"),
        ({"data_size": (30,)}, "m/data_size", "slow to fast"),
        ({"data_size": (2, 30, 40), "data_origin": (0, 0, 0)}, "m/data_size", "slab"),
        ({"data_origin": (0,)}, "m/data_origin", "as many"),
        ({"data_origin": (-1, 0)}, "m/data_origin", "as many"),
    ],
)
def test_a_module_of_impossible_data_is_refused_by_its_place(made, changes, place, why):
    del made[f"{DETECTOR}/m"]
    module(made, **changes)
    message = refusal(made)
    assert f": /{DETECTOR}/{place} " in message
    assert why in message


@pytest.mark.parametrize(
    "key", ["data_size", "data_origin", "fast_pixel_direction", "slow_pixel_direction"]
)
def test_a_module_that_lacks_a_key_is_refused(made, key):
    del made[f"{DETECTOR}/m/{key}"]
    assert f"/{DETECTOR}/m has no {key!r}" in refusal(made)


def test_directions_of_pixels_that_are_parallel_are_refused(made):
    made[f"{DETECTOR}/m/slow_pixel_direction"].attrs["vector"] = (1.0, 0, 0)
    assert f"/{DETECTOR}/m has fast" in refusal(made)


def test_a_panel_through_the_sample_is_refused(made):
    replaced(made, f"{AXES}/distance", 0.0)
    assert "through the sample" in refusal(made)


def test_a_mask_that_does_not_cover_its_module_is_refused(made):
    made[f"{DETECTOR}/pixel_mask"] = np.zeros((30, 39), dtype=np.uint8)
    assert f"/{DETECTOR}/pixel_mask has the shape (30, 39)" in refusal(made)


@pytest.mark.parametrize(
    ("wavelength", "weights", "why"),
    [
        (-1.0, None, "positive"),
        (math.nan, None, "finite"),
        ([1.0, 1.1], [1.0], "1 weights for 2"),
        ([1.0, 1.1], [0.0, 0.0], "all 0"),
    ],
)
def test_light_that_cannot_be_is_refused_by_its_place(made, wavelength, weights, why):
    spectrum(made, wavelength, weights)
    message = refusal(made)
    assert f": /{BEAM}/incident_wavelength" in message
    assert why in message


def test_a_wavelength_without_units_is_refused(made):
    del made[f"{BEAM}/incident_wavelength"].attrs["units"]
    assert "no attribute 'units'" in refusal(made)


def test_a_file_without_a_detector_is_refused(made):
    del made[DETECTOR]
    assert "NXdetector" in refusal(made)


def test_a_detector_of_neither_kind_is_refused(made):
    del made[f"{DETECTOR}/m"]
    assert "neither an NXdetector_module nor x_pixel_size" in refusal(made)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.6, 0.99])
def test_a_file_that_is_cut_short_is_refused(path, share):
    content = (FOLDER / "chips16.nxs").read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputFileError, match="cannot be read as HDF5"):
        read_nexus_geometry(path)


def test_a_file_that_is_missing_or_a_folder_is_refused(tmp_path):
    with pytest.raises(InputFileError, match="no such file"):
        read_nexus_geometry(tmp_path / "missing.nxs")
    with pytest.raises(InputFileError, match="folder"):
        read_nexus_geometry(tmp_path)


def test_a_missing_h5py_is_told_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(UsageError, match=r"pip install 'tiled_sim\[hdf5\]'"):
        read_nexus_geometry(FOLDER / "chips16.nxs")


STRANGE = [
    0,
    -1.0,
    math.nan,
    1e300,
    "",
    "x",
    b"\xff",
    np.empty(0),
    np.zeros((2, 3)),
    h5py.Empty("f"),
]


def places(file):
    """Every dataset and attribute of a file: path and name of the attribute, or None."""
    found = []

    def visit(path, item):
        found.extend((path, name) for name in item.attrs)
        if isinstance(item, h5py.Dataset):
            found.append((path, None))

    file.visititems(visit)
    return found


@pytest.mark.parametrize("value", STRANGE, ids=[repr(value) for value in STRANGE])
@pytest.mark.parametrize("kind", ["NXmx", "master"])
def test_any_value_anywhere_is_read_or_refused_in_a_sentence(tmp_path, value, kind):
    def whole(path):
        file = master(path)
        spectrum(file, [1.0, 1.1], [[1.0, 2.0]]).attrs["variant"] = "other"
        file[f"{BEAM}/incident_polarization_stokes"] = (1.0, 0.5, 0, 0)
        file[f"{DETECTOR}/pixel_mask"] = np.ones((60, 50), dtype=np.uint8)
        file[f"{DETECTOR}/saturation_value"] = 7
        file[f"{DETECTOR}/geometry/orientation/value"] = (-1.0, 0, 0, 0, -1.0, 0)
        file[f"{DETECTOR}/goniometer/two_theta"] = (0.0, 0.0)
        axis(file, f"{DETECTOR}/sensor_thickness", 0.3)
        file[f"{DETECTOR}/sensor_material"] = "Si"
        if kind == "NXmx":
            axis(file, f"{AXES}/distance", 100.0, offset=(1.0, 0, 0), offset_units="mm")
            module(file)
            axis(file, f"{DETECTOR}/m/module_offset", 1.0)
            file[f"{DETECTOR}/m/data_stride"] = (1, 1)
        return file

    with whole(tmp_path / "whole.nxs") as file:
        every = places(file)
    for number, (place, attribute) in enumerate(every):
        file = whole(tmp_path / f"{number}.nxs")
        if attribute is None:
            attributes = dict(file[place].attrs)
            del file[place]
            file.create_dataset(place, data=value).attrs.update(attributes)
        else:
            file[place].attrs[attribute] = value
        try:
            read(file)
        except InputFileError as error:
            assert f"{number}.nxs: /" in str(error)  # noqa: PT017
