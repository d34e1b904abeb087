"""The compiled kernel's loop in C++, for subpixels, and wherever a pixel has few steps.

Geometry and sum are one loop over blocks: a subpixel's direction is used as soon as it is known,
and is never stored. Solid angle and polarization are those of a pixel's first subpixel. h, k, l are
taken from anchors, as in `graphs.Sweep`. Here products and sums are fused (a b + c rounded once),
which changes digits that no float32 image holds; of pixels that are not cut into subpixels nothing
is fused, so that their bits are those of the graphs.
"""

import ctypes
import itertools
from collections.abc import Iterator
from ctypes import Structure, byref, c_int32, c_int64

import torch
from torch import Tensor

from tiled_sim.kernels.anchored import Summand, loop_of
from tiled_sim.kernels.anchors import StepList, StepTable, steps_of
from tiled_sim.kernels.blocks import Blocks, Pixels
from tiled_sim.kernels.cpp.structures import Numbers3, pointer
from tiled_sim.kernels.kernel import Progress, after_steps
from tiled_sim.kernels.library import Library, load
from tiled_sim.kernels.lookups import Lookups
from tiled_sim.kernels.optics import Optics
from tiled_sim.kernels.packages import cpu_flags
from tiled_sim.kernels.scene import Scene
from tiled_sim.kernels.sights import ANCHOR
from tiled_sim.model.experiment import Experiment
from tiled_sim.physics.constants import R_E_SQR
from tiled_sim.physics.polarization import kahn_numbers
from tiled_sim.physics.structure_factor import StructureFactorTable
from tiled_sim.physics.vectors import Vector

LIBRARY = Library("subpixels", contracts=False)
#: Shapes by their numbers in C++.
_SHAPES = ("square", "round", "gauss_star", "tophat")
#: With fewer a pixel costs more than its steps.
_FEW_STEPS = 2
#: Along a side: where they lie in a pixel is listed once a block.
_MOST_OVERSAMPLE = 64
#: Evaluations of a pixel between two reports of progress, in whole sums of 64 steps.
_EVALUATIONS_AT_A_TIME, _STEPS_OF_A_SUM = 1024, 64
_CPU = torch.device("cpu")
_Indices = c_int32 * 3


class _Blocks(Structure):
    _fields_ = (
        ("number", c_int64),
        ("slow", ctypes.c_void_p),
        ("fast", ctypes.c_void_p),
        ("panels", ctypes.c_void_p),
        ("oversample", c_int64),
        ("anchor", c_int64 * 2),
        ("anchors", ctypes.c_void_p * 3),
    )


class _Steps(Structure):
    _fields_ = (
        ("number", c_int64),
        ("incident", Numbers3),
        ("begin", c_int64),
        ("vectors", ctypes.c_void_p),
        ("weights", ctypes.c_void_p),
        ("squares", ctypes.c_void_p),
        ("first", _Indices),
        ("last", _Indices),
    )


class _Beam(Structure):
    _fields_ = (
        ("incident", Numbers3),
        ("electric", Numbers3),
        ("magnetic", Numbers3),
        ("kahn", Numbers3),
    )


def has_wide_vectors() -> bool:
    """Whether this CPU has the vectors that the loop is written for; in halves it is slow."""
    return {"avx512f", "avx512dq"} <= set(cpu_flags().split())


def sums(experiment: Experiment | Scene) -> bool:
    """Whether this loop sums an experiment with one crystal, or one of its scenes, here."""
    if not has_wide_vectors():
        return False
    sampling = experiment.sampling
    own_terms = sampling.oversample_polar or sampling.oversample_omega
    if experiment.detector.sensors or experiment.detector.curvature_radius is not None:
        return False
    if own_terms or sampling.dmin > 0.0 or sampling.interpolate or experiment.c_compat:
        return False
    if sampling.oversample > 1:
        return sampling.oversample <= _MOST_OVERSAMPLE
    return loop_of(experiment.crystal.shape) == "square" and experiment.steps < _FEW_STEPS


