"""What a kernel is: something that scatters photons into blocks of pixels of a scene."""

from collections.abc import Callable
from typing import Protocol

from torch import Tensor

from tiled_sim.kernels.blocks import Blocks, Pixels
from tiled_sim.kernels.lookups import Lookups
from tiled_sim.kernels.recorder import Recorder
from tiled_sim.kernels.scene import Scene
from tiled_sim.physics.structure_factor import StructureFactorTable

#: Told, now and then, how many more evaluations are behind a kernel, of those that are planned:
#: left out or not.
Progress = Callable[[int], None]


def after_steps(progress: Progress | None, pixels: int) -> Progress:
    """Tells ``progress`` of evaluations, when told how many steps of so many pixels are done."""
    return lambda steps: None if progress is None else progress(steps * pixels)


class Kernel(Protocol):
    """Photons that one thing, a crystal or what is beside it, scatters into a frame's panels."""

    @property
    def name(self) -> str:
        """As in `tiled_sim.model.settings`."""

    @property
    def scene(self) -> Scene:
        """The frame."""

    @property
    def table(self) -> StructureFactorTable | None:
        """Structure factors that it looks up; None: it looks none up, or they are all the same."""

    @property
    def counts(self) -> bool:
        """Whether `photons_of_blocks` counts what every look-up meets."""

    @property
    def trace_error(self) -> float | None:
        """Relative difference that photons may have from those of `trace`; None: they are equal."""

    @property
    def leaves_out(self) -> bool:
        """Whether evaluations are left out because nothing, or next to nothing, comes of them."""

    @property
    def skipped_bound(self) -> float:
        """No pixel lacks more than this for what is left out [photons]."""

    @property
    def blocks_a_sample(self) -> int:
        """Of how many live blocks one gives a pixel whose look-ups are counted, if not `counts`."""

    @property
    def blocks_at_a_time(self) -> int:
        """Blocks best worked on at a time; values do not depend on it."""

    def photons_of_blocks(
        self, blocks: Blocks, progress: Progress | None = None
    ) -> tuple[Tensor, Lookups]:
        """Expected photons of each pixel, and what the look-ups met.

        Parameters
        ----------
        blocks : any number
        progress : told while the blocks are worked on

        Returns
        -------
        float64 (blocks, 256) [photons]; of pixels that are not live any value
        """

    def trace(self, pixels: Pixels, recorder: Recorder) -> None:
        """Compute the recorder's pixel once more, telling what its photons are made of.

        Parameters
        ----------
        pixels : of a block
        recorder : told the values of its pixel
        """
