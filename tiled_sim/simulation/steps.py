"""Every step of the sum of one pixel."""

import math
from collections.abc import Sequence
from typing import Any

from tiled_sim.kernels.blocks import Blocks
from tiled_sim.kernels.chain import Chain
from tiled_sim.kernels.kernel import Kernel
from tiled_sim.kernels.making import KernelMaker
from tiled_sim.kernels.recorder import Recorder
from tiled_sim.model.settings import REFERENCE
from tiled_sim.simulation.trace import phi_step


def steps_of_pixel(
    kernels: Sequence[Kernel], maker: KernelMaker, block: Blocks, lane: int
) -> list[dict[str, Any]]:
    """Every step of a pixel's sum, in the order in which it is summed, by the float64 chain.

    Parameters
    ----------
    kernels : of the crystals of a frame
    maker : that made them
    block : of the pixel
    lane : its place there

    Returns
    -------
    a row a step: where it stands (``layer``, ``subpixel``, ``source``, ``phi_tic``, ``phi_deg`` as
    it acts, ``domain``, and ``crystal``, from 1, where there are several), ``hkl_frac``,
    ``hkl_rounded``, ``F_cell`` and what its look-up ``met``, ``F_latt``, the ``weight`` of its
    source and domain, its ``intensity`` times that [electron²], and the ``share`` that this is of
    I_before_scaling, or with several crystals of what all of them scatter. Where the kernel is
    another than the reference, and a pixel has one subpixel and layer, each has
    ``kernel_intensity`` too: what the kernel makes of the step alone [electron²].
    """
    several = len(kernels) > 1
    told, parts = list[dict[str, Any]](), list[float]()
    for number, kernel in enumerate(kernels, 1):
        scene = kernel.scene
        recorder = Recorder(lane, every_step=True)
        Chain(scene, kernel.table, maker.default_F).photons(block.pixels(), recorder)
        steps = steps_of_sum(recorder)
        alone = scene.detector.layers_of(int(block.panel)) * scene.sampling.oversample**2 == 1
        if kernel.name != REFERENCE and alone:
            for step in steps:
                step["kernel_intensity"] = _kernel_intensity(kernel, maker, block, lane, step)
        # what a step counts beside those of the other crystals
        parts += [step["intensity"] * scene.crystal.share / scene.steps for step in steps]
        told += [{"crystal": number, **step} if several else step for step in steps]
    if several:
        total = math.fsum(parts)
        for step, part in zip(told, parts, strict=True):
            step["share"] = part / total if total else 0.0
    return told


def steps_of_sum(recorder: Recorder) -> list[dict[str, Any]]:
    """Every step of the sum of one crystal in a pixel, in the order in which it is summed.

    Parameters
    ----------
    recorder : after a chain told it every step

    Returns
    -------
    rows as of `steps_of_pixel`
    """
    total = math.fsum(step["intensity"] for step in recorder.steps)
    return [
        {
            "layer": step["layer"],
            "subpixel": step["subpixel"],
            "source": step["source"],
            **phi_step(step["phi_tic"], step),
            "domain": step["domain"],
            "hkl_rounded": [int(index) for index in step["hkl_rounded"]],
            "met": step["met"],
            "weight": step["weight"],
            "intensity": step["intensity"],
            "share": step["intensity"] / total if total else 0.0,
        }
        for step in recorder.steps
    ]


def _kernel_intensity(
    kernel: Kernel, maker: KernelMaker, block: Blocks, lane: int, step: dict[str, Any]
) -> float:
    """A step's intensity by a kernel like this one that has no other step [electron²].

    Infinite where the kernel finds some and the chain none: they look F up at other nodes.
    """
    scene = kernel.scene.single_step(step["source"], step["phi_tic"], step["domain"])
    alone = maker.of_crystal(scene)
    photons, _ = alone.photons_of_blocks(block)
    chain = Chain(scene, alone.table, maker.default_F).photons(block.pixels(), Recorder(lane))
    if chain == 0.0:
        return 0.0 if float(photons[0, lane]) == 0.0 else math.inf
    return float(step["intensity"] * (photons[0, lane] / chain))
