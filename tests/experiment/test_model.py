"""The experiment: what it refuses, what its hash says, and that it survives being written down."""

import copy
import dataclasses
import json
import math

import pytest
from hypothesis import given, settings

from strategies.experiments import experiments
from tiled_sim.errors import ExperimentError
from tiled_sim.experiment.model import (
    Background,
    Beam,
    Crystal,
    Detector,
    Experiment,
    Frames,
    MaskFile,
    Noise,
    Panel,
    PointSpread,
    Region,
    Sampling,
    Sensor,
    Source,
    StructureFactorSource,
)
from tiled_sim.physics.point_spread import default_radius

PROPERTY = settings(deadline=None, max_examples=50)

SOURCE = Source(incident=(1.0, 0.0, 0.0), wavelength=1.0, weight=2.0)
BEAM = Beam(
    direction=(1.0, 0.0, 0.0),
    wavelength=1.0,
    fluence=1e24,
    polarization=0.9,
    polarization_axis=(0.0, 0.0, 1.0),
    sources=(SOURCE, Source((0.8, 0.6, 0.0), 1.1, 1.0)),
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
    mosaic_spread=0.01,
    mosaic_domains=3,
    mosaic_seed=7,
)
PANEL = Panel(
    origin=(0.1, 0.01, -0.01),
    fast_axis=(0.0, 0.0, 1.0),
    slow_axis=(0.0, -1.0, 0.0),
    normal=(1.0, 0.0, 0.0),
    pixels=(40, 60),
    pixel_size=2e-4,
    region=Region(1, 30, 2, 50),
    mask=MaskFile("mask.img", "0" * 64),
    name="left",
)
DETECTOR = Detector(
    panels=(PANEL,),
    curvature_radius=0.1,
    point_pixel=True,
    sensor=Sensor(thickness=4.5e-4, attenuation_length=5e-4, layers=3),
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
    frames=Frames((0.0, 0.0, 1.0), start=0.1, step=0.02, steps=5, oscillation=0.1, count=4),
    structure_factors=StructureFactorSource("p1.mtz", "mtz", 3.0, "F"),
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
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
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


#: What does not decide the image: where files lie, names and notes for people.
NOT_SIMULATED = {
    "notes.0",
    "structure_factors.path",
    "background.path",
    "structure_factors.column",
    "detector.panels.0.mask.path",
}
LEAVES = list(leaves(EXPERIMENT))
SIMULATED = [
    path
    for path in LEAVES
    if named(path) not in NOT_SIMULATED and named(path) != "detector.panels.0.name"
]
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
def test_the_hash_does_not_depend_on_paths_and_notes(name):
    (path,) = (path for path in LEAVES if named(path) == name)
    assert with_leaf(EXPERIMENT, path, other).sha256 == EXPERIMENT.sha256


def test_the_hash_depends_on_the_order_of_the_sources():
    turned = changed(EXPERIMENT, beam=changed(BEAM, sources=BEAM.sources[::-1]))
    assert turned.sha256 != EXPERIMENT.sha256


def test_the_hash_survives_being_written_down():
    assert Experiment.from_dict(EXPERIMENT.to_dict()).sha256 == EXPERIMENT.sha256


def test_experiments_that_differ_in_notes_alone_are_equal():
    assert changed(EXPERIMENT, notes=()) == EXPERIMENT


# Written down and read back


@PROPERTY
@given(experiment=experiments)
def test_an_experiment_written_down_and_read_back_is_the_same(experiment):
    read_back = Experiment.from_dict(experiment.to_dict())
    assert read_back == experiment
    assert read_back.notes == experiment.notes


@PROPERTY
@given(experiment=experiments)
def test_an_experiment_written_down_is_plain_json(experiment):
    written = experiment.to_dict()
    assert json.loads(json.dumps(written)) == written


@PROPERTY
@given(experiment=experiments)
def test_the_hash_is_that_of_the_experiment_read_back(experiment):
    assert Experiment.from_dict(experiment.to_dict()).sha256 == experiment.sha256


def test_whole_numbers_read_for_lengths_become_floats():
    written = EXPERIMENT.to_dict()
    written["beam"]["wavelength"] = 1
    read_back = Experiment.from_dict(written)
    assert isinstance(read_back.beam.wavelength, float)
    assert read_back.sha256 == EXPERIMENT.sha256


# What is derived


def test_the_shape_is_frames_panels_slow_fast():
    assert EXPERIMENT.shape == (4, 1, 40, 60)


def test_steps_are_sources_times_domains_times_phi_steps_times_subpixels():
    assert EXPERIMENT.steps == 2 * 3 * 5 * 2**2


def test_weights_are_relative_to_their_mean():
    assert BEAM.relative_weights() == pytest.approx((4 / 3, 2 / 3))


def test_weights_of_one_source_do_not_count():
    assert changed(BEAM, sources=(SOURCE,)).relative_weights() == (1.0,)


def test_the_volume_is_that_of_the_cell():
    assert CRYSTAL.volume == pytest.approx(400_000.0)


def test_the_edges_are_those_of_the_crystal():
    assert CRYSTAL.edges == pytest.approx((250.0, 480.0, 700.0))


def test_the_close_distance_is_that_of_the_plane():
    assert PANEL.close_distance == 0.1


def test_a_frame_starts_an_oscillation_after_the_one_before():
    assert EXPERIMENT.frames.angles(2) == pytest.approx((0.3, 0.32, 0.34, 0.36, 0.38))


def test_the_first_frame_starts_at_the_very_angle_given():
    assert EXPERIMENT.frames.angles(0)[0] == 0.1


def test_the_spindle_turns_right_handed():
    turned = EXPERIMENT.frames.rotation(math.pi / 2) @ (1.0, 0.0, 0.0)
    assert turned == pytest.approx([0.0, 1.0, 0.0], abs=1e-15)


def test_the_light_spreads_as_far_as_it_is_told_to():
    assert PointSpread("gauss", 1.5e-4, 4).reach(1e-4) == 4


def test_the_light_spreads_to_the_default_radius_of_its_width_in_pixels():
    assert PointSpread("gauss", 1e-3).reach(1e-4) == default_radius("gauss", 10.0)


def test_whole_numbers_make_the_same_noise():
    assert repr(Noise(readout=3, gain=2)) == repr(Noise(readout=3.0, gain=2.0))


# What is refused

NAN, INFINITE = math.nan, math.inf


@pytest.mark.parametrize(
    ("instance", "changes", "fault"),
    [
        (SOURCE, {"incident": (1.0, 1.0, 0.0)}, "must be a unit vector, its length is 1.41"),
        (SOURCE, {"wavelength": 0.0}, "source.wavelength = 0.0 Å must be positive"),
        (SOURCE, {"wavelength": NAN}, "source.wavelength = nan must be finite"),
        (SOURCE, {"weight": -1.0}, "source.weight = -1.0 must not be negative"),
        (BEAM, {"direction": (0.0, 0.0, 0.0)}, "beam.direction = .* must be a unit vector"),
        (BEAM, {"polarization_axis": (0.0, 2.0, 0.0)}, "beam.polarization_axis = .* unit vector"),
        (BEAM, {"wavelength": -1.0}, "beam.wavelength = -1.0 Å must be positive"),
        (BEAM, {"fluence": -1.0}, "beam.fluence = -1.0 photons/m² must not be negative"),
        (BEAM, {"fluence": INFINITE}, "beam.fluence = inf must be finite"),
        (BEAM, {"polarization": 1.1}, "beam.polarization = 1.1 must lie between -1 and 1"),
        (BEAM, {"sources": ()}, "beam.sources must name at least one source"),
        (BEAM, {"sources": (changed(SOURCE, weight=0.0),)}, "at least one weight must be positive"),
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
        (CRYSTAL, {"shape": "gauss"}, "crystal.shape = 'gauss' must be one of square, round"),
        (CRYSTAL, {"cells": (5, 0, 5)}, "crystal.cells = .5, 0, 5. must be at least 1"),
        (CRYSTAL, {"fudge": 0.0}, "crystal.fudge = 0.0 must be positive"),
        (CRYSTAL, {"mosaic_spread": -0.1}, "crystal.mosaic_spread = -0.1 rad must not be negative"),
        (CRYSTAL, {"mosaic_domains": 0}, "crystal.mosaic_domains = 0 must be at least 1"),
        (CRYSTAL, {"a": (-50.0, 0.0, 0.0)}, "right-handed and span a cell; .* = -400000 Å³"),
        (CRYSTAL, {"b": (0.0, 0.0, 0.0)}, "right-handed and span a cell; .* = 0 Å³"),
        (CRYSTAL, {"a_star": (0.03, 0.0, 0.0)}, "are not the reciprocal vectors of a, b, c"),
        (CRYSTAL, {"a": (NAN, 0.0, 0.0)}, "crystal.a = .* must be finite"),
        (PANEL, {"fast_axis": (0.0, 0.0, 1.1)}, "panel.fast_axis = .* must be a unit vector"),
        (PANEL, {"slow_axis": (0.0, 0.0, 0.0)}, "panel.slow_axis = .* must be a unit vector"),
        (PANEL, {"normal": (2.0, 0.0, 0.0)}, "panel.normal = .* must be a unit vector"),
        (PANEL, {"pixels": (0, 60)}, "panel.pixels = .0, 60. must be at least 1 each way"),
        (PANEL, {"pixel_size": 0.0}, "panel.pixel_size = 0.0 m must be positive"),
        (PANEL, {"origin": (0.0, 0.1, 0.1)}, "passes through the sample .close distance 0."),
        (PANEL, {"origin": (INFINITE, 0.1, 0.1)}, "panel.origin = .* must be finite"),
        (PANEL, {"region": Region(0, 41, 0, 60)}, "reaches beyond the panel's 40 x 60"),
        (PANEL, {"region": Region(0, 40, 0, 61)}, "reaches beyond the panel's 40 x 60"),
        (DETECTOR, {"panels": ()}, "detector.panels must name at least one panel"),
        (
            DETECTOR,
            {"panels": (PANEL, changed(PANEL, pixels=(40, 61)))},
            "panel 1 has .40, 61. pixels .* panel 0 has .40, 60.",
        ),
        (
            DETECTOR,
            {"panels": (PANEL, changed(PANEL, pixel_size=1e-4))},
            "panel 1 has .* of 0.0001 m, panel 0 has .* of 0.0002 m",
        ),
        (DETECTOR, {"curvature_radius": 0.0}, "detector.curvature_radius = 0.0 m must be positive"),
        (DETECTOR, {"curvature_radius": NAN}, "detector.curvature_radius = nan m must be positive"),
        (EXPERIMENT.sampling, {"oversample": 0}, "sampling.oversample = 0 must be at least 1"),
        (EXPERIMENT.sampling, {"dmin": -1.0}, "sampling.dmin = -1.0 Å must not be negative"),
        (EXPERIMENT.sampling, {"dmin": NAN}, "sampling.dmin = nan Å must not be negative"),
        (EXPERIMENT.frames, {"spindle": (0.0, 0.0, 2.0)}, "frames.spindle = .* unit vector"),
        (EXPERIMENT.frames, {"steps": 0}, "frames.steps = 0 must be at least 1"),
        (EXPERIMENT.frames, {"count": 0}, "frames.count = 0 must be at least 1"),
        (EXPERIMENT.frames, {"start": INFINITE}, "frames.start = inf must be finite"),
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
    beam = changed(BEAM, sources=(SOURCE, changed(SOURCE, weight=0.0)))
    assert beam.relative_weights() == (2.0, 0.0)


def test_reciprocal_vectors_may_lean_as_those_of_a_triclinic_cell_in_c():
    leaning = changed(CRYSTAL, c_star=(0.0, 0.0, 0.0102))
    assert leaning.c_star[2] == 0.0102


def test_an_experiment_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        EXPERIMENT.c_compat = False


def test_more_orientations_than_can_be_computed_are_refused_with_their_number():
    frames = changed(EXPERIMENT.frames, steps=10**9)
    with pytest.raises(ExperimentError, match="3000000000 orientations"):
        changed(EXPERIMENT, frames=frames)
