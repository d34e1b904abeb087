"""HKL text: one reflection a line, ``h k l F``."""

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tiled_sim.io.source_file import grid_shape, oversized, read_source
from tiled_sim.io.text_table import Layout, Table, read_table
from tiled_sim.model.structure_factors import StructureFactors

_LAYOUT = Layout(
    "an HKL list",
    ("h", "k", "l", "F"),
    row="reflection",
    indices=3,
    remedy="an Fdump is read with --fdump, an MTZ with --mtz",
)


def read_hkl(path: str | Path) -> StructureFactors:
    """Read a text list of structure factors, ``h k l F`` [electron] a line, gzipped or not.

    Whole numbers may be written ``3.0``.
    The grid (h, k, l) spans the reflections listed; a listed F of 0 is given, a negative F is
    kept, and a reflection listed again with the same F is counted as a duplicate.

    Raises
    ------
    InputFileError : the file cannot be read, is not text, or holds no reflections; a line is not
        four finite numbers with whole h k l; a reflection is listed with two values; the grid
        would need more than MAX_NODES nodes
    """
    source = read_source(path)
    table = read_table(source, _LAYOUT)
    hkl, F = table.values[:, :3].astype(np.int64), table.values[:, 3]
    minimum, shape = _grid(table, hkl)
    node = np.ravel_multi_index(tuple((hkl - minimum).T), shape)
    amplitude = np.zeros(math.prod(shape))
    amplitude[node] = F
    _refuse_contradiction(table, hkl, F, node, amplitude)
    given = np.zeros(amplitude.shape, dtype=bool)
    given[node] = True
    return StructureFactors(
        amplitude=amplitude.reshape(shape),
        given=given.reshape(shape),
        minimum=minimum,
        provenance=source.provenance(
            "hkl",
            count=len(F),
            negative=int(np.count_nonzero(F < 0)),
            zero=int(np.count_nonzero(F == 0)),
            duplicates=len(F) - int(np.count_nonzero(given)),
        ),
    )


def _grid(
    table: Table, hkl: npt.NDArray[np.int64]
) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Smallest h, k, l and shape of the grid, once it is known not to be too large."""
    minimum, maximum = hkl.min(axis=0).tolist(), hkl.max(axis=0).tolist()
    shape = grid_shape(minimum, maximum)
    complaint = oversized(minimum, maximum)
    if complaint:
        axis = int(np.argmax(shape))
        first, last = sorted(
            (table.line(int(hkl[:, axis].argmin())), table.line(int(hkl[:, axis].argmax())))
        )
        raise table.source.error(
            f"{complaint}: lines {first} and {last} are the farthest apart, "
            f"{shape[axis] - 1} in {'hkl'[axis]}; remove the one that is wrong"
        )
    return (minimum[0], minimum[1], minimum[2]), shape


def _refuse_contradiction(
    table: Table,
    hkl: npt.NDArray[np.int64],
    F: npt.NDArray[np.float64],
    node: npt.NDArray[np.int64],
    amplitude: npt.NDArray[np.float64],
) -> None:
    """Raise if a reflection's F is not what its node got: another line gave it another value."""
    overwritten = np.flatnonzero(amplitude[node] != F)
    if not overwritten.size:
        return
    first = int(overwritten[0])
    second = int(np.flatnonzero((node == node[first]) & (F[first] != F))[0])
    raise table.source.error(
        f"lines {table.line(first)} and {table.line(second)} give the reflection "
        f"{' '.join(map(str, hkl[first]))} two values, F = {F[first]} and {F[second]}: "
        "keep the one that is right"
    )
