"""Kernels by their names."""

import torch

from tiled_sim.kernels.compiled import CompiledKernel
from tiled_sim.kernels.reference import ReferenceKernel
from tiled_sim.kernels.scene import Scene
from tiled_sim.kernels.spots import SpotsKernel
from tiled_sim.model.settings import Settings
from tiled_sim.physics.structure_factor import StructureFactorTable


def make_kernel(
    settings: Settings,
    scene: Scene,
    table: StructureFactorTable | None,
    default_F: float,
    device: torch.device,
) -> ReferenceKernel:
    """The kernel that was chosen, for a scene.

    Parameters
    ----------
    settings : with the kernel that was chosen
    scene, table, default_F : as `ReferenceKernel`
    device : where the tiles are computed, and the table lies
    """
    if settings.kernel == "spots":
        return SpotsKernel(scene, table, default_F, settings.negligible)
    if settings.kernel == "compiled":
        return CompiledKernel(scene, table, default_F, settings.precision)
    if settings.kernel == "triton":
        from tiled_sim.kernels.triton import TritonKernel  # where there is Triton, it takes seconds

        return TritonKernel(scene, table, default_F, settings.precision, device)
    return ReferenceKernel(scene, table, default_F)