class SubpixelSum:
    """Photons of blocks, without counts of look-ups.

    Parameters
    ----------
    scene : one of those that it `sums`
    table : of structure factors, on CPU
    precision : ``mixed`` (float32 once h, k, l are less their nodes; of square crystals alone, for
        other shapes it is ``float64``) or ``float64``
    """

    def __init__(self, scene: Scene, table: StructureFactorTable, precision: str) -> None:
        self._library = load(LIBRARY)
        self._scene = scene
        square = loop_of(scene.crystal.shape) == "square"
        self._summand = Summand.of(scene, table, precision if square else "float64")
        self._last = _Indices(*self._summand.last.tolist())
        self._oversample = scene.sampling.oversample
        grouped = itertools.groupby(steps_of(scene, _CPU), lambda steps: steps.incident)
        self._steps = [(self._beam(incident), list(of_grids)) for incident, of_grids in grouped]

    def photons_of_blocks(
        self, blocks: Blocks, progress: Progress | None = None
    ) -> tuple[Tensor, Lookups]:
        """As `Kernel.photons_of_blocks`."""
        scene, live = self._scene, blocks.number_live
        of_steps = after_steps(progress, live * self._oversample**2)
        tensors = self._tensors(blocks)
        slow, fast, panels, *anchors = (tensor.data_ptr() for tensor in tensors)
        of_blocks = _Blocks(
            *(len(blocks.slow), slow, fast, panels, self._oversample),
            (c_int64 * 2)(*ANCHOR),
            (ctypes.c_void_p * 3)(*anchors),
        )
        photons: Tensor | None = None
        for beam, of_grids in self._steps:
            total = torch.empty(blocks.live.shape, dtype=torch.float64)
            begin = True
            for some in self._parts(of_grids):
                self._add_steps(of_blocks, some, total, begin)
                begin = False
                of_steps(len(some))
            # of the first in their place
            photons = total if photons is None else photons
            self._library.add_photons(
                byref(of_blocks), byref(beam), pointer(total), pointer(photons)
            )
        assert photons is not None
        photons *= R_E_SQR * scene.fluence / scene.steps
        return photons, Lookups(uncounted=live * scene.steps)

    def _tensors(self, blocks: Blocks) -> tuple[Tensor, ...]:
        """What the loop takes of blocks: corners, panels, and directions to anchors or nothing."""
        slow, fast, number = blocks.slow.contiguous(), blocks.fast.contiguous(), blocks.panel
        panels = self._scene.panels.directions(number, self._oversample, _CPU)
        panels = panels.expand(len(slow), -1).contiguous()
        if self._oversample > 1:
            return slow, fast, panels
        # torch's square root may be a bit off the nearest number, and decides the bits of a block
        pixels = Pixels(slow + ANCHOR[0], fast + ANCHOR[1], torch.ones_like(slow).bool(), number)
        return slow, fast, panels, *Optics(self._scene).to_subpixel(pixels, 0)[0]

    def _parts(self, of_grids: list[StepList]) -> Iterator[StepTable]:
        sums = max(_EVALUATIONS_AT_A_TIME // self._oversample**2 // _STEPS_OF_A_SUM, 1)
        for steps in of_grids:
            yield from steps.parts(sums * _STEPS_OF_A_SUM)

    def _add_steps(self, blocks: _Blocks, steps: StepTable, total: Tensor, begin: bool) -> None:
        summand = self._summand
        tensors = steps.vectors.contiguous(), steps.weights.contiguous()
        of_steps = _Steps(
            len(steps),
            Numbers3(*steps.incident),
            begin,
            *(tensor.data_ptr() for tensor in (*tensors, summand.values[steps.grid])),
            _Indices(*summand.minimum),
            self._last,
        )
        self._library.add_steps(
            byref(blocks),
            byref(of_steps),
            pointer(summand.lattice),
            _SHAPES.index(summand.shape),
            int(summand.dtype is torch.float32),
            int(self._oversample == 1),
            pointer(total),
        )

    def _beam(self, incident: Vector) -> _Beam:
        beam = self._scene.beam
        numbers = kahn_numbers(incident, beam.polarization, beam.polarization_axis)
        return _Beam(*(Numbers3(*vector) for vector in numbers))
