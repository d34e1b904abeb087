"""What pixels of blocks see of the light of a frame, whatever its crystal does."""

from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from tiled_sim.kernels.blocks import Blocks, Pixels
from tiled_sim.kernels.optics import Optics
from tiled_sim.kernels.panels import Number
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.grid import BLOCK
from tiled_sim.physics.geometry import Vectors
from tiled_sim.physics.polarization import kahn_numbers
from tiled_sim.physics.vectors import Vector

#: The pixel of a block that anchors it, along slow and fast.
ANCHOR = (BLOCK // 2, BLOCK // 2)

#: Directions of blocks less their anchors', and polar · omega: as `graphs.Directions`.
Directions = Callable[..., list[Tensor]]


class Sight(NamedTuple):
    """What one subpixel of each pixel of blocks sees, of light along one direction.

    Parameters
    ----------
    differences : components of d - d_anchor, float64 (blocks, 256)
    at_anchor : components of d - i at each anchor, float64 (blocks,)
    scale : polar · omega [sr], of the first subpixel not below 0, float64 (blocks, 256)
    """

    differences: tuple[Tensor, Tensor, Tensor]
    at_anchor: Vectors
    scale: Tensor


class Sights:
    """What the blocks of a scene see.

    Parameters
    ----------
    scene : the frame
    incidents : directions of its light
    directions : the compiled graph
    device : where it runs
    """

    def __init__(
        self,
        scene: Scene,
        incidents: Collection[Vector],
        directions: Directions,
        device: torch.device,
    ) -> None:
        self._scene = scene
        self._directions = directions
        self._device = device
        self._beams = {incident: self._beam_numbers(incident) for incident in incidents}
        self._is_single = len(incidents) == 1 and scene.sampling.oversample == 1

    def of_blocks(self, blocks: Blocks) -> Callable[[Vector], Iterator[Sight]]:
        """What gives, for a direction of the light, the sight of each subpixel.

        Where there is but one of all, it is kept with the blocks, if anything is, for the kernels
        of other crystals and frames that see the same.
        """
        if blocks.seen is None or not self._is_single:
            return self._seen_by(blocks)
        ((incident, beam),) = self._beams.items()
        key = self._scene.panels, beam
        kept = blocks.seen.of(key, lambda: next(self._seen_by(blocks)(incident)))
        return lambda _: iter((kept,))

    def _seen_by(self, blocks: Blocks) -> Callable[[Vector], Iterator[Sight]]:
        slow, fast = pad(blocks.slow[:, None]), pad(blocks.fast[:, None])
        number = blocks.panel if isinstance(blocks.panel, int) else pad(blocks.panel[:, None])
        anchors = self._anchor_directions(slow, fast, number)
        panels = self._panel_numbers(number, len(slow))
        oversample = self._scene.sampling.oversample

        def along(incident: Vector) -> Iterator[Sight]:
            at_anchor = Vectors(*(d.view(-1) - i for d, i in zip(anchors, incident, strict=True)))
            beam = self._tensor(self._beams[incident])
            for subpixel in range(oversample**2):
                place = self._tensor((oversample, *divmod(subpixel, oversample)))
                x, y, z, scale = self._directions(slow, fast, *anchors, place, panels, beam)
                if subpixel == 0:
                    # across the beam, along the field of fully polarized light, polar rounds to
                    # less than 0
                    scale.clamp_(min=0.0)
                yield Sight((x, y, z), at_anchor, scale)

        return along

    def _anchor_directions(self, slow: Tensor, fast: Tensor, number: Number) -> Vectors:
        """Directions from the sample to the anchors of blocks of a panel or some, (blocks, 1)."""
        live = torch.ones_like(slow, dtype=torch.bool)
        pixels = Pixels(slow + ANCHOR[0], fast + ANCHOR[1], live, number)
        return Optics(self._scene).to_subpixel(pixels, 0)[0]

    def _panel_numbers(self, number: Number, blocks: int) -> Tensor:
        """Numbers of the panel of each block, (blocks, 13)."""
        of_blocks = number if isinstance(number, int) else number[:, 0]
        oversample = self._scene.sampling.oversample
        rows = self._scene.panels.directions(of_blocks, oversample, self._device)
        return rows.expand(blocks, -1).contiguous()

    def _beam_numbers(self, incident: Vector) -> tuple[float, ...]:
        """Incident, electric and magnetic directions, and the three numbers of Kahn's formula."""
        beam = self._scene.beam
        light = kahn_numbers(incident, beam.polarization, beam.polarization_axis)
        return tuple(number for vector in light for number in vector)

    def _tensor(self, numbers: tuple[float, ...]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.float64, device=self._device)


def pad(blocks: Tensor) -> Tensor:
    """At least two blocks: compiled graphs are made for two and more."""
    return blocks.contiguous() if len(blocks) > 1 else blocks.repeat(2, 1)
