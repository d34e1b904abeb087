"""The nanoBragg options as tables: for ``--help`` and for the README."""

from tiled_sim.experiment.options import OPTIONS, Option


def option_table() -> str:
    """All options of nanoBragg, a line each: honoured, or refused and why."""
    lines = ["nanoBragg options (defaults in brackets):"]
    lines += [f"  {_usage(option):34} {_meaning(option)}" for option in OPTIONS]
    return "\n".join(lines)


def markdown_table() -> str:
    """The same for the README, with the other spellings."""
    lines = ["| option | here | also spelt |", "| --- | --- | --- |"]
    for option in OPTIONS:
        aliases = " ".join(f"`{alias}`" for alias in option.aliases)
        lines.append(f"| `{_usage(option)}` | {_meaning(option)} | {aliases} |")
    return "\n".join(lines)


def _usage(option: Option) -> str:
    numbers = ("float", "int")
    values = ["N" if kind in numbers else kind.upper() for kind in option.arguments]
    required = len(values) - option.optional
    shown = values[:required] + [f"[{value}]" for value in values[required:]]
    return " ".join([option.name, *shown])


def _meaning(option: Option) -> str:
    if option.refused:
        return f"refused: {option.refused}"
    if option.inert:
        return f"refused: {option.inert}; ignored with --c-compat"
    unit = f" [{option.unit}]" if option.unit else ""
    return f"{option.help}{unit}"
