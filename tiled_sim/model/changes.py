"""Changes of a resolved experiment, by the keys of its TOML: what each makes of the rest.

A resolved experiment says many things twice, or gives them as numbers that follow from each other.
Every key here has one clear meaning for all of it; one that has none is refused, with the reason.
"""

import dataclasses
import difflib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tiled_sim.errors import ExperimentError
from tiled_sim.model.arithmetic import computable
from tiled_sim.model.background import Background
from tiled_sim.model.beam import Beam
from tiled_sim.model.calculation import Calculation
from tiled_sim.model.change_keys import AXES, KEYS, REFUSED, STARS
from tiled_sim.model.checks import require
from tiled_sim.model.crystal import Crystal
from tiled_sim.model.detector import Detector, Sensor
from tiled_sim.model.diffuse import Diffuse
from tiled_sim.model.domains import NANOBRAGG
from tiled_sim.model.exposures import Exposures, Listed
from tiled_sim.model.reach import finest_spacing
from tiled_sim.model.readout import Noise, PointSpread
from tiled_sim.model.remarks import noted
from tiled_sim.model.sampling import recommended_for
from tiled_sim.model.units import spellings
from tiled_sim.model.values import either, shown
from tiled_sim.physics.cell import dual
from tiled_sim.physics.constants import HC_EV_ANGSTROM
from tiled_sim.physics.vectors import about_fixed_axes, as_tuple

if TYPE_CHECKING:
    from tiled_sim.model.experiment import Experiment

_Given = dict[str, Any]
#: Of the keys ``crystal.mosaic_…``, by what `Domains.changed` calls it.
_MOSAIC = {"spread": "spread", "count": "domains", "seed": "seed", "kind": "kind"}

#: Columns of listed frames, each with the keys that they leave without effect.
_FRAMES_OWN: dict[str, tuple[str, tuple[str, ...]]] = {
    "wavelength": ("beam", ("wavelength", "energy")),
    "fluence": ("beam", ("fluence",)),
    "cells": ("crystal", ("cells",)),
    "vectors": ("crystal", ("a", "b", "c", "a_star", "b_star", "c_star", "misset")),
}


def changed(experiment: "Experiment", changes: Mapping[str, Any]) -> "Experiment":
    """An experiment with other values, and all that follows from them.

    Parameters
    ----------
    experiment : resolved; stays as it is
    changes : values by the keys of TOML, ``section.key`` with the unit in the key

    Raises
    ------
    ExperimentError
        for keys that are unknown, say a thing twice or have no one clear meaning, and for values
        that cannot be
    """
    with computable("changes:"):
        return _changed(experiment, changes)


def _changed(experiment: "Experiment", changes: Mapping[str, Any]) -> "Experiment":
    given = _read(changes)
    _require_effect(experiment.exposures, given)
    _require_attenuation(experiment, given)
    parts: dict[str, Any] = dict(given.get("", {}))
    for section, (name, change) in _SECTIONS.items():
        if section in given:
            parts[name] = change(getattr(experiment, name), given[section])
    if "crystal" in given and experiment.further_crystals:
        parts["further_crystals"] = _further(experiment.further_crystals, given["crystal"])
    notes = [*experiment.notes, *(f"changed: {key} = {shown(v)}" for key, v in changes.items())]
    made = replace(experiment, **parts, notes=tuple(notes))
    more = (*_too_coarse(experiment, made), *_out_of_reach(experiment, made))
    return noted(replace(made, notes=(*notes, *more)))


def _require_effect(exposures: Exposures, given: Mapping[str, _Given]) -> None:
    """Refuse what every frame of a list says for itself."""
    columns = exposures.columns if isinstance(exposures, Listed) else {}
    for column, (section, names) in _FRAMES_OWN.items():
        if column not in columns:
            continue
        for name in names:
            require(
                name not in given.get(section, {}),
                f"{section}.{name} cannot be changed: the frames are listed, each with {column} of "
                "its own; change the document, or its table of shots, instead",
            )


