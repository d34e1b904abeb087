"""How the chain of a pixel, and its comparison with another, are told to people."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from tiled_sim.instruments.chain_comparison import (
    DEPARTS,
    OURS_ONLY,
    THEIRS_ONLY,
    ChainComparison,
    Departure,
    Row,
)
from tiled_sim.instruments.tracing import TracedPixel, Tracer, relative
from tiled_sim.io.trace_log import Value, c_log_lines, digits
from tiled_sim.model.settings import REFERENCE
from tiled_sim.simulation.trace import UNITS


def chain_lines(tracer: Tracer, traced: TracedPixel) -> list[str]:
    """The whole chain of a pixel with units, its phi steps, and what the kernel makes of it."""
    slow, fast = traced.trace.pixel
    lines = [
        f"pixel     slow {slow}, fast {fast} (frame {traced.frame}, panel {traced.panel})",
        *_kernel_lines(tracer, traced),
    ]
    if traced.experiment.c_compat:
        lines.append("physics   --c-compat: the C program's faults are replayed")
    rows = [
        (name, digits(value), UNITS.get(name, "")) for name, value in traced.trace.values.items()
    ]
    lines += ["", *_table(("row", "value", "unit"), rows)]
    lines += ["", *_phi_table(traced)]
    if traced.steps is not None:
        lines += ["", *_steps_table(traced.steps)]
    return lines


def as_c_lines(traced: TracedPixel) -> list[str]:
    """The chain of a pixel as the C program would log it."""
    return c_log_lines(traced.trace.values, traced.trace.phi_steps, traced.angles)


def comparison_lines(compared: ChainComparison) -> list[str]:
    """Both chains side by side, and where they first depart."""
    both = [row for row in compared.rows if row.verdict not in (THEIRS_ONLY, OURS_ONLY)]
    lines = [
        f"against   {compared.path} ({compared.program})",
        f"tolerance {compared.tolerance:g}, relative to the length of a row",
        "",
        *_table(
            ("name", "theirs", "ours", "relative", "verdict"),
            [
                (row.name, _short(row.theirs), _short(row.ours), _relative(row), row.verdict)
                for row in both
            ],
        ),
        "",
    ]
    for verdict in (THEIRS_ONLY, OURS_ONLY):
        names = [row.name for row in compared.rows if row.verdict == verdict]
        if names:
            lines += [f"{verdict}: {', '.join(names)}", ""]
    meanings = {row.meaning: row.name for row in reversed(compared.rows) if _matters(row)}
    lines += [f"{name}: {meaning}" for meaning, name in reversed(meanings.items())]
    lines += [""] if meanings else []
    if compared.equal:
        return [*lines, f"equal: all {len(both)} rows that both have agree"]
    first, *others = compared.departures
    lines += ["first departure", *_departure_lines(first)]
    for other in others:
        lines += ["also, and not because of it", *_departure_lines(other)]
    return lines


def _kernel_lines(tracer: Tracer, traced: TracedPixel) -> list[str]:
    """Which kernel it was, what it makes of the pixel, and what a run has stored."""
    settings, device = tracer.simulator.plan.settings, tracer.simulator.device
    lines = [f"kernel    {settings.kernel}, {settings.precision} precision, on {device}"]
    if settings.kernel != REFERENCE:
        lines += [
            f"          I_pixel_final {traced.photons:.15g} photons, I_before_scaling (by the "
            f"chain's factors) {traced.intensity:.15g} electron²:",
            f"          relative difference from the chain {traced.kernel_difference:.2g}",
            "chain     float64, all steps at once: every row below, whatever the kernel",
        ]
    if traced.stored is not None:
        lines.append(f"stored    {_stored(traced)}")
    return lines


def _stored(traced: TracedPixel) -> str:
    stored, computed = traced.stored, traced.trace.values["floatimage_accumulated"]
    if stored is None or math.isnan(stored):
        return "not computed yet"
    if stored == computed:
        return f"{stored:.9g} photons, the same to the last bit"
    return (
        f"{stored:.9g} photons, computed now {computed:.9g}: relative difference "
        f"{relative(computed, stored):.2g}"
    )


def _phi_table(traced: TracedPixel) -> list[str]:
    """Phi steps of the last subpixel, first source, first mosaic domain."""
    rows = [
        (
            str(step["phi_tic"]),
            f"{angle:.10g}" + ("" if angle == step["phi_deg"] else f" ({step['phi_deg']:.10g})"),
            *(f"{index:.10g}" for index in step["hkl_frac"]),
            " ".join(f"{factor:.8g}" for factor in step["F_latt_abc"]),
            f"{step['F_latt']:.10g}",
            f"{step['F_cell']:.10g}",
        )
        for step, angle in zip(traced.trace.phi_steps, traced.angles, strict=True)
    ]
    head = ("phi_tic", "phi_deg", "h", "k", "l", "F_latt_a b c", "F_latt", "F_cell")
    lines = _table(head, rows)
    if any("(" in row[1] for row in rows):
        lines.append("in brackets: the phi that acts, which --c-compat carries over")
    return lines


def _steps_table(steps: Sequence[dict[str, Any]]) -> list[str]:
    """Every step of the sum; of a fused kernel what it makes of each step alone, too."""
    fused = "kernel_intensity" in steps[0]
    several = ["crystal"] if "crystal" in steps[0] else []
    rows = [
        (
            *(str(step[name]) for name in (*several, "layer", "subpixel", "source", "phi_tic")),
            f"{step['phi_deg']:.10g}",
            str(step["domain"]),
            *(f"{index:.10g}" for index in step["hkl_frac"]),
            " ".join(map(str, step["hkl_rounded"])),
            f"{step['F_cell']:.10g}",
            step["met"],
            f"{step['F_latt']:.10g}",
            f"{step['intensity']:.10g}",
            f"{100.0 * step['share']:.4g} %",
            *([f"{step['kernel_intensity']:.10g}"] if fused else []),
        )
        for step in steps
    ]
    head = [*several, "layer", "subpixel", "source", "phi_tic", "phi_deg", "domain"]
    head += ["h", "k", "l", "node"]
    head += ["F_cell", "met", "F_latt", "intensity", "share", *(["by the kernel"] if fused else [])]
    return _table(head, rows)


def _departure_lines(departure: Departure) -> list[str]:
    """One stage that departs on its own account."""
    lines = [f"  {departure.row}, of the stage {departure.stage!r}"]
    if departure.others:
        lines.append(f"  with it   {', '.join(departure.others)}")
    lines.append(f"  made of   {departure.made_of}")
    reasons = departure.reasons or ("none of the known ones explains the numbers",)
    return lines + [f"  reason    {reason}" for reason in reasons]


def _matters(row: Row) -> bool:
    """Whether what a row means must be said: it departs, or has no partner of its name."""
    return bool(row.meaning) and (row.verdict == DEPARTS or row.theirs_name_only)


def _short(value: Value | None) -> str:
    if value is None or isinstance(value, str):
        return value or "-"
    return " ".join(f"{number:.10g}" for number in value)


def _relative(row: Row) -> str:
    return "-" if row.difference is None else f"{row.difference:.1e}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Columns, each as wide as its widest cell."""
    table = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
