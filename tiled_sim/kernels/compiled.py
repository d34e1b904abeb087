"""The fused CPU kernel: graphs that inductor compiles to one loop each."""

import torch
from torch import Tensor

from tiled_sim.kernels.anchored import STEPS_AT_A_TIME, AnchoredKernel
from tiled_sim.kernels.anchors import StepTable, anchor
from tiled_sim.kernels.packages import Graph, load
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.experiment import Experiment
from tiled_sim.physics.geometry import Vectors
from tiled_sim.physics.structure_factor import StructureFactorTable


def graphs_of(experiment: Experiment, precision: str) -> tuple[Graph, Graph]:
    """The graphs that an experiment needs: directions, and the sum over steps."""
    return _graphs(experiment.crystal.shape, experiment.sampling.interpolate, precision)


def _graphs(shape: str, interpolate: bool, precision: str) -> tuple[Graph, Graph]:
    return Graph("directions"), Graph("sweep", shape, precision, interpolate)


class CompiledKernel(AnchoredKernel):
    """As `AnchoredKernel`, on CPU.

    Parameters
    ----------
    scene, table, default_F, precision : as there
    """

    name = "compiled"
    blocks_at_a_time = 256

    def __init__(
        self,
        scene: Scene,
        table: StructureFactorTable | None,
        default_F: float,
        precision: str = "float64",
    ) -> None:
        super().__init__(scene, table, default_F, precision)
        self._directions, self._sweep = _graphs(
            scene.crystal.shape, scene.sampling.interpolate, precision
        )

    def directions_of_blocks(self, *tensors: Tensor) -> list[Tensor]:
        """As declared."""
        return load(self._directions)(*tensors)

    def add_steps(
        self,
        differences: tuple[Tensor, Tensor, Tensor],
        at_anchor: Vectors,
        steps: StepTable,
        total: Tensor,
    ) -> None:
        """As declared."""
        for start in range(0, len(steps.weights), STEPS_AT_A_TIME):
            part = slice(start, start + STEPS_AT_A_TIME)
            total += self._sum(differences, at_anchor, steps.vectors[part], steps.weights[part])

    def _sum(
        self,
        differences: tuple[Tensor, Tensor, Tensor],
        at_anchor: Vectors,
        vectors: Tensor,
        weights: Tensor,
    ) -> Tensor:
        """Sum of some steps, (blocks, 256)."""
        if len(weights) == 1:
            # the graph is made for two steps and more; one without weight changes nothing
            vectors, weights = vectors.repeat(2, 1, 1), torch.cat([weights, weights * 0.0])
        anchors = anchor(vectors, at_anchor, self.minimum)
        (summed,) = load(self._sweep)(
            *differences,
            vectors.reshape(-1, 9, 1, 1),
            anchors.remainder,
            anchors.node,
            weights.reshape(-1, 1, 1).to(self.dtype),
            self.values,
            self.last,
            self.lattice,
        )
        return summed
