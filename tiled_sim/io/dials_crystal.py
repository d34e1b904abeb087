"""The crystal of a DIALS experiment."""

import math

import numpy as np

from tiled_sim.io.dials_detector import TO_Z_ALONG_BEAM
from tiled_sim.io.json_node import JsonNode
from tiled_sim.model.recorded import IndexedCrystal
from tiled_sim.physics.vectors import Array

#: Least volume of a cell beside the product of its edges: flatter ones are no cells.
_FLAT = 1e-6


def read_crystal(node: JsonNode) -> tuple[IndexedCrystal, list[str]]:
    """The crystal that one entry of ``crystal`` describes, and what is to be said of it.

    dxtbx's A has a*, b*, c* [1/Å] as its columns.
    """
    direct = np.array([node[f"real_space_{axis}"].numbers(3) for axis in "abc"])
    _check_cell(node, direct, "real_space_a, real_space_b, real_space_c")
    notes = []
    if np.linalg.det(direct) < 0.0:
        notes.append("the crystal's a, b, c are left-handed")
    points = None
    if "A_at_scan_points" in node:
        points = _scan_points(node["A_at_scan_points"])
    crystal = IndexedCrystal(
        direct_vectors=direct @ TO_Z_ALONG_BEAM,
        reciprocal_at_scan_points=points,
        space_group=node["space_group_hall_symbol"].text,
        mosaicity=_angle(node, "mosaicity"),
        half_mosaicity=_angle(node, "ML_half_mosaicity_deg"),
        domain_size=_size(node, "ML_domain_size_ang"),
    )
    return crystal, notes


def _scan_points(node: JsonNode) -> Array | None:
    """Rows a*, b*, c* [1/Å] of every scan point, (n, 3, 3)."""
    points = node.elements()
    if not points:
        return None
    A = np.array([point.numbers(9).reshape(3, 3) for point in points])
    for point, matrix in zip(points, A, strict=True):
        _check_cell(point, matrix.T, "its columns a*, b*, c*")
    return A.transpose(0, 2, 1) @ TO_Z_ALONG_BEAM


def _check_cell(node: JsonNode, vectors: Array, names: str) -> None:
    edges = float(np.prod(np.linalg.norm(vectors, axis=1)))
    if not abs(float(np.linalg.det(vectors))) > _FLAT * edges:
        raise node.error(f"has vectors that span no cell ({names}): correct them")


def _angle(node: JsonNode, key: str) -> float | None:
    """An angle that a file gives in degrees [rad]; None: it does not."""
    size = _size(node, key)
    return None if size is None else math.radians(size)


def _size(node: JsonNode, key: str) -> float | None:
    if key not in node:
        return None
    value = node[key].number
    if value < 0.0:
        raise node[key].error(f"= {value} must not be negative: correct it")
    return value
