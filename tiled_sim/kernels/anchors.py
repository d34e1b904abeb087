"""Anchors: h, k, l at one point of every block, less their nearest nodes.

h = a·(d - i)/λ is split into its value at the block's anchor, whose whole part is peeled off
exactly, and a·(d - d_anchor)/λ, which is small. For a whole number of cells the lattice factor is
the same function of what is left, and the node is the anchor's plus a small whole number.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from tiled_sim.kernels.scene import Scene
from tiled_sim.physics.geometry import Vectors
from tiled_sim.physics.lattice import nearest_node
from tiled_sim.physics.vectors import Vector

#: Nodes beyond this lie outside every table, and whole parts stay within int32.
_FAR = float(1 << 28)


@dataclass(frozen=True, eq=False)
class StepTable:
    """Steps that share the direction of the incident beam.

    Parameters
    ----------
    incident : unit vector
    vectors : float64 (steps, 3, 3), rows a/λ, b/λ, c/λ
    weights : float64 (steps,), of the sources
    wavelengths : float64 (steps,) [Å]
    """

    incident: Vector
    vectors: Tensor
    weights: Tensor
    wavelengths: Tensor


@dataclass(frozen=True, eq=False)
class Anchors:
    """Remainders and nodes of some steps at the anchors of some blocks.

    Parameters
    ----------
    remainder : float64 (steps, 3, blocks, 1), h less its nearest node
    node : int32 (steps, 3, blocks, 1), the nearest node's place in the padded table
    """

    remainder: Tensor
    node: Tensor


def step_tables(scene: Scene, weights: tuple[float, ...], device: torch.device) -> list[StepTable]:
    """Every step of a scene, grouped by the direction of its source, in the order of summation.

    Parameters
    ----------
    scene : the panel in its frame
    weights : of the sources, mean 1
    """
    orientations = torch.from_numpy(scene.orientations).reshape(-1, 3, 3).to(device)
    grouped: dict[Vector, list[tuple[float, float]]] = {}
    for source, weight in zip(scene.beam.spectrum, weights, strict=True):
        grouped.setdefault(source.incident, []).append((source.wavelength, weight))
    tables = []
    for incident, members in grouped.items():
        vectors = torch.cat([orientations / wavelength for wavelength, _ in members])
        of_source = torch.tensor(members, dtype=torch.float64, device=device)
        wavelengths, of_step = of_source.repeat_interleave(len(orientations), dim=0).unbind(1)
        tables.append(StepTable(incident, vectors, of_step, wavelengths))
    return tables


def anchor(vectors: Tensor, difference: Vectors, minimum: tuple[int, int, int]) -> Anchors:
    """Peel off the nearest nodes at the anchors.

    Parameters
    ----------
    vectors : float64 (steps, 3, 3), rows of the crystal (over λ)
    difference : d - i at each anchor (or q, for vectors not over λ), float64 (blocks,)
    minimum : h, k, l of the first node of the table
    """
    x, y, z = (component[None, None, :] for component in difference)
    a = vectors[..., None]
    h = a[:, :, 0] * x + a[:, :, 1] * y + a[:, :, 2] * z
    nearest = nearest_node(h)
    # the table has a border of one node on every side
    low = torch.tensor(minimum, dtype=torch.float64, device=h.device)[None, :, None] - 1.0
    node = (nearest - low).clamp(-_FAR, _FAR).to(torch.int32)
    return Anchors((h - nearest)[..., None], node[..., None])
