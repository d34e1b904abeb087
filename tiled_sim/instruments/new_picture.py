"""Writing a picture to a file that must not be there yet."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tiled_sim.errors import StoreError

DPI = 160


def write_new_picture(path: str | Path, draw: Callable[[], Any]) -> None:
    """Write a figure of matplotlib as a PNG.

    Parameters
    ----------
    path : of the PNG
    draw : makes the figure; not called where the file exists

    Raises
    ------
    StoreError
        if the picture exists or cannot be written
    """
    if os.path.exists(path):
        raise StoreError(f"{path} exists already; name another file")
    figure = draw()
    try:
        figure.savefig(path, dpi=DPI)
    except (OSError, ValueError) as error:
        Path(path).unlink(missing_ok=True)  # half of it
        raise StoreError(f"cannot write the picture {path}: {error}") from None
