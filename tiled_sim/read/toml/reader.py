"""From a TOML file to a resolved experiment, and back.

Its sections and their keys are those of `tiled_sim.read.toml.keys`. Every field of the dataclasses
in `model` is a key. Beside the resolved fields there are shorter ways to say the same; saying a
thing twice is an error. Paths count from the folder of the TOML file.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tiled_sim.errors import InputFileError
from tiled_sim.io.space_group import find_space_group
from tiled_sim.model.arithmetic import computable
from tiled_sim.model.background import Background
from tiled_sim.model.bandwidth import Bandwidth
from tiled_sim.model.beam import Beam
from tiled_sim.model.calculation import CHANTLER, SOLVENT_B, SOLVENT_K, Calculation
from tiled_sim.model.crystal import Crystal
from tiled_sim.model.crystals import largest_and_smallest
from tiled_sim.model.detector import Detector
from tiled_sim.model.experiment import Experiment, Reflections
from tiled_sim.model.exposures import Exposures
from tiled_sim.model.readout import Noise
from tiled_sim.model.remarks import noted
from tiled_sim.model.sampling import Sampling, recommended_for
from tiled_sim.read.geometry import ALL
from tiled_sim.read.sampling import (
    choose_interpolation,
    choose_oversample,
    shortest_wavelength,
)
from tiled_sim.read.sensors import with_attenuation
from tiled_sim.read.toml import background as toml_background
from tiled_sim.read.toml import beam as toml_beam
from tiled_sim.read.toml import crystal as toml_crystal
from tiled_sim.read.toml import detector as toml_detector
from tiled_sim.read.toml import frames as toml_frames
from tiled_sim.read.toml import geometry as toml_geometry
from tiled_sim.read.toml import noise as toml_noise
from tiled_sim.read.toml.changes import change_document
from tiled_sim.read.toml.keys import known, single_sections
from tiled_sim.read.toml.table import Table
from tiled_sim.read.toml.writer import write_toml

__all__ = ["read_toml", "write_toml"]

_FORMATS = ("hkl", "fdump", "mtz", "model")


def read_toml(path: str | Path, changes: Mapping[str, Any] | None = None) -> Experiment:
    """Read an experiment.

    Parameters
    ----------
    path : of the document
    changes : what it is to say in place of what it says, by ``section.key``; all that follows is
        resolved from the changed document

    Raises
    ------
    InputFileError
        if the file, or one that it names, is missing or malformed
    ExperimentError
        for unknown keys, values of the wrong type, contradictions and impossible experiments;
        every message names file, section and key
    """
    file = Path(path)
    content = _parse(file)
    if changes:
        change_document(file, content, changes, single_sections())
    with computable(f"{file}:"):
        return noted(with_attenuation(_experiment(Table(file, "", content, known()))))


def _parse(file: Path) -> dict[str, Any]:
    try:
        text = file.read_bytes()
    except OSError as error:
        raise InputFileError(f"cannot read the experiment {file}: {error.strerror}") from None
    except ValueError as error:  # a NUL character in the name
        raise InputFileError(f"cannot read the experiment {file}: {error}") from None
    try:
        return tomllib.loads(text.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InputFileError(f"{file}: a TOML file is UTF-8 text, this file is not") from None
    except RecursionError:
        raise InputFileError(f"{file}: brackets are nested too deep") from None
    except ValueError as error:
        raise InputFileError(f"{file}: not valid TOML: {error}") from None


def _experiment(top: Table) -> Experiment:
    notes: list[str] = []
    c_compat = top.flag("c_compat", False)
    allow_upstream = top.flag("allow_upstream", False)
    table = top.table("beam", known("beam"))
    if c_compat and ("spectrum_file" in table or "spectrum" in table):
        key = table.named("spectrum_file") or table.named("spectrum")
        raise table.error(
            f"{key} cannot be had as C has it: the C program ignores the weights of sources; leave "
            f"one of {key} and c_compat out"
        )
    of_detector = top.table("detector", known("detector"))
    stated = toml_geometry.read_stated(of_detector, toml_beam.said_wavelengths(table))
    light = None if stated is None else stated.light
    beam = toml_beam.read_beam(table, notes, allow_upstream=allow_upstream, stated=light)
    if c_compat and len(set(beam.spectrum.weight.tolist())) > 1:
        notes.append("as C: the weights of the sources are ignored")
    source = _structure_factors(top)
    of_crystal, of_further = _tables_of_crystals(top)
    recorded = None if stated is None else stated.crystal(beam.direction)
    crystal = toml_crystal.read_crystal(of_crystal, beam.wavelength, source, notes, recorded)
    further = toml_crystal.read_further(of_further, crystal, beam.wavelength, source, notes)
    detector = toml_detector.read_detector(of_detector, beam, notes, stated)
    if "distance" in of_detector and stated is None and beam.direction[2] < 0.0:
        notes.append(
            f"the light travels along beam.direction = {beam.direction}, and the detector stands "
            "where it goes; dxtbx's `direction` is the other way, to the source"
        )
    exposures = _exposures(
        top, (beam, toml_beam.read_bandwidth(table)), (of_crystal, crystal), stated, notes
    )
    extremes = largest_and_smallest((crystal, *further), exposures)
    shortest = shortest_wavelength(beam.wavelength, exposures)
    return Experiment(
        beam=beam,
        crystal=crystal,
        further_crystals=further,
        detector=detector,
        sampling=_sampling(top, shortest, extremes, detector, source.path is not None, notes),
        exposures=exposures,
        structure_factors=source,
        c_compat=c_compat,
        background=_background(top),
        noise=_noise(top),
        allow_upstream=allow_upstream,
        notes=tuple(note for note in notes if note),
    )


def _tables_of_crystals(top: Table) -> tuple[Table, list[Table]]:
    """``[crystal]``, or the first of ``[[crystals]]`` without it, and further ones."""
    further = top.tables("crystals", known("crystal")) if "crystals" in top else []
    if further and "crystal" not in top:
        return further[0], further[1:]
    return top.table("crystal", known("crystal")), further


def _exposures(
    top: Table,
    light: tuple[Beam, Bandwidth | None],
    crystal: tuple[Table, Crystal],
    stated: toml_geometry.StatedDetector | None,
    notes: list[str],
) -> Exposures:
    """Frames as they are said, or as a geometry file states them."""
    table = top.table("frames", known("frames"))
    of_crystal, read = crystal
    beam, _ = light
    if stated is None:
        return toml_frames.read_frames(table, light, read, notes)
    misset = toml_crystal.read_misset(of_crystal)
    stills = stated.stills(beam.direction, misset)
    if stills is None:
        sweep = stated.sweep(beam.direction)
        return toml_frames.read_frames(table, light, read, notes, sweep)
    of_frames = table.named(*known("frames"))
    for other, said in ((of_crystal, toml_crystal.said_crystal(of_crystal)), (table, of_frames)):
        if said:
            raise other.error(
                f'{said} beside experiment = "{ALL}" in [detector], which takes crystal and '
                "orientations of every frame from the file: leave one of them out"
            )
    return stills


def _background(top: Table) -> Background | None:
    if "background" not in top:
        return None
    return toml_background.read_background(top.table("background", known("background")))


def _noise(top: Table) -> Noise | None:
    return toml_noise.read_noise(top.table("noise", known("noise"))) if "noise" in top else None


def _structure_factors(top: Table) -> Reflections:
    """The file, of one format, and F elsewhere."""
    table = top.table("structure_factors", known("structure_factors"))
    way = table.choose("where F comes from", *((name,) for name in _FORMATS))
    file_format = way[0] if way else None
    space_group = table.text("space_group") if "space_group" in table else None
    if space_group is not None:
        with table.reading("space_group"):
            find_space_group(space_group)
    return table.build(
        Reflections,
        path=table.path(file_format) if file_format else None,
        format=file_format,
        default_F=table.number("default_F", 0.0),
        column=table.text("mtz_column") if "mtz_column" in table else None,
        ignore_file_cell=table.flag("ignore_file_cell", False),
        space_group=space_group,
        calculation=_calculation(table, file_format),
        F000=table.number("F000") if "F000" in table else None,
    )


def _calculation(table: Table, file_format: str | None) -> Calculation | None:
    """How F is calculated, if it is from a model, or if anything is said of that."""
    anomalous = table.text("anomalous") if "anomalous" in table else None
    is_file = anomalous is not None and anomalous != CHANTLER
    calculation = table.build(
        Calculation.of,
        dmin=table.number("model_dmin") if "model_dmin" in table else None,
        anomalous=table.path("anomalous") if is_file else anomalous,
        solvent=(table.number("solvent_k", SOLVENT_K), table.number("solvent_B", SOLVENT_B)),
        energies=table.integer("energies", 1),
    )
    is_said = file_format == "model" or calculation != Calculation()
    return calculation if is_said else None


def _sampling(
    top: Table,
    wavelength: float,
    extremes: tuple[Crystal, Crystal],
    detector: Detector,
    has_file: bool,
    notes: list[str],
) -> Sampling:
    """What is not said is chosen: oversampling by the largest crystal, F by the smallest.

    ``wavelength`` is the shortest of the central beam in any frame [Å].
    """
    table = top.table("sampling", known("sampling"))
    largest, smallest = extremes
    recommended = recommended_for(detector, largest, wavelength)
    asked = table.integer("oversample") if "oversample" in table else None
    oversample, note = choose_oversample(asked, recommended, largest)
    notes.append(note)
    interpolate = False
    if "interpolate" in table:
        interpolate = table.flag("interpolate", False)
    elif has_file:
        interpolate, note = choose_interpolation(smallest.cells)
        notes.append(note)
    return table.build(
        Sampling,
        oversample=oversample,
        interpolate=interpolate,
        dmin=table.number("dmin", 0.0),
        **{
            name: table.flag(name, False)
            for name in ("oversample_thick", "oversample_polar", "oversample_omega")
        },
    )
