"""Changes of a TOML document before it is resolved."""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tiled_sim.errors import ExperimentError
from tiled_sim.model.units import Unit, spellings
from tiled_sim.model.values import either

Sections = Mapping[tuple[str, ...], Mapping[str, Unit]]


def change_document(
    file: Path, content: dict[str, Any], changes: Mapping[str, Any], sections: Sections
) -> None:
    """Let a document say other values.

    A value takes the place of that of the same quantity, in whatever unit it stands there. What
    says the same in another way stays, and contradicts it where it is resolved.

    Parameters
    ----------
    file : the document's, for messages
    content : of the document, changed in place
    changes : values by ``section.key``
    sections : quantities of every table, by the names that lead to it

    Raises
    ------
    ExperimentError
        for keys that no document has
    """
    for key, value in changes.items():
        *names, spelt = key.split(".")
        known = sections.get(tuple(names))
        quantity = None if known is None else _quantity(spelt, known)
        if known is None or quantity is None:
            raise ExperimentError(f"{file}: changes: {_unknown(key, sections)}")
        table = content
        for name in names:
            table = table.setdefault(name, {})
            if not isinstance(table, dict):
                raise ExperimentError(
                    f"{file}: changes: {key}: the document's {name} is no table of keys and values"
                )
        for other in spellings(quantity, known[quantity]):
            table.pop(other, None)
        table[spelt] = _plain(value)


def _quantity(spelt: str, known: Mapping[str, Unit]) -> str | None:
    return next((name for name, unit in known.items() if spelt in spellings(name, unit)), None)


def _unknown(key: str, sections: Sections) -> str:
    keys = [
        ".".join((*names, spelt))
        for names, known in sections.items()
        for name, unit in known.items()
        for spelt in spellings(name, unit)
    ]
    nearest = difflib.get_close_matches(key, keys, n=3, cutoff=0.5)
    hint = f"did you mean {either(nearest)}?" if nearest else "keys are those of a TOML file"
    return f"unknown key {key!r}; {hint}"


def _plain(value: Any) -> Any:
    """A value as a TOML document has it."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, tuple):
        return [_plain(element) for element in value]
    return os.fspath(value) if isinstance(value, os.PathLike) else value
