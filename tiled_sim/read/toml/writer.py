"""From an experiment to TOML that reads back as the same experiment, to the last bit.

Values stand in the units inside, where nothing is rounded; comments say them in a user's units.
"""

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tiled_sim.errors import ExperimentError
from tiled_sim.io.domains import domains_text
from tiled_sim.io.sources import write_sources
from tiled_sim.model.background import Background
from tiled_sim.model.bandwidth import Bandwidth
from tiled_sim.model.beam import Beam, Source, Spectrum
from tiled_sim.model.calculation import CHANTLER, Calculation
from tiled_sim.model.crystal import Crystal
from tiled_sim.model.detector import DeadPixels, MaskFile, Panel, Region, Sensor
from tiled_sim.model.diffuse import Diffuse
from tiled_sim.model.domains import ANISOTROPIC, NANOBRAGG, Domains
from tiled_sim.model.experiment import Experiment, Reflections
from tiled_sim.model.exposures import Exposures, Listed, ListedFrom
from tiled_sim.model.readout import Noise, PointSpread
from tiled_sim.model.units import ANGLE, FLUENCE, LENGTH, SPREAD, Unit, spellings, units_of
from tiled_sim.physics.constants import RADIAN

#: More sources than these are lines of one text: a table each would take seconds to read.
_LISTED_SOURCES = 100
_WRITTEN_COLUMNS = {"orientation", "vectors", "wavelength"}
_TABLES_OF_DETECTOR = frozenset(("panels", "sensor", "dead_pixels"))
#: How a comment says a value: what it is multiplied by, and the unit's name.
_IN_USERS_UNITS: tuple[tuple[Unit, float, str], ...] = (
    (LENGTH, 1e3, " mm"),
    (ANGLE, RADIAN, "°"),
    (FLUENCE, 1e-12, " photons/µm²"),
)


def write_toml(experiment: Experiment) -> str:
    """Write a resolved experiment; `read_toml` gives an equal one with the same SHA-256.

    Notes become comments at the top. A file's path stays as it is, relative to the working
    directory or absolute: the text is meant to lie in the working directory.

    Raises
    ------
    ExperimentError
        if a name or path is no Unicode text, which TOML cannot hold
    """
    sections = [
        [
            f"c_compat = {_value(experiment.c_compat)}",
            f"allow_upstream = {_value(experiment.allow_upstream)}",
        ],
        ["[beam]", *_beam(experiment.beam, pulses := _pulses(experiment.exposures))],
        *(["[beam.spectrum]", *_bandwidth(numbers)] for numbers in (pulses,) if numbers),
        ["[crystal]", *_crystal(experiment.crystal)],
        *(["[[crystals]]", *_crystal(crystal)] for crystal in experiment.further_crystals),
        ["[detector]", *_fields(experiment.detector, without=_TABLES_OF_DETECTOR)],
        *(["[[detector.panels]]", *_panel(panel)] for panel in experiment.detector.panels),
        *(
            ["[detector.sensor]", *_fields(sensor)]
            for sensor in (experiment.detector.sensor,)
            if sensor
        ),
        *(
            ["[detector.dead_pixels]", *_dead_pixels(dead)]
            for dead in (experiment.detector.dead_pixels,)
            if dead
        ),
        ["[sampling]", *_fields(experiment.sampling)],
        ["[frames]", *_exposures(experiment.exposures)],
        ["[structure_factors]", *_structure_factors(experiment.structure_factors)],
    ]
    if experiment.background is not None:
        sections.append(["[background]", *_background(experiment.background)])
    if experiment.noise is not None:
        sections.append(["[noise]", *_noise(experiment.noise)])
    if experiment.notes:
        sections.insert(0, [as_comment(note) for note in experiment.notes])
    return "\n\n".join("\n".join(section) for section in sections) + "\n"


def as_comment(text: str) -> str:
    """A text as a TOML comment of one line."""
    return "# " + "".join(letter if letter.isprintable() else " " for letter in text)


def _pulses(exposures: Exposures) -> Bandwidth | None:
    """Numbers of the pulses, of which each shot has one of its own; None: there are none."""
    source = exposures.source if isinstance(exposures, Listed) else None
    return None if source is None else source.pulses


