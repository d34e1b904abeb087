"""The images of panels as they fill in, as many as there is room for."""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from tiled_sim.cluster.page.layout import Layout
from tiled_sim.cluster.page.thumbnail import Codes

#: All previews together, at most [bytes]; those that were pasted into last are kept.
MOST_BYTES = 16 << 20


@dataclass(slots=True)
class Plane:
    """The preview of one panel of one frame of a run, or of all panels.

    Parameters
    ----------
    codes : of its thumbnail pixels, uint16 (slow, fast), or (panel, slow, fast)
    version : grows whenever any preview changes
    """

    codes: Codes
    version: int = 0


class Previews:
    """Previews of all runs."""

    def __init__(self) -> None:
        self._planes: OrderedDict[tuple[str, int, int], Plane] = OrderedDict()
        self._bytes = 0
        self._version = 0

    @property
    def nbytes(self) -> int:
        """That they take up."""
        return self._bytes

    def paste(self, run_id: str, layout: Layout, index: int, thumbnail: bytes) -> None:
        """Put the thumbnails of a tile into their places.

        Raises
        ------
        ValueError
            it is not of the tile's size
        """
        windows = list(layout.windows(index))
        shape = tuple(side.stop - side.start for side in windows[0][1])
        every = np.frombuffer(thumbnail, "<u2").reshape(len(windows), *shape)
        for ((frame, panel), window), codes in zip(windows, every, strict=True):
            plane = self._plane((run_id, frame, panel), layout)
            np.maximum(plane.codes[window], codes, out=plane.codes[window])
            self._version += 1
            plane.version = self._version

    def get(self, run_id: str, frame: int, panel: int) -> Plane | None:
        """The preview of a panel; None if nothing of it is known, or no longer."""
        return self._planes.get((run_id, frame, panel))

    def of_frame(self, run_id: str, frame: int, layout: Layout) -> Plane | None:
        """The previews of all panels of a frame, uint16 (panel, slow, fast); as `get`."""
        panels = layout.tiles.shape[1]
        found = [self.get(run_id, frame, panel) for panel in range(panels)]
        known = [plane.version for plane in found if plane is not None]
        if not known:
            return None
        codes = np.zeros((panels, *layout.preview), np.uint16)
        for panel, plane in enumerate(found):
            if plane is not None:
                codes[panel] = plane.codes
        return Plane(codes, max(known))

    def drop(self, run_id: str) -> None:
        """Forget a run."""
        for key in [key for key in self._planes if key[0] == run_id]:
            self._bytes -= self._planes.pop(key).codes.nbytes

    def _plane(self, key: tuple[str, int, int], layout: Layout) -> Plane:
        if key not in self._planes:
            plane = self._planes[key] = Plane(np.zeros(layout.preview, np.uint16))
            self._bytes += plane.codes.nbytes
        self._planes.move_to_end(key)
        while self._bytes > MOST_BYTES and len(self._planes) > 1:
            _, oldest = self._planes.popitem(last=False)
            self._bytes -= oldest.codes.nbytes
        return self._planes[key]
