"""PGM images as the C program writes them: ``-pgmfile``."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tiled_sim.export.panel_image import Statistics, bands, write_new
from tiled_sim.model.mask import OUTSIDE_REGION
from tiled_sim.store.run_store import RunStore

_WHITE = 255


def grey_scale(found: Statistics) -> float | None:
    """What the C program multiplies the image by where no scale is given [1/photon].

    Five standard deviations become 250; None where all pixels are equal.
    """
    return 250.0 / (5.0 * found.deviation) if found.deviation > 0 else None


def write_pgm(path: str | Path, store: RunStore, scale: float) -> None:
    """Write the image as 8-bit greys, a row of tiles at a time; 0 outside the region of interest.

    Parameters
    ----------
    path : of the file to make
    store : of a complete run of one frame and one panel
    scale : [1/photon]

    Raises
    ------
    StoreError
        if the file exists or cannot be written
    """

    def parts() -> Iterator[bytes]:
        slow, fast = store.shape[2:]
        yield f"P5\n{fast} {slow}\n# pixels scaled by {scale:g}\n{_WHITE}\n".encode("ascii")
        for rows in bands(store):
            image = store.read_tile(0, 0, *rows).astype(np.float64)
            greys = np.clip(image * scale, 0, _WHITE).astype(np.uint8)
            greys[store.read_mask(0, *rows) & OUTSIDE_REGION != 0] = 0
            yield greys.tobytes()

    write_new(path, parts())
