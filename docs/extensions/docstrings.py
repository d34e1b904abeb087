"""Docstrings of this package as Sphinx takes them.

They have numpy's sections with one difference: what follows the colon of a parameter says what it
is, and not its type, which stands in the signature.
"""

import re
from collections.abc import Iterator
from typing import Any

_FIELDS = {"Parameters": "param", "Attributes": "ivar", "Raises": "raises"}
_OTHERS = ("Returns", "Yields")
_UNDERLINE = re.compile(r"-{3,}$")


def setup(app: Any) -> dict[str, bool]:
    """Have every docstring converted."""
    app.connect("autodoc-process-docstring", _process)
    return {"parallel_read_safe": True}


def _process(app: Any, what: str, name: str, found: Any, options: Any, lines: list[str]) -> None:
    lines[:] = converted(lines)


def converted(lines: list[str]) -> list[str]:
    """Lines of a docstring with its sections as Sphinx' fields.

    Parameters
    ----------
    lines : without the indentation that all have
    """
    told: list[str] = []
    for title, body in _sections(lines):
        if title in _FIELDS:
            told += ["", *_fields(_FIELDS[title], body), ""]
        elif title in _OTHERS:
            told += ["", *_field(f"{title.lower()}", body), ""]
        else:
            told += body
    return told


def _sections(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Title and lines of every section; what stands before the first has none."""
    title, body = "", []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if _UNDERLINE.match(line) and not body:
            continue
        if _UNDERLINE.match(following) and line in (*_FIELDS, *_OTHERS):
            yield title, body
            title, body = line, []
        else:
            body.append(line)
    yield title, body


def _fields(field: str, body: list[str]) -> Iterator[str]:
    """A field for each name: ``a, b : text``, which goes on in indented lines."""
    entry: list[str] = []
    for line in [*body, ""]:
        if line and not line.startswith(" ") and entry:
            yield from _entry(field, entry)
            entry = []
        if line.strip():
            entry.append(line.strip())
    if entry:
        yield from _entry(field, entry)


def _entry(field: str, entry: list[str]) -> Iterator[str]:
    names, _, text = entry[0].partition(" :")
    for name in names.split(","):
        yield from _field(f"{field} {name.strip()}", [text.strip(), *entry[1:]])


def _field(name: str, body: list[str]) -> list[str]:
    first, *others = [line.strip() for line in body if line.strip()] or [""]
    return [f":{name}: {first}", *(f"    {line}" for line in others)]
