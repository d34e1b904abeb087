"""The experiment: what it refuses, what its hash says, and that it survives being written down."""

import copy
import dataclasses
import json
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings

from strategies.experiments import experiments
from tiled_sim.errors import ExperimentError
from tiled_sim.model.background import Background
from tiled_sim.model.beam import Beam, Source, Spectrum
from tiled_sim.model.crystal import Crystal
from tiled_sim.model.detector import Detector, MaskFile, Panel, Region, Sensor
from tiled_sim.model.domains import Domains
from tiled_sim.model.experiment import Experiment, Reflections
from tiled_sim.model.exposures import Rotation
from tiled_sim.model.readout import Noise, PointSpread
from tiled_sim.model.sampling import Sampling
from tiled_sim.physics.point_spread import default_radius
from tiled_sim.physics.vectors import as_tuple, unit

PROPERTY = settings(deadline=None, max_examples=50)

SOURCE = Source(incident=(1.0, 0.0, 0.0), wavelength=1.0, weight=2.0)
BEAM = Beam(
    direction=(1.0, 0.0, 0.0),
    wavelength=1.0,
    fluence=1e24,
    polarization=0.9,
    polarization_axis=(0.0, 0.0, 1.0),
    spectrum=Spectrum.of([SOURCE, Source((0.8, 0.6, 0.0), 1.1, 1.0)]),
)
CRYSTAL = Crystal(
    a=(50.0, 0.0, 0.0),
    b=(0.0, 80.0, 0.0),
    c=(0.0, 0.0, 100.0),
    a_star=(0.02, 0.0, 0.0),
    b_star=(0.0, 0.0125, 0.0),
    c_star=(0.0, 0.0, 0.01),
    cells=(5, 6, 7),
    shape="round",
    fudge=1.5,
    domains=Domains(spread=0.01, count=3, seed=7),
)
PANEL = Panel(
    origin=(0.1, 0.01, -0.01),
    fast_axis=(0.0, 0.0, 1.0),
    slow_axis=(0.0, -1.0, 0.0),
    normal=(1.0, 0.0, 0.0),
    pixels=(40, 60),
    pixel_size=(2e-4, 2e-4),
    region=Region(1, 30, 2, 50),
    mask=MaskFile("mask.img", "0" * 64),
    name="left",
    group=("detector", "halves"),
    sensor=Sensor(thickness=3.2e-4, attenuation_length=1.1e-4, layers=2),
)
DETECTOR = Detector(
    panels=(PANEL,),
    curvature_radius=0.1,
    point_pixel=True,
    sensor=Sensor(thickness=4.5e-4, attenuation_length=5e-4, layers=3),
    up=(0.0, 0.0, -1.0),
)
EXPERIMENT = Experiment(
    beam=BEAM,
    crystal=CRYSTAL,
    detector=DETECTOR,
    sampling=Sampling(
        oversample=2,
        interpolate=True,
        dmin=1.5,
        oversample_thick=True,
        oversample_polar=True,
        oversample_omega=True,
    ),
    exposures=Rotation((0.0, 0.0, 1.0), start=0.1, step=0.02, steps=5, oscillation=0.1, count=4),
    structure_factors=Reflections("p1.mtz", "mtz", 3.0, "F"),
    background=Background("ice.stol", "1" * 64, "4stol", 1e-4, 2.5e-9, 0.92, 18.0),
    notes=("convention MOSFLM, the default",),
    noise=Noise(
        seed=5,
        flicker=0.02,
        calibration=0.03,
        calibration_seed=6,
        readout=3.0,
        gain=1.8,
        offset=40.0,
        saturation=65535,
        point_spread=PointSpread("gauss", 1.5e-4, 4),
    ),
)


def changed(instance, **changes):
    return dataclasses.replace(instance, **changes)


def leaves(value, path=()):
    """Paths to every single value of nested dataclasses and tuples."""
    if dataclasses.is_dataclass(value):
        for item in dataclasses.fields(value):
            yield from leaves(getattr(value, item.name), (*path, item.name))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path


def other(value):
    """Another value of the same type, or an array of others."""
    if isinstance(value, bool):
        return not value
    if value is None:
        return "x"
    return value + "x" if isinstance(value, str) else value * 1.001 + 1


