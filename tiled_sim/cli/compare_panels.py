"""The panels of a comparison: which are meant, and what is told of each."""

import argparse
import math
from typing import TYPE_CHECKING, Any

from tiled_sim.cli.panels import find_panel
from tiled_sim.errors import UsageError
from tiled_sim.model.values import integer_in, shown

if TYPE_CHECKING:
    from tiled_sim.instruments.comparison import Comparison
    from tiled_sim.instruments.image import Image
    from tiled_sim.instruments.stack import PanelComparison, Stack

#: Panels that are listed one by one; of more those that differ most.
_LISTED = 16


def read_both(
    options: argparse.Namespace, shape: tuple[int, int] | None
) -> "tuple[Image, Image, Stack | None, list[str]]":
    """A and B; if all of several panels are meant, stacked; and what is odd about their panels.

    Parameters
    ----------
    options : of `compare`
    shape : of a raw image

    Raises
    ------
    UsageError
        if all panels are meant and A and B have not the same, or an option is of one panel alone
    """
    from tiled_sim.instruments.image import has_frames, is_run, read_image
    from tiled_sim.instruments.stack import read_stacks
    from tiled_sim.run.run import Run

    names = (options.a, options.b)
    frame = options.frame or 0
    detectors = {name: Run(name).experiment.detector for name in names if is_run(name)}
    several = [name for name, found in detectors.items() if len(found.panels) > 1]
    if options.panel is None and several:
        count = len(detectors[several[0]].panels)
        for name in names:
            if not has_frames(name):
                raise UsageError(
                    f"{several[0]} has {count} panels and {name} is one image: --panel NAME|N says "
                    "which panel it is held against"
                )
        for option in ("roi", "mask"):
            if getattr(options, option) is not None:
                raise UsageError(
                    f"--{option} is that of one panel, and {several[0]} has {count}: --panel "
                    "NAME|N says which"
                )
        a, b, stack = read_stacks(*names, frame=frame, counts=options.counts)
        return a, b, stack, _unlike_names(options, detectors)
    numbers = _numbers(options.panel, detectors)
    of_files = next(iter(numbers.values()), None)
    if of_files is None:
        of_files = _number_alone(options.panel)
    a, b = (
        read_image(
            name,
            shape=shape,
            frame=frame,
            panel=numbers.get(name, of_files),
            counts=options.counts,
        )
        for name in names
    )
    return a, b, None, []


def _numbers(text: str | None, detectors: dict[str, Any]) -> dict[str, int]:
    """Number of the panel in each run."""
    if text is None:
        return dict.fromkeys(detectors, 0)
    return {name: find_panel(text, found) for name, found in detectors.items()}


def _number_alone(text: str | None) -> int:
    """Number of a panel where there are no names."""
    if text is None:
        return 0
    number = integer_in(text)
    if number is None or number < 0:
        raise UsageError(
            f"--panel {shown(text)}: only panels of a run have names; give a number from 0"
        )
    return number


def _unlike_names(options: argparse.Namespace, detectors: dict[str, Any]) -> list[str]:
    """A note where panels of one number have not one name."""
    if len(detectors) < 2:
        return []
    pairs = zip(detectors[options.a].panels, detectors[options.b].panels, strict=True)
    for number, (first, second) in enumerate(pairs):
        if first.name != second.name:
            return [
                f"panels are held against each other by number, and panel {number} is "
                f"{first.name} in A, {second.name} in B"
            ]
    return []


def place_text(found: "Comparison", stack: "Stack | None") -> str:
    """Where the largest difference is."""
    row, fast = found.largest_difference_at
    if stack is None:
        return f"slow {row}, fast {fast}"
    panel, slow = stack.place(row)
    return f"slow {slow}, fast {fast} of panel {_named(panel, stack.names[panel])}"


def panel_lines(a: "Image", b: "Image", stack: "Stack") -> list[str]:
    """A table of the panels, the ones that differ most if they are many."""
    from tiled_sim.instruments.stack import compare_each_panel

    every = compare_each_panel(a, b, stack)
    shown = every
    if len(every) > _LISTED:
        worst = sorted(every, key=lambda one: -one.largest_difference)[:_LISTED]
        shown = sorted(worst, key=lambda one: one.panel)
    rows = [("panel", "correlation", "sum ratio", "largest |B - A|", "pixels")]
    rows += [
        (
            _named(one.panel, one.name),
            _number(one.correlation),
            _number(one.sum_ratio),
            _number(one.largest_difference),
            str(one.pixels),
        )
        for one in shown
    ]
    width = max(len(row[0]) for row in rows)
    lines = [
        f"{name:{width}}  {correlation:>14}  {ratio:>14}  {difference:>15}  {pixels:>9}"
        for name, correlation, ratio, difference, pixels in rows
    ]
    if len(every) > len(shown):
        lines.append(f"… and {len(every) - len(shown)} panels that differ by less")
    return lines


def panels_document(
    document: dict[str, Any], a: "Image", b: "Image", stack: "Stack", found: "Comparison"
) -> dict[str, Any]:
    """The document of a comparison with its places by panel, and with every panel's own numbers."""
    from tiled_sim.instruments.stack import compare_each_panel, placed

    return {
        **document,
        "comparison": placed(document["comparison"], stack, found),
        "panels": [_plain(one) for one in compare_each_panel(a, b, stack)],
    }


def _plain(one: "PanelComparison") -> dict[str, Any]:
    numbers = {
        name: getattr(one, name)
        for name in ("sum_a", "sum_b", "sum_ratio", "correlation", "largest_difference")
    }
    return {
        "panel": one.panel,
        "name": one.name,
        "pixels": one.pixels,
        **{name: value if math.isfinite(value) else None for name, value in numbers.items()},
    }


def _named(panel: int, name: str) -> str:
    return str(panel) if name == str(panel) else f"{panel} ({name})"


def _number(value: float) -> str:
    return "undefined" if math.isnan(value) else f"{value:.9g}"
