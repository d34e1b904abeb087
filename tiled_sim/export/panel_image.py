"""What the image files of the C program have in common: bands of rows, statistics, new files."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tiled_sim.errors import StoreError
from tiled_sim.model.mask import OUTSIDE_REGION
from tiled_sim.store.run_store import RunStore

#: Rows at a time; sums are made of their sums, whatever the tiles.
_BAND = 512


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of one frame of one panel.

    Parameters
    ----------
    maximum : of all pixels [photons]; 0 where all are 0
    deviation : root of the mean squared difference from the mean [photons]
    """

    maximum: float
    deviation: float


def bands(store: RunStore) -> Iterator[tuple[slice, slice]]:
    """(slow, fast) slices of a panel, some rows at a time, so that it fits into memory."""
    slow, fast = store.shape[2:]
    for start in range(0, slow, _BAND):
        yield slice(start, min(start + _BAND, slow)), slice(0, fast)


def statistics(store: RunStore, *, masked_too: bool) -> Statistics:
    """Maximum and deviation of the first frame of the first panel.

    Parameters
    ----------
    store : of a complete run
    masked_too : take the zeros of masked pixels for values in the deviation, which the C program
        does, though not in the mean from which they deviate
    """
    count, total, maximum = 0, [], 0.0
    for rows in bands(store):
        live = store.read_tile(0, 0, *rows)[store.read_mask(0, *rows) == 0].astype(np.float64)
        count += live.size
        total.append(float(live.sum()))
        maximum = max(maximum, float(live.max(initial=0.0)))
    mean = math.fsum(total) / max(count, 1)
    squares, counted = [], 0
    for rows in bands(store):
        dead = store.read_mask(0, *rows)
        taken = dead & OUTSIDE_REGION == 0 if masked_too else dead == 0
        values = store.read_tile(0, 0, *rows)[taken].astype(np.float64)
        counted += values.size
        squares.append(float(((values - mean) ** 2).sum()))
    return Statistics(maximum, math.sqrt(math.fsum(squares) / max(counted - 1, 1)))


def write_new(path: str | Path, parts: Iterable[bytes]) -> None:
    """Write a file that must not exist yet, part after part.

    Raises
    ------
    StoreError
        if the file exists or cannot be written
    """
    target = Path(path)
    try:
        with target.open("xb") as file:
            try:
                for part in parts:
                    file.write(part)
            except BaseException:
                target.unlink(missing_ok=True)  # half of it
                raise
    except FileExistsError:
        raise StoreError(f"{path} exists already; name another file") from None
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from None
