"""All panels of a frame as one image for a comparison: one below the other, dead rows between."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tiled_sim.errors import UsageError
from tiled_sim.instruments.comparison import RADIUS, Comparison, correlation
from tiled_sim.instruments.image import Image, is_run, panels_of_run, read_image
from tiled_sim.model.assembly import Assembly
from tiled_sim.model.beam import Beam
from tiled_sim.model.detector import Detector
from tiled_sim.run.run import Run


@dataclass(frozen=True, eq=False)
class Stack:
    """Panels of two images, one below the other.

    Parameters
    ----------
    names : of the panels
    pixels : (slow, fast) of each
    detector, beam : that tell where they stand
    """

    names: tuple[str, ...]
    pixels: tuple[tuple[int, int], ...]
    detector: Detector
    beam: Beam

    @property
    def count(self) -> int:
        """Pixels of all panels."""
        return sum(slow * fast for slow, fast in self.pixels)

    @property
    def pitch(self) -> int:
        """Rows from a panel to the next; no peak reaches over those between."""
        return max(slow for slow, _ in self.pixels) + RADIUS

    def place(self, row: int) -> tuple[int, int]:
        """Panel and slow of a row."""
        panel, slow = divmod(row, self.pitch)
        return panel, slow

    def of(self, panel: int) -> tuple[slice, slice]:
        """Where a panel lies."""
        slow, fast = self.pixels[panel]
        return slice(panel * self.pitch, panel * self.pitch + slow), slice(0, fast)

    def stacked(self, images: Sequence[Image]) -> Image:
        """The images of the panels as one, dead between them and beside smaller ones."""
        shape = len(images) * self.pitch, max(fast for _, fast in self.pixels)
        pixels, live = np.zeros(shape), np.zeros(shape, dtype=np.bool_)
        for panel, image in enumerate(images):
            pixels[self.of(panel)] = image.pixels
            live[self.of(panel)] = image.live
        first = images[0]
        source = {
            **{name: value for name, value in first.source.items() if name != "panel"},
            "shape": [len(images), *shape_of(self.pixels)],
        }
        return replace(first, source=source, pixels=pixels, live=live)

    def assembled(self, image: Image) -> tuple[Image, Assembly]:
        """A stacked image as it is seen along the beam, dead in gaps; and the grid of its cells."""
        assembly = Assembly.of(self.detector, self.beam.direction)
        pixels, live = np.zeros(assembly.shape), np.zeros(assembly.shape, dtype=np.bool_)
        for seen in assembly.seen(range(assembly.shape[0]), range(assembly.shape[1])):
            at = seen.slow + seen.panel * self.pitch, seen.fast
            pixels[seen.row, seen.column] = image.pixels[at]
            live[seen.row, seen.column] = image.live[at]
        return replace(image, pixels=pixels, live=live), assembly


@dataclass(frozen=True, slots=True)
class PanelComparison:
    """What two images of one panel have in common.

    Parameters
    ----------
    panel, name : which
    pixels : compared
    sum_a, sum_b : [units of the images]
    correlation : NaN where an image is constant, or no pixel is compared
    largest_difference : largest |B - A| [units of the images]
    """

    panel: int
    name: str
    pixels: int
    sum_a: float
    sum_b: float
    correlation: float
    largest_difference: float

    @property
    def sum_ratio(self) -> float:
        """Sum of B / sum of A; NaN if that of A is zero."""
        return self.sum_b / self.sum_a if self.sum_a else float("nan")


def shape_of(pixels: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """(slow, fast) of the largest panel."""
    return max(slow for slow, _ in pixels), max(fast for _, fast in pixels)


def read_stacks(a: str, b: str, *, frame: int, counts: bool) -> tuple[Image, Image, Stack]:
    """All panels of A and of B.

    Parameters
    ----------
    a, b : names, of which one at least is that of a run; the other may be an HDF5 file
    frame : which exposure
    counts : of runs, the counts and not the expected photons

    Raises
    ------
    UsageError
        if they have not the same panels
    """
    runs = {name: Run(name) for name in (a, b) if is_run(name)}
    told = {name: run.experiment.detector.panels for name, run in runs.items()}
    if len(told) == 2 and [p.pixels for p in told[a]] != [p.pixels for p in told[b]]:
        raise UsageError(
            f"{a} has {_described(told[a])}, {b} {_described(told[b])}: all panels are compared "
            "only where number and sizes are the same; --panel NAME|N compares one"
        )
    experiment = next(iter(runs.values())).experiment
    panels = experiment.detector.panels
    stack = Stack(
        tuple(panel.name for panel in panels),
        tuple(panel.pixels for panel in panels),
        experiment.detector,
        experiment.beam,
    )
    first, second = (
        stack.stacked(
            panels_of_run(runs[name], frame, range(len(panels)), counts=counts)
            if name in runs
            else [
                _of_file(name, frame, number, panels[number].pixels)
                for number in range(len(panels))
            ]
        )
        for name in (a, b)
    )
    return first, second, stack


def _of_file(name: str, frame: int, panel: int, pixels: tuple[int, int]) -> Image:
    """A panel of an HDF5 file, which may be padded to the largest."""
    image = read_image(name, frame=frame, panel=panel)
    slow, fast = image.pixels.shape
    if slow < pixels[0] or fast < pixels[1]:
        raise UsageError(
            f"{name}: panel {panel} has {slow} x {fast} pixels (slow x fast), that of the run "
            f"{pixels[0]} x {pixels[1]}; --panel NAME|N compares one"
        )
    own = slice(0, pixels[0]), slice(0, pixels[1])
    return replace(image, pixels=image.pixels[own], live=image.live[own])


def _described(panels: Sequence[Any]) -> str:
    sizes = sorted({panel.pixels for panel in panels})
    shown = ", ".join(f"{slow} x {fast}" for slow, fast in sizes[:4])
    return f"{len(panels)} panel{'s' if len(panels) > 1 else ''} of {shown} pixels"


def compare_each_panel(a: Image, b: Image, stack: Stack) -> list[PanelComparison]:
    """Hold every panel of B against that of A.

    Parameters
    ----------
    a, b : stacked, with the same live pixels, finite
    stack : of them
    """
    found = []
    for panel, name in enumerate(stack.names):
        part = stack.of(panel)
        live = a.live[part]
        of_a, of_b = a.pixels[part][live], b.pixels[part][live]
        found.append(
            PanelComparison(
                *(panel, name, of_a.size, float(of_a.sum()), float(of_b.sum())),
                correlation(of_a, of_b) if of_a.size else float("nan"),
                float(np.abs(of_b - of_a).max(initial=0.0)),
            )
        )
    return found


def placed(document: dict[str, Any], stack: Stack, compared: Comparison) -> dict[str, Any]:
    """The document of a comparison of stacks, with every place by its panel.

    Parameters
    ----------
    document : of `Comparison.to_dict`
    stack : of the images
    compared : whose it is
    """
    row, fast = compared.largest_difference_at
    pairs = document["peaks"]["pairs"]
    for pair in pairs:
        for letter in "ab":
            at, column = pair[f"slow_fast_{letter}"]
            pair[f"panel_{letter}"], slow = stack.place(at)
            pair[f"slow_fast_{letter}"] = [slow, column]
    panel, slow = stack.place(row)
    return {
        **document,
        "masked": stack.count - compared.pixels,
        "largest_difference_at": [slow, fast],
        "largest_difference_panel": panel,
    }
