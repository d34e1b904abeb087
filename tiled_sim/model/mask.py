"""Which pixels of the panels are live."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

#: Bits of a mask; 0 is a live pixel. A panel smaller than the largest has no pixels beyond it.
MASKED, OUTSIDE_REGION, NO_PIXEL = 1, 2, 4
#: Rows that the hash takes at a time, those that are all live left out.
_BAND = 256

Rectangle = Callable[[int, slice, slice], npt.NDArray[np.uint8]]


@dataclass(frozen=True, eq=False)
class Mask:
    """The pixels of all panels, the same in every frame.

    Parameters
    ----------
    shape : (panel, slow, fast)
    read : called with panel, slow and fast slices, gives uint8 (slow, fast): the sum of `MASKED`,
        `OUTSIDE_REGION` and `NO_PIXEL`, 0 where live
    all_live : whether it is known, without a look, that no pixel is anything else
    """

    shape: tuple[int, int, int]
    read: Rectangle = field(repr=False)
    all_live: bool = False

    def __call__(self, panel: int, slow: slice, fast: slice) -> npt.NDArray[np.uint8]:
        """A rectangle of a panel, uint8 (slow, fast)."""
        return self.read(panel, slow, fast)

    @classmethod
    def live(cls, shape: tuple[int, int, int]) -> "Mask":
        """One of live pixels alone."""

        def read(_: int, slow: slice, fast: slice) -> npt.NDArray[np.uint8]:
            return np.zeros((slow.stop - slow.start, fast.stop - fast.start), dtype=np.uint8)

        return cls(shape, read, all_live=True)

    @cached_property
    def sha256(self) -> str:
        """Hash of the content: the shape, and every band of 256 rows with a pixel that is not live.

        Bands that are all live are left out, so that the mask of a gigapixel detector without dead
        pixels costs nothing.
        """
        digest = hashlib.sha256(repr(tuple(map(int, self.shape))).encode())
        panels, slow, fast = self.shape
        for panel in range(0 if self.all_live else panels):
            for start in range(0, slow, _BAND):
                band = self(panel, slice(start, min(start + _BAND, slow)), slice(0, fast))
                if band.any():
                    digest.update(f"{panel} {start}".encode())
                    digest.update(np.ascontiguousarray(band).data)
        return digest.hexdigest()