def with_leaf(value, path, new):
    """The same with one single value replaced, past every check."""
    if not path:
        return new(value)
    name, *rest = path
    if isinstance(value, tuple):
        return (*value[:name], with_leaf(value[name], rest, new), *value[name + 1 :])
    twin = copy.copy(value)
    object.__setattr__(twin, name, with_leaf(getattr(value, name), rest, new))
    return twin


def named(path):
    return ".".join(map(str, path))


def read_back(experiment):
    return Experiment.from_dict(experiment.to_dict(), experiment.arrays())


#: What does not decide the image: where files lie, names and notes for people.
NOT_SIMULATED = {
    "notes.0",
    "structure_factors.path",
    "background.path",
    "structure_factors.column",
    "structure_factors.ignore_file_cell",
    "allow_upstream",
    *(f"detector.up.{axis}" for axis in range(3)),
    "detector.panels.0.mask.path",
    "detector.panels.0.name",
    "detector.panels.0.sensor.material",
    "detector.sensor.material",
    "detector.panels.0.group.0",
    "detector.panels.0.group.1",
}
LEAVES = list(leaves(EXPERIMENT))
SIMULATED = [path for path in LEAVES if named(path) not in NOT_SIMULATED]
OPTIONAL = [
    ("beam", "polarization"),
    ("detector", "curvature_radius"),
    ("detector", "sensor"),
    ("background",),
    ("detector", "panels", 0, "region"),
    ("detector", "panels", 0, "mask"),
    ("noise",),
    ("noise", "point_spread"),
    ("noise", "point_spread", "radius"),
]


# The hash


@pytest.mark.parametrize("path", SIMULATED, ids=named)
def test_the_hash_depends_on_every_value_that_decides_the_image(path):
    assert with_leaf(EXPERIMENT, path, other).sha256 != EXPERIMENT.sha256


@pytest.mark.parametrize("path", OPTIONAL, ids=named)
def test_the_hash_depends_on_whether_an_optional_value_is_there(path):
    assert with_leaf(EXPERIMENT, path, lambda _: None).sha256 != EXPERIMENT.sha256


@pytest.mark.parametrize("name", sorted(NOT_SIMULATED))
def test_the_hash_does_not_depend_on_paths_names_and_notes(name):
    (path,) = (path for path in LEAVES if named(path) == name)
    assert with_leaf(EXPERIMENT, path, other).sha256 == EXPERIMENT.sha256


def test_the_hash_depends_on_the_order_of_the_sources():
    turned = changed(EXPERIMENT, beam=changed(BEAM, spectrum=BEAM.spectrum[::-1]))
    assert turned.sha256 != EXPERIMENT.sha256


def test_the_hash_survives_being_written_down():
    assert read_back(EXPERIMENT).sha256 == EXPERIMENT.sha256


def test_experiments_that_differ_in_notes_alone_are_equal():
    assert changed(EXPERIMENT, notes=()) == EXPERIMENT


# Written down and read back


@PROPERTY
@given(experiment=experiments)
def test_an_experiment_written_down_and_read_back_is_the_same(experiment):
    again = read_back(experiment)
    assert again == experiment
    assert again.notes == experiment.notes


@PROPERTY
@given(experiment=experiments)
def test_an_experiment_written_down_is_plain_json(experiment):
    written = experiment.to_dict()
    assert json.loads(json.dumps(written)) == written


@PROPERTY
@given(experiment=experiments)
def test_the_hash_is_that_of_the_experiment_read_back(experiment):
    assert read_back(experiment).sha256 == experiment.sha256


def test_arrays_that_are_not_those_written_are_refused():
    arrays = EXPERIMENT.arrays()
    arrays["spectrum/weight"] = arrays["spectrum/weight"] * 2.0
    with pytest.raises(ExperimentError, match=r"beam\.spectrum: its arrays have SHA-256"):
        Experiment.from_dict(EXPERIMENT.to_dict(), arrays)


def test_the_document_holds_the_hash_of_a_spectrum_and_not_its_numbers():
    written = EXPERIMENT.to_dict()["beam"]["spectrum"]
    assert written == {"sha256": BEAM.spectrum.sha256, "count": 2}


def test_whole_numbers_read_for_lengths_become_floats():
    written = EXPERIMENT.to_dict()
    written["beam"]["wavelength"] = 1
    again = Experiment.from_dict(written, EXPERIMENT.arrays())
    assert isinstance(again.beam.wavelength, float)
    assert again.sha256 == EXPERIMENT.sha256


