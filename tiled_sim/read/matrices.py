"""What a MOSFLM matrix says of the crystal, held against wavelength and cell."""

import math

import numpy as np

from tiled_sim.io.matrix import MosflmMatrix
from tiled_sim.physics.cell import cell_volume, dual, lengths_and_angles
from tiled_sim.physics.vectors import Array
from tiled_sim.read.file_cell import IGNORE, SAME_ANGLE, SAME_LENGTH

#: Shortest and longest edge of a cell [Å] that a matrix may give.
SHORTEST, LONGEST = 2.0, 5000.0
#: Sine between a vector and the plane of the others below which they span no cell: the rounding
#: of a file is far above it, that of a float64 far below.
_FLAT = 1e-9


def reciprocal_of(
    matrix: MosflmMatrix, wavelength: float, cell: Array | None, *, ignore_file_cell: bool
) -> Array:
    """Rows a*, b*, c* [1/Å] of a matrix that is known to make sense.

    Parameters
    ----------
    matrix : of the file
    wavelength : that it is multiplied by [Å]
    cell : a, b, c [Å], alpha, beta, gamma [°] that the crystal is given beside the matrix; None:
        the matrix says it
    ignore_file_cell : whether the cell in the file may be another

    Raises
    ------
    InputFileError
        if the vectors span no cell, are left-handed, or give edges shorter than `SHORTEST` or
        longer than `LONGEST`; if the file's cell is another than the matrix's, than `cell`, or the
        wavelength another than that which the file was written at
    """
    require_crystal(matrix)
    reciprocal = matrix.vectors / wavelength
    own = cell_of(reciprocal)
    if own[:3].min() < SHORTEST or own[:3].max() > LONGEST:
        raise matrix.source.error(
            f"at the wavelength {wavelength:g} Å it gives the cell {in_words(own)}, which no "
            f"crystal has ({SHORTEST:g} to {LONGEST:g} Å): {_likeness(matrix, wavelength)}"
        )
    if matrix.cell is not None and not ignore_file_cell:
        _check_file_cell(matrix, np.array(matrix.cell), wavelength, cell)
    return reciprocal


def require_crystal(matrix: MosflmMatrix) -> None:
    """Refuse vectors that span no cell, or a left-handed one.

    Raises
    ------
    InputFileError
        that says which
    """
    lengths = np.linalg.norm(matrix.vectors, axis=1)
    names = ("a*", "b*", "c*")
    for name, length in zip(names, lengths, strict=True):
        if length == 0.0:
            raise matrix.source.error(f"its column {name} is zero, so its vectors span no cell")
    units = matrix.vectors / lengths[:, None]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        if np.linalg.norm(np.cross(units[first], units[second])) < _FLAT:
            raise matrix.source.error(
                f"its columns {names[first]} and {names[second]} are parallel, so its vectors span "
                "no cell: correct them (rows are X, Y, Z; columns are a*, b*, c*)"
            )
    volume = float(np.linalg.det(units))
    if abs(volume) < _FLAT:
        raise matrix.source.error(
            "its columns a*, b*, c* lie in one plane, so its vectors span no cell: correct them"
        )
    if volume < 0.0:
        raise matrix.source.error(
            "its columns a*, b*, c* are left-handed, and those of a crystal are not: the sign of "
            "a column is wrong, or two columns or rows are exchanged"
        )


def cell_of(reciprocal: Array) -> Array:
    """Lengths [Å] and angles [°] of the cell of rows a*, b*, c* [1/Å], six numbers."""
    lengths, angles = lengths_and_angles(dual(reciprocal))
    return np.concatenate([lengths, np.degrees(angles)])


def cells_differ(one: Array, other: Array) -> bool:
    """Whether two cells, six numbers each [Å, °], are not meant to be the same."""
    lengths = np.abs(one[:3] - other[:3]) > SAME_LENGTH * other[:3]
    return bool(lengths.any() or (np.abs(one[3:] - other[3:]) > SAME_ANGLE).any())


def in_words(cell: Array) -> str:
    """Six numbers for a message."""
    return f"{' '.join(f'{x:.6g}' for x in cell[:3])} Å {' '.join(f'{x:.5g}' for x in cell[3:])}°"


def _likeness(matrix: MosflmMatrix, wavelength: float) -> str:
    """What a matrix that gives an impossible cell looks like, and what to do."""

    def possible(lengths: Array) -> bool:
        return bool(lengths.min() >= SHORTEST and lengths.max() <= LONGEST)

    lengths = np.linalg.norm(matrix.vectors, axis=1)
    edges = cell_of(matrix.vectors)[:3]
    if np.allclose(matrix.vectors @ matrix.vectors.T, np.eye(3), atol=1e-3):
        return (
            "it looks like a rotation (U) without the cell; write the first three lines of the "
            "file of MOSFLM, or give -cell with -misset"
        )
    if possible(lengths):
        return (
            f"it looks like a real-space matrix (a, b, c of {' '.join(f'{x:.5g}' for x in lengths)}"
            " Å); write the wavelength times its inverse, rows X, Y, Z, columns a*, b*, c*"
        )
    if possible(edges):
        return (
            f"it looks as if it were in 1/Å (the cell {in_words(cell_of(matrix.vectors))}), "
            f"without the wavelength; multiply its numbers by {wavelength:g}"
        )
    if possible(edges * wavelength * 1e-10):
        return "it looks as if its wavelength were in metres; multiply its numbers by 1e10"
    return "correct the matrix, or the wavelength"


def _check_file_cell(
    matrix: MosflmMatrix, written: Array, wavelength: float, cell: Array | None
) -> None:
    """Refuse what contradicts the cell that the file says."""
    volume = cell_volume(written[:3], np.radians(written[3:]))
    says = f"its eighth line gives the cell {in_words(written)}"
    if not volume > 0:
        raise matrix.source.error(f"{says}, which cannot exist: correct it, or say {IGNORE}")
    of_file = (abs(float(np.linalg.det(matrix.vectors))) * volume) ** (1.0 / 3.0)
    shape = cell_of(matrix.vectors / of_file)
    if cells_differ(shape, written):
        raise matrix.source.error(
            f"{says}, and its matrix, at the wavelength of {of_file:.6g} Å that suits its volume, "
            f"{in_words(shape)}: one of them is wrong; correct it, or say {IGNORE} to go by the "
            "matrix"
        )
    if cell is not None:
        if cells_differ(cell, written):
            raise matrix.source.error(
                f"{says}, and -cell is {in_words(cell)}: leave -cell out, or say {IGNORE} to go "
                "by -cell"
            )
        return  # the matrix gives directions alone, which no wavelength changes
    if not math.isclose(of_file, wavelength, rel_tol=SAME_LENGTH):
        without = (
            " (or it is in 1/Å, without a wavelength)"
            if math.isclose(of_file, 1.0, rel_tol=1e-4)
            else ""
        )
        raise matrix.source.error(
            f"{says}, so it was written at the wavelength {of_file:.6g} Å{without}; at the "
            f"{wavelength:.6g} Å of this experiment it gives "
            f"{in_words(cell_of(matrix.vectors / wavelength))}: give the wavelength of the file "
            f"(-lambda {of_file:.6g}), or its cell beside it (-cell), or say {IGNORE}"
        )
