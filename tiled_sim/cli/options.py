"""The nanoBragg options as a table for ``--help``."""

from tiled_sim.experiment.options import OPTIONS, Option


def option_table() -> str:
    """All options of nanoBragg, a line each: honoured, or refused and why."""
    lines = ["nanoBragg options (defaults in brackets; aliases are accepted):"]
    for option in OPTIONS:
        lines.append(f"  {_left(option):34} {_right(option)}")
    return "\n".join(lines)


def _left(option: Option) -> str:
    values = " ".join(
        "N" if kind in ("float", "int") else kind.upper() for kind in option.arguments
    )
    return f"{option.name} {values}".strip()


def _right(option: Option) -> str:
    if option.refused:
        return f"refused: {option.refused}"
    if option.inert:
        return f"refused: {option.inert}; ignored with --c-compat"
    unit = f" [{option.unit}]" if option.unit else ""
    return f"{option.help}{unit}"
