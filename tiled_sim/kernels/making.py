"""Kernels by their names."""

import torch

from tiled_sim.kernels.compiled import CompiledKernel
from tiled_sim.kernels.reference import ReferenceKernel
from tiled_sim.kernels.scene import Scene
from tiled_sim.kernels.spots import SpotsKernel
from tiled_sim.model.settings import Choice
from tiled_sim.physics.structure_factor import StructureFactorTable


def make_kernel(
    choice: Choice,
    scene: Scene,
    table: StructureFactorTable | None,
    default_F: float,
    device: torch.device,
) -> ReferenceKernel:
    """The kernel that was chosen, for a scene.

    Parameters
    ----------
    choice : of `choose_kernel`
    scene, table, default_F : as `ReferenceKernel`
    device : where the tiles are computed, and the table lies
    """
    if choice.kernel == "spots":
        return SpotsKernel(scene, table, default_F, choice.negligible)
    if choice.kernel == "compiled":
        return CompiledKernel(scene, table, default_F, choice.precision)
    if choice.kernel == "triton":
        from tiled_sim.kernels.triton import TritonKernel  # where there is Triton, it takes seconds

        return TritonKernel(scene, table, default_F, choice.precision, device)
    return ReferenceKernel(scene, table, default_F)
