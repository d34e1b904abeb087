"""What pictures of a run share: the pixels that they show, their scale and their title."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.run.run import Run
from tiled_sim.store.run_store import NOT_COUNTED

NOT_COMPUTED = "#9db8d6"
#: Of dead pixels, and of what lies between panels.
GAP = "#c9c9c9"
_BACKGROUND = "#000004"
#: Decades shown below the brightest spots.
_DECADES = 6
_A_DECADE = 10.0


def pixels_of(
    run: Run, frame: int, panel: int, rows: slice, *, counts: bool
) -> npt.NDArray[np.float32]:
    """Rows of an image, float32 (slow, fast); NaN where nothing is computed.

    Parameters
    ----------
    run : finished or not
    frame, panel : which image
    rows : of the panel
    counts : the counts [ADU] in place of the expected photons [photon]

    Raises
    ------
    StoreError
        if the image is damaged
    """
    columns = slice(0, run.experiment.shape[3])
    if not counts:
        return run.store.read_tile(frame, panel, rows, columns)
    found = run.store.read_counts(frame, panel, rows, columns)
    return np.where(found == NOT_COUNTED, np.nan, found).astype(np.float32)


def brightness(image: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Darkest and brightest of the logarithmic scale of an image."""
    positive = image[np.isfinite(image) & (image > 0)]
    top = float(np.quantile(positive, 0.9999)) if positive.size else 1.0
    darkest = float(np.quantile(positive, 0.2)) if positive.size else 0
    return max(top * 10.0**-_DECADES, darkest), top


def show(
    axes: Any, image: npt.NDArray[np.float32], extent: tuple[float, float, float, float]
) -> Any:
    """Draw an image on axes; NaN lets them be seen.

    Parameters
    ----------
    axes : of matplotlib
    image : float32 (row, column)
    extent : left, right, bottom and top edge [mm]

    Returns
    -------
    what `add_scale` takes
    """
    import matplotlib
    from matplotlib.colors import LogNorm

    bottom, top = brightness(image)
    colors = matplotlib.colormaps["inferno"].with_extremes(under=_BACKGROUND, bad=(0, 0, 0, 0))
    return axes.imshow(
        np.ma.maximum(np.ma.masked_invalid(image), bottom),
        norm=LogNorm(bottom, top),
        cmap=colors,
        extent=extent,
        interpolation="nearest",
    )


def add_scale(axes: Any, picture: Any, *, counts: bool) -> None:
    """Add the colour scale, when all else is drawn: places of labels depend on it."""
    label = "counts [ADU] per pixel" if counts else "photons per pixel"
    narrow = picture.norm.vmax < _A_DECADE * picture.norm.vmin  # one power of ten, or none
    plain: dict[str, Any] = {}
    if narrow:
        from matplotlib.ticker import MaxNLocator

        plain = {"ticks": MaxNLocator(8), "format": "{x:.6g}"}
    bar = axes.figure.colorbar(picture, ax=axes, label=label, aspect=40, extend="both", **plain)
    if narrow:
        bar.minorticks_off()


def title_of(run: Run, frame: int, panel: int | None, factor: int, *, counts: bool) -> str:
    """What a picture shows.

    Parameters
    ----------
    run : whose picture it is
    frame, panel : which image; None: all panels
    factor : along the side of the square of which a pixel of the picture is the brightest
    counts : whether it is of counts
    """
    frames, panels, slow, fast = run.experiment.shape
    if panel is None:
        parts = [run.path.name, f"{panels} panels"]
    else:
        of_panel = run.experiment.detector.panels[panel]
        slow, fast = of_panel.pixels
        parts = [run.path.name, f"{slow} x {fast} pixels"]
    if counts:
        parts.append("counts")
    if frames > 1:
        parts.append(f"frame {frame}")
    if panels > 1 and panel is not None:
        name = run.experiment.detector.panels[panel].name
        parts.append(f"panel {panel}" if name == str(panel) else f"panel {panel} ({name})")
    if factor > 1:
        parts.append(f"brightest of {factor} x {factor}")
    title = ", ".join(parts)
    # to matplotlib dollars begin mathematics, and it draws no letters that cannot be printed
    plain = "".join(letter if letter.isprintable() else "_" for letter in title)
    return plain.replace("$", r"\$")


def outlined(width: float) -> list[Any]:
    """Effects of white lines and letters that stay readable on bright pixels: a dark edge.

    Parameters
    ----------
    width : of line and edge together [point]
    """
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=width, foreground="black", alpha=0.75)]
