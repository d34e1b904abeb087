"""Every quantity of TOML and of Python, with every value that makes no sense.

Quantities are those of the readers' own tables: one that is added later is tried, too.
"""

import contextlib
import math
import warnings

import numpy as np
import pytest

from tiled_sim.errors import TiledSimError
from tiled_sim.model.change_keys import KEYS
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.units import spellings
from tiled_sim.plan.prepare import prepare
from tiled_sim.read.toml.keys import single_sections

NUMBERS = (
    *(math.inf, -math.inf, math.nan, 1e308, -1e308, 1e-308, 0, -0.0, -1, 10**9, 10**18, 10**400),
    *(2.5, True, "٣", "ten", [], {}, np.float64("nan"), np.float32("inf"), np.int64(-7)),
)
BAD = (*NUMBERS, *([number, 1, 1] for number in NUMBERS), *([1, number] for number in NUMBERS))
DOCUMENT = """\
[beam]
wavelength_A = 1.0
fluence_photons_per_m2 = 1e24
[crystal]
cell_A = [70, 80, 90]
cell_angles_deg = [75, 85, 95]
cells = 5
[detector]
distance_mm = 100
pixels = [32, 32]
pixel_size_mm = 0.4
[sampling]
oversample = 1
[structure_factors]
default_F = 100
"""
#: What a quantity needs beside it to have an effect, and what it is another way to say.
BESIDE = {
    "beam.exposure": {"beam.flux_photons_per_s": 1e12, "beam.beam_size_mm": 0.1},
    "beam.flux": {"beam.exposure_s": 1, "beam.beam_size_mm": 0.1},
    "beam.beam_size": {"beam.flux_photons_per_s": 1e12, "beam.exposure_s": 1},
    "beam.dispersion": {"beam.dispersion_steps": 3},
    "beam.dispersion_steps": {"beam.dispersion_percent": 1},
    "beam.divergence": {"beam.divergence_steps": 3},
    "beam.divergence_steps": {"beam.divergence_mrad": [1, 1]},
    "crystal.mosaic_domains": {"crystal.mosaic_spread_deg": 1},
    "frames.steps": {"frames.oscillation_deg": 1},
    "detector.sensor.layers": {
        "detector.sensor.thickness_um": 100,
        "detector.sensor.attenuation_length_um": 100,
    },
    "noise.point_spread.fwhm": {"noise.point_spread.kind": "gauss"},
    "noise.point_spread.radius": {
        "noise.point_spread.kind": "gauss",
        "noise.point_spread.fwhm_um": 300,
    },
    "background.density": {"background.thickness_um": 10, "background.area_um2": 100},
    "background.molar_mass": {"background.thickness_um": 10, "background.area_um2": 100},
}
#: Ways to say a thing that stand in the way of others.
INSTEAD = {
    "beam.energy": "wavelength_A",
    "beam.exposure": "fluence_photons_per_m2",
    "beam.flux": "fluence_photons_per_m2",
    "beam.beam_size": "fluence_photons_per_m2",
}


@pytest.fixture
def document(tmp_path):
    """Write the document, without the line of a key; its path."""

    def write(without=None):
        lines = [line for line in DOCUMENT.splitlines() if line.split(" = ")[0] != without]
        path = tmp_path / "e.toml"
        path.write_text("\n".join(lines))
        return path

    return write


def refuse_or_plan(make):
    """Make an experiment and plan it; nothing but a refusal is raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with contextlib.suppress(TiledSimError):
            prepare(make())


QUANTITIES = [
    (".".join((*names, quantity)), unit)
    for names, known in single_sections().items()
    for quantity, unit in known.items()
]


@pytest.mark.parametrize(("quantity", "unit"), QUANTITIES, ids=[name for name, _ in QUANTITIES])
def test_no_value_of_a_key_of_toml_is_more_than_refused(document, quantity, unit):
    path = document(without=INSTEAD.get(quantity))
    for bad in BAD:
        for key in spellings(quantity, unit):
            changes = {**BESIDE.get(quantity, {}), key: bad}
            refuse_or_plan(lambda changes=changes: Experiment.from_toml(path, changes=changes))


@pytest.mark.parametrize("name", KEYS)
def test_no_value_of_a_change_is_more_than_refused(document, name):
    experiment = Experiment.from_toml(document())
    beside = {key: value for key, value in BESIDE.get(name, {}).items() if "background" not in key}
    for bad in BAD:
        for key in spellings(name, KEYS[name].unit):
            changes = {**beside, key: bad}
            refuse_or_plan(lambda changes=changes: experiment.with_(changes))
