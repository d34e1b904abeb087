"""The picture of a comparison: both images, their ratio and their difference."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import MissingExtraError
from tiled_sim.instruments.image import Image
from tiled_sim.instruments.new_picture import write_new_picture
from tiled_sim.model.assembly import Assembly

Floats = npt.NDArray[np.float64]

#: Longest side of what is drawn [pixel]; larger images are reduced by their extremes.
_LONGEST = 800
#: Decades shown below the brightest pixel, and below the largest difference.
_DECADES, _DECADES_OF_DIFFERENCE = 6, 3
_BLANK = "#b0b0b0"
#: Ratios further from 1 than this are drawn on a logarithmic scale.
_FAR = 0.5


def write_comparison_picture(
    a: Image,
    b: Image,
    path: str | Path,
    origin: tuple[int, int] = (0, 0),
    *,
    assembly: Assembly | None = None,
) -> None:
    """Draw A and B on one logarithmic scale, their ratio and their difference, as a PNG.

    Large images are reduced: a pixel of the picture is the brightest of those it stands for in A
    and in B, the ratio of the two, and the largest difference. Dead pixels are grey, and so are
    ratios where both images are darker than the scale of A and B.

    Parameters
    ----------
    a, b : of the same shape, with finite live pixels
    path : of the PNG
    origin : slow and fast of the first pixel, for the axes [pixel]
    assembly : whose cells the pixels are, if they are of several panels seen along the beam

    Raises
    ------
    UsageError
        if matplotlib is not installed
    StoreError
        if the picture exists or cannot be written
    """
    write_new_picture(path, lambda: _draw(a, b, origin, assembly))


def reduced(image: Floats, factor: int) -> Floats:
    """Reduce an image by a whole factor, keeping of each block what is furthest from zero.

    Parameters
    ----------
    image : float (slow, fast), NaN where dead
    factor : side of a block [pixel]

    Returns
    -------
    float (slow, fast), NaN where all of a block is dead
    """
    slow, fast = (math.ceil(side / factor) for side in image.shape)
    padded = np.full((slow * factor, fast * factor), np.nan)
    padded[: image.shape[0], : image.shape[1]] = image
    blocks = (
        padded.reshape(slow, factor, fast, factor).transpose(0, 2, 1, 3).reshape(slow, fast, -1)
    )
    size = np.where(np.isnan(blocks), -1.0, np.abs(blocks))
    return np.take_along_axis(blocks, size.argmax(axis=2)[..., None], axis=2)[..., 0]


def _draw(a: Image, b: Image, origin: tuple[int, int], assembly: Assembly | None) -> Any:
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("view", "a picture") from None
    slow, fast = a.pixels.shape
    factor = max(math.ceil(max(slow, fast) / _LONGEST), 1)
    of_a, of_b, difference = (
        reduced(np.where(a.live, image, np.nan), factor)
        for image in (a.pixels, b.pixels, b.pixels - a.pixels)
    )
    rows, columns = (side * factor for side in of_a.shape)
    extent = (origin[1] - 0.5, origin[1] - 0.5 + columns, origin[0] - 0.5 + rows, origin[0] - 0.5)
    names = "fast [pixel]", "slow [pixel]", "pixels (slow × fast)"
    if assembly is not None:
        side, (top, left) = assembly.cell * 1e3, (edge * 1e3 for edge in assembly.corner)
        extent = (left, left - columns * side, top - rows * side, top)
        names = "x [mm]", "y [mm]", "cells of all panels, looking downstream"
    height = min(max(slow / fast, 0.4), 2.0)
    figure = Figure(figsize=(12.0, 1.2 + 9.2 * height), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True, sharey=True)
    norm = _brightness(of_a, of_b)
    inferno = matplotlib.colormaps["inferno"]
    # what a run holds, and a raw image of the C program's; other formats do not tell
    photons = {a.source["format"], b.source["format"]} <= {"run", "float"}
    unit = "photons per pixel" if photons else "pixel value"
    for place, letter, source, image in (
        (axes[0, 0], "A", a, of_a),
        (axes[0, 1], "B", b, of_b),
    ):
        title = f"{letter}: {Path(source.name).name} ({source.source['format']})"
        # what is not positive is as dark as can be, and not blank
        shown = np.where(np.isnan(image), np.nan, np.maximum(image, norm.vmin))
        _show(place, shown, norm, inferno, title, unit, extent, "min")
    bright = np.fmax(of_a, of_b) > norm.vmin
    ratio = np.divide(of_b, of_a, out=np.full_like(of_a, np.nan), where=bright & (of_a != 0))
    shown, norm_of_ratio, label = _ratio_scale(ratio)
    diverging = matplotlib.colormaps["RdBu_r"]
    _show(axes[1, 0], shown, norm_of_ratio, diverging, "Ratio B / A", label, extent, "both")
    norm_of_difference = _difference_scale(difference)
    norm_of_difference = _difference_scale(difference)
    label = f"B − A [{unit}]"
    _show(axes[1, 1], difference, norm_of_difference, diverging, "Difference", label, extent)
    for place in axes[1]:
        place.set_xlabel(names[0])
    for place in axes[:, 0]:
        place.set_ylabel(names[1])
    reduction = f", brightest of {factor} × {factor}" if factor > 1 else ""
    figure.suptitle(f"{slow} × {fast} {names[2]}{reduction}")
    return figure


def _show(
    axes: Any,
    image: Floats,
    norm: Any,
    colors: Any,
    title: str,
    label: str,
    extent: tuple[float, float, float, float],
    extend: str = "neither",
) -> None:
    axes.set_facecolor(_BLANK)
    picture = axes.imshow(
        np.ma.masked_invalid(image),
        norm=norm,
        cmap=colors.with_extremes(bad=(0, 0, 0, 0)),
        extent=extent,
        interpolation="nearest",
    )
    axes.set_title(title)
    axes.figure.colorbar(picture, ax=axes, label=label, aspect=40, extend=extend)


def _brightness(a: Floats, b: Floats) -> Any:
    """One logarithmic scale for both images."""
    from matplotlib.colors import LogNorm

    both = np.concatenate([a[a > 0], b[b > 0]])
    top = float(both.max()) if both.size else 1.0
    bottom = max(top * 10.0**-_DECADES, float(np.quantile(both, 0.2)) if both.size else 0.0)
    return LogNorm(bottom if bottom < top else top / 10.0, top)


def _ratio_scale(ratio: Floats) -> tuple[Floats, Any, str]:
    """What is drawn of a ratio: its departure from 1, or, if that is large, its logarithm."""
    from matplotlib.colors import Normalize

    shown, label = ratio - 1.0, "B / A − 1"
    if _reach(shown) > _FAR:
        with np.errstate(divide="ignore", invalid="ignore"):
            shown, label = np.log2(ratio), "log₂(B / A)"
        shown = np.where(ratio <= 0.0, -_reach(shown), shown)
    half = _reach(shown) or 1e-9
    return shown, Normalize(-half, half), label


def _reach(departure: Floats) -> float:
    """Size of all but the largest hundredth of the departures; 0 without any."""
    known = np.abs(departure[np.isfinite(departure)])
    return float(np.quantile(known, 0.99)) if known.size else 0.0


def _difference_scale(difference: Floats) -> Any:
    """A logarithmic scale to both sides of zero."""
    from matplotlib.colors import SymLogNorm

    furthest = float(np.nanmax(np.abs(difference))) or 1e-9
    return SymLogNorm(furthest * 10.0**-_DECADES_OF_DIFFERENCE, vmin=-furthest, vmax=furthest)
