"""One image of a run or of a file, cut to a region, with the pixels that count."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import StoreError, UsageError
from tiled_sim.io.image_file import read_image_file
from tiled_sim.io.image_format import image_format, split_key
from tiled_sim.model.detector import Region
from tiled_sim.run.run import Run
from tiled_sim.store.place import is_url


@dataclass(frozen=True, eq=False)
class Image:
    """One panel of one frame.

    Parameters
    ----------
    source : what it was read from: path, format, SHA-256 or run id, shape, and which part
    pixels : float64 (slow, fast) [photons, or the units of the file]
    live : bool (slow, fast)
    whole : whether the source holds whole numbers
    marks : which pixels its format marks as not measured, a line each
    """

    source: dict[str, Any]
    pixels: npt.NDArray[np.float64]
    live: npt.NDArray[np.bool_]
    whole: bool = False
    marks: tuple[str, ...] = ()

    @property
    def is_integer_smv(self) -> bool:
        """Whether it may be of ``-noisefile`` or ``-intfile``."""
        return self.whole and self.source["format"] == "smv"

    @property
    def name(self) -> str:
        """Path, and key if there is one."""
        key = self.source.get("key")
        return f"{self.source['path']}:{key}" if key else str(self.source["path"])


def is_run(name: str) -> bool:
    """Whether a name is that of a run: a directory, or the URL of one."""
    return is_url(name) or Path(name).is_dir()


def has_frames(name: str) -> bool:
    """Whether a name is that of something with frames and panels: a run, an HDF5 or npy file."""
    return is_run(name) or image_format(split_key(name)[0]) in ("hdf5", "npy")


def read_image(
    name: str,
    *,
    shape: tuple[int, int] | None = None,
    frame: int = 0,
    panel: int = 0,
    counts: bool = False,
) -> Image:
    """Read an image from a run or a file.

    Parameters
    ----------
    name : of a run, of a file, or ``FILE:KEY`` of an npz or HDF5 file
    shape : slow and fast pixels, if the file is raw float32
    frame, panel : which, if it is a run or an HDF5 file
    counts : of a run, the counts and not the expected photons

    Raises
    ------
    UsageError
        if the run has no such frame or panel, or the name and shape do not go together
    InputFileError
        if a file cannot be read, or is not a whole image of its format
    StoreError
        if there is no run, it is damaged, or not all of the image is computed
    """
    if is_run(name):
        return panels_of_run(Run(name), frame, (panel,), counts=counts)[0]
    found = read_image_file(*split_key(name), shape, frame=frame, panel=panel)
    source: dict[str, Any] = {
        "path": found.path,
        "format": found.format,
        "sha256": found.sha256,
        "shape": list(found.pixels.shape),
    }
    if found.key is not None:
        source["key"] = found.key
    return Image(source, found.pixels, found.live, found.whole, found.marks)


def less_offset(image: Image, offset: float) -> Image:
    """The image less what was added to every pixel, as ``-adc`` is."""
    return replace(image, pixels=image.pixels - offset) if offset else image


def panels_of_run(run: Run, frame: int, panels: Sequence[int], *, counts: bool) -> list[Image]:
    """Some panels of a frame of a run, each of its own pixels. Raises as `read_image`.

    Parameters
    ----------
    run : of which all tiles of these panels are computed
    frame, panels : which images
    counts : the counts and not the expected photons
    """
    frames, number = run.experiment.shape[:2]
    for name, value, count in (("frame", frame, frames), ("panel", max(panels), number)):
        if not 0 <= value < count:
            raise UsageError(f"--{name} {value}: {run.path} has {name}s 0 to {count - 1}")
    if counts and run.experiment.noise is None:
        raise UsageError(
            f"--counts: {run.path} has no counts, it was made without noise; leave --counts out, "
            "or simulate with --noise"
        )
    wanted = set(panels)
    tiles = [
        tile
        for tile in run.plan
        if frame in range(*tile.frames) and not wanted.isdisjoint(range(*tile.panels))
    ]
    missing = sum(run.committed(tile) is None for tile in tiles)
    if missing:
        of_panel = f", panel {panels[0]}" if len(panels) == 1 else ""
        raise StoreError(
            f"{run.path}: {missing} of the {len(tiles)} tiles of frame {frame}{of_panel} are "
            f"not computed, or damaged; `tiled-sim resume {run.path}` computes them"
        )
    return [_panel_of_run(run, frame, panel, counts) for panel in panels]


def _panel_of_run(run: Run, frame: int, panel: int, counts: bool) -> Image:
    slow, fast = run.experiment.detector.panels[panel].pixels
    whole = slice(0, slow), slice(0, fast)
    read = run.store.read_counts if counts else run.store.read_tile
    pixels = read(frame, panel, *whole).astype(np.float64)
    mask = run.store.read_mask(panel, *whole)
    source = {
        "path": str(run.path),
        "format": "run",
        "run_id": run.run_id,
        "shape": [slow, fast],
        "frame": frame,
        "panel": panel,
        "counts": counts,
    }
    return Image(source, pixels, mask == 0, whole=counts)


def same_part(
    a: Image, b: Image, region: Region | None, mask: npt.NDArray[np.bool_] | None
) -> tuple[Image, Image]:
    """Cut two images to a region, and let those pixels live that live in both and in the mask.

    An image, or a mask, that is exactly as large as the region, while another is larger, is taken
    for a cut of that region and left as it is.

    Parameters
    ----------
    a, b : to be compared
    region : None: all
    mask : bool (slow, fast), False where dead; None: all live

    Raises
    ------
    UsageError
        if the shapes do not agree, the region is not inside, or no pixel is left
    """
    shapes = [a.pixels.shape, b.pixels.shape, *([] if mask is None else [mask.shape])]
    if region is None:
        if len(set(shapes)) > 1:
            named = zip((a.name, b.name, "--mask"), shapes, strict=False)
            listed = ", ".join(f"{name} {slow} x {fast}" for name, (slow, fast) in named)
            raise UsageError(
                f"the images differ in shape (slow x fast): {listed}; if one is a cut of the "
                "other, say of where by --roi FASTMIN FASTMAX SLOWMIN SLOWMAX"
            )
        region = Region(0, shapes[0][0], 0, shapes[0][1])
    one_shape = len(set(shapes)) == 1
    live = _cut(a.live, region, a.name, one_shape) & _cut(b.live, region, b.name, one_shape)
    if mask is not None:
        live &= _cut(mask, region, "--mask", one_shape)
    if not live.any():
        raise UsageError(
            f"none of the {live.size} pixels is live in both images; give another --mask or --roi"
        )
    return (
        replace(a, pixels=_cut(a.pixels, region, a.name, one_shape), live=live),
        replace(b, pixels=_cut(b.pixels, region, b.name, one_shape), live=live),
    )


def _cut(array: npt.NDArray[Any], region: Region, name: str, one_shape: bool) -> npt.NDArray[Any]:
    """The region of an array; all of it if it is a cut already."""
    slow, fast = array.shape
    if not one_shape and (slow, fast) == region.shape:
        return array
    if region.slow_stop > slow or region.fast_stop > fast:
        ends = " ".join(map(str, region.ends))
        raise UsageError(
            f"--roi {ends} (fast min, fast max, slow min, slow max, inclusive) is not inside "
            f"{name}, {slow} x {fast} (slow x fast) pixels"
        )
    return array[region.slow_start : region.slow_stop, region.fast_start : region.fast_stop]