def _bandwidth(numbers: Bandwidth) -> Iterator[str]:
    yield f"shape = {_value(numbers.shape)}"
    key, size = ("bandwidth_eV", numbers.fwhm) if numbers.in_eV else ("bandwidth", numbers.fwhm)
    # a share is said in percent, which multiplies it by a hundred and divides again
    said = size if numbers.in_eV else size * SPREAD["percent"]
    yield f"{key}{'' if numbers.in_eV else '_percent'} = {_value(said)}"
    yield f"channels = {_value(numbers.channels)}"
    if numbers.duration is not None:
        yield f"duration_s = {_value(numbers.duration)}"
    yield f"seed = {_value(numbers.seed)}"


def _beam(beam: Beam, pulses: Bandwidth | None) -> Iterator[str]:
    yield from _fields(beam, without={"spectrum"})
    if beam.polarization is None:
        yield 'polarization = "off"'
    if pulses is not None:
        return
    spectrum = beam.spectrum
    if len(spectrum) > _LISTED_SOURCES:
        columns = (spectrum.incident, spectrum.wavelength, spectrum.weight)
        yield f"sources = '''\n{write_sources(np.column_stack(columns))}'''"
        return
    yield "sources = ["
    for source in spectrum:
        yield f"    {_source(source)},"
    yield "]"


def _source(source: Source) -> str:
    units = units_of(Spectrum).items()
    return _inline((_key(name, unit), getattr(source, name)) for name, unit in units)


def _crystal(crystal: Crystal) -> Iterator[str]:
    yield from _fields(crystal, without={"domains", "diffuse", "share"})
    if crystal.share != 1.0:
        yield f"share = {_value(crystal.share)}"
    yield from _domains(crystal.domains)
    if crystal.diffuse is not None:
        yield f"diffuse = {_part(crystal.diffuse)}"


def _domains(domains: Domains) -> Iterator[str]:
    """Those of nanoBragg as ever; of other kinds the kind, too."""
    if domains.kind != NANOBRAGG:
        yield f"mosaic_kind = {_value(domains.kind)}"
    if domains.listed is not None:
        yield f"mosaic_rotations = '''\n{domains_text(domains.listed)}'''"
        return
    units = units_of(Domains)
    spread = "spreads" if domains.kind == ANISOTROPIC else "spread"
    for name, quantity in ((spread, "spread"), ("count", "domains"), ("seed", "seed")):
        value, unit = getattr(domains, name), units[name]
        key = _key(f"mosaic_{quantity}", unit)
        yield f"{key} = {_value(value)}{_in_users_units(value, unit)}"


def _exposures(exposures: Exposures) -> Iterator[str]:
    if not isinstance(exposures, Listed):
        yield from _fields(exposures)
        return
    if exposures.source is not None:
        yield from _shots(exposures, exposures.source)
        return
    other = exposures.columns.keys() - _WRITTEN_COLUMNS
    if other:
        raise ExperimentError(
            f"frames.{min(other)} of listed exposures cannot be written as TOML: write a table of "
            "shots (docs/shots.md)"
        )
    for key, values in (("orientation", exposures.orientation), ("vectors_A", exposures.vectors)):
        if values is not None:
            yield f"{key} = [  # of each frame, row by row"
            for numbers in values.reshape(-1, 9).tolist():
                yield f"    {_value(tuple(numbers))},"
            yield "]"
    if exposures.wavelength is not None:
        yield f"wavelengths_A = {_value(tuple(exposures.wavelength.tolist()))}"


def _shots(listed: Listed, source: ListedFrom) -> Iterator[str]:
    """Shots by where they come from, and phi, which is the same in all but as a table has it."""
    if source.path is not None:
        yield f"shots = {_path(source.path)}"
        yield f"shots_sha256 = {_value(source.sha256)}"
    else:
        yield f"random_shots = {_value(source.random)}"
    yield f"shots_seed = {_value(source.seed)}"
    if source.cell_spread is not None:
        yield f"shots_cell_spread = {_value(source.cell_spread)}"
    if listed.start is None and listed.oscillation is None:
        return
    yield f"spindle = {_value(listed.spindle)}"
    yield f"steps = {_value(listed.steps)}"
    for key, angles in (("start_rad", listed.start), ("oscillation_rad", listed.oscillation)):
        if angles is not None:
            yield f"{key} = {_value(float(angles[0]))}"


def _part(part: Diffuse | PointSpread | Sensor) -> str:
    """All fields of a small part in one line."""
    units = units_of(type(part)).items()
    return _inline((_key(name, unit), getattr(part, name)) for name, unit in units)


def _inline(pairs: Iterable[tuple[str, Any]]) -> str:
    """Keys and values in one line; None is said by leaving it out."""
    told = (f"{key} = {_value(value)}" for key, value in pairs if value is not None)
    return "{ " + ", ".join(told) + " }"