def _require_attenuation(experiment: "Experiment", given: Mapping[str, _Given]) -> None:
    """Refuse other wavelengths for a sensor whose material stops them as tables say."""
    if not {"wavelength", "energy"} & given.get("beam", {}).keys():
        return
    said = given.get("detector", {}).get("sensor", {})
    materials = {one.material for one in experiment.detector.sensors if one.material}
    require(
        not materials or "attenuation_length" in said,
        f"a sensor of {' and '.join(sorted(materials))} absorbs another wavelength as tables say, "
        "which are read with a document: Experiment.from_toml(path, changes={…}); or give "
        "detector.sensor.attenuation_length_m, too",
    )


def _too_coarse(before: "Experiment", after: "Experiment") -> list[str]:
    """A note where a change asks for more subpixels than there are."""
    oversample = after.sampling.oversample
    had, needed = (
        max(recommended_for(one.detector, crystal, one.beam.wavelength) for crystal in one.crystals)
        for one in (before, after)
    )
    if needed <= max(oversample, had):
        return []
    return [
        f"oversample {oversample} stays; {needed} subpixels would be needed to follow the "
        "intensity across a pixel"
    ]


def _out_of_reach(before: "Experiment", after: "Experiment") -> list[str]:
    """A note where a change has the detector look further than F of a model go."""
    calculation = after.structure_factors.calculation
    if calculation is None or calculation.dmin is None:
        return []
    had, reached = finest_spacing(before), finest_spacing(after)
    if reached >= min(calculation.dmin, had):
        return []
    return [
        f"structure_factors.model_dmin = {calculation.dmin:g} Å stays, and the detector reaches "
        f"{reached:g} Å; structure_factors.model_dmin_A = None works it out anew"
    ]


def _read(changes: Mapping[str, Any]) -> dict[str, _Given]:
    """Values in the units inside, by section and quantity."""
    quantities = {spelt: name for name, key in KEYS.items() for spelt in spellings(name, key.unit)}
    given: dict[str, _Given] = {}
    said: dict[str, str] = {}
    if not isinstance(changes, Mapping) or not all(isinstance(key, str) for key in changes):
        raise ExperimentError(
            "changes are a mapping of keys and values, such as {'beam.wavelength_A': 0.9}"
        )
    for spelt, value in changes.items():
        name = quantities.get(spelt)
        if name is None:
            raise ExperimentError(_unknown(spelt, list(quantities)))
        require(name not in said, f"{said.get(name)} and {spelt} both give it: give one")
        said[name] = spelt
        key = KEYS[name]
        per_inside = key.unit.get(spelt.removeprefix(f"{name}_"), 1.0)
        section, _, quantity = name.rpartition(".")
        plain = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
        try:
            given.setdefault(section, {})[quantity] = key.kind.read(plain, per_inside)
        except ValueError:
            raise ExperimentError(f"{spelt} = {shown(value)} must be {key.kind.must_be}") from None
    # parts within a part are changed with it
    for inner in ("crystal.diffuse", "detector.sensor", "noise.point_spread"):
        if inner in given:
            outer, _, name = inner.rpartition(".")
            given.setdefault(outer, {})[name] = given.pop(inner)
    return given


def _unknown(key: str, keys: list[str]) -> str:
    """What to say of a key that cannot be changed."""
    instead = "change the document instead: Experiment.from_toml(path, changes={…})"
    for name, reason in REFUSED.items():
        if key == name or key.startswith(f"{name}_") or key.startswith(f"{name}."):
            return f"{key} has no one clear meaning for a resolved experiment: {reason}; {instead}"
    if key in KEYS:
        return f"{key} needs its unit in the key: {either(spellings(key, KEYS[key].unit))}"
    nearest = difflib.get_close_matches(key, keys, n=3, cutoff=0.5)
    sections = ", ".join(dict.fromkeys(name.partition(".")[0] for name in KEYS))
    hint = f"did you mean {either(nearest)}?" if nearest else f"sections are {sections}"
    return f"unknown key {key!r}; {hint} Keys are those that `tiled-sim config` prints"


