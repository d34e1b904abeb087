"""Raw float images, as the C program's ``-floatfile``."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import InputFileError


def read_float_image(path: str | Path, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Read bare little-endian float32 of one panel of one frame: (slow, fast).

    Parameters
    ----------
    path : of the file
    shape : slow and fast pixels, which the file does not tell

    Raises
    ------
    InputFileError
        if the file cannot be read, or its length is not that of the shape
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputFileError(f"cannot read the image {path}: {error.strerror}") from None
    slow, fast = shape
    if len(data) != 4 * slow * fast:
        raise InputFileError(
            f"{path}: {slow} x {fast} (slow x fast) float32 pixels are {4 * slow * fast} bytes, it "
            f"has {len(data)}, which is {len(data) / 4:.12g} pixels; give another --shape"
        )
    return np.frombuffer(data, dtype="<f4").astype(np.float32).reshape(slow, fast)
