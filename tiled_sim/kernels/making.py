"""Kernels by their names, and those that a frame needs."""

import functools
from collections.abc import Callable, Iterator

import torch

from tiled_sim.kernels.amorphous import AmorphousKernel
from tiled_sim.kernels.compiled import CompiledKernel
from tiled_sim.kernels.darkness import dark_panels
from tiled_sim.kernels.diffuse import DiffuseKernel
from tiled_sim.kernels.graphs import PRECISIONS
from tiled_sim.kernels.kernel import Kernel
from tiled_sim.kernels.panels import Panels
from tiled_sim.kernels.reference import ReferenceKernel
from tiled_sim.kernels.scene import Scene
from tiled_sim.kernels.spots import SpotsKernel
from tiled_sim.model.amorphous import AmorphousTable
from tiled_sim.model.crystals import each_alone
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Listed
from tiled_sim.model.first_evaluation import FirstEvaluation
from tiled_sim.model.settings import COMPILED, REFERENCE, SPOTS, TRITON, Settings
from tiled_sim.physics.structure_factor import StructureFactorTable, constant_table


def derive(table: StructureFactorTable, experiment: Experiment, settings: Settings) -> None:
    """Have a table of one energy make now what the kernels of an experiment will ask it for."""
    for of_nodes, dtype in _derived(experiment, settings):
        of_nodes(table, dtype)


def bytes_derived(experiment: Experiment, settings: Settings) -> int:
    """What that takes of a node."""
    made = _derived(experiment, settings) - {(StructureFactorTable.amplitudes, torch.float64)}
    return sum(dtype.itemsize for _, dtype in made)


_OfNodes = Callable[[StructureFactorTable, torch.dtype], torch.Tensor]


def _derived(experiment: Experiment, settings: Settings) -> set[tuple[_OfNodes, torch.dtype]]:
    """What kernels on CPU ask a table for, beside F: methods with the type of their numbers."""
    found: set[tuple[_OfNodes, torch.dtype]] = set()
    diffuse = any(crystal.diffuse is not None for crystal in experiment.crystals)
    if settings.kernel == SPOTS or diffuse:
        found.add((StructureFactorTable.squares, torch.float64))
    if settings.kernel == COMPILED:
        interpolate = experiment.sampling.interpolate
        summed = StructureFactorTable.amplitudes if interpolate else StructureFactorTable.squares
        found.add((summed, PRECISIONS[settings.precision]))
    return found


class KernelMaker:
    """Makes the kernels of an experiment.

    Parameters
    ----------
    experiment : what to simulate
    settings : with the kernel that was chosen
    table : of structure factors; None: ``default_F`` everywhere
    amorphous : F of the background's material; None without a background
    device : where the tiles are computed, and the table lies
    """

    def __init__(
        self,
        experiment: Experiment,
        settings: Settings,
        table: StructureFactorTable | None,
        amorphous: AmorphousTable | None,
        device: torch.device,
    ) -> None:
        self._experiment = experiment
        self._alone = each_alone(experiment)
        self._panels = Panels(experiment.detector)
        self._settings = settings
        self._table = table
        self._amorphous = amorphous
        self._device = device

    @property
    def default_F(self) -> float:
        """F where no file gives it [electron]."""
        return self._experiment.structure_factors.default_F

    def kernels(
        self, frame: int, firsts: tuple[FirstEvaluation | None, ...] = ()
    ) -> tuple[Kernel, ...]:
        """The kernels whose sum a frame is: the crystals', then what is beside them.

        Parameters
        ----------
        frame : number
        firsts : as `Scene.of`
        """
        scenes = [Scene.of(alone, frame, firsts, self._panels) for alone in self._alone]
        return *map(self.of_crystal, scenes), *self._beside(scenes)

    def _beside(self, scenes: list[Scene]) -> Iterator[Kernel]:
        """What scatters beside the reflections of the crystals."""
        for scene in scenes:
            diffuse = scene.crystal.diffuse
            if diffuse is not None:
                yield DiffuseKernel(scene, diffuse, self._table, self.default_F, self._device)
        background = self._experiment.background
        if background is not None:
            assert self._amorphous is not None, "the table of the background was not loaded"
            # who takes one loop in C++ can take the other
            fused = self._settings.kernel == SPOTS and self._device.type == "cpu"
            yield AmorphousKernel(scenes[0], background, self._amorphous, self._device, fused=fused)

    def of_crystal(self, scene: Scene) -> Kernel:
        """The kernel that was chosen, for the crystal of a scene."""
        settings, default_F = self._settings, self.default_F
        if settings.kernel == REFERENCE:
            return ReferenceKernel(scene, self._table, default_F)
        table = self._table_everywhere
        if settings.kernel == SPOTS and self._device.type != "cpu":
            # where there is Triton, it takes seconds
            from tiled_sim.kernels.triton_spots import TritonSpotsKernel

            asked = settings.negligible, settings.precision, self._device
            return TritonSpotsKernel(scene, table, default_F, *asked)
        if settings.kernel == SPOTS:
            return SpotsKernel(scene, table, default_F, settings.negligible, settings.precision)
        if settings.kernel == COMPILED:
            return CompiledKernel(scene, table, default_F, settings.precision)
        if settings.kernel == TRITON:
            # where there is Triton, it takes seconds
            from tiled_sim.kernels.triton import TritonKernel

            return TritonKernel(scene, table, default_F, settings.precision, self._device)
        raise AssertionError(f"no kernel is named {settings.kernel}")

    @functools.cached_property
    def dark_panels(self) -> frozenset[int]:
        """Panels whose pixels are 0 in every frame, if the kernel does not count look-ups."""
        beside = self._experiment.background is not None
        beside = beside or any(one.diffuse is not None for one in self._experiment.crystals)
        exposures = self._experiment.exposures
        differ = isinstance(exposures, Listed) and (
            exposures.moves_light or exposures.vectors is not None
        )
        one_alone = len(self._panels) == 1
        if one_alone or beside or differ or self._settings.kernel == REFERENCE:
            return frozenset()
        dark = [
            dark_panels(Scene.of(alone, 0, panels=self._panels), self._table_everywhere)
            for alone in self._alone
        ]
        return frozenset.intersection(*dark)

    @functools.cached_property
    def _table_everywhere(self) -> StructureFactorTable:
        """A table for kernels that do without none; all frames share it."""
        if self._table is not None:
            return self._table
        return constant_table(self.default_F, self._device)
