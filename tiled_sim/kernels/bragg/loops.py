"""The compiled loops of cpp/spots.cpp, and what they take: its structures, as C lays them out."""

import ctypes
import functools
import math
from ctypes import Structure, byref, c_double, c_int64
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tiled_sim.kernels.bragg.patches import Patch
from tiled_sim.kernels.bragg.spot import Spot
from tiled_sim.kernels.bragg.steps import Steps
from tiled_sim.kernels.cpp.structures import Layer, Numbers3, Optics, pointer, reference
from tiled_sim.kernels.library import Library, load
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.detector import Panel
from tiled_sim.physics.constants import R_E_SQR
from tiled_sim.physics.structure_factor import StructureFactorTable
from tiled_sim.physics.vectors import Array, Vector

LIBRARY = Library("spots")
#: What the loops keep of a subpixel, its direction and its sum, by `Loops.single`.
BYTES_PER_SUBPIXEL = {False: 32, True: 28}
_Numbers, _Pair = c_double * 6, c_int64 * 2


class _Patch(Structure):
    _fields_ = (
        ("corners", Numbers3 * 4),
        ("tangents", Numbers3 * 4),
        ("cosines", c_double * 4),
        ("sines", c_double * 4),
        ("normals", Numbers3 * 4),
        ("normal", Numbers3),
        ("across", Numbers3 * 2),
        ("per_tangent", c_double * 2),
        ("start", c_double * 2),
        ("first", _Pair),
        ("number", _Pair),
    )


class _Steps(Structure):
    _fields_ = (
        ("number", c_int64),
        ("incident", Numbers3),
        ("direct", ctypes.c_void_p),
        ("reciprocal", ctypes.c_void_p),
        ("wavelengths", ctypes.c_void_p),
        ("weights", ctypes.c_void_p),
    )


class _Spot(Structure):
    _fields_ = (
        ("radius", c_double),
        ("radius_margin", c_double),
        ("height", c_double),
        ("sharpness", c_double),
        ("metric", _Numbers),
        ("least", c_double),
        ("flat", c_int64),
        ("alone", c_int64),
        ("single", c_int64),
    )


class _Table(Structure):
    _fields_ = (
        ("squares", ctypes.c_void_p),
        ("first", c_int64 * 3),
        ("last", c_int64 * 3),
        ("ends", c_int64),
    )


class _Screen(Structure):
    _fields_ = (
        ("optics", ctypes.POINTER(Optics)),
        ("seen", ctypes.c_void_p),
        ("wanted", ctypes.c_void_p),
        ("groups", ctypes.c_void_p),
        ("single", c_int64),
    )


class _Counts(Structure):
    _fields_ = tuple((name, c_int64) for name in ("lines", "nodes", "evaluations", "counted"))


class Counts(NamedTuple):
    """What following spots met.

    Parameters
    ----------
    lines : of the reciprocal lattices that were followed
    nodes : whose spots may light a subpixel
    evaluations : done; if none were, of so many subpixels under the spots
    counted : of those done, that are not negligible
    """

    lines: int
    nodes: int
    evaluations: int
    counted: int


class Loops:
    """The loops for the spots of a crystal.

    Parameters
    ----------
    spot : of the crystal
    height : F_latt² at its peak
    table : of structure factors, on CPU
    default_F : outside the table [electron]
    single : whether spots are met in float32, which must suit them (`Spot.suits_float32`)

    Raises
    ------
    KernelError
        if they cannot be compiled
    """

    def __init__(
        self,
        spot: Spot,
        height: float,
        table: StructureFactorTable,
        default_F: float,
        single: bool = False,
    ) -> None:
        self._library = load(LIBRARY)
        self.alone, self.single = spot.alone, single
        least = math.log(spot.least) if spot.gaussian else -1.0
        (aa, ab, ac), (_, bb, bc), (_, _, cc) = spot.metric.tolist()
        metric = _Numbers(aa, ab, ac, bb, bc, cc)
        radius, margin = spot.radius_and_margin
        flat = not spot.gaussian
        shape = flat, spot.alone, single
        self._spot = _Spot(radius, margin, height, spot.sharpness, metric, least, *shape)
        # the padded tables: their border included
        first = [low - 1 for low in table.minimum]
        last = [start + n for start, n in zip(first, table.last_indices().tolist(), strict=True)]
        self._squares = [grid.squares(torch.float64).contiguous() for grid in table.grids]
        self._tables = [
            _Table(each.data_ptr(), (c_int64 * 3)(*first), (c_int64 * 3)(*last), default_F == 0.0)
            for each in self._squares
        ]

    def count(self, patch: Patch, panel: Panel, steps: Steps) -> Counts:
        """Follow the spots of some steps to a patch of a panel without evaluating them."""
        return self._follow(_patch(patch, panel), steps, None)

    def add(self, patch: Patch, panel: Panel, steps: Steps, screen: "Screen") -> Counts:
        """Add weight · F_cell² · F_latt² of some steps to the subpixels of a patch of a panel.

        Parameters
        ----------
        screen : of `Camera`
        """
        return self._follow(_patch(patch, panel), steps, screen.structure)

    def _follow(self, patch: _Patch, steps: Steps, screen: _Screen | None) -> Counts:
        counts = _Counts()
        arrays = steps.direct, steps.reciprocal, steps.wavelengths, steps.weights
        pointers = (array.data_ptr() for array in arrays)
        of_steps = _Steps(len(steps.weights), Numbers3(*steps.incident), *pointers)
        table = self._tables[steps.grid]
        every = map(byref, (patch, of_steps, self._spot, table))
        self._library.follow_spots(*every, reference(screen), byref(counts))
        return Counts(*(getattr(counts, name) for name in Counts._fields))


