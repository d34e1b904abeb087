"""Which software made something."""

import functools
import platform
from importlib.metadata import PackageNotFoundError, version

__version__ = "0.2.0"

_PACKAGES = ("torch", "numpy", "zarr", "dask", "distributed", "xarray")


@functools.cache
def versions() -> dict[str, str]:
    """Versions of Python, this package and what its results depend on."""
    found = {"tiled_sim": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found
