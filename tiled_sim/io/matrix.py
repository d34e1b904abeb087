"""MOSFLM orientation matrices."""

from pathlib import Path

import numpy as np

from tiled_sim.errors import InputFileError
from tiled_sim.physics.vectors import Array


def read_matrix(path: str | Path) -> Array:
    """Read the nine numbers of a MOSFLM matrix.

    Returns
    -------
    (3, 3) rows a*, b*, c*, dimensionless: the matrix in the file has them as columns, times λ

    Raises
    ------
    InputFileError
        if the file cannot be read or does not begin with nine numbers
    """
    try:
        words = Path(path).read_text().split()[:9]
        numbers = [float(word) for word in words]
    except OSError as error:
        raise InputFileError(f"cannot read the matrix {path}: {error.strerror}") from None
    except ValueError:
        numbers = []
    if len(numbers) < 9 or not np.isfinite(numbers).all():
        raise InputFileError(
            f"{path}: a MOSFLM matrix begins with nine numbers (rows X, Y, Z; columns a*, b*, c*)"
        )
    return np.array(numbers).reshape(3, 3).T
