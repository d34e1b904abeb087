"""The keys of a TOML experiment as the page ``docs/experiment.md``."""

from tiled_sim.model.units import spellings
from tiled_sim.read.toml.keys import SECTIONS, Key, Section

_INTRODUCTION = """\
# An experiment in TOML

```sh
tiled-sim config examples/2erl.toml                   # everything that follows from it
tiled-sim plan examples/2erl.toml                     # what it will take; `submit` computes it
```

[examples/2erl.toml](../examples/2erl.toml) is one; `tiled-sim config` writes any experiment, one of
nanoBragg options too, as a document in which nothing is left to a default.

- A key carries the unit of its value: `distance_mm`, `start_deg`. Any unit of its row will do in
  its place: `distance_m`. A key that is not here is an error that names the nearest; a thing that
  is said twice is an error, too.
- Paths count from the folder of the document. Pairs are slow and fast.
- X, Y, Z are the laboratory's ([geometry.md](geometry.md#frames)): +Y is up, and the beam travels
  along +Z unless `beam.direction` says otherwise. Vectors of directions may have any length.
- *needed*: without it the document is refused.
- The last column names the options of nanoBragg ([options.md](options.md)) that say the same, or
  ours, with two dashes. Defaults are not always nanoBragg's: a document follows none of its
  conventions.

This page is made from the reader's own table:
`python -c "from tiled_sim.cli.keys import keys_page; print(keys_page(), end='')"`.
"""
_ABOVE = "## Above all tables"


def keys_page() -> str:
    """The page of all keys: value, unit, default, meaning, and what says the same in options."""
    return "\n".join([_INTRODUCTION, *(_section(section) for section in SECTIONS)])


def _section(section: Section) -> str:
    heading = [f"## `{section.title}`", "", section.about] if section.path else [_ABOVE]
    lines = [
        *heading,
        "",
        "| key | in units of | value | default | does | as option |",
        "| --- | --- | --- | --- | --- | --- |",
        *(_row(section, key) for key in section.keys),
    ]
    return "\n".join(lines) + "\n"


def _row(section: Section, key: Key) -> str:
    spelt = section.usual_spelling(key)
    every = spellings(key.name, section.units[key.name])
    first = spelt.removeprefix(f"{key.name}_")
    units = dict.fromkeys([first, *(other.removeprefix(f"{key.name}_") for other in every)])
    options = " ".join(f"`{option}`" for option in key.options.split())
    cells = (
        f"`{spelt}`",
        ", ".join(units) if section.units[key.name] else "",
        key.value,
        key.default,
        key.help,
        options,
    )
    # a bar of its own would end the cell
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
