"""The detector of a DIALS experiment: a tree of frames, each local to the one that holds it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tiled_sim.io.geometry_panels import (
    check_count,
    check_pixels,
    distinct,
    made_panel,
    placement_notes,
    told,
)
from tiled_sim.io.json_node import JsonNode
from tiled_sim.model.detector import Panel
from tiled_sim.model.geometry import StatedSensor
from tiled_sim.physics.vectors import Array, Vector

#: From dxtbx's frame (light along -z) to that with z along the beam and x left.
TO_Z_ALONG_BEAM = np.diag([-1.0, 1.0, -1.0])

_MM = 1e-3
_FRAME = ("fast_axis", "slow_axis", "origin")
#: What dxtbx says of the way from pixels to millimetres; none of them moves the origin.
_STRATEGIES = {
    "SimplePxMmStrategy": "pixels are where they are drawn",
    "ParallaxCorrectedPxMmStrategy": "the panel stands where its origin says, at the front of "
    "the sensor; the sensor makes the parallax",
    "OffsetPxMmStrategy": "the maps dx and dy of displaced pixels are not read",
    "OffsetParallaxCorrectedPxMmStrategy": "the panel stands where its origin says, at the front "
    "of the sensor, which makes the parallax; the maps dx and dy of displaced pixels are not read",
}


@dataclass(frozen=True, slots=True, eq=False)
class DialsDetector:
    """The detector of an experiment, in the frame with z along the beam.

    Parameters
    ----------
    panels : in the order of the file's list
    dead : of each panel, bool (slow, fast); None: every pixel lives
    sensors : of each panel; None: the file does not say
    notes : what was read and does not concern a simulation, and what is odd
    """

    panels: tuple[Panel, ...]
    dead: tuple[npt.NDArray[np.bool_] | None, ...]
    sensors: tuple[StatedSensor | None, ...]
    notes: tuple[str, ...]


def read_detector(node: JsonNode, direction: Vector) -> DialsDetector:
    """The detector that one entry of ``detector`` describes.

    Parameters
    ----------
    node : the entry: an object with ``panels`` and perhaps ``hierarchy``, or a list of panels
    direction : along which the light travels, in the frame with z along the beam
    """
    listed = (node if isinstance(node.value, list) else node["panels"]).elements()
    check_count(node.error, len(listed))
    sizes = [_pixels(panel) for panel in listed]
    parents, groups = _holders(node, listed)
    names = distinct([panel["name"].text if "name" in panel else "" for panel in listed])
    panels = tuple(
        _panel(panel, parent, size, name, group)
        for panel, parent, size, name, group in zip(
            listed, parents, sizes, names, groups, strict=True
        )
    )
    check_pixels(node.error, sizes)
    remarks: dict[str, list[str]] = {}
    sensors = []
    for panel, name in zip(listed, names, strict=True):
        sensor, said = _sensor(panel)
        sensors.append(sensor)
        for remark in [*said, *_remarks(panel)]:
            remarks.setdefault(remark, []).append(name)
    return DialsDetector(
        panels=panels,
        dead=tuple(_dead(panel, size) for panel, size in zip(listed, sizes, strict=True)),
        sensors=tuple(sensors),
        notes=(*told(remarks, len(panels)), *placement_notes(panels, direction)),
    )


def _pixels(panel: JsonNode) -> tuple[int, int]:
    """(slow, fast) number of pixels."""
    node = panel["image_size"]
    if len(node.elements()) != 2:
        raise node.error("must hold 2 numbers, pixels along fast and slow: correct it")
    fast, slow = (count.whole for count in node.elements())
    return slow, fast


def _holders(node: JsonNode, listed: list[JsonNode]) -> tuple[list[Array], list[tuple[str, ...]]]:
    """Frame (4, 4) [mm] of what holds each panel, and the names of its groups but the root."""
    frames = [np.eye(4)] * len(listed)
    groups: list[tuple[str, ...]] = [()] * len(listed)
    if isinstance(node.value, list) or "hierarchy" not in node:
        return frames, groups
    root = node["hierarchy"]
    held: set[int] = set()
    ahead: list[tuple[JsonNode, Array, tuple[str, ...]]] = [(root, np.eye(4), ())]
    while ahead:
        group, parent, path = ahead.pop()
        frame = parent @ _local_frame(group, optional=True)
        if group is not root:
            name = group["name"].text if "name" in group else ""
            path = (*path, name or group.path.rpartition(".")[2])
        for child in group["children"].elements():
            if "panel" not in child:
                ahead.append((child, frame, path))
                continue
            number = child["panel"].whole
            if not 0 <= number < len(listed):
                raise child.error(f"names panel {number} of {len(listed)}: correct it")
            if number in held:
                raise child.error(f"names panel {number}, which a group holds already: correct it")
            held.add(number)
            frames[number], groups[number] = frame, path
    for number, panel in enumerate(listed):
        if number not in held:
            raise panel.error(f"is in no group of {root.path}: give panel {number} a place there")
    return frames, groups


def _local_frame(node: JsonNode, optional: bool = False) -> Array:
    """Columns fast, slow, their normal and the origin [mm], as a matrix (4, 4)."""
    frame = np.eye(4)
    if optional and not any(key in node for key in _FRAME):
        return frame
    fast, slow = node["fast_axis"].direction(), node["slow_axis"].direction()
    normal = np.cross(fast, slow)
    if np.linalg.norm(normal) < 0.9:
        raise node.error("has fast_axis and slow_axis that are not at right angles: correct it")
    frame[:3, :3] = np.column_stack([fast, slow, normal])
    frame[:3, 3] = node["origin"].numbers(3)
    return frame


def _panel(
    node: JsonNode, parent: Array, pixels: tuple[int, int], name: str, group: tuple[str, ...]
) -> Panel:
    frame = parent @ _local_frame(node)
    width, height = node["pixel_size"].numbers(2)
    return made_panel(
        node.error,
        origin=TO_Z_ALONG_BEAM @ frame[:3, 3] * _MM,
        fast=TO_Z_ALONG_BEAM @ frame[:3, 0],
        slow=TO_Z_ALONG_BEAM @ frame[:3, 1],
        pixels=pixels,
        pixel_size=(height * _MM, width * _MM),
        name=name,
        group=group,
    )


def _dead(node: JsonNode, pixels: tuple[int, int]) -> npt.NDArray[np.bool_] | None:
    """What the rectangles of ``mask`` cover: first and past-the-last pixel, fast before slow."""
    if "mask" not in node or not node["mask"].elements():
        return None
    slow, fast = pixels
    dead = np.zeros(pixels, dtype=bool)
    for rectangle in node["mask"].elements():
        if len(rectangle.elements()) != 4:
            raise rectangle.error(
                "must hold 4 numbers, first fast and slow, then the fast and slow that follow "
                "the last: correct it"
            )
        fast_start, slow_start, fast_stop, slow_stop = (
            number.whole for number in rectangle.elements()
        )
        if fast_stop < fast_start or slow_stop < slow_start:
            raise rectangle.error("ends before it begins: correct it")
        dead[
            max(slow_start, 0) : min(max(slow_stop, 0), slow),
            max(fast_start, 0) : min(max(fast_stop, 0), fast),
        ] = True
    return dead if dead.any() else None


def _sensor(node: JsonNode) -> tuple[StatedSensor | None, list[str]]:
    """The sensor of a panel, and what is to be said of it and of the way to millimetres."""
    values = {key: node[key].number if key in node else 0.0 for key in ("thickness", "mu")}
    remarks = []
    if "px_mm_strategy" in node:
        strategy = node["px_mm_strategy"]
        kind = strategy["type"].text
        if kind not in _STRATEGIES:
            raise strategy["type"].error(
                f"= {kind!r} is none of {', '.join(_STRATEGIES)}: correct it"
            )
        remarks.append(f"px_mm_strategy {kind}: {_STRATEGIES[kind]}")
        if "mu" in strategy and "t0" in strategy:  # as dxtbx wrote them once, and still reads them
            values = {"thickness": strategy["t0"].number, "mu": strategy["mu"].number}
    for key, value in values.items():
        if value < 0.0:
            raise node.error(f"has {key} = {value}, which must not be negative: correct it")
    material = node["material"].text if "material" in node else ""
    named = material or "material not said"
    thickness, mu = values["thickness"], values["mu"]
    if thickness == 0.0:
        return None, remarks
    if mu == 0.0:
        remarks.append(f"sensor of {thickness:g} mm ({named}) without mu")
        return StatedSensor(thickness * _MM, None, material), remarks
    remarks.append(f"sensor of {thickness:g} mm ({named}), mu {mu:g} /mm at its wavelength")
    return StatedSensor(thickness * _MM, _MM / mu, material), remarks


def _remarks(node: JsonNode) -> list[str]:
    """What the file says of a panel's values, which no simulation needs."""
    found = []
    if "trusted_range" in node:
        low, high = node["trusted_range"].numbers(2)
        found.append(f"trusted_range from {low:g} to {high:g}, both included, is not used")
    for key, nothing in (("gain", 1.0), ("pedestal", 0.0)):
        if key in node and node[key].number != nothing:
            found.append(f"{key} = {node[key].number:g} is not used")
    if "raw_image_offset" in node and node["raw_image_offset"].numbers(2).any():
        found.append("raw_image_offset, the place in the image file, is not used")
    return found
