"""What OME-Zarr 0.5 viewers read of a run: axes, and where the pixels of each level stand."""

from collections.abc import Sequence
from typing import Any

from tiled_sim.store.pyramid import PixelAxis

VERSION = "0.5"


def image_metadata(
    name: str, levels: Sequence[tuple[PixelAxis, PixelAxis]], unit: str
) -> dict[str, Any]:
    """Document for the ``ome`` attribute of the root group.

    Parameters
    ----------
    name : of the image, as viewers show it
    levels : slow and fast axis of level 0, 1, …
    unit : of the axes, ``mm`` or ``pixel``
    """
    space = {"type": "space", **({"unit": "millimeter"} if unit == "mm" else {})}
    axes = [
        {"name": "frame", "type": "time"},
        {"name": "panel", "type": "channel"},
        {"name": "slow", **space},
        {"name": "fast", **space},
    ]
    datasets = [_dataset(level, slow, fast) for level, (slow, fast) in enumerate(levels)]
    multiscale = {"name": name, "type": "mean", "axes": axes, "datasets": datasets}
    return {"version": VERSION, "multiscales": [multiscale]}


def _dataset(level: int, slow: PixelAxis, fast: PixelAxis) -> dict[str, Any]:
    """Path and transformations of a level: index × scale + translation is a pixel's centre."""
    return {
        "path": f"{level}/image",
        "coordinateTransformations": [
            {"type": "scale", "scale": [1.0, 1.0, slow.pitch, fast.pitch]},
            {"type": "translation", "translation": [0.0, 0.0, slow.first, fast.first]},
        ],
    }
