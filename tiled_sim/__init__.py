"""X-ray diffraction images of large detectors, by the physics of nanoBragg, tiled over dask."""

import importlib
from typing import TYPE_CHECKING, Any

from tiled_sim.versions import __version__

if TYPE_CHECKING:
    from tiled_sim.cluster.lazy import lazy_image
    from tiled_sim.cluster.submit import submit
    from tiled_sim.errors import TiledSimError
    from tiled_sim.export.exporting import export_run
    from tiled_sim.model.experiment import Experiment
    from tiled_sim.run.run import Run, open_run
    from tiled_sim.simulation.images import simulate, simulate_many

__all__ = [
    "Experiment",
    "Run",
    "TiledSimError",
    "__version__",
    "export_run",
    "lazy_image",
    "open_run",
    "simulate",
    "simulate_many",
    "submit",
]

_HOMES = {
    "Experiment": "model.experiment",
    "Run": "run.run",
    "TiledSimError": "errors",
    "export_run": "export.exporting",
    "lazy_image": "cluster.lazy",
    "open_run": "run.run",
    "simulate": "simulation.images",
    "simulate_many": "simulation.images",
    "submit": "cluster.submit",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used.

    torch, dask and zarr take seconds to import, and a mistyped option should be told at once.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return __all__
