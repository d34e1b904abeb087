"""The images of panels as they fill in, as many as there is room for."""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from tiled_sim.cluster.page.layout import Layout
from tiled_sim.cluster.page.thumbnail import Codes

#: All previews together, at most [bytes]; those that were pasted into last are kept.
MOST_BYTES = 16 << 20
#: What there are previews of, in the order of a message; counts in runs with noise alone.
PHOTONS, COUNTS = KINDS = ("photons", "counts")
#: Run, frame, panel, kind.
_Key = tuple[str, int, int, str]


@dataclass(slots=True)
class Plane:
    """The preview of one panel of one frame of a run, or of all panels; of photons or counts.

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
        self._planes: OrderedDict[_Key, Plane] = OrderedDict()
        self._bytes = 0
        self._version = 0

    @property
    def nbytes(self) -> int:
        """That they take up."""
        return self._bytes

    def paste(self, run_id: str, layout: Layout, index: int, thumbnail: bytes) -> None:
        """Put the thumbnails of a tile into their places: of photons, and of counts after them.

        Raises
        ------
        ValueError
            it is not of the tile's size
        """
        windows = list(layout.windows(index))
        shape = tuple(side.stop - side.start for side in windows[0][1])
        every = np.frombuffer(thumbnail, "<u2").reshape(-1, len(windows), *shape)
        for kind, thumbnails in zip(KINDS, every, strict=False):
            for ((frame, panel), window), codes in zip(windows, thumbnails, strict=True):
                plane = self._plane((run_id, frame, panel, kind), layout)
                np.maximum(plane.codes[window], codes, out=plane.codes[window])
                self._version += 1
                plane.version = self._version

    def get(self, run_id: str, frame: int, panel: int, kind: str = PHOTONS) -> Plane | None:
        """The preview of a panel; None if nothing of it is known, or no longer."""
        return self._planes.get((run_id, frame, panel, kind))

    def of_frame(
        self, run_id: str, frame: int, layout: Layout, kind: str = PHOTONS
    ) -> Plane | None:
        """The previews of all panels of a frame, uint16 (panel, slow, fast); as `get`."""
        panels = layout.tiles.shape[1]
        found = [self.get(run_id, frame, panel, kind) for panel in range(panels)]
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

    def _plane(self, key: _Key, layout: Layout) -> Plane:
        if key not in self._planes:
            plane = self._planes[key] = Plane(np.zeros(layout.preview, np.uint16))
            self._bytes += plane.codes.nbytes
        self._planes.move_to_end(key)
        while self._bytes > MOST_BYTES and len(self._planes) > 1:
            _, oldest = self._planes.popitem(last=False)
            self._bytes -= oldest.codes.nbytes
        return self._planes[key]