def _beam(beam: Beam, given: _Given) -> Beam:
    fields = dict(given)
    energy = fields.pop("energy", None)
    if energy is not None:
        require("wavelength" not in given, "beam.wavelength and beam.energy say the same: give one")
        require(energy > 0, f"beam.energy = {energy} eV must be positive")
        fields["wavelength"] = HC_EV_ANGSTROM / energy
    if "wavelength" in fields:
        wavelength = fields["wavelength"]
        require(wavelength > 0, f"beam.wavelength = {wavelength} Å must be positive")
        old = beam.spectrum.wavelength
        # what has the beam's own wavelength keeps it to the last bit
        scaled = np.where(old == beam.wavelength, wavelength, old * (wavelength / beam.wavelength))
        fields["spectrum"] = replace(beam.spectrum, wavelength=scaled)
    return replace(beam, **fields)


def _crystal(crystal: Crystal, given: _Given) -> Crystal:
    vectors = {name: given[name] for name in (*AXES, *STARS) if name in given}
    if "misset" in given:
        require(
            not vectors,
            f"crystal.misset and crystal.{next(iter(vectors), '')} both say how the crystal is "
            "oriented: give one or the other",
        )
        turned = crystal.turned(about_fixed_axes(*given["misset"]))
        vectors = {name: getattr(turned, name) for name in (*AXES, *STARS)}
    elif vectors:
        vectors |= _follow(crystal, vectors)
    plain = ("cells", "shape", "fudge")
    fields: _Given = {name: given[name] for name in plain if name in given}
    mosaic = {
        name: given[f"mosaic_{key}"] for name, key in _MOSAIC.items() if f"mosaic_{key}" in given
    }
    domains = crystal.domains.changed(mosaic)
    require(
        domains.kind != NANOBRAGG
        or not mosaic.get("spread")
        or domains.count > 1
        or "count" in mosaic,
        f"crystal.mosaic_spread = {domains.spread} rad has no effect on a single domain, which is "
        "not turned; give crystal.mosaic_domains too",
    )
    if "diffuse" in given:
        fields["diffuse"] = _within(crystal.diffuse, Diffuse, given["diffuse"], "crystal.diffuse")
    return replace(crystal, **vectors, **fields, domains=domains)


def _further(crystals: tuple[Crystal, ...], given: _Given) -> tuple[Crystal, ...]:
    """The crystals beside the first, which are changed as it is."""
    vectors = [name for name in (*AXES, *STARS) if name in given]
    require(
        not vectors,
        f"crystal.{next(iter(vectors), '')}: how the other crystals of the image stand is then "
        "left open; change the document instead: Experiment.from_toml(path, changes={…})",
    )
    return tuple(_crystal(crystal, given) for crystal in crystals)


def _follow(crystal: Crystal, vectors: _Given) -> _Given:
    """The vectors of the other kind, where those of one kind alone are changed."""
    for names, others in ((AXES, STARS), (STARS, AXES)):
        if vectors.keys() <= set(names):
            rows = np.array([vectors.get(name, getattr(crystal, name)) for name in names])
            volume = float(np.linalg.det(rows))
            require(volume > 0, f"crystal: {', '.join(names)} must be right-handed and span a cell")
            return {name: as_tuple(row) for name, row in zip(others, dual(rows), strict=True)}
    return {}


def _detector(detector: Detector, given: _Given) -> Detector:
    fields = dict(given)
    shift = fields.pop("shift", None)
    if shift is not None:
        fields["panels"] = tuple(
            replace(panel, origin=as_tuple(np.array(panel.origin) + np.array(shift)))
            for panel in detector.panels
        )
    of_sensor = fields.pop("sensor", None)
    if of_sensor is not None:
        if "attenuation_length" in of_sensor:
            # which is that of no table
            of_sensor = {"material": None, "attenuation_table": None, **of_sensor}
        fields["panels"] = tuple(
            replace(panel, sensor=panel.sensor and replace(panel.sensor, **of_sensor))
            for panel in fields.get("panels", detector.panels)
        )
        if detector.sensor is not None or not detector.has_own_sensors:
            fields["sensor"] = _within(detector.sensor, Sensor, of_sensor, "detector.sensor")
    return replace(detector, **fields)