class Screen(NamedTuple):
    """The subpixels of a patch, of which those of a block are looked at when a spot reaches it.

    Parameters
    ----------
    structure : in the memory of the tensors
    groups : of subpixels, as the loops lay them out, uint8 (slow, fast, `BYTES_PER_SUBPIXEL`)
    seen : which blocks have been looked at, uint8 (blocks,)
    wanted : which subpixels are, (slow, fast); the others are looked for at infinity; None: all
    """

    structure: _Screen
    groups: Tensor
    seen: Tensor
    wanted: Tensor | None


class Camera:
    """The loops that are of the detector and the beam, not of the crystal.

    Parameters
    ----------
    scene : the frame, its detector flat
    single : whether spots are met in float32, which must suit them (`Spot.suits_float32`)
    """

    def __init__(self, scene: Scene, single: bool = False) -> None:
        self._library = load(LIBRARY)
        self._scene = scene
        self._single = single
        self._photons = R_E_SQR * scene.fluence / scene.steps

    def screen(self, patch: Patch, panel: Panel, wanted: Tensor | None) -> Screen:
        """A patch, nothing of which is looked at.

        Parameters
        ----------
        panel : of the patch, on the front of a layer of its sensor
        wanted : which of its subpixels, (slow, fast); None: all
        """
        size = BYTES_PER_SUBPIXEL[self._single]
        groups = torch.empty((*patch.subpixels, size), dtype=torch.uint8)
        seen = torch.zeros(patch.number_of_blocks, dtype=torch.uint8)
        optics = self._optics(patch, panel, self._scene.beam.direction)
        pointers = map(pointer, (seen, wanted, groups))
        structure = _Screen(ctypes.pointer(optics), *pointers, self._single)
        return Screen(structure, groups, seen, wanted)

    def add_photons(
        self,
        patch: Patch,
        layer: int,
        light: Steps,
        screen: Screen,
        places: Tensor,
        photons: Tensor,
    ) -> None:
        """Add the photons of sums over steps of one direction of the beam; the sums are 0 then.

        That is r_e² · fluence / steps · polar · omega · capture, all at the first subpixel of a
        pixel, polar and omega on the front of the sensor.

        Parameters
        ----------
        layer : of the sensor, by its number
        light : steps of that direction; where the panel has a sensor, of one wavelength
        screen : of the patch, on that layer
        places : of the blocks of the patch among those of the photons, int64 (blocks,); less than
            0 where they are none of them
        photons : float64 (blocks, 256)
        """
        front, panel = (self._scene.panels.layers(patch.panel)[number] for number in (0, layer))
        sensor, attenuation = self._scene.detector.sensor_of(patch.panel), 0.0
        if sensor is not None:
            attenuation = 1.0 / sensor.attenuation_at(float(light.wavelengths[0]))
        optics = self._optics(patch, front, light.incident)
        structures = _patch(patch, front), optics, Layer.of(panel, sensor, layer)
        arrays = reference(screen.structure), pointer(places), pointer(photons)
        self._library.add_photons(*map(reference, structures), c_double(attenuation), *arrays)

    def _optics(self, patch: Patch, panel: Panel, incident: Vector) -> Optics:
        """Of a panel and a direction of the beam."""
        return Optics.of(self._scene, panel, incident, self._photons, patch.oversample)


@functools.lru_cache(maxsize=4096)
def _patch(patch: Patch, panel: Panel) -> _Patch:
    """A patch of a panel; made once for all frames."""
    made = _Patch()
    corners = patch.corners(panel)
    following = np.roll(corners, -1, 0)
    cosines = (corners * following).sum(1)
    tangents = following - cosines[:, None] * corners
    sines = np.linalg.norm(tangents, axis=1)
    normals = np.cross(corners, following)
    normals *= np.sign(normals @ corners.sum(0))[:, None]
    _fill(made.corners, corners)
    _fill(made.tangents, tangents / sines[:, None])
    _fill(made.normals, normals)
    made.cosines[:], made.sines[:] = cosines, sines
    slow, fast, origin = map(np.array, (panel.slow_axis, panel.fast_axis, panel.origin))
    normal = np.cross(fast, slow)
    normal /= np.linalg.norm(normal)
    distance = float(origin @ normal)
    if distance < 0.0:
        normal, distance = -normal, -distance
    made.normal[:] = normal
    # the axes need not be perpendicular: coordinates are products with their duals in the plane
    across = np.linalg.inv(np.array([slow, fast, normal])).T[:2]
    _fill(made.across, across / np.linalg.norm(across, axis=1, keepdims=True))
    for axis, size in enumerate(panel.pixel_size):
        per_metre = patch.oversample / size
        made.per_tangent[axis] = per_metre * distance * float(np.linalg.norm(across[axis]))
        made.start[axis] = float(across[axis] @ origin) * per_metre + 0.5
        made.first[axis] = patch.corner[axis] * patch.oversample
        made.number[axis] = patch.subpixels[axis]
    return made


def _fill(rows: ctypes.Array, values: Array) -> None:
    for row, value in zip(rows, values, strict=True):
        row[:] = value
