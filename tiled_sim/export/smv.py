"""SMV images as the C program writes them: ``-intfile`` and ``-noisefile``."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tiled_sim.export.panel_image import Statistics, bands, write_new
from tiled_sim.io.camera import CameraHeader, header_bytes
from tiled_sim.model.mask import OUTSIDE_REGION
from tiled_sim.store.run_store import RunStore

_HIGHEST = 65535
#: What the brightest pixel becomes where no scale is given.
_BRIGHTEST = 55000.0


def integer_scale(found: Statistics) -> float:
    """What the C program multiplies the image by where no scale is given [1/photon]."""
    return _BRIGHTEST / found.maximum if found.maximum > 0 else 1.0


def write_integer_image(
    path: str | Path, store: RunStore, camera: CameraHeader, scale: float, offset: float
) -> None:
    """Write the image scaled to whole numbers of 16 bits, a row of tiles at a time.

    Pixels outside the region of interest are 0, masked ones inside it ``offset``.

    Parameters
    ----------
    path : of the file to make
    store : of a complete run of one frame and one panel
    camera : for the header
    scale : [1/photon]
    offset : added after scaling

    Raises
    ------
    StoreError
        if the file exists or cannot be written
    """

    def values(slow: slice, fast: slice) -> npt.NDArray[np.float64]:
        image = store.read_tile(0, 0, slow, fast).astype(np.float64)
        clipped = np.clip(image * scale + offset, 0, _HIGHEST)
        return np.floor((clipped + 0.5).astype(np.float32))  # of floats, as C does

    _write(path, store, camera, values)


def write_count_image(
    path: str | Path, store: RunStore, camera: CameraHeader, offset: float
) -> None:
    """Write the counts as whole numbers of 16 bits, a row of tiles at a time.

    What is higher than they reach is 65535, what is negative 0. Pixels outside the region of
    interest are 0, masked ones inside it ``offset``.

    Parameters
    ----------
    path, store, camera : as `write_integer_image`; the run has counts
    offset : added to the counts

    Raises
    ------
    StoreError
        if the file exists or cannot be written
    """

    def values(slow: slice, fast: slice) -> npt.NDArray[np.float64]:
        counts = store.read_counts(0, 0, slow, fast)
        return np.clip(counts.astype(np.float64) + offset, 0, _HIGHEST)

    _write(path, store, camera, values)


def _write(
    path: str | Path,
    store: RunStore,
    camera: CameraHeader,
    values: Callable[[slice, slice], npt.NDArray[np.floating]],
) -> None:
    def parts() -> Iterator[bytes]:
        yield header_bytes(camera)
        for rows in bands(store):
            pixels = values(*rows).astype("<u2")
            pixels[store.read_mask(0, *rows) & OUTSIDE_REGION != 0] = 0
            yield pixels.tobytes()

    write_new(path, parts())
