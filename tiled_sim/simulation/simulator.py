"""One tile, a pure function of experiment, inputs, plan and tile."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tiled_sim.errors import ExperimentError
from tiled_sim.kernels.blocks import Blocks, Seen, frames_at_a_time
from tiled_sim.kernels.devices import stream_of_its_own
from tiled_sim.kernels.kernel import Kernel, Progress
from tiled_sim.kernels.lookups import Lookups
from tiled_sim.kernels.making import KernelMaker
from tiled_sim.kernels.optics import Optics
from tiled_sim.kernels.sample import count_lookups
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.grid import BLOCK, Tile
from tiled_sim.model.inputs import Inputs
from tiled_sim.physics.structure_factor import StructureFactorTable
from tiled_sim.plan.plan import Plan
from tiled_sim.plan.reach import table_of
from tiled_sim.simulation.behind import Behind
from tiled_sim.simulation.counting import count_photons
from tiled_sim.simulation.rectangles import (
    Numbers,
    OfFrames,
    Rectangle,
    RectangleBlocks,
    all_live,
    cut_to_regions,
    groups,
    numbers_live,
    rectangles,
)
from tiled_sim.simulation.steps import steps_of_pixel
from tiled_sim.simulation.trace import Trace, record_pixel, scaling_chain

#: Of the brightest pixel there could be: below, float32 may have underflowed.
_DARK = 1e-30

#: (frame, panel, slow, fast) of one pixel.
Place = tuple[int, int, int, int]


@dataclass(slots=True)
class Evaluations:
    """Steps of pixels.

    Parameters
    ----------
    planned : steps times live pixels
    done : of them; not those that dmin leaves out, nor of panels that no reflection reaches
    skipped : as negligible
    skipped_bound : no pixel lacks more for what was skipped [photons]
    """

    planned: int = 0
    done: int = 0
    skipped: int = 0
    skipped_bound: float = 0.0


@dataclass(eq=False)
class TileResult:
    """What one tile is, and what it took.

    Parameters
    ----------
    image : float32 (frame, panel, slow, fast) [photons]
    lookups : of structure factors, over live pixels or a fixed sample of them
    counted : ``exact`` or ``sampled``
    evaluations : planned and done
    halvings : of the blocks worked on at a time, for want of device memory
    traces : scaling chains of the brightest pixel and of those asked for
    seconds : of the stages ``kernel`` and ``trace`` [s]
    """

    image: npt.NDArray[np.float32]
    lookups: Lookups = field(default_factory=Lookups)
    counted: str = "exact"
    evaluations: Evaluations = field(default_factory=Evaluations)
    halvings: int = 0
    traces: list[Trace] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=lambda: {"kernel": 0.0, "trace": 0.0})


class Simulator:
    """An experiment with its inputs on one device, ready for any tile.

    Parameters
    ----------
    experiment : what to simulate
    inputs : what it names, loaded
    plan : how it is tiled, and by which kernel it is computed
    device : where the kernel runs
    image_alone : look-ups are not counted, nor the brightest pixel traced, for whoever keeps none
    table : of structure factors, if it is made already; None: it is made of the inputs
    """

    def __init__(
        self,
        experiment: Experiment,
        inputs: Inputs,
        plan: Plan,
        device: torch.device,
        *,
        image_alone: bool = False,
        table: StructureFactorTable | None = None,
    ) -> None:
        self.experiment = experiment
        self.inputs = inputs
        self.plan = plan
        self.device = device
        self._image_alone = image_alone
        self._number_of_crystals = len(experiment.crystals)
        self._frames_at_a_time = frames_at_a_time(plan.settings.kernel, experiment.steps)
        self._kept: dict[int, tuple[Kernel, ...]] = {}
        if table is None and inputs.factors is not None:
            table = table_of(experiment, inputs.factors, device)
        self._maker = KernelMaker(experiment, plan.settings, table, inputs.amorphous, device)

    def simulate_tile(
        self,
        tile: Tile,
        progress: Progress | None = None,
        image: npt.NDArray[np.float32] | None = None,
    ) -> TileResult:
        """Compute one tile.

        Parameters
        ----------
        tile : of the plan
        progress : told, now and then, how many of the planned evaluations are behind, all in all
        image : zeros to be filled in, a part of a larger image, say; None: an array of its own
        """
        result = TileResult(np.zeros(tile.shape, dtype=np.float32) if image is None else image)
        behind = Behind(progress)
        images = result.image.reshape(-1, *tile.shape[2:])
        # no copy: a tile of several frames has all of their panels
        assert np.may_share_memory(images, result.image)
        brightest: tuple[float, Rectangle, npt.NDArray[np.float32]] | None = None
        with stream_of_its_own(self.device):
            for parts, places in self._groups(tile):
                some = images[places]
                self._simulate(parts, some, result, behind)
                peaks = some.max(axis=(1, 2))
                if not np.isfinite(peaks).all():
                    raise ExperimentError(
                        "a pixel is brighter than float32 holds (3.4e38 photons): lower the "
                        "fluence, or the structure factors"
                    )
                if self.plan.trace_pixels:
                    for where, image in zip(parts, some, strict=True):
                        self._trace_requested(where, image, result)
                number = int(peaks.argmax())
                if peaks[number] > (brightest[0] if brightest else 0.0):
                    brightest = float(peaks[number]), parts[number], some[number]
            if brightest is not None and not self._image_alone:
                self._trace_brightest(*brightest[1:], result)
        return result

    def _groups(self, tile: Tile) -> Iterator[tuple[list[Rectangle], tuple[slice, slice, slice]]]:
        """What of a tile may hold live pixels, and its (image, slow, fast) place in the tile's.

        As many images at a time as are laid out together.
        """
        start = 0
        for every in groups(tile):
            numbers = slice(start, start + len(every))
            start = numbers.stop
            parts = cut_to_regions(every, self.experiment.detector.panels)
            if parts:
                sides = zip((parts[0].slow, parts[0].fast), (tile.slow, tile.fast), strict=True)
                slow, fast = (slice(a - first, b - first) for (a, b), (first, _) in sides)
                yield parts, (numbers, slow, fast)

    def _simulate(
        self,
        parts: Sequence[Rectangle],
        images: npt.NDArray[np.float32],
        result: TileResult,
        behind: Behind,
    ) -> None:
        """Fill in parts of images, (part, slow, fast) [photons]; adds to the tile's account."""
        started = time.perf_counter()
        live = self._live(parts)
        blocks = RectangleBlocks(parts, live, self.device, images)
        planned = self._planned_of(parts, live)
        for some in blocks.frames(self._frames_at_a_time):
            self._simulate_frames(some, blocks, sum(planned[some.every]), result, behind)
        blocks.write()
        result.seconds["kernel"] += time.perf_counter() - started

    def _simulate_frames(
        self,
        parts: OfFrames,
        blocks: RectangleBlocks,
        planned: int,
        result: TileResult,
        behind: Behind,
    ) -> None:
        """Sum the blocks of some frames' parts, of which so many evaluations are planned."""
        # masks are those of panels, so that all frames have the live blocks of the first
        numbers = blocks.live(parts.first)
        if not len(numbers):
            return
        kernels = self._kernels(parts.frames)
        with torch.inference_mode():
            lit = blocks.without(self._maker.dark_panels, numbers)
            met, halvings = self._sum_blocks(kernels, blocks, (lit, parts.blocks), behind)
            if len(lit) < len(numbers):
                behind.done(planned - len(kernels) * self._planned(blocks.blocks(lit)))
            if not self._image_alone:
                for of_frames, of_kernels in zip(zip(*kernels, strict=True), met, strict=True):
                    counts = of_frames[0].counts
                    more = of_kernels if counts else _sampled(of_frames, blocks, numbers)
                    result.lookups.add(more)
        # what the others look up is beside the steps
        done = sum(of_crystal.total for of_crystal in met[: self._number_of_crystals])
        every = [kernel for of_frame in kernels for kernel in of_frame]
        evaluations = result.evaluations
        evaluations.planned += planned
        evaluations.done += done
        if any(kernel.leaves_out for kernel in every):
            evaluations.skipped += planned - done
        bound = max(sum(kernel.skipped_bound for kernel in of_frame) for of_frame in kernels)
        evaluations.skipped_bound = max(evaluations.skipped_bound, bound)
        result.counted = "exact" if all(kernel.counts for kernel in every) else "sampled"
        result.halvings += halvings

    def planned_evaluations(self, tile: Tile) -> int:
        """Steps times live pixels of a tile."""
        parts = (parts for parts, _ in self._groups(tile))
        return sum(sum(self._planned_of(some, self._live(some))) for some in parts)

    def _planned_of(self, parts: Sequence[Rectangle], live: npt.NDArray[np.bool_]) -> list[int]:
        """Steps of the live pixels of each of some rectangles."""
        return [
            number * self._evaluations_of(where.panel)
            for where, number in zip(parts, numbers_live(live), strict=True)
        ]

    def _evaluations_of(self, panel: int) -> int:
        """Steps of a pixel of a panel, in every layer of its sensor."""
        return self.experiment.steps * self.experiment.detector.layers_of(panel)

    def _planned(self, blocks: Blocks) -> int:
        """Steps of the live pixels of some blocks."""
        if not self.experiment.detector.has_own_sensors:
            return blocks.number_live * self.plan.evaluations_per_pixel
        return sum(
            some.number_live * self._evaluations_of(int(some.panel)) for some in blocks.by_panel()
        )

    @property
    def leaves_out(self) -> bool:
        """Whether a kernel in use leaves evaluations out, so that they are soon behind it."""
        return any(kernel.leaves_out for kernels in self._kept.values() for kernel in kernels)

    def _mask(self, where: Rectangle) -> npt.NDArray[np.uint8]:
        return self.inputs.mask(where.panel, *where.sides)

    def _is_live(self, panel: int, slow: int, fast: int) -> bool:
        part = self.inputs.mask(panel, slice(slow, slow + 1), slice(fast, fast + 1))
        return not part.any()

    def _live(self, parts: Sequence[Rectangle]) -> npt.NDArray[np.bool_]:
        """Live pixels of parts of images, (part, slow, fast); frames share those of a panel."""
        if self.inputs.mask.all_live:
            return all_live(parts)
        of_panels = {where.panel: where for where in parts}
        live = {panel: self._mask(where) == 0 for panel, where in of_panels.items()}
        return np.stack([live[where.panel] for where in parts])

    def simulate_counts(self, tile: Tile, image: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
        """What the detector reads in a tile, by the noise of the experiment.

        Parameters
        ----------
        tile : of the plan
        image : of the tile, as `simulate_tile` gives it

        Returns
        -------
        int32 (frame, panel, slow, fast) [ADU]; pixels that are not live read 0
        """

        def expected(where: Rectangle) -> npt.NDArray[np.float32]:
            image = np.zeros((1, *where.shape), dtype=np.float32)
            blocks = RectangleBlocks([where], self._live([where]), self.device, image)
            with torch.inference_mode():
                kernels = self._kernels([where.frame])
                self._sum_blocks(kernels, blocks, (blocks.live(), 0), Behind(None))
            blocks.write()
            return image[0]

        counts = np.empty(tile.shape, dtype=np.int32)
        images = image.reshape(-1, *tile.shape[2:])
        with stream_of_its_own(self.device):
            for where, seen, read in zip(
                rectangles(tile), images, counts.reshape(images.shape), strict=True
            ):
                read[:] = count_photons(self.experiment, where, seen, expected)
                read[self._mask(where) != 0] = 0
        return counts

    def _blocks_of(self, where: Rectangle) -> RectangleBlocks:
        return RectangleBlocks([where], self._live([where]), self.device)

    def _sum_blocks(
        self,
        kernels: list[tuple[Kernel, ...]],
        blocks: RectangleBlocks,
        every: tuple[Numbers, int],
        behind: Behind,
    ) -> tuple[list[Lookups], int]:
        """Sum blocks of some frames, fewer at a time where device memory runs out.

        A pixel's value does not depend on the blocks that are worked on with its own.

        Parameters
        ----------
        kernels : of each frame
        blocks : of all
        every : numbers of the first frame's, and by how much those of the next are larger
        behind : told

        Returns
        -------
        what the kernels of each crystal, and of what is beside it, met, and the halvings
        """
        lookups = [Lookups() for _ in kernels[0]]
        numbers, each = every
        start, halvings = 0, 0
        size = min(kernel.blocks_at_a_time for kernel in kernels[0])
        size = max(min(size, len(numbers)), 1)
        # a kernel alone needs no memory for what the next would see
        seen = Seen if len(kernels) * len(kernels[0]) > 1 else lambda: None
        while start < len(numbers):
            first = numbers[start : start + size]
            some = blocks.blocks(first)._replace(seen=seen())
            met = []
            try:
                for frame, of_frame in enumerate(kernels):
                    photons, of_kernels = _sum_of(of_frame, some, behind.more)
                    blocks.fill(first + frame * each, some, photons)
                    met.append(of_kernels)
            except torch.OutOfMemoryError:
                if size == 1:
                    raise
                size //= 2
                halvings += 1
                behind.again()
                torch.cuda.empty_cache()
                continue
            for of_kernels in met:
                for of_kernel, more in zip(lookups, of_kernels, strict=True):
                    of_kernel.add(more)
            behind.done(len(kernels) * self._planned(some))
            start += size
        return lookups, halvings

    def _kernels(self, frames: Sequence[int]) -> list[tuple[Kernel, ...]]:
        """What each frame is the sum of, the crystals' first; the last are kept."""
        kept = self._kept
        if any(frame not in kept for frame in frames):
            make, firsts = self._maker.kernels, self.plan.first_evaluations
            kept = {frame: kept.get(frame) or make(frame, firsts) for frame in frames}
            self._kept = kept
            if self.device.type == "cuda":
                # tiles on other streams may use what this one has just put there
                torch.cuda.synchronize(self.device)
        return [kept[frame] for frame in frames]

    def _kernels_of(self, frame: int) -> tuple[Kernel, ...]:
        (kernels,) = self._kernels([frame])
        return kernels

    def _of_crystals(self, frame: int) -> tuple[Kernel, ...]:
        """Those of a frame that sum the crystals' reflections."""
        return self._kernels_of(frame)[: self._number_of_crystals]

    def _trace_requested(
        self, where: Rectangle, image: npt.NDArray[np.float32], result: TileResult
    ) -> None:
        """Trace the live pixels of a rectangle whose chain is asked for."""
        if self.plan.trace_panel not in (None, where.panel):
            return
        for slow, fast in self.plan.trace_pixels:
            if where.holds(slow, fast) and self._is_live(where.panel, slow, fast):
                result.traces.append(self._trace(where, image, (slow, fast), "requested", result))

    def _trace_brightest(
        self, where: Rectangle, image: npt.NDArray[np.float32], result: TileResult
    ) -> None:
        """Trace the brightest pixel of a tile, which lies in this part of it."""
        row, column = divmod(int(image.argmax()), image.shape[1])
        pixel = where.slow[0] + row, where.fast[0] + column
        result.traces.append(self._trace(where, image, pixel, "brightest", result))

    def _trace(
        self,
        where: Rectangle,
        image: npt.NDArray[np.float32],
        at: tuple[int, int],
        reason: str,
        result: TileResult,
    ) -> Trace:
        """Run the pixel's block through the kernels once more, with a recorder."""
        started = time.perf_counter()
        kernels = self._kernels_of(where.frame)
        place = (where.frame, where.panel, *at)
        block, lane = self._block_at(place)
        with torch.inference_mode():
            pixel = record_pixel(kernels, block.pixels(), lane)
        stored = float(image[at[0] - where.slow[0], at[1] - where.fast[0]])
        # a kernel in float32 is traced in float64; between spots the tile's peak is the scale
        near = stored + 1e-6 * (stored if reason == "brightest" else float(image.max()))
        tolerance = self._tolerance(kernels, near)
        trace = scaling_chain(pixel, kernels[0].scene, place, reason, stored, tolerance)
        result.seconds["trace"] += time.perf_counter() - started
        return trace

    def _tolerance(self, kernels: tuple[Kernel, ...], near: float) -> float | None:
        """How far a traced pixel near so many photons may be from the stored one; None: equal."""
        errors = [kernel.trace_error for kernel in kernels if kernel.trace_error is not None]
        if not errors:
            return None
        dark = 0.0
        for crystal in kernels[: self._number_of_crystals]:
            F = self._maker.default_F if crystal.table is None else crystal.table.largest
            dark += _DARK * Optics(crystal.scene).ceiling(F)
        return max(errors) * near + dark + sum(kernel.skipped_bound for kernel in kernels)

    def photons_of_pixel(self, place: Place) -> float:
        """What the kernel makes of a pixel, before it is rounded to float32 [photons].

        Parameters
        ----------
        place : (frame, panel, slow, fast)
        """
        block, lane = self._block_at(place)
        with torch.inference_mode():
            return float(_sum_of(self._kernels_of(place[0]), block)[0][0, lane])

    def steps_of_pixel(self, place: Place) -> list[dict[str, Any]]:
        """Every step of a pixel's sum, by the float64 chain.

        See `tiled_sim.simulation.steps.steps_of_pixel`.

        Parameters
        ----------
        place : (frame, panel, slow, fast)
        """
        block, lane = self._block_at(place)
        with torch.inference_mode():
            return steps_of_pixel(self._of_crystals(place[0]), self._maker, block, lane)

    def _block_at(self, place: Place) -> tuple[Blocks, int]:
        """The block of a pixel, and the pixel's place in it."""
        frame, panel, *pixel = place
        slow, fast = ((number // BLOCK * BLOCK) for number in pixel)
        _, _, last_slow, last_fast = self.experiment.shape
        where = Rectangle(
            frame,
            panel,
            (slow, min(slow + BLOCK, last_slow)),
            (fast, min(fast + BLOCK, last_fast)),
        )
        return self._blocks_of(where).holding((pixel[0], pixel[1]))


def _sum_of(
    kernels: tuple[Kernel, ...], blocks: Blocks, progress: Progress | None = None
) -> tuple[torch.Tensor, list[Lookups]]:
    """Expected photons of all kernels, (blocks, 256), and what each met."""
    terms = [kernel.photons_of_blocks(blocks, progress) for kernel in kernels]
    photons = terms[0][0]
    for more, _ in terms[1:]:
        photons = photons + more
    return photons, [met for _, met in terms]


def _sampled(kernels: Sequence[Kernel], blocks: RectangleBlocks, numbers: Numbers) -> Lookups:
    """What the look-ups of a sample of pixels meet, for a kernel that does not count them.

    Parameters
    ----------
    kernels : of one crystal in some frames
    blocks : of all
    numbers : of the first frame's blocks
    """
    first = kernels[0]
    assert first.table is not None
    sample = blocks.sample(numbers[:: first.blocks_a_sample])
    return count_lookups([kernel.scene for kernel in kernels], first.table, sample)
