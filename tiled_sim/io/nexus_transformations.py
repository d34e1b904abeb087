"""NeXus' chains of transformations: each axis names the one that carries it."""

from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np

from tiled_sim.io.hdf5_node import ANGLES, LENGTHS, Hdf5Node
from tiled_sim.physics.vectors import Array, about_axis

#: Names of the datasets that count pixels: for pixel (0, 0) they shift nothing.
PIXEL_DIRECTIONS = ("fast_pixel_direction", "slow_pixel_direction")

#: Of vectors that are stored as float32.
_ROUNDING = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """One transformation of a chain.

    Parameters
    ----------
    identity : of its dataset
    name : what people call it: its component of the equipment, or the last part of its path
    matrix : from the axis' frame to that of the axis which carries it, (4, 4) [m]
    """

    identity: Hashable
    name: str
    matrix: Array


@dataclass(slots=True)
class Transformations:
    """Chains of one file; every axis is read once.

    Parameters
    ----------
    notes : what was assumed or is odd, each once
    """

    notes: dict[str, None] = field(default_factory=dict)
    _axes: dict[Hashable, Axis] = field(default_factory=dict)

    def chain(self, node: Hdf5Node, attribute: bool = True) -> list[Axis]:
        """The axes that carry an item, from the nearest to the root.

        Parameters
        ----------
        node : a dataset whose attribute ``depends_on`` is followed, or a group
        attribute : False: follow the dataset ``depends_on`` of a group
        """
        carrier = carrier_of(node, attribute)
        return [] if carrier is None else self.chain_from(carrier)

    def chain_from(self, axis: Hdf5Node) -> list[Axis]:
        """An axis and those that carry it, from itself to the root."""
        followed: dict[Hashable, str] = {}
        axes = []
        carrier: Hdf5Node | None = axis
        while carrier is not None:
            if carrier.identity in followed:
                circle = " → ".join([*followed.values(), carrier.path])
                raise axis.error(f"depends on axes without end: {circle}; correct depends_on")
            followed[carrier.identity] = carrier.path
            axes.append(self._axis(carrier))
            carrier = carrier_of(carrier)
        return axes

    def vector(self, node: Hdf5Node, what: str) -> Array:
        """The vector of an axis, (3,); one that is not a unit vector is noted."""
        vector = node.attribute_vector("vector")
        if vector is None:
            raise node.error("has no attribute 'vector': write the axis' direction")
        length = float(np.linalg.norm(vector))
        if length > 0.0 and abs(length - 1.0) > _ROUNDING:
            self.notes[f"{node.path}: its vector has length {length:.6g}, not 1: {what}"] = None
        return vector

    def offset(self, node: Hdf5Node) -> Array:
        """The offset of an axis, in the frame of what carries it, (3,) [m]."""
        given = node.attribute("offset")
        if given is None or not np.any(given):
            return np.zeros(3)
        offset = node.attribute_vector("offset")
        if not node.attribute_text("offset_units") and (
            node.attribute_text("units").strip().casefold() in LENGTHS
        ):
            self.notes[f"{node.path}: its offset has no offset_units: its units are taken"] = None
            return np.asarray(offset) * node.factor(LENGTHS)
        return np.asarray(offset) * node.factor(LENGTHS, "offset_units")

    def _axis(self, node: Hdf5Node) -> Axis:
        if node.identity not in self._axes:
            name = node.attribute_text("equipment_component") or node.name
            self._axes[node.identity] = Axis(node.identity, name, self._matrix(node))
        return self._axes[node.identity]

    def _matrix(self, node: Hdf5Node) -> Array:
        """What one axis does: v' = R v + t + o, (4, 4) [m]."""
        matrix = np.eye(4)
        matrix[:3, 3] = self.offset(node)
        if node.name in PIXEL_DIRECTIONS:
            return matrix
        values = node.numbers.ravel()
        value = float(values[0])
        if np.any(values != value):
            self.notes[
                f"{node.path}: it moves through {values.size} positions: the first, {value:g}, "
                "is taken"
            ] = None
        if value == 0.0:
            return matrix
        kind = node.attribute_text("transformation_type")
        if kind not in ("translation", "rotation"):
            raise node.error(
                f"has transformation_type {kind!r} and a value of {value:g}: write translation or "
                "rotation"
            )
        what = "shift" if kind == "translation" else "angle"
        vector = self.vector(node, f"its {what} is that much longer, as DIALS takes it")
        length = float(np.linalg.norm(vector))
        if length == 0.0:
            raise node.error("has a zero vector, so it has no direction: correct it")
        if kind == "translation":
            matrix[:3, 3] += value * node.factor(LENGTHS) * vector
        else:
            angle = value * node.factor(ANGLES) * length
            matrix[:3, :3] = about_axis(vector / length, angle)
        return matrix


def placed(axes: list[Axis]) -> Array:
    """From the frame at the end of a chain to the lab, (4, 4) [m]: the root is applied last."""
    total = np.eye(4)
    for axis in axes:
        total = axis.matrix @ total
    return total


def carrier_of(node: Hdf5Node, attribute: bool = True) -> Hdf5Node | None:
    """The axis that an item depends on; None: it stands in the lab, or says nothing.

    A path that does not begin with ``/`` is one from the group that holds the axis, or from the
    group whose dataset it is.
    """
    if attribute:
        named, base = node.attribute_text("depends_on"), node.parent
    else:
        listed = node.get("depends_on")
        named, base = "" if listed is None else listed.text, node
    if named in ("", "."):
        return None
    found = base.get(named)
    if found is None or not found.is_dataset:
        raise node.error(f"depends on {named!r}, which is no axis of this file: correct depends_on")
    return found
