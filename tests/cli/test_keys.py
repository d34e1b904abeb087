"""The page of the keys of a TOML experiment: it is the reader's table, and what it says is so."""

import json
import re
from pathlib import Path

import pytest

from tiled_sim.cli.arguments import add_experiment_options
from tiled_sim.cli.keys import keys_page
from tiled_sim.cli.parser import Parser
from tiled_sim.errors import ExperimentError
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.units import spellings
from tiled_sim.read.nanobragg.options import OPTIONS
from tiled_sim.read.toml.keys import FILE, SECTIONS, TABLE, TABLES, TEXT

DOCS = Path(__file__).parents[2] / "docs"
DATA = Path(__file__).parents[1] / "data"
MASK = str(DATA / "mask.img")
KEYS = [(section, key) for section in SECTIONS for key in section.keys]
#: Of no kind that a key takes.
NONSENSE = "1979-05-27"

DOCUMENT = {
    "beam": {"wavelength_A": 1.0, "fluence_photons_per_m2": 1e24},
    "crystal": {"cell_A": [70, 80, 90], "cell_angles_deg": [85, 95, 105], "cells": 5},
    "detector": {
        "pixels": [128, 128],
        "pixel_size_mm": 0.1,
        "distance_mm": 100,
        "sensor": {"thickness_um": 450, "attenuation_length_um": 500},
    },
    "sampling": {"oversample": 1},
    "frames": {},
    "structure_factors": {"default_F": 1},
    "background": {"thickness_um": 10, "area_um2": 100},
    "noise": {"point_spread": {"kind": "gauss", "fwhm_um": 50}},
}
PANEL = {
    "origin_mm": [-1, -2, 100],
    "fast_axis": [1, 0, 0],
    "slow_axis": [0, 1, 0],
    "pixels": [128, 128],
    "pixel_size_mm": 0.1,
}
AXES = {"a_A": [70, 0, 0], "b_A": [0, 80, 0], "c_A": [0, 0, 90]}
STARS = {f"{name[0]}_star_per_A": [value / 6400 for value in of] for name, of in AXES.items()}
VECTORS = {"cell_A": None, "cell_angles_deg": None}
FLUX = {
    "fluence_photons_per_m2": None,
    "flux_photons_per_s": 1e12,
    "exposure_s": 1,
    "beam_size_mm": 0.1,
}
SPOTS = {"dispersion_percent": 1, "dispersion_steps": 3}
SHAPE = {"shape": "tophat", "bandwidth_percent": 0.1}
PULSE = {"shape": "sase", "bandwidth_percent": 0.1, "duration_fs": 10}
DIVERGENCE = {"divergence_mrad": [1, 1], "divergence_steps": 3}
#: What has to be said, or (None) left out, beside a key for it to count.
ONE_FRAME = {"orientation": [[1, 0, 0, 0, 1, 0, 0, 0, 1]]}
BESIDE = {
    "beam.energy": {"wavelength_A": None},
    "beam.flux": FLUX,
    "beam.exposure": FLUX,
    "beam.beam_size": FLUX,
    "beam.dispersion": {"dispersion_steps": 1},
    "beam.dispersion_steps": SPOTS,
    "beam.divergence": {"divergence_steps": 1},
    "beam.divergence_steps": DIVERGENCE,
    "beam.divergence_shape": DIVERGENCE,
    "beam.spectrum.shape": SHAPE,
    "beam.spectrum.bandwidth": SHAPE,
    "beam.spectrum.bandwidth_eV": {"shape": "tophat"},
    "beam.spectrum.channels": SHAPE,
    "beam.spectrum.duration": PULSE,
    "beam.spectrum.seed": PULSE,
    **{f"crystal.{name}": VECTORS | AXES for name in "abc"},
    **{f"crystal.{name}_star": VECTORS | STARS for name in "abc"},
    "crystal.matrix": VECTORS,
    "crystal.diffuse.gamma": {"sigma_A": 0.3},
    "crystal.diffuse.sigma": {"gamma_A": 50},
    "crystal.diffuse.reach": {"gamma_A": 50, "sigma_A": 0.3},
    "detector.panels": {"pixels": None, "pixel_size_mm": None, "distance_mm": None},
    "detector.mask_sha256": {"mask": MASK},
    "detector.panels.mask_sha256": {"mask": MASK},
    "detector.experiment": {
        "geometry": str(DATA / "geometry" / "chips16.expt"),
        **dict.fromkeys(("pixels", "pixel_size_mm", "distance_mm", "sensor")),
    },
    "detector.geometry": {"distance_mm": None},
    "detector.dead_pixels.path": {"model": None},
    "frames.shots_sha256": {"shots": str(DATA / "shots.csv")},
    "frames.shots_seed": {"random_shots": 2},
    "frames.shots_cell_spread": {"random_shots": 2},
    "frames.vectors": ONE_FRAME,
    "frames.wavelengths": ONE_FRAME,
    "structure_factors.default_F": {"hkl": str(DATA / "few.hkl")},
    "structure_factors.space_group": {"hkl": str(DATA / "few.hkl")},
    "background.abscissa": {"table": str(DATA / "droplet.stol")},
}


