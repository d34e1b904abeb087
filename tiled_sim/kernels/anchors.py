"""Anchors: h, k, l at one point of every block, less their nearest nodes.

h = a·(d - i)/λ is split into its value at the block's anchor, whose whole part is peeled off
exactly, and a·(d - d_anchor)/λ, which is small. For a whole number of cells the lattice factor is
the same function of what is left, and the node is the anchor's plus a small whole number.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from tiled_sim.kernels.scene import Scene
from tiled_sim.physics.geometry import Vectors
from tiled_sim.physics.lattice import nearest_node
from tiled_sim.physics.vectors import Vector

#: Nodes beyond this lie outside every table, and whole parts stay within int32.
_FAR = float(1 << 28)
#: Bytes of a step in a `StepTable`.
BYTES_PER_STEP = 88
#: Of a scene of so many steps, 12 MB, all tables are kept.
STEPS_KEPT = 1 << 17
#: Of one with more so many are made at a time. Memory depends on these numbers, results do not.
STEPS_AT_A_TIME = 1 << 14


@dataclass(frozen=True, eq=False)
class StepTable:
    """Steps that share the direction of the incident beam, and the grid of F.

    Parameters
    ----------
    incident : unit vector
    vectors : float64 (steps, 3, 3), rows a/λ, b/λ, c/λ
    weights : float64 (steps,), of source and mosaic domain
    wavelengths : float64 (steps,) [Å]
    grid : number of the grid that they look F up in
    """

    incident: Vector
    vectors: Tensor
    weights: Tensor
    wavelengths: Tensor
    grid: int = 0

    def __len__(self) -> int:
        return len(self.weights)

    def some(self, numbers: slice) -> "StepTable":
        """Some of the steps."""
        return StepTable(
            self.incident,
            self.vectors[numbers],
            self.weights[numbers],
            self.wavelengths[numbers],
            self.grid,
        )


class StepList:
    """Steps that share the direction of the incident beam, and the grid of F.

    They are every orientation at every wavelength.

    Their table is kept, or made whenever it is wanted, some steps at a time.

    Parameters
    ----------
    incident : unit vector
    orientations : float64 (orientations, 3, 3), rows a, b, c [Å]
    sources : wavelength [Å] and weight of each source
    keep : whether the table is
    weights : of the orientations, float64 (orientations,); None: 1 each
    grid : number of the grid that they look F up in
    """

    def __init__(
        self,
        incident: Vector,
        orientations: Tensor,
        sources: Sequence[tuple[float, float]],
        *,
        keep: bool,
        weights: Tensor | None = None,
        grid: int = 0,
    ) -> None:
        self.incident = incident
        self.grid = grid
        self._orientations = orientations
        self._weights = weights
        self._sources = sources
        self._whole = self._made(0, len(self)) if keep else None

    def __len__(self) -> int:
        return len(self._sources) * len(self._orientations)

    def parts(self, size: int) -> Iterator[StepTable]:
        """All of the steps in order, so many at a time, at most `STEPS_AT_A_TIME`."""
        at_a_time = STEPS_AT_A_TIME // size * size
        for first in range(0, len(self), at_a_time):
            table = self.part(first, first + at_a_time)
            for start in range(0, len(table), size):
                yield table.some(slice(start, start + size))

    def part(self, start: int, stop: int) -> StepTable:
        """Steps from a number on, up to another or the last."""
        if self._whole is None:
            return self._made(start, min(stop, len(self)))
        return self._whole.some(slice(start, stop))

    def some(self, numbers: Sequence[int]) -> StepTable:
        """Steps by their numbers."""
        return joined([self.part(number, number + 1) for number in numbers])

    def _made(self, start: int, stop: int) -> StepTable:
        orientations = self._orientations
        each, first = len(orientations), start // len(orientations)
        sources = self._sources[first : -(-stop // each)]
        # a division by one number for each source: by a tensor of them some devices round otherwise
        vectors = [
            orientations[max(start - number * each, 0) : stop - number * each] / wavelength
            for number, (wavelength, _) in enumerate(sources, first)
        ]
        numbers = torch.arange(start, stop, device=orientations.device)
        of_steps = numbers.div(each, rounding_mode="floor") - first
        wavelengths, weights = (
            orientations.new_tensor(values)[of_steps] for values in zip(*sources, strict=True)
        )
        if self._weights is not None:
            weights = weights * self._weights[numbers % each]
        return StepTable(self.incident, torch.cat(vectors), weights, wavelengths, self.grid)


def joined(tables: Sequence[StepTable]) -> StepTable:
    """Steps of tables that share direction and grid."""
    if len(tables) == 1:
        return tables[0]
    return replace(
        tables[0],
        vectors=torch.cat([table.vectors for table in tables]),
        weights=torch.cat([table.weights for table in tables]),
        wavelengths=torch.cat([table.wavelengths for table in tables]),
    )


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


def orientations_of(scene: Scene, device: torch.device) -> tuple[Tensor, Tensor | None]:
    """Rows a, b, c [Å] of every phi step and domain, (orientations, 3, 3), and their weights.

    The weights are None where all are 1.
    """
    orientations = torch.from_numpy(scene.orientations).reshape(-1, 3, 3).to(device)
    if scene.domain_weights is None:
        return orientations, None
    phi_steps = len(scene.orientations)
    return orientations, torch.from_numpy(scene.domain_weights).repeat(phi_steps).to(device)


#: Of scenes, by device: whoever counts look-ups takes the steps that the kernel has made.
_LISTS: WeakKeyDictionary[Scene, dict[torch.device, list[StepList]]] = WeakKeyDictionary()


def steps_of(scene: Scene, device: torch.device) -> list[StepList]:
    """Every step of a scene, in the order of summation; made once.

    They are grouped by the direction of their source, and within a direction by the grid of F.

    Parameters
    ----------
    scene : the frame
    device : where their tables lie
    """
    by_device = _LISTS.setdefault(scene, {})
    if device not in by_device:
        by_device[device] = steps_made(scene, device, most_kept=STEPS_KEPT)
    return by_device[device]


def steps_made(scene: Scene, device: torch.device, *, most_kept: int) -> list[StepList]:
    """As `steps_of`, made anew.

    Parameters
    ----------
    scene, device : as there
    most_kept : steps of a scene whose tables are kept
    """
    orientations, weights = orientations_of(scene, device)
    grouped: dict[Vector, dict[int, list[tuple[float, float]]]] = {}
    for number, (source, of_source) in enumerate(zip(scene.spectrum, scene.weights, strict=True)):
        members = grouped.setdefault(source.incident, {}).setdefault(scene.grid_of(number), [])
        members.append((source.wavelength, of_source))
    keep = len(scene.spectrum) * len(orientations) <= most_kept
    return [
        StepList(incident, orientations, members, keep=keep, weights=weights, grid=grid)
        for incident, of_grids in grouped.items()
        for grid, members in of_grids.items()
    ]


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
