"""HKL text: one reflection a line, ``h k l F``."""

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import InputFileError
from tiled_sim.io.hkl_forms import Listed, closed, fixed_columns, refused, titled
from tiled_sim.io.new_file import write_new
from tiled_sim.io.source_file import SourceFile, grid_shape, oversized, read_source
from tiled_sim.io.text_table import Layout, Table, parse_table, read_text
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

    Whole numbers may be written ``3.0``. Amplitudes in the forms of `tiled_sim.io.hkl_forms` are
    read as they stand there, without equivalents. The grid (h, k, l) spans the reflections listed;
    a listed F of 0 is given, a negative F is kept, and a reflection listed again with the same F is
    counted as a duplicate.

    Raises
    ------
    InputFileError : the file cannot be read, is not text, or holds no reflections, or intensities;
        a line is not four finite numbers with whole h k l; a reflection is listed with two values;
        the grid would need more than MAX_NODES nodes
    """
    source = read_source(path)
    table, notes = _listed(source)
    hkl, F = table.values[:, :3].astype(np.int64), table.values[:, 3]
    minimum, shape = _grid(source, table, hkl)
    node = np.ravel_multi_index(tuple((hkl - minimum).T), shape)
    amplitude = np.zeros(math.prod(shape))
    amplitude[node] = F
    _refuse_contradiction(source, table, hkl, F, node, amplitude)
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
            notes=notes,
        ),
    )


def write_hkl(path: str | Path, factors: StructureFactors) -> None:
    """Write F [electron] of all nodes that are given, ``h k l F`` a line, as they are to the bit.

    Parameters
    ----------
    path : file to make
    factors : on their grid

    Raises
    ------
    StoreError : the file exists already or cannot be written; there is then no new file
    """
    nodes = np.argwhere(factors.given)
    F = factors.amplitude[factors.given].tolist()
    lines = zip((nodes + factors.minimum).tolist(), F, strict=True)
    write_new(path, (f"{h} {k} {l} {value!r}\n".encode() for (h, k, l), value in lines))


def _listed(source: SourceFile) -> tuple[Table | Listed, tuple[str, ...]]:
    """The reflections, and what to tell of their form."""
    text = read_text(source, _LAYOUT.what, _LAYOUT.remedy)
    listed = titled(source, text)
    if listed is None:
        try:
            table = parse_table(source, text, _LAYOUT)
        except InputFileError as error:
            listed = fixed_columns(source, text)
            if listed is None:
                raise refused(source, text, error) from None
        else:
            listed = closed(source, text, table)
            if listed is None:
                return table, ()
    return listed, (listed.note,)


def _grid(
    source: SourceFile, table: Table | Listed, hkl: npt.NDArray[np.int64]
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
        raise source.error(
            f"{complaint}: lines {first} and {last} are the farthest apart, "
            f"{shape[axis] - 1} in {'hkl'[axis]}; remove the one that is wrong"
        )
    return (minimum[0], minimum[1], minimum[2]), shape


def _refuse_contradiction(
    source: SourceFile,
    table: Table | Listed,
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
    raise source.error(
        f"lines {table.line(first)} and {table.line(second)} give the reflection "
        f"{' '.join(map(str, hkl[first]))} two values, F = {F[first]} and {F[second]}: "
        "keep the one that is right"
    )
