"""One tile, a pure function of experiment, structure factors, mask and tile."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from tiled_sim.errors import ExperimentError
from tiled_sim.kernels.amorphous import AmorphousKernel
from tiled_sim.kernels.chain import chain_of
from tiled_sim.kernels.making import make_kernel
from tiled_sim.kernels.recorder import Recorder
from tiled_sim.kernels.reference import BLOCK, Blocks, Lookups, Pixels, ReferenceKernel
from tiled_sim.kernels.sample import count_lookups
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.amorphous import AmorphousTable
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.grid import Tile
from tiled_sim.model.mask import MaskSource
from tiled_sim.model.structure_factors import StructureFactors
from tiled_sim.physics.structure_factor import StructureFactorTable
from tiled_sim.plan.plan import TilePlan
from tiled_sim.simulation.counting import count_photons
from tiled_sim.simulation.trace import Trace, scaling_chain, steps_of_sum

#: The pixel of a block whose look-ups are counted for a kernel that does not count, if it is live.
_SAMPLED_LANE = 8 * BLOCK + 8
#: Of the brightest pixel there could be: below, float32 may have underflowed.
_DARK = 1e-30


@dataclass(eq=False)
class TileResult:
    """What one tile is, and what it took.

    Parameters
    ----------
    image : float32 (slow, fast) [photons]
    lookups : of structure factors, over live pixels or a fixed sample of them
    counted : ``exact`` or ``sampled``
    evaluations_planned, evaluations_done : those that dmin or a mask left out are not done
    evaluations_skipped : as negligible
    skipped_bound : no pixel lacks more for what was skipped [photons]
    halvings : of the blocks worked on at a time, for want of device memory
    traces : scaling chains of the brightest pixel and of those asked for
    seconds : of the stages ``kernel`` and ``trace`` [s]
    """

    image: npt.NDArray[np.float32]
    lookups: Lookups
    counted: str
    evaluations_planned: int
    evaluations_done: int
    evaluations_skipped: int
    skipped_bound: float
    halvings: int
    traces: list[Trace]
    seconds: dict[str, float] = field(default_factory=dict)


@contextmanager
def _stream_of_its_own(device: torch.device) -> Iterator[None]:
    """A CUDA stream for one tile, so that others compute while this one is copied and written."""
    if device.type != "cuda":
        yield
        return
    with torch.cuda.device(device), torch.cuda.stream(torch.cuda.Stream(device)):
        yield


class Simulator:
    """An experiment with its structure factors on one device, ready for any tile.

    Parameters
    ----------
    experiment : what to simulate
    structure_factors : of the experiment's source; None if it names no file
    plan : how it is tiled
    device : where the kernel runs
    amorphous : table of the experiment's background; None if it has none
    """

    def __init__(
        self,
        experiment: Experiment,
        structure_factors: StructureFactors | None,
        plan: TilePlan,
        device: torch.device,
        amorphous: AmorphousTable | None = None,
    ) -> None:
        self.experiment = experiment
        self.plan = plan
        self.device = device
        self._amorphous = amorphous
        self._default_F = experiment.structure_factors.default_F
        self._scatterings: dict[tuple[int, int], _Scattering] = {}
        self._table = None
        if structure_factors is not None:
            self._table = StructureFactorTable(
                structure_factors.filled(self._default_F),
                structure_factors.given,
                structure_factors.minimum,
                self._default_F,
                device,
            )

    def simulate_tile(self, tile: Tile, mask: npt.NDArray[np.uint8]) -> TileResult:
        """Compute one tile.

        Parameters
        ----------
        tile : of the plan
        mask : uint8, of the tile's shape, 0 = live
        """
        with _stream_of_its_own(self.device):
            return self._simulate_tile(tile, mask)

    def _simulate_tile(self, tile: Tile, mask: npt.NDArray[np.uint8]) -> TileResult:
        scattering = self._scattering(tile)
        kernel = scattering.kernel
        tiled = _TileBlocks(tile, mask, self.device)
        started = time.perf_counter()
        with torch.inference_mode():
            lookups, halvings = self._sum_blocks(scattering, tiled)
            done = lookups.total
            if not kernel.counts:
                assert kernel.table is not None
                lookups = count_lookups(kernel, kernel.table, tiled.sample(kernel.blocks_a_sample))
        image = tiled.image()
        if not np.isfinite(image).all():
            raise ExperimentError(
                "a pixel is brighter than float32 holds (3.4e38 photons): lower the fluence, or "
                "the structure factors"
            )
        summed = time.perf_counter()
        traces = self._traces(scattering, tiled, mask, image)
        planned = int((mask == 0).sum()) * self.plan.steps
        return TileResult(
            image,
            lookups,
            counted="exact" if kernel.counts else "sampled",
            evaluations_planned=planned,
            evaluations_done=done,
            evaluations_skipped=planned - done if kernel.leaves_out else 0,
            skipped_bound=kernel.skipped_bound,
            halvings=halvings,
            traces=traces,
            seconds={"kernel": summed - started, "trace": time.perf_counter() - summed},
        )

    def simulate_counts(
        self, tile: Tile, image: npt.NDArray[np.float32], mask: MaskSource
    ) -> npt.NDArray[np.int32]:
        """What the detector reads in a tile, by the noise of the experiment.

        Parameters
        ----------
        tile : of the plan
        image : of the tile, as `simulate_tile` gives it
        mask : gives any rectangle of the panel's mask; pixels that are not live read 0

        Returns
        -------
        int32 (slow, fast) [ADU]
        """

        def mask_of(part: Tile) -> npt.NDArray[np.uint8]:
            return mask(part.panel, slice(*part.slow), slice(*part.fast))

        def expected(part: Tile) -> npt.NDArray[np.float32]:
            blocks = _TileBlocks(part, mask_of(part), self.device)
            with torch.inference_mode():
                self._sum_blocks(self._scattering(part), blocks)
            return blocks.image()

        with _stream_of_its_own(self.device):
            counts = count_photons(self.experiment, tile, image, expected)
        counts[mask_of(tile) != 0] = 0
        return counts

    def _sum_blocks(self, scattering: "_Scattering", tiled: "_TileBlocks") -> tuple[Lookups, int]:
        """Sum all live blocks, fewer at a time where the device runs out of memory.

        A pixel's value does not depend on the blocks that are worked on with its own.
        """
        lookups = Lookups()
        start, halvings = 0, 0
        size = max(min(scattering.kernel.blocks_at_a_time, len(tiled.live)), 1)
        while start < len(tiled.live):
            numbers = tiled.live[start : start + size]
            blocks = tiled.blocks(numbers)
            try:
                photons, met = scattering.photons_of_blocks(blocks)
            except torch.OutOfMemoryError:
                if size == 1:
                    raise
                size //= 2
                halvings += 1
                torch.cuda.empty_cache()
                continue
            tiled.fill(numbers, blocks, photons)
            lookups.add(met)
            start += size
        return lookups, halvings

    def _scattering(self, tile: Tile) -> "_Scattering":
        """What scatters into a panel in its frame; the last one is kept."""
        place = (tile.frame, tile.panel)
        scattering = self._scatterings.get(place)
        if scattering is None:
            first = self.plan.first_evaluation(tile.panel)
            scene = Scene.of(self.experiment, tile.frame, tile.panel, first)
            kernel = make_kernel(self.plan.choice, scene, self._table, self._default_F, self.device)
            scattering = _Scattering(kernel, self._background(scene))
            self._scatterings = {place: scattering}
            if self.device.type == "cuda":
                # tiles on other streams may use what this one has just put there
                torch.cuda.synchronize(self.device)
        return scattering

    def _background(self, scene: Scene) -> AmorphousKernel | None:
        """What scatters beside the crystal in a scene."""
        background = self.experiment.background
        if background is None:
            return None
        assert self._amorphous is not None, "the table of the background was not loaded"
        return AmorphousKernel(scene, background, self._amorphous, self.device)

    def _traces(
        self,
        scattering: "_Scattering",
        blocks: "_TileBlocks",
        mask: npt.NDArray[np.uint8],
        image: npt.NDArray[np.float32],
    ) -> list[Trace]:
        tile = blocks.tile
        wanted = [
            ("requested", (slow, fast))
            for slow, fast in self.plan.trace_pixels
            if tile.holds(slow, fast) and mask[slow - tile.slow[0], fast - tile.fast[0]] == 0
        ]
        row, column = divmod(int(image.argmax()), image.shape[1])
        if image[row, column] > 0:
            wanted.append(("brightest", (tile.slow[0] + row, tile.fast[0] + column)))
        return [self._trace(scattering, blocks, image, pixel, reason) for reason, pixel in wanted]

    def _trace(
        self,
        scattering: "_Scattering",
        blocks: "_TileBlocks",
        image: npt.NDArray[np.float32],
        pixel: tuple[int, int],
        reason: str,
    ) -> Trace:
        """Run the pixel's block through the kernel once more, with a recorder."""
        tile, (kernel, background) = blocks.tile, scattering
        block, lane = blocks.holding(pixel)
        recorder = Recorder(lane)
        pixels = block.pixels()
        with torch.inference_mode():
            if background is not None:
                recorder.record(background=background.photons(pixels))
            kernel.photons(pixels, recorder)
        stored = float(image[pixel[0] - tile.slow[0], pixel[1] - tile.fast[0]])
        tolerance = None
        if kernel.trace_error is not None:
            # a kernel in float32 is traced in float64; between spots the tile's peak is the scale
            near = stored + 1e-6 * float(image.max())
            tolerance = kernel.trace_error * near + _DARK * kernel.ceiling + kernel.skipped_bound
        return scaling_chain(recorder, kernel.scene, pixel, reason, stored, tolerance)

    def photons_of_pixel(
        self, tile: Tile, mask: npt.NDArray[np.uint8], pixel: tuple[int, int]
    ) -> float:
        """What the kernel makes of a pixel, before it is rounded to float32 [photons].

        Parameters
        ----------
        tile : that holds the pixel
        mask : uint8, of the tile's shape, 0 = live
        pixel : (slow, fast)
        """
        block, lane = _TileBlocks(tile, mask, self.device).holding(pixel)
        with torch.inference_mode():
            photons, _ = self._scattering(tile).photons_of_blocks(block)
        return float(photons[0, lane])

    def steps_of_pixel(
        self, tile: Tile, mask: npt.NDArray[np.uint8], pixel: tuple[int, int]
    ) -> list[dict[str, Any]]:
        """Every step of a pixel's sum, by the float64 chain.

        See `tiled_sim.simulation.trace.steps_of_sum`.

        Where the kernel is another than the reference, and a pixel has one subpixel and layer, each
        has ``kernel_intensity`` too: what the kernel makes of the step alone [electron²].

        Parameters
        ----------
        tile, mask, pixel : as `photons_of_pixel`
        """
        kernel = self._scattering(tile).kernel
        block, lane = _TileBlocks(tile, mask, self.device).holding(pixel)
        recorder = Recorder(lane, every_step=True)
        with torch.inference_mode():
            chain_of(kernel, block.pixels(), recorder)
            steps = steps_of_sum(recorder)
            alone = len(list(kernel.places())) == 1
            if self.plan.kernel != ReferenceKernel.name and alone:
                for step in steps:
                    step["kernel_intensity"] = self._kernel_intensity(kernel, block, lane, step)
        return steps

    def _kernel_intensity(
        self, kernel: ReferenceKernel, block: Blocks, lane: int, step: dict[str, Any]
    ) -> float:
        """A step's intensity by a kernel like this one that has no other step [electron²].

        Infinite where the kernel finds some and the chain none: they look F up at other nodes.
        """
        scene = kernel.scene.single_step(step["source"], step["phi_tic"], step["domain"])
        alone = make_kernel(self.plan.choice, scene, self._table, self._default_F, self.device)
        photons, _ = alone.photons_of_blocks(block)
        chain, _ = chain_of(alone, block.pixels(), Recorder(lane))
        if float(chain[0]) == 0.0:
            return 0.0 if float(photons[0, lane]) == 0.0 else math.inf
        return float(step["intensity"] * (photons[0, lane] / chain[0]))


