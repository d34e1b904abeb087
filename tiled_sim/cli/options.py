"""The nanoBragg options as tables: for ``--help``, and for the page ``docs/options.md``."""

from tiled_sim.io.mask_file import MASK_RULES
from tiled_sim.read.nanobragg.options import OPTIONS, Option

_INTRODUCTION = """\
# The options of nanoBragg

Every option of nanoBragg.c, what it does here, and whether that is what it does there. A nanoBragg
command becomes a tiled_sim command by writing `tiled-sim submit --out RUN.zarr` for `nanoBragg`;
options with two dashes are tiled_sim's own (`tiled-sim submit --help`). Names are matched whole: an
unknown one is refused with the nearest known. Of an option that is repeated the last counts.

*as C*: the same as there. *right where C is wrong*: see that row of
[differences.md](differences.md); `--c-compat` replays what C does where that is defined. *refused*:
an error, unless `--c-compat` says to ignore what C ignores.

This page is made from the parser's own table:
`python -c "from tiled_sim.cli.options import options_page; print(options_page(), end='')"`.
"""

_MASKS = """\

## Masks

What `-mask FILE`, `mask` in a TOML file and `compare --mask` read, and which pixels of it are dead.
The format is told by the file's content. A mask of which more than half the pixels are dead is a
note, and so is one of most formats that leaves every pixel live: it may be meant the other way
round. The header of an SMV or CBF image sets the geometry, where the options do not; of the others
only the number of pixels counts.

| format | dead are pixels where | which array of the file | sets the geometry |
| --- | --- | --- | --- |
"""


def option_table() -> str:
    """All options of nanoBragg, a line each: honoured, or refused and why."""
    lines = ["nanoBragg options (defaults in brackets):"]
    lines += [f"  {_usage(option):34} {_meaning(option)}" for option in OPTIONS]
    return "\n".join(lines)


def options_page() -> str:
    """The page of all options: what each does, unit, default, and whether that is as in C."""
    lines = [
        "| option | also spelt | does | unit | default | as C? |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for option in OPTIONS:
        aliases = " ".join(f"`{alias}`" for alias in option.aliases)
        cells = (f"`{_usage(option)}`", aliases, option.help, option.unit, option.default)
        # a bar of its own would end the cell
        row = (cell.replace("|", "\\|") for cell in (*cells, _as_c(option)))
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join([_INTRODUCTION, *lines, _MASKS + masks_table()])


def masks_table() -> str:
    """The rule of every format of masks, a row each."""
    rows = [
        f"| {rule.title} | {rule.dead} | {rule.array} | {'yes' if rule.geometry else 'no'} |\n"
        for rule in MASK_RULES.values()
    ]
    return "".join(rows)


def _usage(option: Option) -> str:
    numbers = ("float", "int")
    values = ["N" if kind in numbers else kind.upper() for kind in option.arguments]
    required = len(values) - option.optional
    shown = values[:required] + [f"[{value}]" for value in values[required:]]
    return " ".join([option.name, *shown])


def _meaning(option: Option) -> str:
    if option.inert:
        return f"refused: {option.inert}; ignored with --c-compat"
    default = f" ({option.default})" if option.default else ""
    unit = f" [{option.unit}]" if option.unit else ""
    return f"{option.help}{default}{unit}"


def _as_c(option: Option) -> str:
    if option.inert:
        return f"refused because {option.inert}"
    if not option.row:
        return "as C"
    rows = "rows" if "," in option.row else "row"
    return f"right where C is wrong ({rows} {option.row})"
