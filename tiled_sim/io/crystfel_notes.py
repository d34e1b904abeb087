"""What a user is told of a CrystFEL geometry file, beside what a simulation needs."""

from collections.abc import Sequence

from tiled_sim.io.crystfel_text import Entry, GeometryText

_NAMED = 5


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


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
