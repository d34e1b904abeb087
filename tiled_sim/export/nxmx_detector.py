"""Where the panels stand, in NXmx: a chain of translations by their groups, a module a panel."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tiled_sim.export.nexus_writing import add_axis, add_field, add_group, add_translation
from tiled_sim.model.assembly import BeamFrame
from tiled_sim.model.detector import Panel
from tiled_sim.physics.vectors import Array, as_tuple


@dataclass(frozen=True, slots=True)
class Stack:
    """How panels share the image of a frame: one under the other, each in a slot of equal size.

    A slot is as large as the largest panel along each axis. It is a chunk, so that a panel is read
    alone. Modules are as wide as a slot, whatever their panel: DIALS 3.12 cannot cut a narrower one
    out of a mask. Their pixels that are none of the panel's are masked.

    Parameters
    ----------
    panels : how many
    slot : (slow, fast) number of pixels
    """

    panels: int
    slot: tuple[int, int]

    @classmethod
    def of(cls, panels: Sequence[Panel]) -> "Stack":
        """The stack of some panels."""
        slow, fast = zip(*(panel.pixels for panel in panels), strict=True)
        return cls(len(panels), (max(slow), max(fast)))

    @property
    def shape(self) -> tuple[int, int]:
        """(slow, fast) number of pixels of a frame."""
        return self.panels * self.slot[0], self.slot[1]

    def first_row(self, place: int) -> int:
        """Of a panel, by its place."""
        return place * self.slot[0]


def add_modules(detector: Any, panels: Sequence[Panel], frame: BeamFrame, stack: Stack) -> None:
    """Write the modules of a detector, and the axes that carry them.

    From the lab to a pixel: a shift along the beam to the middle of all panels; for each group one
    from the middle of what holds it to its own; for each panel one to its corner; then fast and
    slow as they are in the lab, since the groups of a run have names and no frames.

    Parameters
    ----------
    detector : NXdetector
    panels : in the order of the data
    frame : NeXus' frame in the run's lab
    stack : of the panels
    """
    corners = [frame.coordinates(np.array(panel.origin)) for panel in panels]
    middles = np.array([frame.coordinates(_middle(panel)) for panel in panels])
    axes = add_group(detector, "transformations", "NXtransformations")
    along = np.array([0.0, 0.0, float(middles[:, 2].mean())])
    root = add_axis(
        axes,
        "det_z",
        along[2],
        "m",
        vector=(0.0, 0.0, 1.0),
        carrier=".",
        kind="translation",
    )
    add_field(detector, "depends_on", root.name)
    carriers: dict[tuple[str, ...], tuple[str, Array]] = {(): (root.name, along)}
    for panel in panels:
        for depth in range(1, len(panel.group) + 1):
            path = panel.group[:depth]
            if path in carriers:
                continue
            carrier, position = carriers[path[:-1]]
            held = [one.group[:depth] == path for one in panels]
            middle = middles[held].mean(axis=0)
            name = _free(axes, path[-1])
            made = add_translation(axes, name, middle - position, carrier)
            made.attrs["equipment_component"] = path[-1]
            carriers[path] = made.name, middle
    for place, (panel, corner) in enumerate(zip(panels, corners, strict=True)):
        carrier, position = carriers[panel.group]
        module = add_group(detector, _free(detector, panel.name), "NXdetector_module")
        add_field(module, "data_origin", np.array([stack.first_row(place), 0]))
        add_field(module, "data_size", np.array([panel.pixels[0], stack.slot[1]]))
        offset = add_translation(module, "module_offset", corner - position, carrier)
        for name, axis, size in (
            ("fast_pixel_direction", panel.fast_axis, panel.pixel_size[1]),
            ("slow_pixel_direction", panel.slow_axis, panel.pixel_size[0]),
        ):
            vector = as_tuple(frame.coordinates(np.array(axis)))
            add_axis(
                module, name, size, "m", vector=vector, carrier=offset.name, kind="translation"
            )


def _middle(panel: Panel) -> Array:
    """Sample to the centre of a panel in the run's lab (3,) [m]."""
    (slow, fast), (height, width) = panel.pixels, panel.pixel_size
    across = fast * width * np.array(panel.fast_axis) + slow * height * np.array(panel.slow_axis)
    return np.asarray(panel.origin + 0.5 * across, dtype=np.float64)


def _free(group: Any, name: str) -> str:
    """A name for what is put into a group: that of people, as far as HDF5 takes it."""
    plain = name.replace("/", "_").strip(".") or "_"
    free, number = plain, 1
    while free in group:
        number += 1
        free = f"{plain}_{number}"
    return free
