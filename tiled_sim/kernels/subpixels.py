"""The compiled kernel's loop in C++, for subpixels, sensors, and wherever a pixel has few steps.

Geometry and sum are one loop over blocks: a subpixel's direction is used as soon as it is known,
and is never stored. Solid angle, polarization and absorption are those of a pixel's first subpixel,
or of each where that is asked for. h, k, l are taken from anchors, as in `graphs.Sweep`. Here
products and sums are fused (a b + c rounded once), which changes digits that no float32 image
holds; of pixels that are not cut into subpixels or layers nothing is fused, so that their bits are
those of the graphs.
"""

import ctypes
import itertools
from collections.abc import Iterator
from ctypes import Structure, byref, c_double, c_int32, c_int64
from dataclasses import dataclass

import torch
from torch import Tensor

from tiled_sim.kernels.anchored import Summand, loop_of
from tiled_sim.kernels.anchors import StepList, StepTable, steps_of
from tiled_sim.kernels.blocks import Blocks, Pixels
from tiled_sim.kernels.cpp.structures import Layer, Numbers3, pointer, reference
from tiled_sim.kernels.kernel import Progress, after_steps
from tiled_sim.kernels.library import Library, load
from tiled_sim.kernels.lookups import Lookups
from tiled_sim.kernels.optics import Optics
from tiled_sim.kernels.packages import cpu_flags
from tiled_sim.kernels.scene import Scene
from tiled_sim.kernels.sights import ANCHOR
from tiled_sim.model.detector import Sensor
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
        ("attenuation", c_double),
        ("own_polar", c_int64),
        ("own_omega", c_int64),
        ("own_capture", c_int64),
    )


def has_wide_vectors() -> bool:
    """Whether this CPU has the vectors that the loop is written for; in halves it is slow."""
    return {"avx512f", "avx512dq"} <= set(cpu_flags().split())


def sums(experiment: Experiment | Scene) -> bool:
    """Whether this loop sums an experiment with one crystal, or one of its scenes, here."""
    if not has_wide_vectors():
        return False
    sampling = experiment.sampling
    if experiment.detector.curvature_radius is not None or sampling.oversample > _MOST_OVERSAMPLE:
        return False
    if sampling.dmin > 0.0 or sampling.interpolate or experiment.c_compat:
        return False
    if sampling.oversample > 1 or _weighs_terms(experiment):
        return True
    return loop_of(experiment.crystal.shape) == "square" and experiment.steps < _FEW_STEPS


def _weighs_terms(experiment: Experiment | Scene) -> bool:
    """As `Scene.weighs_terms`."""
    sampling = experiment.sampling
    own = sampling.oversample_polar or sampling.oversample_omega
    return own or bool(experiment.detector.sensors)


