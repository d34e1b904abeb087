"""Raw float images, as the C program's ``-floatfile``."""

from pathlib import Path

from tiled_sim.errors import StoreError
from tiled_sim.io.store import RunStore


def write_float_image(path: str | Path, store: RunStore) -> None:
    """Write a run's image as bare little-endian float32, a row of tiles at a time.

    Frames and panels follow each other; within a panel the index is slow · fast pixels + fast.

    Raises
    ------
    StoreError
        if the file exists or cannot be written
    """
    frames, panels, slow, fast = store.shape
    try:
        with Path(path).open("xb") as file:
            for frame in range(frames):
                for panel in range(panels):
                    for start in range(0, slow, store.tile[0]):
                        rows = slice(start, min(start + store.tile[0], slow))
                        part = store.read_tile(frame, panel, rows, slice(0, fast))
                        file.write(part.astype("<f4").tobytes())
    except FileExistsError:
        raise StoreError(f"{path} exists already; name another file") from None
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from None
