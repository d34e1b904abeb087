"""Reflections of an asymmetric unit, expanded to the whole sphere by rotations of a space group."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tiled_sim.io.source_file import SourceFile, grid_shape, oversized

Indices = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Reflections that have an F of their own, one entry each.

    Parameters
    ----------
    hkl : int (n, 3)
    F : (n,) [electron]
    row : of the file, from 0, that each stands in
    """

    hkl: Indices
    F: Values
    row: Indices


def centric(hkl: Indices, rotations: Indices) -> npt.NDArray[np.bool_]:
    """Whether the Friedel mate of each is also its equivalent by a rotation.

    Parameters
    ----------
    hkl : (n, 3)
    rotations : (m, 3, 3), each of which takes h to h·R
    """
    return np.any([np.all(hkl @ rotation == -hkl, axis=1) for rotation in rotations], axis=0)


def expanded(
    source: SourceFile, rows: Rows, rotations: Indices
) -> tuple[tuple[int, int, int], Values, npt.NDArray[np.bool_]]:
    """Smallest h, k, l, amplitudes and given nodes of the grid that spans all equivalents.

    Friedel mates have the F of a row where no row says their own.

    Parameters
    ----------
    source : of the rows, for the message
    rows : of which every equivalent by a rotation has the same F
    rotations : (m, 3, 3), each of which takes h to h·R

    Raises
    ------
    InputFileError : they need more than MAX_NODES nodes
    """
    images = [rows.hkl @ rotation for rotation in rotations]
    extent = np.max([np.abs(image).max(axis=0) for image in images], axis=0)
    minimum, maximum = (-extent).tolist(), extent.tolist()
    if complaint := oversized(minimum, maximum):
        raise source.error(f"{complaint}: it is damaged, or cut its resolution")
    shape = grid_shape(minimum, maximum)
    amplitude, given = np.zeros(shape), np.zeros(shape, dtype=bool)
    # Friedel mates first, their own F over them, and over all what the file itself lists
    for image in [*(-image for image in images), *images, rows.hkl]:
        node = tuple((image - minimum).T)
        amplitude[node] = rows.F
        given[node] = True
    return (minimum[0], minimum[1], minimum[2]), amplitude, given
