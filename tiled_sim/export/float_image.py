"""Raw float images, as the C program's ``-floatfile``."""

from collections.abc import Iterator
from pathlib import Path

from tiled_sim.export.panel_image import bands, write_new
from tiled_sim.store.run_store import RunStore


def write_float_image(path: str | Path, store: RunStore) -> None:
    """Write a run's image as bare little-endian float32, a row of tiles at a time.

    Frames and panels follow each other; within a panel the index is slow · fast pixels + fast.

    Raises
    ------
    StoreError
        if the file exists or cannot be written
    """

    def parts() -> Iterator[bytes]:
        frames, panels = store.shape[:2]
        for frame in range(frames):
            for panel in range(panels):
                for rows in bands(store):
                    yield store.read_tile(frame, panel, *rows).astype("<f4").tobytes()

    write_new(path, parts())
