"""The reflections that the steps of one pixel look up, with their shares of the pixel."""

from dataclasses import dataclass

import torch

from tiled_sim.kernels.blocks import Pixels
from tiled_sim.kernels.chain import BEYOND_DMIN, Chain
from tiled_sim.kernels.recorder import Recorder
from tiled_sim.kernels.scene import Scene
from tiled_sim.physics.structure_factor import StructureFactorTable


@dataclass(frozen=True, slots=True)
class Reflection:
    """One node that steps of a pixel look up.

    Parameters
    ----------
    hkl : the node
    steps : of the pixel, that look it up
    share_of_steps : of all the pixel's steps, by the weights of their sources
    share_of_intensity : of the pixel's sum of F_cell² · F_latt²; None if that sum is 0
    """

    hkl: tuple[int, int, int]
    steps: int
    share_of_steps: float
    share_of_intensity: float | None


def reflections_under(
    scene: Scene,
    table: StructureFactorTable | None,
    default_F: float,
    pixel: tuple[int, int],
    panel: int = 0,
    device: torch.device | None = None,
) -> list[Reflection]:
    """The nodes that a pixel's steps look up, by the code that sums them for a trace.

    Parameters
    ----------
    scene : the frame
    table : of structure factors; None: ``default_F`` everywhere
    default_F : [electron]
    pixel : slow, fast
    panel : its number
    device : where its steps are computed, and the table lies; None: the CPU

    Returns
    -------
    the greatest share of intensity first, then of steps; without the steps that dmin cuts, which
    still count among all steps
    """
    slow, fast = (
        torch.tensor([float(number)], dtype=torch.float64, device=device) for number in pixel
    )
    recorder = Recorder(0, every_step=True)
    chain = Chain(scene, table, default_F)
    chain.photons(Pixels(slow, fast, torch.ones_like(slow, dtype=torch.bool), panel), recorder)
    found: dict[tuple[int, int, int], list[float]] = {}
    for step in recorder.steps:
        if step["met"] != BEYOND_DMIN:
            h, k, l = map(int, step["hkl_rounded"])
            sums = found.setdefault((h, k, l), [0, 0.0, 0.0])
            sums[0] += 1
            sums[1] += step["weight"]
            sums[2] += step["intensity"]
    total = sum(intensity for _, _, intensity in found.values())
    evaluations = scene.steps * scene.detector.layers_of(panel)
    reflections = [
        Reflection(hkl, int(steps), weight / evaluations, intensity / total if total else None)
        for hkl, (steps, weight, intensity) in found.items()
    ]
    return sorted(reflections, key=lambda r: (-(r.share_of_intensity or 0.0), -r.share_of_steps))
