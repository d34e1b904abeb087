"""How long this user has waited, in all runs, for want of something that is not compiled.

Beside the place of a package in the cache lies a file that is as many bytes long as milliseconds
have been waited for it. Processes that add to it at once do so safely, and nobody reads it.
"""

import contextlib
import os
from pathlib import Path

from tiled_sim.kernels.packages import Package, cache_folder

_BYTES_A_SECOND = 1000
#: More is not added at a time: nothing takes so long to compile.
_MOST_AT_A_TIME = 300.0


def seconds_waited(package: Package) -> float:
    """Of all runs since it was last built, or tried to be [s]; 0 where that cannot be known."""
    try:
        return _file_of(package).stat().st_size / _BYTES_A_SECOND
    except OSError:
        return 0.0


def add_wait(package: Package, seconds: float) -> None:
    """Add what a run waits; where nothing can be written, nothing is."""
    number = round(min(seconds, _MOST_AT_A_TIME) * _BYTES_A_SECOND)
    with contextlib.suppress(OSError):
        cache_folder().mkdir(parents=True, exist_ok=True)
        with open(_file_of(package), "ab", buffering=0) as file:
            file.write(b"." * number)


def forget_wait(package: Package) -> None:
    """Begin at 0: it is built, or cannot be and is not to be tried in every run."""
    with contextlib.suppress(OSError):
        os.unlink(_file_of(package))


def _file_of(package: Package) -> Path:
    path = package.path
    return path.with_name(f"{path.name}.waited")