# What is derived


def test_the_shape_is_frames_panels_slow_fast():
    assert EXPERIMENT.shape == (4, 1, 40, 60)


def test_steps_are_sources_times_domains_times_phi_steps_times_subpixels():
    assert EXPERIMENT.steps == 2 * 3 * 5 * 2**2


def test_evaluations_are_those_of_the_regions_of_all_frames():
    panel = EXPERIMENT.detector.panels[0]
    whole = dataclasses.replace(panel, region=None, sensor=None)
    part = dataclasses.replace(whole, region=Region(1, 4, 2, 7))
    detector = dataclasses.replace(EXPERIMENT.detector, panels=(whole, part))
    experiment = dataclasses.replace(EXPERIMENT, detector=detector)
    pixels = panel.pixels[0] * panel.pixels[1] + 3 * 5
    layers = detector.sensor.layers
    assert experiment.evaluations == len(experiment.exposures) * pixels * experiment.steps * layers


def test_weights_are_relative_to_their_mean():
    assert BEAM.spectrum.relative_weights() == pytest.approx((4 / 3, 2 / 3))


def test_weights_of_one_source_do_not_count():
    assert Spectrum.of([SOURCE]).relative_weights() == (1.0,)


def test_the_volume_is_that_of_the_cell():
    assert CRYSTAL.volume == pytest.approx(400_000.0)


def test_the_edges_are_those_of_the_crystal():
    assert CRYSTAL.edges == pytest.approx((250.0, 480.0, 700.0))


def test_the_close_distance_is_that_of_the_plane():
    assert PANEL.close_distance == 0.1


def test_a_frame_starts_an_oscillation_after_the_one_before():
    assert EXPERIMENT.exposures[2].angles == pytest.approx((0.3, 0.32, 0.34, 0.36, 0.38))


def test_the_first_frame_starts_at_the_very_angle_given():
    assert EXPERIMENT.exposures[0].angles[0] == 0.1


def test_the_spindle_turns_right_handed():
    (rotation,) = Rotation((0.0, 0.0, 1.0), start=math.pi / 2)[0].rotations
    turned = rotation @ (1.0, 0.0, 0.0)
    assert turned == pytest.approx([0.0, 1.0, 0.0], abs=1e-15)


def test_the_light_spreads_as_far_as_it_is_told_to():
    assert PointSpread("gauss", 1.5e-4, 4).reach(1e-4) == 4


def test_the_light_spreads_to_the_default_radius_of_its_width_in_pixels():
    assert PointSpread("gauss", 1e-3).reach(1e-4) == default_radius("gauss", 10.0)


def test_whole_numbers_make_the_same_noise():
    assert repr(Noise(readout=3, gain=2)) == repr(Noise(readout=3.0, gain=2.0))


def test_a_spectrum_gives_its_sources_one_by_one():
    assert list(BEAM.spectrum) == [SOURCE, BEAM.spectrum[1]]
    assert BEAM.spectrum[1] == BEAM.spectrum[-1] == Source((0.8, 0.6, 0.0), 1.1, 1.0)
    assert len(BEAM.spectrum) == 2


def test_spectra_of_the_same_sources_are_equal():
    assert BEAM.spectrum[:1] == Spectrum.of([SOURCE])
    assert BEAM.spectrum[:1] != BEAM.spectrum[1:]
    assert hash(BEAM.spectrum[:1]) == hash(Spectrum.of([SOURCE]))


