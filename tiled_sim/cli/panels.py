"""``--panel NAME|N``: a panel by its name, or by its number from 0."""

import argparse
import difflib

from tiled_sim.errors import UsageError
from tiled_sim.model.detector import Detector
from tiled_sim.model.values import integer_in, shown

#: Names that a message lists.
_LISTED = 12


def add_panel_option(parser: argparse.ArgumentParser, what: str) -> None:
    """The option, with what it chooses and, in brackets, what holds without it."""
    parser.add_argument("--panel", metavar="NAME|N", help=what)


def panel_of(options: argparse.Namespace, detector: Detector) -> int | None:
    """Number of the panel that ``--panel`` names; None: not given. Raises as `find_panel`."""
    return None if options.panel is None else find_panel(options.panel, detector)


def find_panel(text: str, detector: Detector, *, option: str = "--panel") -> int:
    """Number of a panel, by its number or its name.

    Whole numbers are those of panels, from 0; as a name one counts only where there is no panel of
    this number.

    Parameters
    ----------
    text : as the user gives it
    detector : whose panel it is
    option : that names it, for the messages

    Raises
    ------
    UsageError
        for a name that no panel has, with the nearest and the list, or that several have
    """
    names = [panel.name for panel in detector.panels]
    asked = integer_in(text)
    is_number = asked is not None and asked >= 0
    if asked is not None and 0 <= asked < len(names):
        return asked
    found = [number for number, name in enumerate(names) if name == text]
    if len(found) == 1:
        return found[0]
    told = shown(text)
    if found:
        listed = ", ".join(map(str, found))
        raise UsageError(
            f"{option} {told}: several panels have this name; give the number of one: {listed}"
        )
    if is_number:
        raise UsageError(f"{option} {asked}: there are {len(names)}, counted from 0")
    nearest = difflib.get_close_matches(text, names, n=1, cutoff=0.5)
    hint = f"; did you mean {nearest[0]}?" if nearest else "."
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    raise UsageError(
        f"{option} {told}: no panel has this name{hint} The names are "
        f"{', '.join(names[:_LISTED])}{more}, the numbers 0 to {len(names) - 1}"
    )
