"""The canonical form: what is left out of it, and that the model cannot change it unnoticed."""

import dataclasses
import typing

import pytest

from tiled_sim.model.beam import Beam, Source, Spectrum
from tiled_sim.model.canonical import HASH_VERSION, canonical
from tiled_sim.model.checks import UNHASHED
from tiled_sim.model.crystal import Crystal
from tiled_sim.model.detector import Detector, Panel
from tiled_sim.model.domains import Domains
from tiled_sim.model.experiment import Experiment, Reflections
from tiled_sim.model.exposures import Rotation
from tiled_sim.model.readout import Noise
from tiled_sim.model.sampling import Sampling

BEAM = Beam(
    (0.0, 0.0, 1.0), 1.0, 1e24, 0.9, (1.0, 0.0, 0.0), Spectrum.of([Source((0.0, 0.0, 1.0), 1.0)])
)
CRYSTAL = Crystal(
    *((50.0, 0.0, 0.0), (0.0, 80.0, 0.0), (0.0, 0.0, 100.0)),
    *((0.02, 0.0, 0.0), (0.0, 0.0125, 0.0), (0.0, 0.0, 0.01)),
    cells=(5, 6, 7),
    domains=Domains(0.01, 3, 7),
)
PANEL = Panel(
    *((-0.01, -0.01, 0.1), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    pixels=(40, 60),
    pixel_size=(2e-4, 2e-4),
)
DETECTOR = Detector((PANEL,))
EXPERIMENT = Experiment(
    BEAM,
    CRYSTAL,
    DETECTOR,
    Sampling(oversample=2),
    Rotation((1.0, 0.0, 0.0), 0.1, 0.02, 5, 0.1, 4),
    Reflections("p1.hkl", "hkl", 3.0),
    noise=Noise(seed=5),
)


def test_an_experiment_of_one_crystal_has_the_hash_of_before_there_were_several():
    # of commit ff2254a
    assert EXPERIMENT.sha256 == "f1c0dceef290a3c2537f87c4b718bb093ab2ebde1e9087e1005e45aa8497ac97"


def test_every_crystal_and_its_share_is_hashed():
    twin = dataclasses.replace(CRYSTAL, share=0.5)
    both = dataclasses.replace(EXPERIMENT, further_crystals=(twin,))
    other = dataclasses.replace(EXPERIMENT, further_crystals=(CRYSTAL,))
    assert len({EXPERIMENT.sha256, both.sha256, other.sha256}) == 3


#: How dead pixels are read again.
DEAD_BY = ("path", "model", "distance", "wavelength", "experiment")
#: What each hash version stands for: the default of every field that has one and is hashed. Add
#: a field that is new in the model; where another line would have to change, raise HASH_VERSION.
DEFAULTS = {
    2: {
        "Background.density": 1.0,
        "Background.molar_mass": 18.015,
        "Calculation.anomalous": None,
        "Calculation.dmin": None,
        "Calculation.energies": 1,
        "Calculation.solvent_B": 46.0,
        "Calculation.solvent_k": 0.35,
        "Crystal.domains": Domains(0.0, 1, 12345678),
        "Crystal.diffuse": None,
        "Crystal.fudge": 1.0,
        "Crystal.shape": "square",
        "Crystal.share": 1.0,
        "Detector.curvature_radius": None,
        "Detector.dead_pixels": None,
        "Detector.point_pixel": False,
        "Detector.sensor": None,
        "Diffuse.reach": 1,
        "Domains.count": 1,
        "Domains.kind": "nanobragg",
        "Domains.listed": None,
        "Domains.seed": 12345678,
        "Domains.spread": 0.0,
        "Domains.spreads": (0.0, 0.0, 0.0),
        "Experiment.background": None,
        "Experiment.c_compat": False,
        "Experiment.further_crystals": (),
        "Experiment.noise": None,
        "ListedDomains.axes": "laboratory",
        "Noise.calibration": 0.0,
        "Noise.calibration_seed": 123456789,
        "Noise.flicker": 0.0,
        "Noise.gain": 1.0,
        "Noise.offset": 0.0,
        "Noise.point_spread": None,
        "Noise.readout": 0.0,
        "Noise.saturation": 2147483647,
        "Noise.seed": 1,
        "Panel.mask": None,
        "Panel.region": None,
        "Listed.beam_direction": None,
        "Listed.cells": None,
        "Listed.detector_shift": None,
        "Listed.fluence": None,
        "Listed.oscillation": None,
        "Listed.spectra": None,
        "Listed.spectrum": None,
        "Listed.spindle": (1.0, 0.0, 0.0),
        "Listed.start": None,
        "Listed.steps": 1,
        "Listed.vectors": None,
        "Listed.wavelength": None,
        "Panel.sensor": None,
        "PointSpread.radius": None,
        "Rotation.count": 1,
        "Rotation.oscillation": 0.0,
        "Rotation.start": 0.0,
        "Rotation.step": 0.0,
        "Rotation.steps": 1,
        "Sampling.dmin": 0.0,
        "Sampling.interpolate": False,
        "Sampling.oversample": 1,
        "Sampling.oversample_omega": False,
        "Sampling.oversample_polar": False,
        "Sampling.oversample_thick": False,
        "Sensor.attenuation_table": None,
        "Sensor.layers": 1,
        "Reflections.F000": None,
        "Reflections.calculation": None,
        "Reflections.default_F": 0.0,
        "Reflections.format": None,
        "Reflections.space_group": None,
    },
}


def parts_of(model):
    """Every dataclass of an experiment that is hashed, itself first."""
    yield model
    hints = typing.get_type_hints(model)
    for hint in (hints[item.name] for item in dataclasses.fields(model) if not item.metadata):
        for inner in (hint, *typing.get_args(hint)):
            if dataclasses.is_dataclass(inner):
                yield from parts_of(inner)


def test_the_defaults_are_those_that_the_hash_version_stands_for():
    found = {}
    for model in set(parts_of(Experiment)):
        for field in dataclasses.fields(model):
            assert field.default_factory is dataclasses.MISSING, "a default that stands here"
            if field.default is not dataclasses.MISSING and not field.metadata:
                found[f"{model.__name__}.{field.name}"] = field.default
    assert found == DEFAULTS[HASH_VERSION]


def with_field(value, default):
    """The same value, of a class that has one field more."""
    model = type(value)
    widened = dataclasses.make_dataclass(
        model.__name__,
        [("added", type(default), dataclasses.field(default=default))],
        bases=(model,),
        frozen=True,
        slots=True,
    )
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(model)}
    return lambda **more: widened(**fields, **more)


