"""What a user is told of a CrystFEL geometry file, beside what a simulation needs."""

from collections.abc import Sequence

import numpy as np

from tiled_sim.io.crystfel_text import Entry, GeometryText
from tiled_sim.model.arrangement import left_handed, overlapping
from tiled_sim.model.detector import Panel

_NAMED = 5
#: From the right angle, of axes that are told of [rad].
_SKEW = 1e-3


def notes_of_panels(panels: Sequence[Panel]) -> tuple[str, ...]:
    """Panels that are real, and rarely meant: left-handed, overlapping, skew."""
    notes = []
    mirrored = left_handed(panels)
    if mirrored:
        notes.append(
            f"{_count(len(mirrored), 'left-handed panel')} (fast x slow points at the sample): "
            f"{_listed([panels[index].name for index in mirrored])}"
        )
    pairs = overlapping(panels)
    if pairs:
        named = [f"{panels[first].name} and {panels[second].name}" for first, second in pairs]
        notes.append(
            f"{_count(len(pairs), 'pair')} of panels that overlap, seen from the sample; each is "
            f"computed as if it stood alone: {_listed(named)}"
        )
    cosines = [abs(float(np.dot(panel.fast_axis, panel.slow_axis))) for panel in panels]
    if max(cosines) > _SKEW:
        name = panels[int(np.argmax(cosines))].name
        notes.append(
            f"fs and ss are up to {max(cosines) * 1e3:.3g} mrad off the right angle (panel {name})"
        )
    return tuple(notes)


def notes_of_text(text: GeometryText) -> tuple[str, ...]:
    """What was read and not used, and what looks like a slip."""
    notes = []
    if text.repeated:
        lines = [str(entry.line) for entry in text.repeated]
        notes.append(f"values that replace another of the same panel, in lines {_listed(lines)}")
    idle = text.idle()
    if idle:
        notes.append(
            "no panel begins after these defaults, which count for none: "
            f"{_listed([f'{entry.key} (line {entry.line})' for entry in idle])}"
        )
    if not text.complete:
        notes.append("the last line does not end: the file may be cut short")
    unused = text.unused()
    if unused:
        told = ", ".join(_told(entries) for entries in unused.values())
        notes.append(f"read, of no concern to a simulation: {told}")
    return tuple(notes)


def _told(entries: list[Entry]) -> str:
    """A key with its first line, and how often it stands elsewhere."""
    first, *others = entries
    more = f" and {len(others)} more" if others else ""
    return f"{first.key} (line {first.line}{more})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