@dataclass(frozen=True, slots=True)
class _Place:
    """Blocks as the loop takes them, on the front of a layer of their sensor.

    Parameters
    ----------
    blocks : in the memory of the tensors
    layer : None: there is no sensor
    tensors : corners, panels, and directions to anchors or nothing
    """

    blocks: _Blocks
    layer: Layer | None
    tensors: tuple[Tensor, ...]


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
        self._is_exact = self._oversample == 1 and not scene.weighs_terms
        grouped = itertools.groupby(steps_of(scene, _CPU), lambda steps: steps.incident)
        self._steps = {incident: list(of_grids) for incident, of_grids in grouped}
        self._alone = self._alone_step() if self._is_exact else None

    def _alone_step(self) -> tuple[_Beam, _Steps, StepTable]:
        """The only step of a pixel, with its beam; the loop reads what the table holds."""
        ((incident, (steps,)),) = self._steps.items()
        (table,) = steps.parts(1)
        return self._beam(incident, 0.0), self._steps_of(table, begin=True), table

    def photons_of_blocks(
        self, blocks: Blocks, progress: Progress | None = None
    ) -> tuple[Tensor, Lookups]:
        """As `Kernel.photons_of_blocks`."""
        scene = self._scene
        if self._alone is not None:
            live = blocks.number_live
            photons = self._photons_of_step(blocks, *self._alone[:2])
            after_steps(progress, live)(1)
            return photons, Lookups(uncounted=live)
        # panels differ in their normals, and may in their layers
        apart = list(blocks.by_panel()) if scene.detector.sensors else [blocks]
        parts, evaluations = [], 0
        for some in apart:
            sensor = scene.detector.sensor_of(int(some.panel)) if scene.detector.sensors else None
            parts.append(self._photons(some, sensor, progress))
            layers = 1 if sensor is None else sensor.layers
            evaluations += some.number_live * scene.steps * layers
        photons = parts[0] if len(parts) == 1 else torch.cat(parts)
        photons *= self._scale
        return photons, Lookups(uncounted=evaluations)

    @property
    def _scale(self) -> float:
        """Photons for each electron² and steradian."""
        scene = self._scene
        return R_E_SQR * scene.fluence / scene.steps

    def _photons_of_step(self, blocks: Blocks, beam: _Beam, step: _Steps) -> Tensor:
        """Photons of pixels that have but one, (blocks, 256)."""
        summand, place = self._summand, self._place(blocks, None, 0)
        photons = torch.empty(blocks.live.shape, dtype=torch.float64)
        self._library.photons_of_step(
            *(byref(place.blocks), byref(step), pointer(summand.lattice), byref(beam)),
            c_int64(summand.dtype is torch.float32),
            c_double(self._scale),
            pointer(photons),
        )
        return photons

    def _photons(self, blocks: Blocks, sensor: Sensor | None, progress: Progress | None) -> Tensor:
        """Sums times their factors, (blocks, 256); of one panel alone where it has a sensor."""
        of_steps = after_steps(progress, blocks.number_live * self._oversample**2)
        front = here = self._place(blocks, sensor, 0)
        photons: Tensor | None = None
        for layer in range(1 if sensor is None else sensor.layers):
            here = self._place(blocks, sensor, layer) if layer else front
            for beam, tables in self._lights(sensor):
                total = torch.empty(blocks.live.shape, dtype=torch.float64)
                begin = True
                for some in tables:
                    self._add_steps(here, beam, some, total, begin)
                    begin = False
                    of_steps(len(some))
                # of the first in their place
                photons = total if photons is None else photons
                self._library.add_photons(
                    *(byref(front.blocks), byref(here.blocks), byref(beam)),
                    *(reference(here.layer), pointer(total), pointer(photons)),
                )
        assert photons is not None
        return photons

    def _place(self, blocks: Blocks, sensor: Sensor | None, layer: int) -> _Place:
        """Blocks on the front of a layer."""
        slow, fast, number = blocks.slow.contiguous(), blocks.fast.contiguous(), blocks.panel
        every = self._scene.panels
        of_layer: Layer | None = None
        if isinstance(number, int) and sensor is not None:
            panel = every.layers(number)[layer]
            of_layer = Layer.of(panel, sensor, layer)
            panels = slow.new_tensor([every.direction_row(panel, self._oversample)])
        else:
            panels = every.directions(number, self._oversample, _CPU)
        panels = panels.expand(len(slow), -1).contiguous()
        anchors: tuple[Tensor, ...] = ()
        if self._is_exact:
            # torch's square root may be a bit off the nearest number, and decides the bits
            pixels = Pixels(slow + ANCHOR[0], fast + ANCHOR[1], blocks.live[:, 0], number)
            anchors = Optics(self._scene).to_subpixel(pixels, 0)[0]
        tensors = slow, fast, panels, *anchors
        pointers = [tensor.data_ptr() for tensor in tensors]
        of_blocks = _Blocks(
            *(len(slow), *pointers[:3], self._oversample),
            (c_int64 * 2)(*ANCHOR),
            (ctypes.c_void_p * 3)(*pointers[3:]),
        )
        return _Place(of_blocks, of_layer, tensors)

    def _lights(self, sensor: Sensor | None) -> Iterator[tuple[_Beam, Iterator[StepTable]]]:
        """Beams and their steps, those of wavelengths that a sensor tells apart on their own."""
        for incident, of_grids in self._steps.items():
            tables = self._parts(of_grids)
            if sensor is None:
                yield self._beam(incident, 0.0), tables
            elif sensor.attenuation_table is None:
                yield self._beam(incident, 1.0 / sensor.attenuation_length), tables
            else:
                alike = itertools.groupby(_by_wavelength(tables), lambda some: some[0])
                for wavelength, several in alike:
                    attenuation = 1.0 / sensor.attenuation_at(wavelength)
                    yield self._beam(incident, attenuation), (table for _, table in several)

    def _parts(self, of_grids: list[StepList]) -> Iterator[StepTable]:
        sums = max(_EVALUATIONS_AT_A_TIME // self._oversample**2 // _STEPS_OF_A_SUM, 1)
        for steps in of_grids:
            yield from steps.parts(sums * _STEPS_OF_A_SUM)

    def _add_steps(
        self, place: _Place, beam: _Beam, steps: StepTable, total: Tensor, begin: bool
    ) -> None:
        summand = self._summand
        self._library.add_steps(
            byref(place.blocks),
            byref(self._steps_of(steps, begin)),
            pointer(summand.lattice),
            byref(beam),
            reference(place.layer),
            c_int64(_SHAPES.index(summand.shape)),
            c_int64(summand.dtype is torch.float32),
            pointer(total),
        )

    def _steps_of(self, steps: StepTable, begin: bool) -> _Steps:
        """Steps as the loop takes them, in the memory of their table."""
        tensors = steps.vectors, steps.weights, self._summand.values[steps.grid]
        assert all(tensor.is_contiguous() for tensor in tensors)
        return _Steps(
            len(steps),
            Numbers3(*steps.incident),
            begin,
            *(tensor.data_ptr() for tensor in tensors),
            _Indices(*self._summand.minimum),
            self._last,
        )

    def _beam(self, incident: Vector, attenuation: float) -> _Beam:
        """Light along a direction, and the inverse of its attenuation length in a sensor [1/m]."""
        beam, sampling = self._scene.beam, self._scene.sampling
        numbers = kahn_numbers(incident, beam.polarization, beam.polarization_axis)
        own = sampling.oversample_polar, sampling.oversample_omega, sampling.oversample_thick
        return _Beam(*(Numbers3(*vector) for vector in numbers), attenuation, *own)


def _by_wavelength(tables: Iterator[StepTable]) -> Iterator[tuple[float, StepTable]]:
    """Steps of one wavelength after the other, with that [Å]."""
    for table in tables:
        wavelengths, counts = torch.unique_consecutive(table.wavelengths, return_counts=True)
        start = 0
        for wavelength, count in zip(wavelengths.tolist(), counts.tolist(), strict=True):
            yield wavelength, table.some(slice(start, start + count))
            start += count
