"""The reference kernel: float64, a loop to be held against the equations.

Every value of a pixel comes from element-wise operations in a fixed order, so it does not depend
on which other pixels are computed with it.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tiled_sim.kernels.recorder import Recorder
from tiled_sim.kernels.scene import Scene
from tiled_sim.physics import geometry, lattice
from tiled_sim.physics.absorption import absorbed
from tiled_sim.physics.constants import R_E_SQR
from tiled_sim.physics.geometry import Vectors
from tiled_sim.physics.lattice import Indices
from tiled_sim.physics.polarization import polarization_factor
from tiled_sim.physics.structure_factor import (
    ABSENT,
    IN_RANGE,
    OUT_OF_RANGE,
    ZERO,
    StructureFactorTable,
)
from tiled_sim.physics.vectors import Array, Vector

#: Side of a block [pixel]. Tiles are made of whole blocks, so that a pixel's block, and with it
#: its value to the last bit, does not depend on the tile.
BLOCK = 16
_NOT_COUNTED = 4


@dataclass(slots=True)
class Lookups:
    """What the look-ups of F met, counted over evaluations.

    Parameters
    ----------
    in_range : at a node with F other than 0
    zero : at a node given as 0
    absent : inside the ranges, at a node that the source did not give
    out_of_range : outside the ranges
    interpolation_refused : too near the edge to interpolate; the nearest node was taken
    uncounted : evaluations by a kernel that does not tell what it meets
    """

    in_range: int = 0
    zero: int = 0
    absent: int = 0
    out_of_range: int = 0
    interpolation_refused: int = 0
    uncounted: int = 0

    @property
    def total(self) -> int:
        """Evaluations that looked F up."""
        return self.in_range + self.zero + self.absent + self.out_of_range + self.uncounted

    def add(self, other: "Lookups") -> None:
        """Add the counts of other pixels."""
        self.in_range += other.in_range
        self.zero += other.zero
        self.absent += other.absent
        self.out_of_range += other.out_of_range
        self.interpolation_refused += other.interpolation_refused
        self.uncounted += other.uncounted


class Evaluation(NamedTuple):
    """One step of many pixels."""

    hkl: Indices
    F_latt: tuple[Tensor, ...]
    F_cell: Tensor

    @property
    def intensity(self) -> Tensor:
        """F_cell² · F_latt² [electron²]."""
        F = self.F_cell
        for factor in self.F_latt:
            F = F * factor
        return F * F


class Pixels(NamedTuple):
    """The pixels to compute, as flat tensors of one length.

    Parameters
    ----------
    slow, fast : whole coordinates on the panel, float64
    live : False where a pixel is not wanted
    """

    slow: Tensor
    fast: Tensor
    live: Tensor


class Blocks(NamedTuple):
    """Blocks of 16 × 16 pixels, on the panel's own grid.

    Parameters
    ----------
    slow, fast : corners on the panel [pixel], float64 (blocks,)
    live : False where a pixel is not wanted, (blocks, 256)
    whole : True if all are live
    """

    slow: Tensor
    fast: Tensor
    live: Tensor
    whole: bool

    def pixels(self) -> Pixels:
        """Their pixels, row by row, block after block."""
        lane = torch.arange(BLOCK * BLOCK, device=self.slow.device)
        return Pixels(
            (self.slow[:, None] + lane // BLOCK).flatten(),
            (self.fast[:, None] + lane % BLOCK).flatten(),
            self.live.flatten(),
        )


class Pass(NamedTuple):
    """One subpixel of a layer of some pixels, lit by one source: what phi and domains share.

    Parameters
    ----------
    pixels : whose subpixel it is
    layer, subpixel, source : numbers
    q : scattering vectors [1/Å]
    seen : pixels that dmin lets through; None: all
    recorder : told the values of its pixel
    """

    pixels: Pixels
    layer: int
    subpixel: int
    source: int
    q: Vectors
    seen: Tensor | None
    recorder: Recorder | None

    @property
    def counted(self) -> Tensor:
        """Pixels whose evaluations count: live ones that dmin lets through."""
        return self.pixels.live if self.seen is None else self.pixels.live & self.seen


class Sums:
    """What the steps of one source add up to in some pixels, term by term [electron²].

    Parameters
    ----------
    like : a tensor of their shape
    weighed : whether terms of one pixel have factors of their own; else only `I` is kept
    """

    def __init__(self, like: Tensor, weighed: bool) -> None:
        self._weighed = weighed
        #: F_cell² · F_latt².
        self.I = torch.zeros_like(like)
        if weighed:
            #: … times the share that the layer absorbs, times polarization, times solid angle.
            self.captured, self.polarized, self.whole = (torch.zeros_like(like) for _ in range(3))

    def add(
        self, intensity: Tensor, capture: Tensor | None, polar: Tensor | None, omega: Tensor
    ) -> None:
        """Add a term with its factors; ``capture`` None is 1, ``polar`` None without weighing."""
        self.I += intensity
        if self._weighed:
            assert polar is not None
            captured = intensity if capture is None else intensity * capture
            self.captured += captured
            self.polarized += captured * polar
            self.whole += captured * polar * omega


class ReferenceKernel:
    """Sums every step of every pixel, one step at a time.

    Parameters
    ----------
    scene : the panel in its frame
    table : of structure factors; None: ``default_F`` everywhere
    default_F : [electron]
    """

    name = "reference"
    #: Whether `photons` counts what every look-up meets.
    counts = True
    #: Relative difference that `photons` may have from what it tells a recorder; None: they are
    #: the same tensors.
    trace_error: float | None = None
    #: Whether evaluations are left out because nothing, or next to nothing, comes of them.
    leaves_out = False
    #: No pixel lacks more than this for what is left out [photons].
    skipped_bound = 0.0
    #: Of how many live blocks one gives a pixel whose look-ups are counted, if `counts` is False.
    blocks_a_sample = 4
    #: Blocks worked on at a time: 64 KiB a float64 tensor, so that they stay in cache, and below
    #: the size at which the C library maps and unmaps every one of them.
    blocks_at_a_time = 32

    def __init__(self, scene: Scene, table: StructureFactorTable | None, default_F: float) -> None:
        self.scene = scene
        self.table = table
        self.default_F = default_F
        reciprocal = scene.crystal.reciprocal_vectors
        self._metric = reciprocal @ reciprocal.T
        self._layers = scene.layers()
        weights = scene.beam.spectrum.relative_weights()
        self._weights = (1.0,) * len(weights) if scene.c_compat else weights

    @property
    def ceiling(self) -> float:
        """No pixel is brighter, F being taken at nodes [photons]."""
        scene = self.scene
        crystal, panel = scene.crystal, scene.panel
        height = float(math.prod(crystal.cells)) ** 2
        area = 1.0 if scene.detector.point_pixel else panel.pixel_area
        F = self.default_F if self.table is None else self.table.largest
        omega = area / panel.close_distance**2
        return R_E_SQR * scene.beam.fluence * F * F * height * omega

    def photons_of_blocks(self, blocks: Blocks) -> tuple[Tensor, Lookups]:
        """As `photons`, (blocks, 256)."""
        photons, lookups = self.photons(blocks.pixels())
        return photons.view(blocks.live.shape), lookups

    def photons(self, pixels: Pixels, recorder: Recorder | None = None) -> tuple[Tensor, Lookups]:
        """Expected photons of each pixel, and what the look-ups met.

        Parameters
        ----------
        pixels : any number; those that are not live are computed, and not counted
        recorder : told the values of its pixel

        Returns
        -------
        float64, one value a pixel [photons]
        """
        sources = list(self.scene.beam.spectrum)
        sums = [Sums(pixels.slow, self.scene.weighs_terms) for _ in sources]
        polar: list[Tensor | None] = [None] * len(sources)
        omega = None
        lookups = Lookups()
        for layer, subpixel in self.places():
            diffracted, distance = self.to_subpixel(pixels, subpixel, layer, recorder)
            if omega is None or self.scene.sampling.oversample_omega:
                omega = self.omega(distance, layer)
            if subpixel == 0 or self.scene.sampling.oversample_thick:
                capture = self.capture(diffracted, layer)
            for number, source in enumerate(sources):
                q = geometry.scattering_vector(diffracted, source.incident, source.wavelength)
                seen = self.within_resolution(q)
                self._polarize(polar, number, diffracted, source.incident, seen)
                if recorder is not None and number == 0:
                    recorder.record(
                        incident=source.incident,
                        wavelength=source.wavelength,
                        q=q,
                        cos_two_theta=diffracted.dot(source.incident),
                    )
                    recorder.phi_steps.clear()
                intensity = self._sum_over_steps(
                    Pass(pixels, layer, subpixel, number, q, seen, recorder), lookups
                )
                sums[number].add(intensity, capture, polar[number], omega)
        assert omega is not None
        return self._scale(sums, polar, omega, recorder), lookups

    def places(self) -> Iterator[tuple[int, int]]:
        """Layer and subpixel of everything that a pixel is made of, in the order of summation."""
        subpixels = range(self.scene.sampling.oversample**2)
        return itertools.product(range(self.scene.detector.layers), subpixels)

    def to_subpixel(
        self, pixels: Pixels, subpixel: int, layer: int = 0, recorder: Recorder | None = None
    ) -> tuple[Vectors, Tensor]:
        """Unit vectors to the centre of a subpixel on a layer's front, and distances [m]."""
        scene, panel = self.scene, self._layers[layer]
        oversample = scene.sampling.oversample
        sub_slow, sub_fast = divmod(subpixel, oversample)
        slow, fast = (side / oversample for side in panel.pixel_size)
        position = geometry.flat_position(
            slow * (pixels.slow * oversample + sub_slow) + slow / 2.0,
            fast * (pixels.fast * oversample + sub_fast) + fast / 2.0,
            panel.origin,
            panel.slow_axis,
            panel.fast_axis,
        )
        radius = scene.detector.curvature_radius
        if radius is not None:
            bend = geometry.curved_position_as_c if scene.c_compat else geometry.curved_position
            position = bend(
                position, scene.beam.direction, panel.slow_axis, panel.fast_axis, radius
            )
            deeper = (radius + self._depth(layer)) / radius
            position = Vectors(*(component * deeper for component in position))
        diffracted, distance = geometry.direction(position)
        if recorder is not None:
            recorder.record(position=position, distance=distance, diffracted=diffracted)
        return diffracted, distance

    def _depth(self, layer: int) -> float:
        """From the panel's plane to the front of a layer [m]."""
        sensor = self.scene.detector.sensor
        return 0.0 if sensor is None else sensor.depth(layer)

    def omega(self, distance: Tensor, layer: int) -> Tensor:
        """Solid angle of a pixel at the place of a subpixel [sr]."""
        if self.scene.detector.point_pixel:
            return geometry.point_solid_angle(distance)
        panel = self._layers[layer]
        return geometry.solid_angle(distance, panel.pixel_size, panel.close_distance)

    def capture(self, diffracted: Vectors, layer: int) -> Tensor | None:
        """Share of the photons that a layer absorbs; None: all."""
        sensor = self.scene.detector.sensor
        if sensor is None:
            return None
        obliquity = torch.ones_like(diffracted.x)
        if self.scene.detector.curvature_radius is None:
            obliquity = diffracted.dot(self.scene.panel.normal).abs()
        return absorbed(
            sensor.depth(layer), sensor.depth(layer + 1), sensor.attenuation_length, obliquity
        )

    def within_resolution(self, q: Vectors) -> Tensor | None:
        """Pixels whose d = 1/|q| is not below dmin; None: all."""
        dmin = self.scene.sampling.dmin
        if dmin == 0.0:
            return None
        stol = 0.5 * q.length()
        return ~((stol > 0.0) & (dmin > 0.5 / stol))

    def _polarize(
        self,
        polar: list[Tensor | None],
        number: int,
        diffracted: Vectors,
        incident: Vector,
        seen: Tensor | None,
    ) -> None:
        """Set the polarization factor where a pixel is first seen, for each source of its own.

        The C program takes the factor of the first source for all. With ``oversample_polar``
        every term has its own.
        """
        beam = self.scene.beam
        slot = 0 if self.scene.c_compat else number
        known = None if self.scene.sampling.oversample_polar else polar[slot]
        if known is not None and seen is None:
            return
        if beam.polarization is None:
            polar[slot] = torch.ones_like(diffracted.x)
            return
        factor = polarization_factor(
            diffracted, incident, beam.polarization, beam.polarization_axis
        )
        if seen is not None:
            held = torch.zeros_like(factor) if known is None else known
            factor = torch.where((held == 0.0) & seen, factor, held)
        polar[slot] = factor

    def _sum_over_steps(self, one: Pass, lookups: Lookups) -> Tensor:
        """Sum over phi steps and mosaic domains of one subpixel and source [electron²]."""
        total = torch.zeros_like(one.q.x)
        scene, recorder, counted = self.scene, one.recorder, one.counted
        first = self._first(one)
        everything = bool(counted.all())
        for t, domains in enumerate(scene.orientations):
            for m, orientation in enumerate(domains):
                step = self._evaluate(one.q, orientation.tolist(), counted, everything, lookups)
                intensity = step.intensity
                if first is not None:
                    # the one evaluation whose crystal had not been turned before it
                    own_orientation = scene.first_orientations[t, m]
                    axes = own_orientation.tolist()
                    own = self._evaluate(one.q, axes, counted, everything, Lookups())
                    intensity = torch.where(first, own.intensity, intensity)
                if one.seen is not None:
                    intensity = torch.where(one.seen, intensity, 0.0)
                total += intensity
                if recorder is not None and m == 0 and one.source == 0:
                    if first is not None and bool(first[recorder.index]):
                        step, orientation = own, own_orientation
                    self._record(recorder, t, step, orientation)
        return total

    def _first(self, one: Pass) -> Tensor | None:
        """Which of the pixels is the C program's first evaluation, or None if none is."""
        first = self.scene.first
        if first is None or (one.subpixel, one.source) != (first.subpixel, first.source):
            return None
        is_first = (one.pixels.slow == first.slow) & (one.pixels.fast == first.fast)
        return is_first if bool(is_first.any()) else None

    def _evaluate(
        self, q: Vectors, axes: Any, counted: Tensor, everything: bool, lookups: Lookups
    ) -> Evaluation:
        """One step: h, k, l along the axes a, b, c [Å], then lattice and structure factor there."""
        a, b, c = axes
        index = lattice.indices(q.dot(a), q.dot(b), q.dot(c))
        return Evaluation(
            index, self._lattice_factor(index), self._F_cell(index, counted, everything, lookups)
        )

    def _lattice_factor(self, index: Indices) -> tuple[Tensor, ...]:
        """Factors whose product is F_latt: three for a square crystal, else one."""
        crystal = self.scene.crystal
        if crystal.shape == "square":
            return tuple(
                lattice.grating(delta, cells)
                for delta, cells in zip((index.dh, index.dk, index.dl), crystal.cells, strict=True)
            )
        if crystal.shape == "round":
            return (lattice.round_(index, crystal.cells, crystal.fudge),)
        spot = lattice.gauss_star if crystal.shape == "gauss_star" else lattice.tophat
        return (spot(index, crystal.cells, crystal.fudge, self._metric),)

    def _F_cell(
        self, index: Indices, counted: Tensor, everything: bool, lookups: Lookups
    ) -> Tensor:
        """Structure factor of the unit cell [electron]; counts what it met."""
        if self.table is None:
            lookups.out_of_range += int(counted.sum())
            return torch.full_like(index.h, self.default_F)
        nodes = self.table.nodes(index)
        kind = self.table.kind_of(nodes)
        if not everything:
            kind = torch.where(counted, kind, _NOT_COUNTED)
        counts = torch.bincount(kind, minlength=5).tolist()
        lookups.add(Lookups(counts[IN_RANGE], counts[ZERO], counts[ABSENT], counts[OUT_OF_RANGE]))
        F_cell = self.table.nearest(nodes)
        if self.scene.sampling.interpolate:
            allowed = self.table.can_interpolate(index)
            lookups.interpolation_refused += int((counted & ~allowed).sum())
            if bool(allowed.any()):
                F_cell = torch.where(allowed, self.table.tricubic(index, allowed), F_cell)
        return F_cell

    def _scale(
        self,
        sums: list[Sums],
        polar: list[Tensor | None],
        omega: Tensor,
        recorder: Recorder | None,
    ) -> Tensor:
        """Photons from the sums of the sources: r_e² · fluence · I / steps · polar · omega."""
        scene = self.scene
        if scene.weighs_terms:
            return self._scale_weighed(sums, polar[0], omega, recorder)
        shared = len(sums) == 1 or scene.c_compat
        total = torch.zeros_like(omega)
        polarized = torch.zeros_like(omega)
        for number, (weight, of_source) in enumerate(zip(self._weights, sums, strict=True)):
            factor = polar[0 if shared else number]
            assert factor is not None
            total += weight * of_source.I
            polarized += weight * of_source.I * factor
        first = polar[0]
        assert first is not None
        per_step = R_E_SQR * scene.beam.fluence / scene.steps
        photons = per_step * (total * first if shared else polarized) * omega
        if recorder is not None:
            mean = first if shared else torch.where(total == 0.0, first, polarized / total)
            recorder.record(I=total, capture=1.0, polar=mean, omega=omega, photons=photons)
        return photons

    def _scale_weighed(
        self,
        sums: list[Sums],
        polar: Tensor | None,
        omega: Tensor,
        recorder: Recorder | None,
    ) -> Tensor:
        """Photons from sums whose terms have factors of their own.

        The recorder is told the mean of each factor over the pixel's intensity, so that the chain
        multiplies out; of a dark pixel the last.
        """
        I, captured, polarized, whole = (torch.zeros_like(omega) for _ in range(4))
        for weight, of_source in zip(self._weights, sums, strict=True):
            I += weight * of_source.I
            captured += weight * of_source.captured
            polarized += weight * of_source.polarized
            whole += weight * of_source.whole
        photons = R_E_SQR * self.scene.beam.fluence / self.scene.steps * whole
        if recorder is not None:
            assert polar is not None
            recorder.record(
                I=I,
                capture=_ratio(captured, I, torch.zeros_like(I)),
                polar=_ratio(polarized, captured, polar),
                omega=_ratio(whole, polarized, omega),
                photons=photons,
            )
        return photons

    def _record(self, recorder: Recorder, t: int, step: Evaluation, orientation: Array) -> None:
        """Keep one phi step of the first source and domain; of phi step 0, everything."""
        index, crystal = step.hkl, self.scene.crystal
        factors = step.F_latt
        if crystal.shape == "square":
            nodes = (index.h0, index.k0, index.l0)
            factors = tuple(
                factor * lattice.grating_sign(node, cells)
                for factor, node, cells in zip(factors, nodes, crystal.cells, strict=True)
            )
        F_latt = factors[0]
        for factor in factors[1:]:
            F_latt = F_latt * factor
        recorder.record_phi_step(
            phi=self.scene.angles[t],
            hkl=(index.h, index.k, index.l),
            hkl_rounded=(index.h0, index.k0, index.l0),
            F_latt_abc=factors,
            F_latt=F_latt,
            F_cell=step.F_cell,
        )
        if t == 0:
            a, b, c = orientation.tolist()
            recorder.record(a=a, b=b, c=c)


def _ratio(above: Tensor, below: Tensor, otherwise: Tensor) -> Tensor:
    """A quotient, and another value where there is none."""
    return torch.where(below == 0.0, otherwise, above / below)
