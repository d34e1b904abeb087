"""Logs of a pixel's scaling chain: the C program's, the torch port's, and our own JSON.

A line ``TRACE_C: name number…`` is a row; ``TRACE_C:name=…`` a row of the detector's placement;
``TRACE_C_PHI name=number…`` a phi step. The torch port writes ``TRACE_PY`` for ``TRACE_C``. All
other lines are chatter. Where a row comes again, for another subpixel, the last one counts.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tiled_sim.errors import InputFileError

Value = tuple[float, ...] | str
SCHEMA: Final = "tiled_sim trace 1"

#: Rows of the C program, in its order. ``TRACE_C_PHI`` of the first step stands before F_cell.
C_ROWS: Final = (
    "pix0_vector_meters",
    "fdet_vec",
    "sdet_vec",
    "pixel_pos_meters",
    "R_distance_meters",
    "omega_pixel_sr",
    "close_distance_meters",
    "obliquity_factor",
    "diffracted_vec",
    "incident_vec",
    "lambda_meters",
    "lambda_angstroms",
    "scattering_vec_A_inv",
    "rot_a_angstroms",
    "rot_b_angstroms",
    "rot_c_angstroms",
    "rot_a_star_A_inv",
    "rot_b_star_A_inv",
    "rot_c_star_A_inv",
    "hkl_frac",
    "hkl_rounded",
    "F_latt_a",
    "F_latt_b",
    "F_latt_c",
    "F_latt",
    "F_cell",
    "I_before_scaling",
    "r_e_meters",
    "r_e_sqr",
    "fluence_photons_per_m2",
    "steps",
    "oversample_thick",
    "oversample_polar",
    "oversample_omega",
    "capture_fraction",
    "polar",
    "omega_pixel",
    "cos_2theta",
    "I_pixel_final",
    "floatimage_accumulated",
)

_PROGRAMS = {"C": "nanoBragg.c", "PY": "torch port"}
_ROW = re.compile(r"TRACE_(C|PY): +(\w+) +(.*)")
_PLACEMENT = re.compile(r"TRACE_(C|PY):(\w+)=(.*)")
_PHI_STEP = re.compile(r"TRACE_(C|PY)_PHI +(.*)")
_PIXEL = re.compile(r"TRACE_CONFIG: tracing pixel \(spixel=(\d+), fpixel=(\d+)\)")


@dataclass(slots=True)
class TraceLog:
    """A pixel's chain as a program told it.

    Parameters
    ----------
    path : of the file
    program : ``nanoBragg.c``, ``torch port`` or ``tiled_sim``
    pixel : (slow, fast), if the log says which
    rows : numbers, or what is no number, by name
    phi_steps : of the last subpixel, first source and domain, numbers by name
    """

    path: str
    program: str = ""
    pixel: tuple[int, int] | None = None
    rows: dict[str, Value] = field(default_factory=dict)
    phi_steps: list[dict[str, float]] = field(default_factory=list)


def read_trace_log(path: str | Path, pixel: tuple[int, int]) -> TraceLog:
    """Read the chain of a pixel.

    Parameters
    ----------
    path : a log, or what ``tiled-sim trace --json`` printed
    pixel : (slow, fast)

    Raises
    ------
    InputFileError
        if the file cannot be read, holds no trace, or one of other pixels
    """
    try:
        text = Path(path).read_text()
    except OSError as error:
        raise InputFileError(f"cannot read the trace {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputFileError(f"{path} is no trace: it is not text") from None
    log = (
        _read_json(path, text, pixel) if text.lstrip().startswith("{") else _read_lines(path, text)
    )
    if not log.rows:
        raise InputFileError(
            f"{path} holds no trace: no line begins with `TRACE_C: ` or `TRACE_PY: `, and it is no "
            "JSON (`tiled-sim trace` writes the one with --as-c, the other with --json)"
        )
    if log.pixel not in (None, pixel):
        raise InputFileError(
            f"{path} is of pixel {log.pixel[0]} {log.pixel[1]} (slow fast), "
            f"not of {pixel[0]} {pixel[1]}"
        )
    return log


def c_log_lines(
    values: Mapping[str, Any], phi_steps: Sequence[Mapping[str, Any]], angles: Sequence[float]
) -> list[str]:
    """Our chain as the C program writes its own, to 15 digits.

    Parameters
    ----------
    values, phi_steps : of a `tiled_sim.simulation.trace.Trace`
    angles : phi of each step as the experiment has it [°]
    """
    steps = [_phi_line(step, angle) for step, angle in zip(phi_steps, angles, strict=True)]
    lines = []
    for name in C_ROWS:
        if name == "F_cell":
            lines.append(steps[0])
        if name in values:
            lines.append(f"TRACE_C: {name} {digits(values[name])}")
        if name == "F_cell":
            lines += steps[1:]
    return lines


def digits(value: float | Sequence[float] | str) -> str:
    """A row's numbers with the C program's 15 digits."""
    if isinstance(value, str):
        return value
    numbers = value if isinstance(value, Sequence) else (value,)
    return " ".join(f"{number:.15g}" for number in numbers)


def phi_numbers(step: Mapping[str, Any], angle: float) -> dict[str, float]:
    """What the C program logs of a phi step.

    Parameters
    ----------
    step : of a `tiled_sim.simulation.trace.Trace`
    angle : phi as the experiment has it [°]
    """
    told = {"phi_tic": step["phi_tic"], "phi_deg": angle, "k_frac": step["hkl_frac"][1]}
    if len(step["F_latt_abc"]) == 3:
        told["F_latt_b"] = step["F_latt_abc"][1]
    return {**told, "F_latt": step["F_latt"]}


def _phi_line(step: Mapping[str, Any], angle: float) -> str:
    told = phi_numbers(step, angle)
    return "TRACE_C_PHI " + " ".join(f"{name}={digits(value)}" for name, value in told.items())


def _read_lines(path: str | Path, text: str) -> TraceLog:
    log = TraceLog(str(path))
    for number, line in enumerate(text.splitlines(), start=1):
        where = f"{path}, line {number}"
        if found := _PIXEL.match(line):
            log.pixel = (int(found[1]), int(found[2]))
        elif found := _ROW.match(line):
            _set_program(log, found[1], where)
            log.rows[found[2]] = tuple(_number(word, where) for word in found[3].split())
        elif found := _PLACEMENT.match(line):
            _set_program(log, found[1], where)
            log.rows.update(_placement(found[2], found[3].strip()))
        elif found := _PHI_STEP.match(line):
            _set_program(log, found[1], where)
            step = _phi_step(found[2], where)
            if step.get("phi_tic") == 0:
                log.phi_steps.clear()
            log.phi_steps.append(step)
    return log


def _set_program(log: TraceLog, letters: str, where: str) -> None:
    program = _PROGRAMS[letters]
    if log.program not in ("", program):
        raise InputFileError(
            f"{where}: a row of the {program} after rows of {log.program}; keep each program's "
            "output in a file of its own"
        )
    log.program = program


def _number(word: str, where: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise InputFileError(f"{where}: {word!r} is not a number") from None


def _phi_step(words: str, where: str) -> dict[str, float]:
    step = {}
    for word in words.split():
        name, equals, value = word.partition("=")
        if not equals:
            raise InputFileError(f"{where}: {word!r} is not of the form name=number")
        step[name] = _number(value, where)
    return step


def _placement(name: str, text: str) -> dict[str, Value]:
    """Rows of one line: numbers, numbers with names of their own, or words."""
    parts = [word.rpartition(":") for word in text.split()]
    try:
        if all(part for part, _, _ in parts):
            return {f"{name}.{part}": (float(value),) for part, _, value in parts}
        return {name: tuple(float(word) for word in text.split())}
    except ValueError:
        return {name: text}


def _read_json(path: str | Path, text: str, pixel: tuple[int, int]) -> TraceLog:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise InputFileError(f"{path} is not JSON: {error}") from None
    if document.get("schema") != SCHEMA:
        raise InputFileError(
            f"{path} is JSON, but no trace: its schema is {document.get('schema')!r}, "
            f"not {SCHEMA!r}"
        )
    try:
        found = [tuple(traced["pixel"]) for traced in document["pixels"]]
        if pixel not in found:
            told = ", ".join(f"{slow} {fast}" for slow, fast in found)
            raise InputFileError(
                f"{path} is of the pixels {told} (slow fast), not of {pixel[0]} {pixel[1]}"
            )
        traced = document["pixels"][found.index(pixel)]
        rows: dict[str, Value] = {name: _tuple(value) for name, value in traced["values"].items()}
        steps = [phi_numbers(step, step["phi_deg"]) for step in traced["phi_steps"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputFileError(f"{path}: its trace lacks or spoils {error}") from None
    return TraceLog(str(path), "tiled_sim", pixel, rows, steps)


def _tuple(value: Any) -> tuple[float, ...]:
    return tuple(float(part) for part in (value if isinstance(value, list) else [value]))