def changed(instance, **changes):
    return dataclasses.replace(instance, **changes)


@pytest.mark.parametrize(
    "put",
    [
        pytest.param(lambda make, **more: make(EXPERIMENT)(**more), id="experiment"),
        pytest.param(
            lambda make, **more: changed(EXPERIMENT, crystal=make(CRYSTAL)(**more)), id="crystal"
        ),
        pytest.param(
            lambda make, **more: changed(
                EXPERIMENT, detector=changed(DETECTOR, panels=(make(PANEL)(**more),))
            ),
            id="panel",
        ),
        pytest.param(
            lambda make, **more: changed(
                EXPERIMENT, crystal=changed(CRYSTAL, domains=make(CRYSTAL.domains)(**more))
            ),
            id="domains",
        ),
    ],
)
@pytest.mark.parametrize("default", [293.0, None, (), "off"], ids=repr)
def test_a_new_field_at_its_default_changes_no_hash(put, default):
    def make(value):
        return with_field(value, default)

    assert put(make).sha256 == EXPERIMENT.sha256
    assert put(make, added=7.0).sha256 != EXPERIMENT.sha256


def test_what_is_at_its_default_is_left_out():
    assert canonical(Sampling()) == {}
    assert canonical(Sampling(oversample=3)) == {"oversample": 3}


def test_what_has_no_default_always_stays():
    rotation = Rotation((0.0, 0.0, 1.0))
    assert canonical(rotation) == {"spindle": [0.0, 0.0, 1.0]}


def test_a_part_within_is_left_out_where_all_of_it_is_at_its_default():
    fields = canonical(changed(CRYSTAL, domains=Domains()))
    assert "domains" not in fields
    assert canonical(changed(CRYSTAL, domains=Domains(count=2)))["domains"] == {"count": 2}


def test_noise_as_plain_as_can_be_is_not_the_same_as_none():
    plain, none = changed(EXPERIMENT, noise=Noise()), changed(EXPERIMENT, noise=None)
    assert canonical(plain)["noise"] == {}
    assert "noise" not in canonical(none)


def test_a_zero_with_a_sign_is_a_zero():
    assert canonical(Sampling(dmin=-0.0)) == {}


def test_whole_numbers_and_real_ones_hash_alike():
    written = EXPERIMENT.to_dict()
    written["crystal"]["fudge"] = 2
    whole = Experiment.from_dict(written, EXPERIMENT.arrays())
    assert whole.sha256 == changed(EXPERIMENT, crystal=changed(CRYSTAL, fudge=2.0)).sha256


def test_the_version_is_part_of_what_is_hashed(monkeypatch):
    before = EXPERIMENT.sha256
    monkeypatch.setattr("tiled_sim.model.canonical.HASH_VERSION", HASH_VERSION + 1)
    assert EXPERIMENT.sha256 != before


def test_a_spectrum_stands_by_its_own_hash():
    assert canonical(BEAM)["spectrum"] == BEAM.spectrum.sha256


def test_the_hash_of_an_experiment_stays_what_it_was():
    known = "f1c0dceef290a3c2537f87c4b718bb093ab2ebde1e9087e1005e45aa8497ac97"
    assert EXPERIMENT.sha256 == known


def test_what_is_not_hashed_is_marked_in_the_model():
    marked = {
        f"{model.__name__}.{field.name}"
        for model in parts_of(Experiment)
        for field in dataclasses.fields(model)
        if field.metadata == UNHASHED
    }
    assert marked == {
        "Background.path",
        "Calculation.anomalous_path",
        "Detector.up",
        *(f"DeadPixels.{name}" for name in DEAD_BY),
        "Experiment.allow_upstream",
        "Experiment.notes",
        "Listed.source",
        "MaskFile.path",
        "Panel.group",
        "Panel.name",
        "Reflections.column",
        "Reflections.ignore_file_cell",
        "Reflections.path",
        "Sensor.material",
    }
