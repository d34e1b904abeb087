"""The fused CPU kernel: h, k, l in float64 from anchors, and the sum over steps in one loop.

Where a scene needs what the fused directions do not know (a curved detector, dmin, the C
program's faults), directions, polarization and masks come from the reference kernel and only the
sum over steps is fused.
"""

import math

import torch
from torch import Tensor

from tiled_sim.kernels.anchors import StepTable, anchor, step_tables
from tiled_sim.kernels.chain import ChainKernel
from tiled_sim.kernels.graphs import LANES, PRECISIONS
from tiled_sim.kernels.packages import Graph, load
from tiled_sim.kernels.recorder import Recorder
from tiled_sim.kernels.reference import Blocks, Lookups, Pixels, ReferenceKernel
from tiled_sim.kernels.scene import Scene
from tiled_sim.physics import lattice
from tiled_sim.physics.constants import R_E_SQR
from tiled_sim.physics.geometry import Vectors
from tiled_sim.physics.polarization import transverse_axes
from tiled_sim.physics.structure_factor import (
    ABSENT,
    IN_RANGE,
    OUT_OF_RANGE,
    ZERO,
    StructureFactorTable,
    constant_table,
)
from tiled_sim.physics.vectors import Vector

#: Steps summed in one go, in float32 if the precision is mixed, before they are added in float64;
#: fixed, so that bits do not depend on memory at hand.
STEPS_AT_A_TIME = 64
#: Of float64 chains against stored pixels: float32 has 1.2e-7 from one number to the next.
_TRACE_ERROR = {"float64": 2e-7, "mixed": 1e-3}
#: The pixel of a block that anchors it.
_ANCHOR_LANE = 8 * 16 + 8


def graphs_of(shape: str, precision: str) -> tuple[Graph, Graph]:
    """The graphs that a crystal of this shape needs: directions, and the sum over steps."""
    return Graph("directions"), Graph("sweep", shape, precision)