def _within(part: Any, model: Any, given: _Given, name: str) -> Any:
    """A part within a part: changed, or made where there is none."""
    if part is not None:
        return replace(part, **given)
    missing = [
        item.name
        for item in dataclasses.fields(model)
        if item.default is dataclasses.MISSING and item.name not in given
    ]
    require(
        not missing, f"there is no {name} to change; to make one give its {either(missing)} too"
    )
    return model(**given)


def _exposures(exposures: Exposures, given: _Given) -> Exposures:
    if isinstance(exposures, Listed):
        raise ExperimentError(
            f"frames.{next(iter(given))} cannot be changed: the frames are listed stills, each of "
            "an orientation of its own; change the document instead"
        )
    fields = dict(given)
    steps = fields.get("steps", exposures.steps)
    if "step" in given and "oscillation" not in given and steps > 1:
        fields["oscillation"] = steps * given["step"]
    elif "step" not in given and {"steps", "oscillation"} & given.keys():
        oscillation = fields.get("oscillation", exposures.oscillation)
        require(
            steps <= 1 or oscillation != 0.0 or "oscillation" in given,
            f"frames.steps = {steps} of what? give frames.oscillation_deg too",
        )
        fields["step"] = oscillation / max(steps, 1)
    return replace(exposures, **fields)


def _structure_factors(source: Any, given: _Given) -> Any:
    plain = ("default_F", "F000", "ignore_file_cell", "space_group")
    fields: _Given = {name: given[name] for name in plain if name in given}
    named = [name for name in ("hkl", "fdump", "mtz", "model") if name in given]
    require(
        len(named) < 2,
        f"structure_factors: {' and '.join(named)} all say where F comes from: give one",
    )
    for name in named:
        fields |= {"path": given[name], "format": name, "column": None, "calculation": None}
        if name in ("mtz", "model"):
            fields.setdefault("space_group", None)
    if "mtz_column" in given:
        fields["column"] = given["mtz_column"]
    of_model = [
        name
        for name in ("model_dmin", "anomalous", "energies", "solvent_k", "solvent_B")
        if name in given
    ]
    if "model" in named or (of_model and not named):
        fields["calculation"] = _calculation(source.calculation or Calculation(), given)
    else:
        require(
            not of_model,
            f"structure_factors.{next(iter(of_model), '')} is of a model, and F is to be read: "
            "leave it out",
        )
    return replace(source, **fields)


def _calculation(calculation: Calculation, given: _Given) -> Calculation:
    solvent = [given.get(name, getattr(calculation, name)) for name in ("solvent_k", "solvent_B")]
    return Calculation.of(
        given.get("model_dmin", calculation.dmin),
        given.get("anomalous", calculation.table),
        (solvent[0], solvent[1]),
        given.get("energies", calculation.energies),
    )


def _background(background: Background | None, given: _Given) -> Background:
    if background is None:
        raise ExperimentError(
            "there is no background to change; its table is read with a document: "
            "Experiment.from_toml(path, changes={…})"
        )
    return replace(background, **given)


def _noise(noise: Noise | None, given: _Given) -> Noise:
    fields = dict(given)
    spread = None if noise is None else noise.point_spread
    if "point_spread" in fields:
        name = "noise.point_spread"
        fields["point_spread"] = _within(spread, PointSpread, fields["point_spread"], name)
    return replace(Noise() if noise is None else noise, **fields)


#: By section: the field of the experiment, and what changes it.
_SECTIONS: dict[str, tuple[str, Callable[[Any, _Given], Any]]] = {
    "beam": ("beam", _beam),
    "crystal": ("crystal", _crystal),
    "detector": ("detector", _detector),
    "sampling": ("sampling", lambda sampling, given: replace(sampling, **given)),
    "frames": ("exposures", _exposures),
    "structure_factors": ("structure_factors", _structure_factors),
    "background": ("background", _background),
    "noise": ("noise", _noise),
}