def written(value):
    """A value of Python as TOML in one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {written(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return value if value == NONSENSE else json.dumps(value)


def standing(section):
    """The document with the table of a section in it, and that table."""
    document = json.loads(json.dumps(DOCUMENT))
    if section.path == ("beam", "sources"):
        document["beam"]["sources"] = [{}]
        return document, document["beam"]["sources"][0]
    if section.path[:2] == ("detector", "panels"):
        document["detector"] = {"panels": [dict(PANEL)]}
        panel = document["detector"]["panels"][0]
        for name in section.path[2:]:
            panel = panel.setdefault(name, dict(DOCUMENT["detector"].get(name, {})))
        return document, panel
    if section.path == ("detector", "dead_pixels"):
        dead = {"sha256": "0" * 64, "model": "Eiger2 16M"}
        document["detector"] = {"panels": [dict(PANEL)], "dead_pixels": dead}
        return document, dead
    table = document
    for name in section.path:
        table = table.setdefault(name, {})
    return document, table


def name_of(section, key):
    return ".".join((*section.path, key.name))


def said(section, key, spelt=None, value=None):
    """The document in which a key has a value and counts; without a value, without the key."""
    document, table = standing(section)
    if name_of(section, key) == "detector.experiment":  # whose file has a wavelength
        del document["beam"]["wavelength_A"]
    for beside, other in BESIDE.get(name_of(section, key), {}).items():
        table.pop(beside, None)
        if other is not None:
            table[beside] = other
    for other in spellings(key.name, section.units[key.name]):
        table.pop(other, None)
    if spelt is not None:
        table[spelt] = value
    return document


@pytest.fixture
def read(tmp_path):
    """Read a document of Python's."""

    def read_document(document):
        path = tmp_path / "e.toml"
        path.write_text("\n".join(f"{key} = {written(value)}" for key, value in document.items()))
        return Experiment.from_toml(path)

    return read_document


def test_the_page_of_keys_is_that_of_the_reader():
    assert (DOCS / "experiment.md").read_text() == keys_page()


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.title)
def test_every_key_that_the_reader_knows_is_on_the_page(read, section):
    document, table = standing(section)
    table["qqqqqqqqqqqqqqqqqqqq"] = 1
    with pytest.raises(ExperimentError, match="unknown") as refused:
        read(document)
    known = str(refused.value).partition("known are ")[2].split(", ")
    title = re.escape(section.title) if section.path else "Above all tables"
    (part,) = re.findall(rf"^## `?{title}`?$(.*?)(?=^## |\Z)", keys_page(), re.M | re.S)
    rows = re.findall(r"^\| `(\w+)` \| ([\w, ]*) \|", part, re.M)
    spelt = []
    for key, units in rows:
        first, *others = units.split(", ")
        bare = key.removesuffix(f"_{first}") if first else key
        spelt += [key, *(f"{bare}_{other}" for other in others)]
    assert sorted(spelt) == sorted(known)


@pytest.mark.parametrize(("section", "key"), KEYS, ids=lambda one: getattr(one, "name", None))
def test_every_key_is_read_as_the_kind_of_value_that_the_page_says(read, section, key):
    for spelt in spellings(key.name, section.units[key.name]):
        with pytest.raises(ExperimentError) as refused:
            read(said(section, key, spelt, NONSENSE))
        complaint = refused.value.written
        assert re.search(rf"\b{spelt}\b", complaint)
        assert complaint.endswith(f"must be {key.value}"), complaint


def default_of(key):
    """The default of a key as a value, if it is one."""
    if key.value in (TABLE, TABLES, FILE):
        return None
    try:
        return json.loads(key.default)
    except ValueError:
        return key.default if key.value == TEXT and " " not in key.default else None


DEFAULTS = [one for one in KEYS if default_of(one[1]) not in (None, "needed", "")]


@pytest.mark.parametrize(("section", "key"), DEFAULTS, ids=lambda one: getattr(one, "name", None))
def test_to_say_a_default_changes_nothing(read, section, key):
    steps_alone = key.name in ("dispersion", "divergence")
    without = standing(section)[0] if steps_alone else said(section, key)
    assert read(said(section, key, section.usual_spelling(key), default_of(key))) == read(without)


@pytest.mark.parametrize(("section", "key"), KEYS, ids=lambda one: getattr(one, "name", None))
def test_every_option_that_is_named_is_one(section, key):
    parser = Parser("submit", "")
    add_experiment_options(parser)
    known = {name for option in OPTIONS for name in (option.name, *option.aliases)}
    assert set(key.options.split()) <= known | set(parser._option_string_actions)
