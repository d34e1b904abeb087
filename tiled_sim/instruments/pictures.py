"""Pictures of a run, on a logarithmic scale, with resolution rings."""

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tiled_sim.errors import MissingExtraError, StoreError, UsageError
from tiled_sim.kernels.blocks import Pixels
from tiled_sim.kernels.optics import Optics
from tiled_sim.kernels.scene import Scene
from tiled_sim.physics import geometry
from tiled_sim.run.run import Run

#: Longest side of a picture's data [pixel]; larger images are reduced by their maxima.
_LONGEST = 1000
#: Decades shown below the brightest spots.
_DECADES = 6
_NOT_COMPUTED = "#9db8d6"
_BACKGROUND = "#000004"
_RINGS = (20.0, 10.0, 6.0, 4.0, 3.0, 2.5, 2.0, 1.7, 1.5, 1.3, 1.2, 1.1, 1.0, 0.8, 0.6)
_RINGS_SHOWN = 5


def write_picture(run: Run, path: str | Path, *, frame: int = 0, panel: int = 0) -> None:
    """Draw one panel of one frame as a PNG: log scale, millimetres, resolution rings.

    Each pixel of the picture is the brightest of those it stands for, so that no spot is lost.

    Parameters
    ----------
    run : finished or not; what is not computed is shown as such
    path : of the PNG
    frame, panel : which image

    Raises
    ------
    UsageError
        if matplotlib is not installed, or the frame or panel does not exist
    StoreError
        if the picture exists or cannot be written, or the image is damaged
    """
    frames, panels, _, _ = run.experiment.shape
    for name, value, count in (("frame", frame, frames), ("panel", panel, panels)):
        if not 0 <= value < count:
            raise UsageError(f"--{name} {value}: the run has {name}s 0 to {count - 1}")
    if os.path.exists(path):
        raise StoreError(f"{path} exists already; name another file")
    figure = _draw(run, frame, panel)
    try:
        figure.savefig(path, dpi=160)
    except (OSError, ValueError) as error:
        Path(path).unlink(missing_ok=True)  # half of it
        raise StoreError(f"cannot write the picture {path}: {error}") from None


def brightest_of_blocks(run: Run, frame: int, panel: int) -> tuple[npt.NDArray[np.float32], int]:
    """Reduce an image by whole factors, keeping the maximum of each block.

    Returns
    -------
    float32 (slow, fast) [photons], NaN where nothing is computed, and the factor

    Raises
    ------
    StoreError
        if the image is damaged
    """
    _, _, slow, fast = run.experiment.shape
    factor = max(math.ceil(max(slow, fast) / _LONGEST), 1)
    columns = math.ceil(fast / factor)
    reduced = np.full((math.ceil(slow / factor), columns), np.nan, dtype=np.float32)
    for start in range(0, slow, factor * 64):
        rows = slice(start, min(start + factor * 64, slow))
        part = run.store.read_tile(frame, panel, rows, slice(0, fast))
        padded = np.full(
            (math.ceil(part.shape[0] / factor) * factor, columns * factor), np.nan, np.float32
        )
        padded[: part.shape[0], :fast] = part
        blocks = padded.reshape(-1, factor, columns, factor)
        first = start // factor
        reduced[first : first + blocks.shape[0]] = np.fmax.reduce(
            np.fmax.reduce(blocks, axis=3), axis=1
        )
    return reduced, factor


def resolution(run: Run, panel: int, points: int = 200) -> tuple[Any, Any, npt.NDArray[np.float64]]:
    """Resolution d = λ/(2 sin θ) over a panel.

    Returns
    -------
    slow and fast positions of a coarse grid [pixel], and d there, (slow, fast) [Å]
    """
    scene = Scene.of(run.experiment, 0)
    slow, fast = (np.linspace(0, n - 1, points) for n in scene.panels[panel].pixels)
    grid = np.meshgrid(slow, fast, indexing="ij")
    slow_grid, fast_grid = (torch.from_numpy(part.reshape(-1)) for part in grid)
    live = torch.ones_like(slow_grid, dtype=torch.bool)
    diffracted, _ = Optics(scene).to_subpixel(Pixels(slow_grid, fast_grid, live, panel), 0)
    beam = run.experiment.beam
    q = geometry.scattering_vector(diffracted, beam.direction, beam.wavelength)
    return slow, fast, (1.0 / q.length().clamp(min=1e-9)).numpy().reshape(points, points)


def _draw(run: Run, frame: int, panel: int) -> Any:
    try:
        import matplotlib
        from matplotlib.colors import LogNorm
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("view", "a picture") from None
    image, factor = brightest_of_blocks(run, frame, panel)
    sides = run.experiment.detector.panels[panel].pixel_size
    slow_mm, fast_mm = (side * 1000.0 for side in sides)
    _, _, slow, fast = run.experiment.shape
    extent = (0.0, fast * fast_mm, slow * slow_mm, 0.0)
    figure = Figure(figsize=(9.0, 0.9 + 7.2 * min(slow / fast, 2.0)), layout="constrained")
    axes = figure.add_subplot()
    axes.set_facecolor(_NOT_COMPUTED)
    shown = np.ma.masked_invalid(image)
    positive = image[np.isfinite(image) & (image > 0)]
    top = float(np.quantile(positive, 0.9999)) if positive.size else 1.0
    colors = matplotlib.colormaps["inferno"].with_extremes(under=_BACKGROUND, bad=(0, 0, 0, 0))
    bottom = max(top * 10.0**-_DECADES, float(np.quantile(positive, 0.2)) if positive.size else 0)
    picture = axes.imshow(
        np.ma.maximum(shown, bottom),
        norm=LogNorm(bottom, top),
        cmap=colors,
        extent=extent,
        interpolation="nearest",
    )
    _draw_rings(axes, run, panel)
    axes.set(
        xlabel="fast [mm]",
        ylabel="slow [mm]",
        xlim=extent[:2],
        ylim=extent[2:],
        title=_title(run, frame, panel, factor),
    )
    figure.colorbar(picture, ax=axes, label="photons per pixel", aspect=40, extend="both")
    return figure


def _draw_rings(axes: Any, run: Run, panel: int) -> None:
    slow, fast, d = resolution(run, panel)
    visible = sorted(ring for ring in _RINGS if d.min() < ring < d.max())
    levels = visible[:: max(len(visible) // _RINGS_SHOWN, 1)]
    if not levels:
        return
    slow_size, fast_size = run.experiment.detector.panels[panel].pixel_size
    lines = axes.contour(
        (fast + 0.5) * fast_size * 1000.0,
        (slow + 0.5) * slow_size * 1000.0,
        d,
        levels=levels,
        colors="white",
        linewidths=0.6,
        alpha=0.6,
    )
    axes.clabel(lines, fmt="%g Å", fontsize=8)


def _title(run: Run, frame: int, panel: int, factor: int) -> str:
    frames, panels, slow, fast = run.experiment.shape
    parts = [run.path.name, f"{slow} x {fast} pixels"]
    if frames > 1:
        parts.append(f"frame {frame}")
    if panels > 1:
        parts.append(f"panel {panel}")
    if factor > 1:
        parts.append(f"brightest of {factor} x {factor}")
    return ", ".join(parts)