def _panel(panel: Panel) -> Iterator[str]:
    yield from _fields(panel, without={"pixel_size", "region", "mask", "group", "sensor"})
    side, unit = panel.pixel_size, units_of(Panel)["pixel_size"]
    size = side[0] if panel.has_square_pixels else side
    yield f"{_key('pixel_size', unit)} = {_value(size)}{_in_users_units(size, unit)}"
    if panel.group:
        yield f"group = {_value(panel.group)}"
    if panel.region is not None:
        yield _region(panel.region)
    if panel.mask is not None:
        yield from _mask(panel.mask)
    if panel.sensor is not None:
        yield f"sensor = {_part(panel.sensor)}"


def _region(region: Region) -> str:
    slow = _value((region.slow_start, region.slow_stop))
    fast = _value((region.fast_start, region.fast_stop))
    return f"region = {{ slow = {slow}, fast = {fast} }}"


def _mask(mask: MaskFile) -> Iterator[str]:
    yield f"mask = {_path(mask.path)}"
    yield f"mask_sha256 = {_value(mask.sha256)}"


def _dead_pixels(dead: DeadPixels) -> Iterator[str]:
    if dead.path is not None:
        yield f"path = {_path(dead.path)}"
    yield from _fields(dead, without={"path"})


def _structure_factors(source: Reflections) -> Iterator[str]:
    if source.path is not None:
        yield f"{source.format} = {_path(source.path)}"
    if source.column is not None:
        yield f"mtz_column = {_value(source.column)}"
    if source.calculation is not None:
        yield from _calculation(source.calculation)
    yield f"default_F = {_value(source.default_F)}"
    if source.F000 is not None:
        yield f"F000 = {_value(source.F000)}"
    if source.space_group is not None:
        yield f"space_group = {_value(source.space_group)}"
    if source.ignore_file_cell:
        yield f"ignore_file_cell = {_value(source.ignore_file_cell)}"


def _calculation(calculation: Calculation) -> Iterator[str]:
    if calculation.dmin is not None:
        yield f"model_dmin_A = {_value(calculation.dmin)}"
    if calculation.anomalous == CHANTLER:
        yield f"anomalous = {_value(CHANTLER)}"
    elif calculation.anomalous_path is not None:
        yield f"anomalous = {_path(calculation.anomalous_path)}"
    if calculation.energies != 1:
        yield f"energies = {_value(calculation.energies)}"
    yield f"solvent_k = {_value(calculation.solvent_k)}"
    yield f"solvent_B = {_value(calculation.solvent_B)}"


def _background(background: Background) -> Iterator[str]:
    if background.path is not None:
        yield f"table = {_path(background.path)}"
    yield f"table_sha256 = {_value(background.sha256)}"
    yield from _fields(background, without={"path", "sha256"})


def _noise(noise: Noise) -> Iterator[str]:
    yield from _fields(noise, without={"point_spread"})
    if noise.point_spread is not None:
        yield f"point_spread = {_part(noise.point_spread)}"


def _path(path: str) -> str:
    where = "" if Path(path).is_absolute() else "  # from the folder of this file"
    return f"{_value(path)}{where}"


def _fields(part: Any, without: Collection[str] = ()) -> Iterator[str]:
    """Every field of a part of the experiment, a line each; None is said by leaving it out."""
    for name, unit in units_of(type(part)).items():
        value = getattr(part, name)
        if name not in without and value is not None:
            yield f"{_key(name, unit)} = {_value(value)}{_in_users_units(value, unit)}"


def _key(name: str, unit: Unit) -> str:
    """The key in the unit inside."""
    return spellings(name, unit)[0]


def _value(value: Any) -> str:
    """A value of TOML. The shortest digits that read back as the same float64 are Python's."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(_value(element) for element in value) + "]"
    if isinstance(value, float):
        return repr(float(value))
    return str(int(value))


def _text(text: str) -> str:
    """A text in quotes, escaped as in JSON, but for DEL, which TOML has escaped too."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ExperimentError(f"{text!r} is not Unicode text: TOML cannot hold it") from None
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _in_users_units(value: Any, unit: Unit) -> str:
    for of_unit, factor, name in _IN_USERS_UNITS:
        if unit is of_unit:
            numbers = value if isinstance(value, tuple) else (value,)
            return f"  # {' '.join(f'{number * factor:.7g}' for number in numbers)}{name}"
    return ""
