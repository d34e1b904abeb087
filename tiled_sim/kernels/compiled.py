"""The fused CPU kernel: graphs that inductor compiles to one loop each, or a loop in C++."""

import itertools

import torch
from torch import Tensor

from tiled_sim.kernels import subpixels
from tiled_sim.kernels.anchored import TRACE_ERROR, AnchoredSum, Summand, loop_of
from tiled_sim.kernels.anchors import StepList, StepTable, anchor
from tiled_sim.kernels.blocks import AT_A_TIME, Blocks, Pixels
from tiled_sim.kernels.chain import Chain
from tiled_sim.kernels.kernel import Progress
from tiled_sim.kernels.lookups import Lookups
from tiled_sim.kernels.packages import Graph, Package, load
from tiled_sim.kernels.recorder import Recorder
from tiled_sim.kernels.scene import Scene
from tiled_sim.kernels.subpixels import SubpixelSum
from tiled_sim.model.crystal import SHAPES
from tiled_sim.model.crystals import each_alone
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.settings import COMPILED, PRECISIONS
from tiled_sim.physics.geometry import Vectors
from tiled_sim.physics.structure_factor import StructureFactorTable, constant_table

_CPU = torch.device("cpu")
#: Steps summed in one go, in float32 if the precision is mixed, before they are added in float64;
#: fixed, so that bits do not depend on memory at hand.
STEPS_AT_A_TIME = 64


def packages_of(experiment: Experiment, precision: str) -> tuple[Package, ...]:
    """What an experiment needs: graphs of directions and sums over steps, or a loop in C++."""
    needed = (
        (subpixels.LIBRARY,)
        if subpixels.sums(alone)
        else _graphs(loop_of(alone.crystal.shape), alone.sampling.interpolate, precision)
        for alone in each_alone(experiment)
    )
    return tuple(dict.fromkeys(package for packages in needed for package in packages))


def every_graph() -> tuple[Graph, ...]:
    """The graphs of all experiments, those that most need first."""
    loops = dict.fromkeys(map(loop_of, SHAPES))
    needed = (
        _graphs(shape, interpolate, precision)
        for interpolate, precision, shape in itertools.product((False, True), PRECISIONS, loops)
    )
    return tuple(dict.fromkeys(graph for graphs in needed for graph in graphs))


def _graphs(shape: str, interpolate: bool, precision: str) -> tuple[Graph, Graph]:
    return Graph("directions"), Graph("sweep", shape, precision, interpolate)


class CompiledKernel:
    """Sums every step of every pixel, blocks and steps at a time, on CPU.

    Parameters
    ----------
    scene : the frame
    table : of structure factors; None: ``default_F`` everywhere
    default_F : [electron]
    precision : ``mixed`` (float32 once h, k, l are less their nodes) or ``float64``
    """

    name = COMPILED
    counts = False
    leaves_out = False
    skipped_bound = 0.0
    blocks_a_sample = 4
    blocks_at_a_time = AT_A_TIME[COMPILED]

    def __init__(
        self,
        scene: Scene,
        table: StructureFactorTable | None,
        default_F: float,
        precision: str = "float64",
    ) -> None:
        self.scene = scene
        self.table = constant_table(default_F, _CPU) if table is None else table
        self.trace_error = TRACE_ERROR[precision]
        self._sum = self._made_sum(precision)

    def _made_sum(self, precision: str) -> SubpixelSum | AnchoredSum:
        scene, table = self.scene, self.table
        if subpixels.sums(scene):
            return SubpixelSum(scene, table, precision)
        loops = CompiledLoops(Summand.of(scene, table, precision), precision)
        return AnchoredSum(scene, table, loops, _CPU)

    def photons_of_blocks(
        self, blocks: Blocks, progress: Progress | None = None
    ) -> tuple[Tensor, Lookups]:
        """As `Kernel.photons_of_blocks`."""
        return self._sum.photons_of_blocks(blocks, progress)

    def trace(self, pixels: Pixels, recorder: Recorder) -> None:
        """As `Kernel.trace`, by the float64 chain."""
        # its table is never None: no other F is asked for
        Chain(self.scene, self.table, 0.0).photons(pixels, recorder)


class CompiledLoops:
    """The loops of `CompiledKernel`.

    Parameters
    ----------
    summand : on CPU
    precision : as there
    """

    def __init__(self, summand: Summand, precision: str) -> None:
        self._summand = summand
        self._directions, self._sweep = _graphs(summand.shape, summand.interpolate, precision)

    def directions_of_blocks(self, *tensors: Tensor) -> list[Tensor]:
        """As `FusedLoops.directions_of_blocks`."""
        return load(self._directions)(*tensors)

    def add_steps(
        self,
        differences: tuple[Tensor, Tensor, Tensor],
        at_anchor: Vectors,
        steps: StepList,
        total: Tensor,
        progress: Progress,
    ) -> None:
        """As `FusedLoops.add_steps`."""
        for some in steps.parts(STEPS_AT_A_TIME):
            total += self._sum(differences, at_anchor, some)
            progress(len(some))

    def _sum(
        self, differences: tuple[Tensor, Tensor, Tensor], at_anchor: Vectors, steps: StepTable
    ) -> Tensor:
        """Sum of some steps, (blocks, 256)."""
        summand, vectors, weights = self._summand, steps.vectors, steps.weights
        if len(weights) == 1:
            # the graph is made for two steps and more; one without weight changes nothing
            vectors, weights = vectors.repeat(2, 1, 1), torch.cat([weights, weights * 0.0])
        anchors = anchor(vectors, at_anchor, summand.minimum)
        (summed,) = load(self._sweep)(
            *differences,
            vectors.reshape(-1, 9, 1, 1),
            anchors.remainder,
            anchors.node,
            weights.reshape(-1, 1, 1).to(summand.dtype),
            summand.values[steps.grid],
            summand.last,
            summand.lattice,
        )
        return summed