class CompiledKernel(ReferenceKernel):
    """As `ReferenceKernel`, with the sum over steps fused; F of the nearest node, on CPU.

    Parameters
    ----------
    scene, table, default_F : as there
    precision : ``mixed`` (float32 once h, k, l are less their nodes) or ``float64``
    """

    name = "compiled"
    counts = False
    blocks_at_a_time = 256

    def __init__(
        self,
        scene: Scene,
        table: StructureFactorTable | None,
        default_F: float,
        precision: str = "float64",
    ) -> None:
        if table is None:
            table = constant_table(default_F)
        super().__init__(scene, table, default_F)
        self._directions, self._fused = graphs_of(scene.crystal.shape, precision)
        self.trace_error = _TRACE_ERROR[precision]
        self._dtype = PRECISIONS[precision]
        self._squares = table.squares(self._dtype)
        self._last = table.last_indices()
        self._minimum = table.minimum
        self._lattice = self._lattice_numbers()
        self._tables = step_tables(scene, self._weights, self._squares.device)

    def photons(self, pixels: Pixels, recorder: Recorder | None = None) -> tuple[Tensor, Lookups]:
        """As `ReferenceKernel.photons`, without counts.

        With a recorder only its pixel is computed, by the float64 chain.
        """
        if recorder is None:
            return super().photons(pixels)
        place = slice(recorder.index, recorder.index + 1)
        recorder.index = 0
        chain = ChainKernel(self.scene, self.table, self.default_F)
        return chain.photons(Pixels(*(part[place] for part in pixels)), recorder)

    def photons_of_blocks(self, blocks: Blocks) -> tuple[Tensor, Lookups]:
        """As `ReferenceKernel.photons_of_blocks`, without counts."""
        if not self._is_plain():
            return super().photons_of_blocks(blocks)
        live = blocks.live.numel() if blocks.whole else int(blocks.live.sum())
        photons = self._plain_photons(blocks.slow[:, None], blocks.fast[:, None])
        return photons, Lookups(uncounted=live * self.scene.steps)

    def count_lookups(self, pixels: Pixels) -> Lookups:
        """What the look-ups of some pixels meet, all steps of them."""
        lookups = Lookups()
        live = Pixels(*(part[pixels.live] for part in pixels))
        for subpixel in range(self.scene.sampling.oversample**2):
            diffracted, _ = self.to_subpixel(live, subpixel)
            for table in self._tables:
                for start in range(0, len(table.weights), STEPS_AT_A_TIME):
                    part = slice(start, start + STEPS_AT_A_TIME)
                    lookups.add(self._met(diffracted, table, part))
        return lookups

    def _met(self, diffracted: Vectors, table: StepTable, part: slice) -> Lookups:
        """What some steps meet."""
        assert self.table is not None
        difference = Vectors(*(d - i for d, i in zip(diffracted, table.incident, strict=True)))
        node = anchor(table.vectors[part], difference, self._minimum).node[..., 0]
        h, k, l = node.clamp(0).minimum(self._last[:, None]).unbind(1)
        kind = self.table.kind_of(
            ((h * (self._last[1] + 1) + k) * (self._last[2] + 1) + l).flatten()
        )
        dmin = self.scene.sampling.dmin
        if dmin > 0:
            d_spacing = table.wavelengths[part][:, None] / difference.length().clamp(min=1e-300)
            kind = kind[(d_spacing >= dmin).flatten()]
        counts = torch.bincount(kind, minlength=4).tolist()
        return Lookups(counts[IN_RANGE], counts[ZERO], counts[ABSENT], counts[OUT_OF_RANGE])

    def _is_plain(self) -> bool:
        scene = self.scene
        return (
            scene.detector.curvature_radius is None
            and scene.sampling.dmin == 0.0
            and not scene.c_compat
        )

    def _plain_photons(self, corners_slow: Tensor, corners_fast: Tensor) -> Tensor:
        """Photons of blocks by their corners, (blocks, 1); (blocks, 256)."""
        scene = self.scene
        slow, fast = _pad(corners_slow), _pad(corners_fast)
        anchors = self._anchor_directions(slow, fast)
        photons = torch.zeros((len(slow), LANES), dtype=torch.float64)
        for table in self._tables:
            scale, total = None, torch.zeros_like(photons)
            for subpixel in range(scene.sampling.oversample**2):
                x, y, z, polar_omega = self._to_blocks(
                    slow, fast, anchors, subpixel, table.incident
                )
                scale = polar_omega if scale is None else scale
                self._add_steps((x, y, z), anchors, table, total)
            assert scale is not None
            photons += total * scale
        photons *= R_E_SQR * scene.beam.fluence / scene.steps
        return photons[: len(corners_slow)]

    def _anchor_directions(self, slow: Tensor, fast: Tensor) -> Vectors:
        """Directions from the sample to the anchors of blocks, (blocks, 1)."""
        lane_slow, lane_fast = divmod(_ANCHOR_LANE, 16)
        live = torch.ones_like(slow, dtype=torch.bool)
        return self.to_subpixel(Pixels(slow + lane_slow, fast + lane_fast, live), 0)[0]

    def _to_blocks(
        self, slow: Tensor, fast: Tensor, anchors: Vectors, subpixel: int, incident: Vector
    ) -> list[Tensor]:
        scene, panel = self.scene, self.scene.panel
        oversample = scene.sampling.oversample
        place = (panel.pixel_size / oversample, oversample, *divmod(subpixel, oversample))
        px_sqr = panel.pixel_size**2
        obliquity = (
            (0.0, 1.0) if scene.detector.point_pixel else (px_sqr * panel.close_distance, 0.0)
        )
        return load(self._directions)(
            slow,
            fast,
            *anchors,
            torch.tensor(place, dtype=torch.float64),
            torch.tensor(
                (*panel.fast_axis, *panel.slow_axis, *panel.origin, *obliquity),
                dtype=torch.float64,
            ),
            torch.tensor(self._beam_numbers(incident), dtype=torch.float64),
        )

    def _beam_numbers(self, incident: Vector) -> tuple[float, ...]:
        """Incident, electric and magnetic directions, and the three numbers of Kahn's formula."""
        electric, magnetic = transverse_axes(incident, self.scene.beam.polarization_axis)
        kahn = self.scene.beam.polarization
        factor = (1.0, 0.0, 0.0) if kahn is None else (0.5, 0.5, -0.5 * kahn)
        return (*incident, *electric, *magnetic, *factor)

    def _add_steps(
        self,
        differences: tuple[Tensor, Tensor, Tensor],
        anchors: Vectors,
        table: StepTable,
        total: Tensor,
    ) -> None:
        """Add all steps of a table to ``total``, a fixed number at a time."""
        at_anchor = Vectors(*(d.view(-1) - i for d, i in zip(anchors, table.incident, strict=True)))
        for start in range(0, len(table.weights), STEPS_AT_A_TIME):
            part = slice(start, start + STEPS_AT_A_TIME)
            total += self._fused_sum(
                differences, at_anchor, table.vectors[part], table.weights[part]
            )

    def _fused_sum(
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
        anchors = anchor(vectors, at_anchor, self._minimum)
        (summed,) = load(self._fused)(
            *differences,
            vectors.reshape(-1, 9, 1, 1),
            anchors.remainder,
            anchors.node,
            weights.reshape(-1, 1, 1).to(self._dtype),
            self._squares,
            self._last,
            self._lattice,
        )
        return summed

    def _sweep(
        self,
        pixels: Pixels,
        q: Vectors,
        seen: Tensor | None,
        counted: Tensor,
        place: tuple[int, int],
        lookups: Lookups,
        recorder: Recorder | None,
    ) -> Tensor:
        """As in the reference: all phi steps and domains of one subpixel and source."""
        blocks = Vectors(*(_pad(component.view(-1, LANES)) for component in q))
        at_anchor = Vectors(*(component[:, _ANCHOR_LANE].contiguous() for component in blocks))
        x, y, z = (
            component - anchored[:, None]
            for component, anchored in zip(blocks, at_anchor, strict=True)
        )
        orientations = torch.from_numpy(self.scene.orientations).reshape(-1, 3, 3)
        total = torch.zeros(x.shape, dtype=torch.float64)
        for start in range(0, len(orientations), STEPS_AT_A_TIME):
            vectors = orientations[start : start + STEPS_AT_A_TIME]
            weights = torch.ones(len(vectors), dtype=torch.float64)
            total += self._fused_sum((x, y, z), at_anchor, vectors, weights)
        summed = total.view(-1)[: len(q.x)]
        lookups.uncounted += int(counted.sum()) * len(orientations)
        first = self._first(pixels, place)
        if first is not None:
            exact = super()._sweep(pixels, q, seen, counted, place, Lookups(), None)
            summed = torch.where(first, exact, summed)
        return summed if seen is None else torch.where(seen, summed, 0.0)

    def _lattice_numbers(self) -> Tensor:
        """What the graph needs to know of the crystal."""
        crystal = self.scene.crystal
        cells, n_sqr = crystal.cells, float(math.prod(crystal.cells)) ** 2
        if crystal.shape in ("square", "round"):
            numbers = (*map(float, cells), crystal.fudge, 0.0, 0.0, 0.0)
            height = n_sqr * lattice.SPHERE_HEIGHT**2
        else:
            (aa, ab, ac), (_, bb, bc), (_, _, cc) = self._metric.tolist()
            # F_latt² is exp(-2 …) for gauss_star; inside is below 1 for tophat
            width = 2.0 / 0.63 if crystal.shape == "gauss_star" else 1.0 / 0.3969
            numbers = (aa, ab, ac, bb, bc, cc, n_sqr * crystal.fudge * width)
            height = n_sqr
        return torch.tensor((*numbers, height), dtype=torch.float64)


def _pad(blocks: Tensor) -> Tensor:
    """At least two blocks: the graphs are made for two and more."""
    return blocks.contiguous() if len(blocks) > 1 else blocks.repeat(2, 1)
