"""Changes of a TOML document, and that they are those of the experiment read from it."""

import contextlib
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.errors import ExperimentError
from tiled_sim.model.change_keys import KEYS
from tiled_sim.model.experiment import Experiment
from tiled_sim.read.toml.writer import write_toml

DOCUMENT = """
[beam]
wavelength_A = 1.1
fluence_photons_per_m2 = 1e24
dispersion_percent = 1
dispersion_steps = 3

[crystal]
cell_A = [70, 80, 90]
cell_angles_deg = [85, 95, 105]
cells = 5
mosaic_spread_deg = 0.1
mosaic_domains = 3

[detector]
pixels = [10, 12]
pixel_size_mm = 0.1
distance_mm = 100

[detector.sensor]
thickness_um = 450
attenuation_length_um = 500

[sampling]
oversample = 2

[frames]
oscillation_deg = 0.5
steps = 5

[structure_factors]
hkl = "p1.hkl"
default_F = 1

[noise]
seed = 3
point_spread = { kind = "gauss", fwhm_um = 50 }
"""


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Read the document with changes."""
    monkeypatch.chdir(tmp_path)
    Path("e.toml").write_text(DOCUMENT)

    def read_changed(changes=None):
        return Experiment.from_toml("e.toml", changes=changes)

    return read_changed


def test_no_changes_are_none(read):
    assert read({}) == read()


def test_a_change_takes_the_place_of_the_quantity_in_any_unit(read):
    assert read({"beam.wavelength_nm": 0.15}).beam.wavelength == pytest.approx(1.5)
    assert read({"detector.distance_m": 0.2}).detector.panels[0].close_distance == 0.2


def test_what_follows_is_resolved_anew(read):
    changed = read({"crystal.cell_A": [50, 60, 70], "frames.steps": 10})
    assert np.linalg.norm(changed.crystal.a) == pytest.approx(50)
    assert changed.exposures.step == changed.exposures.oscillation / 10


def test_a_table_that_is_not_there_is_made(read):
    changed = read({"detector.region.slow": (2, 5)})
    region = changed.detector.panels[0].region
    assert (region.slow_start, region.slow_stop, region.fast_stop) == (2, 5, 12)


def test_a_table_within_a_table_is_changed(read):
    assert read({"noise.point_spread.fwhm_um": 70}).noise.point_spread.fwhm == 7e-5
    assert read({"detector.sensor.layers": 4}).detector.layers == 4


def test_paths_and_arrays_are_taken(read):
    changed = read(
        {"structure_factors.hkl": Path("other.hkl"), "crystal.cells": np.array([1, 2, 3])}
    )
    assert changed.structure_factors.path == "other.hkl"
    assert changed.crystal.cells == (1, 2, 3)


def test_the_document_is_not_written_to(read):
    read({"crystal.cells": 9})
    assert Path("e.toml").read_text() == DOCUMENT


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("beam.wavelenth_A", r"e\.toml: changes: unknown key .*did you mean beam\.wavelength_A"),
        ("bem.wavelength_A", "did you mean beam.wavelength_A"),
        ("beam.wavelength", "did you mean beam.wavelength"),
        ("crystal.a_A.x", "unknown key"),
        ("beam.energy_eV", r"\[beam\] .*both say the wavelength"),
        ("zzz", "keys are those of a TOML file"),
    ],
)
def test_a_key_that_cannot_be_is_refused_by_name(read, key, fault):
    with pytest.raises(ExperimentError, match=fault):
        read({key: 1.0})


def test_a_key_within_what_is_no_table_is_refused(read):
    Path("e.toml").write_text("beam = 3")
    with pytest.raises(ExperimentError, match=r"the document's beam is no table"):
        read({"beam.wavelength_A": 1.0})


numbers = st.floats(0.5, 2.0)
#: Changes that mean the same of the resolved experiment and of the text that `config` prints.
ALIKE = {
    "beam.fluence_photons_per_um2": numbers,
    "beam.polarization": st.sampled_from(["off", 0.3, -1.0]),
    "beam.polarization_axis": st.just([0.0, 3.0, 0.0]),
    "crystal.cells": st.integers(1, 40) | st.lists(st.integers(1, 40), min_size=3, max_size=3),
    "crystal.shape": st.sampled_from(["round", "tophat"]),
    "crystal.fudge": numbers,
    "crystal.mosaic_spread_deg": numbers,
    "crystal.mosaic_domains": st.integers(1, 20),
    "crystal.mosaic_seed": st.integers(-5, 50),
    "detector.curvature_radius_mm": numbers,
    "detector.point_pixel": st.booleans(),
    "detector.sensor.thickness_um": numbers,
    "detector.sensor.layers": st.integers(1, 5),
    "sampling.oversample": st.integers(1, 5),
    "sampling.interpolate": st.booleans(),
    "sampling.dmin_nm": numbers,
    "sampling.oversample_omega": st.booleans(),
    "frames.spindle": st.just([0.0, 2.0, 0.0]),
    "frames.start_deg": numbers,
    "frames.count": st.integers(1, 9),
    "structure_factors.hkl": st.just("other.hkl"),
    "structure_factors.default_F": numbers,
    "noise.seed": st.integers(0, 99),
    "noise.gain_ADU_per_photon": numbers,
    "noise.offset_ADU": numbers,
    "noise.point_spread.fwhm_um": st.floats(10.0, 60.0),
}
changes = st.lists(st.sampled_from(sorted(ALIKE)), unique=True, max_size=5).flatmap(
    lambda keys: st.fixed_dictionaries({key: ALIKE[key] for key in keys})
)


@settings(deadline=None, max_examples=60)
@given(changes)
def test_a_change_is_that_of_the_text_that_config_prints(asked):
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("e.toml").write_text(DOCUMENT)
        experiment = Experiment.from_toml("e.toml")
        Path("printed.toml").write_text(write_toml(experiment))
        printed = Experiment.from_toml("printed.toml", changes=asked)
        assert experiment.with_(asked) == printed
        assert experiment.with_(asked).sha256 == printed.sha256


@pytest.mark.parametrize(
    "asked",
    [
        {"beam.wavelength_A": 1.3},
        {"beam.wavelength_A": 1.3, "crystal.cells": 7},
        {"crystal.misset_deg": [10, 20, 30]},
        {"frames.steps": 10},
        {"frames.oscillation_deg": 1.5},
        {"frames.oscillation_deg": 1.5, "frames.steps": 2, "frames.start_deg": 5},
    ],
    ids=str,
)
def test_a_change_is_that_of_the_document_it_was_resolved_from(read, asked):
    ours, theirs = read().with_(asked), read(asked)
    for one, other in zip(numbers_of(ours), numbers_of(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-15)


def numbers_of(experiment):
    """What follows from wavelength, orientation and sweep."""
    spectrum, crystal, exposures = (
        experiment.beam.spectrum,
        experiment.crystal,
        experiment.exposures,
    )
    return (
        *(experiment.beam.wavelength, spectrum.wavelength, spectrum.weight, spectrum.incident),
        *(crystal.direct_vectors, crystal.reciprocal_vectors, crystal.cells),
        *(exposures[0].angles, exposures.oscillation),
    )


def test_what_is_alike_is_a_key():
    units = [f"{name}_{suffix}" for name, key in KEYS.items() for suffix in key.unit]
    assert set(ALIKE) <= {*KEYS, *units}
