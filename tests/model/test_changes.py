"""Changes of a resolved experiment: what each makes of the rest, and which are refused."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.errors import ExperimentError
from tiled_sim.model.beam import Beam, Source, Spectrum
from tiled_sim.model.change_keys import KEYS, REFUSED, table_of_changes
from tiled_sim.model.crystal import Crystal
from tiled_sim.model.detector import Detector, Panel, Sensor
from tiled_sim.model.experiment import Experiment, Reflections
from tiled_sim.model.exposures import Listed, Rotation
from tiled_sim.model.readout import Noise, PointSpread
from tiled_sim.model.sampling import Sampling
from tiled_sim.model.units import spellings
from tiled_sim.physics.vectors import about_fixed_axes

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
Z = (0.0, 0.0, 1.0)
PANEL = Panel((-0.01, -0.02, 0.1), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), Z, (40, 60), (2e-4, 2e-4))
EXPERIMENT = Experiment(
    beam=Beam(
        direction=Z,
        wavelength=1.0,
        fluence=1e24,
        polarization=0.9,
        polarization_axis=(1.0, 0.0, 0.0),
        spectrum=Spectrum.of([Source(Z, 0.99, 0.5), Source(Z, 1.0), Source(Z, 1.02)]),
    ),
    crystal=Crystal(
        *((50.0, 0.0, 0.0), (0.0, 80.0, 0.0), (0.0, 0.0, 100.0)),
        *((0.02, 0.0, 0.0), (0.0, 0.0125, 0.0), (0.0, 0.0, 0.01)),
        cells=(5, 6, 7),
    ),
    detector=Detector((PANEL, dataclasses.replace(PANEL, origin=(0.01, -0.02, 0.1), name="1"))),
    sampling=Sampling(oversample=4),
    exposures=Rotation((1.0, 0.0, 0.0), 0.1, 0.02, 5, 0.1, 4),
    structure_factors=Reflections("p1.mtz", "mtz", 3.0, "F"),
    notes=("as it was read",),
)


def with_(**changes):
    """The experiment, changed; two underscores stand for the dot of a key."""
    return EXPERIMENT.with_({key.replace("__", "."): value for key, value in changes.items()})


# The beam


def test_a_wavelength_scales_that_of_every_source():
    beam = with_(beam__wavelength_A=1.5).beam
    assert beam.wavelength == 1.5
    assert beam.spectrum.wavelength.tolist() == pytest.approx([1.485, 1.5, 1.53])
    assert beam.spectrum.weight.tolist() == [0.5, 1.0, 1.0]
    assert beam.spectrum.incident.tolist() == [list(Z)] * 3


def test_a_source_of_the_beams_own_wavelength_keeps_it_to_the_last_bit():
    assert with_(beam__wavelength_A=0.1).beam.spectrum.wavelength[1] == 0.1


def test_an_energy_is_a_wavelength():
    changed = with_(beam__energy_keV=12.39842).beam
    assert changed.wavelength == pytest.approx(1.0)
    with pytest.raises(ExperimentError, match="say the same: give one"):
        with_(beam__energy_eV=12000, beam__wavelength_A=1.0)


def test_a_polarization_may_be_off():
    assert with_(beam__polarization="off").beam.polarization is None
    assert with_(beam__polarization=0.5).beam.polarization == 0.5


def test_a_direction_is_scaled_to_length_1():
    assert with_(beam__polarization_axis=[0, 5, 0]).beam.polarization_axis == (0.0, 1.0, 0.0)


# The crystal


def test_a_misset_turns_the_crystal_as_it_stands_about_x_then_y_then_z():
    once = with_(crystal__misset_deg=[10, 20, 30]).crystal
    turn = about_fixed_axes(*np.radians([10, 20, 30]))
    np.testing.assert_allclose(once.direct_vectors, EXPERIMENT.crystal.direct_vectors @ turn.T)
    twice = with_(crystal__misset_deg=[10, 20, 30]).with_({"crystal.misset_deg": [10, 20, 30]})
    expected = EXPERIMENT.crystal.reciprocal_vectors @ turn.T @ turn.T
    np.testing.assert_allclose(twice.crystal.reciprocal_vectors, expected, atol=1e-18)


def test_reciprocal_vectors_follow_from_direct_ones():
    crystal = with_(crystal__a_nm=[6, 0, 0]).crystal
    assert crystal.a == (60.0, 0.0, 0.0)
    assert crystal.a_star == pytest.approx((1 / 60, 0.0, 0.0))


def test_direct_vectors_follow_from_reciprocal_ones():
    assert with_(crystal__c_star_per_A=[0, 0, 0.02]).crystal.c == pytest.approx((0, 0, 50))


def test_both_kinds_of_vectors_are_taken_as_they_are_said():
    crystal = with_(crystal__a_A=[60, 0, 0], crystal__a_star_per_A=[0.016667, 0, 0]).crystal
    assert crystal.a_star == (0.016667, 0.0, 0.0)


def test_one_number_of_cells_stands_for_all():
    assert with_(crystal__cells=20).crystal.cells == (20, 20, 20)
    assert with_(crystal__cells=[20, 30, 40]).crystal.cells == (20, 30, 40)


def test_a_spread_of_a_single_domain_needs_more_domains():
    with pytest.raises(ExperimentError, match=r"no effect on a single domain.*mosaic_domains too"):
        with_(crystal__mosaic_spread_deg=0.5)
    domains = with_(crystal__mosaic_spread_deg=0.5, crystal__mosaic_domains=10).crystal.domains
    assert (domains.spread, domains.count) == (pytest.approx(math.radians(0.5)), 10)


def test_fewer_subpixels_than_a_larger_crystal_needs_are_noted():
    changed = with_(crystal__cells=200)
    assert changed.sampling.oversample == 4
    assert any("oversample 4 stays" in note for note in changed.notes)
    assert not any("oversample" in note for note in with_(crystal__cells=6).notes)


# The detector


def test_a_shift_moves_all_panels():
    first, second = with_(detector__shift_mm=[1, 2, -3]).detector.panels
    assert first.origin == pytest.approx((-0.009, -0.018, 0.097))
    assert second.origin == pytest.approx((0.011, -0.018, 0.097))


def test_a_detector_may_be_bent_and_flattened():
    bent = with_(detector__curvature_radius_mm=100)
    assert bent.detector.curvature_radius == 0.1
    assert bent.with_({"detector.curvature_radius_mm": None}).detector.curvature_radius is None


def test_a_sensor_is_made_where_there_is_none():
    keys = {"detector.sensor.thickness_um": 450, "detector.sensor.attenuation_length_um": 500}
    made = EXPERIMENT.with_(keys)
    assert made.detector.sensor == Sensor(450 / 1e6, 500 / 1e6)
    assert made.with_({"detector.sensor.layers": 3}).detector.sensor.layers == 3
    with pytest.raises(ExperimentError, match=r"no detector\.sensor to change.*attenuation_length"):
        EXPERIMENT.with_({"detector.sensor.thickness_um": 450})


def test_a_change_of_the_sensor_is_one_of_every_panel_that_has_one():
    panel = EXPERIMENT.detector.panels[0]
    own = dataclasses.replace(panel, sensor=Sensor(1e-4, 2e-4))
    detector = dataclasses.replace(EXPERIMENT.detector, panels=(panel, own))
    several = dataclasses.replace(EXPERIMENT, detector=detector)
    changed = several.with_({"detector.sensor.layers": 3}).detector
    assert [one.sensor for one in changed.panels] == [None, Sensor(1e-4, 2e-4, 3)]
    assert changed.sensor is None


# Frames


def test_the_step_follows_from_oscillation_and_steps():
    exposures = with_(frames__oscillation_deg=1, frames__steps=4).exposures
    assert exposures.step == exposures.oscillation / 4
    assert with_(frames__steps=10).exposures.step == 0.1 / 10
    assert with_(frames__oscillation_rad=0.2).exposures.step == 0.2 / 5


def test_the_oscillation_follows_from_the_step():
    assert with_(frames__step_rad=0.04).exposures.oscillation == 5 * 0.04


def test_step_and_oscillation_that_do_not_agree_are_refused():
    with pytest.raises(ExperimentError, match="contradict each other"):
        with_(frames__step_rad=0.04, frames__oscillation_rad=0.1)


def test_steps_of_nothing_are_refused():
    still = with_(frames__oscillation_rad=0, frames__steps=1)
    with pytest.raises(ExperimentError, match=r"frames\.steps = 3 of what"):
        still.with_({"frames.steps": 3})


# Structure factors and noise


def test_another_file_takes_the_place_of_the_one_with_its_column():
    source = with_(structure_factors__hkl=Path("new.hkl")).structure_factors
    assert source == Reflections("new.hkl", "hkl", 3.0)
    with pytest.raises(ExperimentError, match="hkl and mtz all say where F comes from"):
        with_(structure_factors__hkl="a", structure_factors__mtz="b")


def test_noise_is_made_where_there_is_none():
    noise = with_(noise__gain_ADU_per_photon=1.8).noise
    assert noise == Noise(gain=1.8)
    spread = {"noise.point_spread.kind": "gauss", "noise.point_spread.fwhm_um": 150}
    assert EXPERIMENT.with_(spread).noise.point_spread == PointSpread("gauss", 150 / 1e6)


def test_a_background_is_not_made_but_read():
    with pytest.raises(ExperimentError, match=r"no background to change.*from_toml"):
        with_(background__thickness_um=10)


# Anything


def test_nothing_changed_is_the_same():
    assert EXPERIMENT.with_({}) == EXPERIMENT


def test_what_was_changed_is_noted_and_the_old_one_stays():
    changed = with_(beam__fluence_photons_per_um2=2.5)
    assert changed.notes == ("as it was read", "changed: beam.fluence_photons_per_um2 = 2.5")
    assert (changed.beam.fluence, EXPERIMENT.beam.fluence) == (2.5e12, 1e24)


def test_numbers_of_numpy_are_numbers():
    changed = with_(crystal__cells=np.array([2, 3, 4]), sampling__dmin_A=np.float64(2.0))
    assert (changed.crystal.cells, changed.sampling.dmin) == ((2, 3, 4), 2.0)
    assert type(changed.sampling.dmin) is float


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("beam.wavelenth_A", 1.0, r"unknown key 'beam\.wavelenth_A'; did you mean beam\.wavelen"),
        (
            "beam.wavelength",
            1.0,
            "needs its unit in the key: beam.wavelength_A or beam.wavelength_",
        ),
        ("zebra", 1.0, "sections are c_compat, allow_upstream, beam"),
        ("beam.direction", Z, "no one clear meaning .*: whether detector, spindle .*from_toml"),
        ("beam.sources", [], r"no one clear meaning .*beam\.wavelength_A scales them all"),
        ("crystal.cell_A", [1, 2, 3], "how another cell is oriented is left open"),
        ("detector.panels", [], "which panel is meant"),
        ("detector.pixel_size_mm", 0.1, "which panel is meant"),
        ("beam.wavelength_A", "1", r"beam\.wavelength_A = '1' must be a finite number"),
        ("beam.wavelength_A", True, "must be a finite number"),
        ("beam.wavelength_A", math.nan, "must be a finite number"),
        ("beam.wavelength_A", -1, "must be positive"),
        ("beam.energy_eV", 0, "must be positive"),
        ("crystal.cells", [1, 2], "must be three whole numbers, or one for all"),
        ("crystal.cells", 2.0, "must be three whole numbers"),
        ("crystal.cells", 0, "must be at least 1"),
        ("crystal.misset_deg", [1, 2], "must be three finite numbers"),
        ("crystal.a_A", [-50, 0, 0], "right-handed"),
        ("frames.spindle", [0, 0, 0], "not all 0"),
        ("sampling.interpolate", 1, "must be True or False"),
        ("structure_factors.hkl", "", "must be the name of a file"),
        ("structure_factors.hkl", 3, "must be the name of a file"),
    ],
)
def test_what_cannot_be_changed_is_refused_with_the_reason(key, value, fault):
    with pytest.raises(ExperimentError, match=fault):
        EXPERIMENT.with_({key: value})


def test_a_quantity_in_two_units_is_refused():
    with pytest.raises(ExperimentError, match="both give it: give one"):
        with_(frames__start_deg=1, frames__start_rad=1)


def test_a_misset_beside_vectors_is_refused():
    with pytest.raises(ExperimentError, match=r"crystal\.misset and crystal\.a both say"):
        with_(crystal__misset_deg=[1, 2, 3], crystal__a_A=[60, 0, 0])


@pytest.mark.parametrize("name", REFUSED)
def test_a_key_is_changed_or_refused_and_not_both(name):
    assert name not in KEYS


small = st.floats(0.5, 2.0)


@settings(deadline=None, max_examples=50)
@given(there=small, back=small)
def test_a_wavelength_that_is_changed_twice_is_as_if_once(there, back):
    twice = with_(beam__wavelength_A=there).with_({"beam.wavelength_A": back}).beam
    once = with_(beam__wavelength_A=back).beam
    assert twice.wavelength == once.wavelength
    np.testing.assert_allclose(twice.spectrum.wavelength, once.spectrum.wavelength, rtol=1e-14)


@settings(deadline=None, max_examples=50)
@given(angles=st.tuples(*[st.floats(-3, 3)] * 3))
def test_a_turned_crystal_keeps_its_cell(angles):
    crystal = with_(crystal__misset_rad=angles).crystal
    unity = crystal.direct_vectors @ crystal.reciprocal_vectors.T
    np.testing.assert_allclose(unity, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(crystal.direct_vectors, axis=1), [50, 80, 100])


# The page


def test_the_page_has_the_table_of_changes():
    assert table_of_changes() in PAGE.read_text()


def test_every_spelling_is_a_key_of_its_own():
    spelt = [key for name, key_ in KEYS.items() for key in spellings(name, key_.unit)]
    assert len(spelt) == len(set(spelt))


def test_a_space_group_goes_with_a_list_and_is_left_behind_by_an_mtz():
    listed = with_(structure_factors__hkl="a.hkl", structure_factors__space_group="C2")
    assert listed.structure_factors == Reflections("a.hkl", "hkl", 3.0, space_group="C2")
    again = listed.with_({"structure_factors.mtz": "a.mtz"}).structure_factors
    assert again == Reflections("a.mtz", "mtz", 3.0)
    assert listed.with_({"structure_factors.space_group": None}).sha256 != listed.sha256


@pytest.mark.parametrize("changes", [None, ["beam.wavelength_A"], {3: 1}])
def test_what_is_no_mapping_of_keys_is_refused(changes):
    with pytest.raises(ExperimentError, match="changes are a mapping of keys and values"):
        EXPERIMENT.with_(changes)


# Frames that are listed


@pytest.mark.parametrize(
    ("column", "value", "changes"),
    [
        ("wavelength", [1.0, 1.1], {"beam.wavelength_A": 1.2}),
        ("wavelength", [1.0, 1.1], {"beam.energy_eV": 9000.0}),
        ("fluence", [1e20, 2e20], {"beam.fluence_photons_per_m2": 1e21}),
        ("cells", [[3, 3, 3], [4, 4, 4]], {"crystal.cells": [5, 5, 5]}),
        ("vectors", [np.eye(3) * 50.0] * 2, {"crystal.misset_deg": [1, 2, 3]}),
    ],
)
def test_what_every_frame_says_for_itself_is_not_changed(column, value, changes):
    listed = Listed([np.eye(3)] * 2, **{column: value})
    experiment = dataclasses.replace(EXPERIMENT, exposures=listed)
    with pytest.raises(ExperimentError, match=rf"each with {column} of its own; change the doc"):
        experiment.with_(changes)
