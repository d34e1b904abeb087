"""The space group of a run's structure factors, for programs that ask for one."""

from tiled_sim.errors import MissingExtraError
from tiled_sim.export.selection import Selection
from tiled_sim.io.space_group import find_space_group

P1 = "P 1"


def hall_symbol(selection: Selection) -> tuple[str, tuple[str, ...]]:
    """Hall symbol of the group that is known, or of P 1; and notes."""
    name = known_group(selection)
    if name is None:
        return P1, ()
    try:
        return str(find_space_group(name).hall), ()
    except MissingExtraError:
        return P1, (f"the space group {name} is written as P 1: gemmi, which knows it, is missing",)


def group_number(selection: Selection) -> tuple[int, tuple[str, ...]]:
    """Number of the group that is known, or 1; and notes."""
    name = known_group(selection)
    if name is None:
        return 1, ()
    try:
        return int(find_space_group(name).number), ()
    except MissingExtraError:
        return 1, (f"the space group {name} is written as 1: gemmi, which knows it, is missing",)


def known_group(selection: Selection) -> str | None:
    """Name of the group of the structure factors; None: not known."""
    stated = selection.experiment.structure_factors.space_group
    provenance = selection.run.attributes["structure_factors"] or {}
    found = stated or provenance.get("space_group")
    return None if found is None else str(found)