class _Scattering(NamedTuple):
    """What scatters into the pixels of a panel in a frame: the crystal, and what is beside it."""

    kernel: ReferenceKernel
    background: AmorphousKernel | None

    def photons_of_blocks(self, blocks: Blocks) -> tuple[torch.Tensor, Lookups]:
        """Expected photons of both, (blocks, 256), and what the look-ups of the crystal's F met."""
        photons, met = self.kernel.photons_of_blocks(blocks)
        if self.background is not None:
            photons = photons + self.background.photons(blocks.pixels()).view(photons.shape)
        return photons, met


class _TileBlocks:
    """A tile as blocks of 16 × 16 pixels, laid out block by block."""

    def __init__(self, tile: Tile, mask: npt.NDArray[np.uint8], device: torch.device) -> None:
        self.tile = tile
        self.device = device
        self._rows, self.columns = (-(-side // BLOCK) for side in tile.shape)
        padded = np.ones((self._rows * BLOCK, self.columns * BLOCK), dtype=bool)
        padded[: tile.shape[0], : tile.shape[1]] = mask != 0
        live = ~padded.reshape(self._rows, BLOCK, self.columns, BLOCK).transpose(0, 2, 1, 3)
        flat = live.reshape(-1, BLOCK * BLOCK)
        self._whole = bool(flat.all())
        self._live = torch.from_numpy(np.ascontiguousarray(flat)).to(device)
        #: Numbers of the blocks that hold a live pixel.
        self.live = torch.from_numpy(np.flatnonzero(flat.any(axis=1))).to(device)
        self._photons = torch.zeros(self._live.shape, dtype=torch.float32, device=device)

    def sample(self, spacing: int) -> Pixels:
        """A live pixel of every so many live blocks: the middle one if it is live."""
        blocks = self.blocks(self.live[::spacing])
        first = blocks.live.to(torch.uint8).argmax(dim=1)
        lane = torch.where(blocks.live[:, _SAMPLED_LANE], _SAMPLED_LANE, first)
        row = torch.div(lane, BLOCK, rounding_mode="floor")
        live = torch.ones_like(lane, dtype=torch.bool)
        return Pixels(blocks.slow + row, blocks.fast + (lane - row * BLOCK), live)

    def blocks(self, numbers: torch.Tensor) -> Blocks:
        """Some of the blocks."""
        row = torch.div(numbers, self.columns, rounding_mode="floor")
        return Blocks(
            (row * BLOCK + self.tile.slow[0]).to(torch.float64),
            ((numbers - row * self.columns) * BLOCK + self.tile.fast[0]).to(torch.float64),
            self._live[numbers],
            self._whole,
        )

    def holding(self, pixel: tuple[int, int]) -> tuple[Blocks, int]:
        """The block of a pixel (slow, fast), and the pixel's place in it."""
        row, column = pixel[0] - self.tile.slow[0], pixel[1] - self.tile.fast[0]
        number = torch.tensor([(row // BLOCK) * self.columns + column // BLOCK])
        return self.blocks(number.to(self.device)), (row % BLOCK) * BLOCK + column % BLOCK

    def fill(self, numbers: torch.Tensor, blocks: Blocks, photons: torch.Tensor) -> None:
        """Keep the photons of some blocks, (blocks, 256); pixels that are not live stay 0."""
        values = photons if blocks.whole else torch.where(blocks.live, photons, 0.0)
        self._photons[numbers] = values.to(torch.float32)

    def image(self) -> npt.NDArray[np.float32]:
        """The tile, float32 (slow, fast)."""
        blocks = self._photons.cpu().numpy().reshape(self._rows, self.columns, BLOCK, BLOCK)
        whole = blocks.transpose(0, 2, 1, 3).reshape(self._rows * BLOCK, self.columns * BLOCK)
        slow, fast = self.tile.shape
        return np.ascontiguousarray(whole[:slow, :fast])