@pytest.mark.parametrize("how", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_a_spectrum_cannot_be_written_to_wherever_it_went(how):
    there = how(BEAM.spectrum)
    assert there == BEAM.spectrum
    with pytest.raises(ValueError, match="read-only"):
        there.weight[0] = 7.0


def test_a_spectrum_does_not_change_with_the_array_it_was_made_of():
    weights = np.array([2.0, 1.0])
    spectrum = changed(BEAM.spectrum, weight=weights)
    weights[0] = 7.0
    assert spectrum == BEAM.spectrum


def test_exposures_are_as_many_as_frames():
    assert len(EXPERIMENT.exposures) == len(list(EXPERIMENT.exposures)) == 4


@pytest.mark.parametrize("frame", [-1, 4])
def test_an_exposure_that_is_not_there_is_an_index_error(frame):
    with pytest.raises(IndexError, match="of 4"):
        EXPERIMENT.exposures[frame]


def test_the_area_of_a_pixel_is_that_of_its_sides():
    assert changed(PANEL, pixel_size=(2e-4, 3e-4)).pixel_area == pytest.approx(6e-8)


@pytest.mark.parametrize("side", [1.72e-4, 7.5e-5, 8.886e-5])
def test_the_area_of_a_square_pixel_has_the_bits_of_its_power(side):
    assert changed(PANEL, pixel_size=(side, side)).pixel_area == side**2


def test_the_image_is_as_large_as_the_largest_panel_along_each_side():
    wide = changed(PANEL, pixels=(30, 90), region=None)
    experiment = changed(EXPERIMENT, detector=changed(DETECTOR, panels=(PANEL, wide)))
    assert experiment.shape == (4, 2, 40, 90)


def test_panels_share_a_pixel_size_or_have_none_in_common():
    twin = changed(PANEL, origin=(0.2, 0.0, 0.0))
    assert changed(DETECTOR, panels=(PANEL, twin)).pixel_size == (2e-4, 2e-4)
    other_size = changed(PANEL, pixel_size=(2e-4, 1e-4))
    assert changed(DETECTOR, panels=(PANEL, other_size)).pixel_size is None


# What is refused

NAN, INFINITE = math.nan, math.inf
#: One of each.
LIT = Spectrum.of([SOURCE])
STARS = ("a_star", "b_star", "c_star")
#: A milliradian from X.
ASIDE = as_tuple(unit((1.0, 1e-3, 0.0)))
TILTED = changed(BEAM, direction=ASIDE, spectrum=Spectrum.of([Source(ASIDE, 1.0)]))


@pytest.mark.parametrize(
    ("instance", "changes", "fault"),
    [
        (LIT, {"incident": [(1.0, 1.0, 0.0)]}, "must be a unit vector, its length is 1.41"),
        (LIT, {"incident": [(1.0, NAN, 0.0)]}, "source.incident = .* must be finite"),
        (LIT, {"wavelength": [0.0]}, "source.wavelength = 0.0 Å must be positive"),
        (LIT, {"wavelength": [NAN]}, "source.wavelength = nan must be finite"),
        (LIT, {"weight": [-1.0]}, "source.weight = -1.0 must not be negative"),
        (LIT, {"weight": [0.0]}, "at least one weight must be positive"),
        (LIT, {"weight": [1.0, 1.0]}, "1 directions, 1 wavelengths and 2 weights do not belong"),
        (LIT, dict.fromkeys(("incident", "wavelength", "weight"), ()), "at least one source"),
        (BEAM, {"direction": (0.0, 0.0, 0.0)}, "beam.direction = .* must be a unit vector"),
        (BEAM, {"polarization_axis": (0.0, 2.0, 0.0)}, "beam.polarization_axis = .* unit vector"),
        (BEAM, {"wavelength": -1.0}, "beam.wavelength = -1.0 Å must be positive"),
        (BEAM, {"fluence": -1.0}, "beam.fluence = -1.0 photons/m² must not be negative"),
        (BEAM, {"fluence": INFINITE}, "beam.fluence = inf must be finite"),
        (BEAM, {"polarization": 1.1}, "beam.polarization = 1.1 must lie between -1 and 1"),
        (EXPERIMENT.noise, {"seed": -1}, "noise.seed = -1 must lie between 0 and 2³² - 1"),
        (EXPERIMENT.noise, {"calibration_seed": 2**32}, "noise.calibration_seed = 4294967296 must"),
        (EXPERIMENT.noise, {"flicker": -0.1}, "noise.flicker = -0.1 must not be negative"),
        (EXPERIMENT.noise, {"calibration": -0.1}, "noise.calibration = -0.1 must not be negative"),
        (EXPERIMENT.noise, {"readout": -1.0}, "noise.readout = -1.0 ADU must not be negative"),
        (EXPERIMENT.noise, {"readout": NAN}, "noise.readout = nan must be finite"),
        (EXPERIMENT.noise, {"gain": 0.0}, "noise.gain = 0.0 ADU/photon must be positive"),
        (EXPERIMENT.noise, {"saturation": 0}, "noise.saturation = 0 ADU must lie between 1 and"),
        (EXPERIMENT.noise, {"saturation": 2**31}, "noise.saturation = 2147483648 ADU must lie"),
        (EXPERIMENT.noise.point_spread, {"kind": "moffat"}, "'moffat' must be one of gauss, fiber"),
        (EXPERIMENT.noise.point_spread, {"fwhm": 0.0}, "fwhm = 0.0 m must be positive"),
        (EXPERIMENT.noise.point_spread, {"radius": 0}, "radius = 0 pixels must be at least 1"),
        (
            EXPERIMENT,
            {"noise": Noise(point_spread=PointSpread("gauss", 0.15))},
            r"reaches over 2051 pixels, the panel has \(40, 60\)",
        ),
        (
            EXPERIMENT,
            {"detector": Detector((changed(PANEL, pixel_size=(2e-4, 1e-4)),))},
            r"the pixels of panel left are \(0.0002, 0.0001\) m .* square pixels alone",
        ),
        (CRYSTAL, {"shape": "gauss"}, "crystal.shape = 'gauss' must be one of square, round"),
        (CRYSTAL, {"cells": (5, 0, 5)}, "crystal.cells = .5, 0, 5. must be at least 1"),
        (CRYSTAL, {"fudge": 0.0}, "crystal.fudge = 0.0 must be positive"),
        (Domains(), {"spread": -0.1}, "crystal.mosaic_spread = -0.1 rad must not be negative"),
        (Domains(), {"count": 0}, "crystal.mosaic_domains = 0 must be at least 1"),
        (CRYSTAL, {"a": (-50.0, 0.0, 0.0)}, "right-handed and span a cell; .* = -400000 Å³"),
        (CRYSTAL, {"b": (0.0, 0.0, 0.0)}, "right-handed and span a cell; .* = 0 Å³"),
        (CRYSTAL, {"a_star": (0.03, 0.0, 0.0)}, "are not the reciprocal vectors of a, b, c"),
        (CRYSTAL, {"a_star": (0.0201, 0.0, 0.0)}, "are not the reciprocal vectors of a, b, c"),
        (CRYSTAL, {"b": (0.1, 80.0, 0.0)}, "are not the reciprocal vectors of a, b, c"),
        (CRYSTAL, {"a": (50.1, 0.0, 0.0)}, "the products are .*1.002.*; change both"),
        (BEAM, {"wavelength": 1.5}, "wavelength = 1.5 Å and its sources, of 1 to 1.1 Å, contra"),
        (BEAM, {"wavelength": 0.999}, "contradict each other; change both, as Experiment.with_"),
        (BEAM, {"direction": (0.6, 0.8, 0.0)}, "does not lie among them; change both"),
        (BEAM, {"direction": (-1.0, 0.0, 0.0)}, "direction = .* and its sources, which travel"),
        (BEAM, {"spectrum": Spectrum.of([Source((0.0, 1.0, 0.0), 1.0)])}, "travel along .0.0, 1.0"),
        (TILTED, {"direction": (1.0, 0.0, 0.0)}, "does not lie among them"),
        (EXPERIMENT.exposures, {"steps": 50}, "50 of 0.02 rad .* make 1 rad; change them together"),
        (EXPERIMENT.exposures, {"oscillation": 0.2}, "oscillation = 0.2 rad contradict each other"),
        (EXPERIMENT.exposures, {"step": -0.02}, "contradict each other"),
        (CRYSTAL, {"a": (NAN, 0.0, 0.0)}, "crystal.a = .* must be finite"),
        (PANEL, {"fast_axis": (0.0, 0.0, 1.1)}, "panel.fast_axis = .* must be a unit vector"),
        (PANEL, {"slow_axis": (0.0, 0.0, 0.0)}, "panel.slow_axis = .* must be a unit vector"),
        (PANEL, {"normal": (2.0, 0.0, 0.0)}, "panel.normal = .* must be a unit vector"),
        (PANEL, {"pixels": (0, 60)}, "panel.pixels = .0, 60. must be at least 1 each way"),
        (PANEL, {"pixel_size": (2e-4, 0.0)}, "panel.pixel_size = .0.0002, 0.0. m must be positive"),
        (PANEL, {"origin": (0.0, 0.1, 0.1)}, "passes through the sample .close distance 0 m"),
        (PANEL, {"origin": (1e-15, 0.1, 0.1)}, "passes through the sample .close distance 1e-15 m"),
        (PANEL, {"normal": (-1.0, 0.0, 0.0)}, "panel left turns its back .* negative number of ph"),
        (PANEL, {"origin": (INFINITE, 0.1, 0.1)}, "panel.origin = .* must be finite"),
        (PANEL, {"region": Region(0, 41, 0, 60)}, "reaches beyond the panel's 40 x 60"),
        (PANEL, {"region": Region(0, 40, 0, 61)}, "reaches beyond the panel's 40 x 60"),
        (DETECTOR, {"panels": ()}, "detector.panels must name at least one panel"),
        (DETECTOR, {"curvature_radius": 0.0}, "detector.curvature_radius = 0.0 m must be positive"),
        (DETECTOR, {"curvature_radius": NAN}, "detector.curvature_radius = nan m must be positive"),
        (EXPERIMENT.sampling, {"oversample": 0}, "sampling.oversample = 0 must be at least 1"),
        (EXPERIMENT.sampling, {"dmin": -1.0}, "sampling.dmin = -1.0 Å must not be negative"),
        (EXPERIMENT.sampling, {"dmin": NAN}, "sampling.dmin = nan Å must not be negative"),
        (EXPERIMENT.exposures, {"spindle": (0.0, 0.0, 2.0)}, "frames.spindle = .* unit vector"),
        (EXPERIMENT.exposures, {"steps": 0}, "frames.steps = 0 must be at least 1"),
        (EXPERIMENT.exposures, {"count": 0}, "frames.count = 0 must be at least 1"),
        (EXPERIMENT.exposures, {"start": INFINITE}, "frames.start = inf must be finite"),
        (EXPERIMENT.structure_factors, {"default_F": NAN}, "default_F = nan must be finite"),
        (
            EXPERIMENT.structure_factors,
            {"path": None, "default_F": 0.0},
            "no structure factors: name a file",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(instance, changes, fault):
    with pytest.raises(ExperimentError, match=fault):
        changed(instance, **changes)


@pytest.mark.parametrize("bounds", [(0, 0, 0, 5), (5, 4, 0, 5), (-1, 4, 0, 5), (0, 5, 3, 3)])
def test_a_region_without_pixels_is_refused(bounds):
    with pytest.raises(ExperimentError, match="holds no pixel"):
        Region(*bounds)


def test_a_weight_of_zero_is_allowed_beside_others():
    spectrum = Spectrum.of([SOURCE, SOURCE._replace(weight=0.0)])
    assert spectrum.relative_weights() == (2.0, 0.0)


def test_reciprocal_vectors_may_lean_as_those_of_a_triclinic_cell_in_c():
    longer = {name: as_tuple(1.02 * np.array(getattr(CRYSTAL, name))) for name in STARS}
    assert changed(CRYSTAL, **longer).a_star[0] == 1.02 * 0.02


@pytest.mark.parametrize(
    ("wavelength", "direction"),
    [(1.05, (1.0, 0.0, 0.0)), (1.1, (0.8, 0.6, 0.0)), (1.0 - 1e-9, as_tuple(unit((2, 0.7, 0))))],
)
def test_a_beam_may_lie_anywhere_among_its_sources(wavelength, direction):
    assert changed(BEAM, wavelength=wavelength, direction=direction).direction == direction


@pytest.mark.parametrize("cut", [0.0, 0.019, -0.019])
def test_steps_may_fill_an_oscillation_but_for_less_than_a_step(cut):
    oscillation = 0.1 + cut
    assert changed(EXPERIMENT.exposures, oscillation=oscillation).oscillation == oscillation


def test_a_single_step_and_steps_at_one_angle_make_any_oscillation():
    assert Rotation((0.0, 0.0, 1.0), oscillation=0.3, count=7).step == 0.0
    assert Rotation((0.0, 0.0, 1.0), steps=4, oscillation=0.3).steps == 4


def test_an_experiment_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        EXPERIMENT.c_compat = False


def test_more_orientations_than_can_be_computed_are_refused_with_their_number():
    exposures = changed(EXPERIMENT.exposures, steps=10**9, step=1e-10)
    with pytest.raises(ExperimentError, match="3000000000 orientations"):
        changed(EXPERIMENT, exposures=exposures)
