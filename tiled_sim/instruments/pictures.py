"""Pictures of a run, on a logarithmic scale, with resolution rings."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tiled_sim.errors import MissingExtraError, UsageError
from tiled_sim.instruments.new_picture import write_new_picture
from tiled_sim.instruments.rings import evenly_spread, round_resolutions
from tiled_sim.instruments.scale import (
    GAP,
    NOT_COMPUTED,
    add_scale,
    outlined,
    pixels_of,
    show,
    title_of,
)
from tiled_sim.kernels.blocks import Pixels
from tiled_sim.kernels.optics import Optics
from tiled_sim.kernels.scene import Scene
from tiled_sim.physics import geometry
from tiled_sim.run.run import Run

#: Longest side of a picture's data [pixel]; larger images are reduced by their maxima.
_LONGEST = 1000


def write_picture(
    run: Run,
    path: str | Path,
    *,
    frame: int = 0,
    panel: int | None = None,
    counts: bool = False,
    names: bool = False,
) -> None:
    """Draw a frame as a PNG: log scale, millimetres, resolution rings.

    Of a detector of several panels all are drawn where they are seen along the beam, looking
    downstream from the source, up being up (`tiled_sim.model.assembly.BeamFrame`). One panel alone
    is drawn along its own axes, pixel (0, 0) at the upper left. Each pixel of the picture is the
    brightest of those it stands for, so that no spot is lost; where all of them are dead, by a mask
    or outside a region of interest, it is grey.

    Parameters
    ----------
    run : finished or not; what is not computed is shown as such
    path : of the PNG
    frame : which exposure
    panel : the only panel to draw; None: all
    counts : the counts in place of the expected photons
    names : whether panels are named in the picture of all

    Raises
    ------
    UsageError
        if matplotlib is not installed, the frame or panel does not exist, or names are asked for
        of one panel
    StoreError
        if the picture exists or cannot be written, the image is damaged, or there are no counts
    """
    panel = _drawn_panel(run, frame, panel, names=names)
    if counts:
        run.store.require_counts()
    write_new_picture(path, lambda: _figure(run, frame, panel, counts, names))


def picture(run: Run, frame: int, panel: int | None, *, counts: bool) -> Any:
    """The figure of `write_picture`, without names of panels. Parameters and errors are its."""
    panel = _drawn_panel(run, frame, panel, names=False)
    if counts:
        run.store.require_counts()
    return _figure(run, frame, panel, counts, names=False)


def plot(run: Run, frame: int, panel: int | None, *, counts: bool) -> Any:
    """The same in a figure that pyplot keeps, and shows; its axes."""
    panel = _drawn_panel(run, frame, panel, names=False)
    if counts:
        run.store.require_counts()
    return _figure(run, frame, panel, counts, names=False, kept=True).axes[0]


def _drawn_panel(run: Run, frame: int, panel: int | None, *, names: bool) -> int | None:
    """The only panel to draw; refuses what is not there, and names of one panel."""
    frames, panels, _, _ = run.experiment.shape
    for name, value, count in (("frame", frame, frames), ("panel", panel or 0, panels)):
        if not 0 <= value < count:
            raise UsageError(f"--{name} {value}: the run has {name}s 0 to {count - 1}")
    if panels == 1:
        panel = 0
    if names and panel is not None:
        raise UsageError(
            "--panel-names is for the picture of several panels, and this is one of a single "
            "panel; leave it out"
        )
    return panel


def _figure(
    run: Run, frame: int, panel: int | None, counts: bool, names: bool, kept: bool = False
) -> Any:
    """The figure; of pyplot if it is to be kept there."""
    try:
        import matplotlib  # noqa: F401 - whether it is there
    except ImportError:
        raise MissingExtraError("view", "a picture") from None
    from matplotlib.figure import Figure

    new_figure: Callable[..., Any] = Figure
    if kept:
        from matplotlib import pyplot

        new_figure = pyplot.figure
    if panel is None:
        from tiled_sim.instruments.assembled_picture import draw_assembled

        return draw_assembled(run, frame, counts=counts, names=names, new_figure=new_figure)
    return _draw(run, frame, panel, new_figure, counts=counts)


def brightest_of_blocks(
    run: Run, frame: int, panel: int, *, counts: bool = False
) -> tuple[npt.NDArray[np.float32], int]:
    """Reduce an image by whole factors, keeping the maximum of each block.

    Returns
    -------
    float32 (slow, fast) of the panel's own pixels [photons, or ADU of the counts], NaN where
    nothing is computed, and the factor

    Raises
    ------
    StoreError
        if the image is damaged
    """
    slow, fast = run.experiment.detector.panels[panel].pixels
    factor = max(math.ceil(max(slow, fast) / _LONGEST), 1)
    columns = math.ceil(fast / factor)
    reduced = np.full((math.ceil(slow / factor), columns), np.nan, dtype=np.float32)
    for start in range(0, slow, factor * 64):
        rows = slice(start, min(start + factor * 64, slow))
        part = pixels_of(run, frame, panel, rows, counts=counts)[:, :fast]
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


def dead_blocks(run: Run, panel: int, factor: int) -> npt.NDArray[np.bool_]:
    """Where every pixel of a block of `brightest_of_blocks` is dead.

    Parameters
    ----------
    run : whose mask it is
    panel : its number
    factor : along the side of a block

    Returns
    -------
    bool (slow, fast) of the blocks
    """
    slow, fast = run.experiment.detector.panels[panel].pixels
    rows, columns = math.ceil(slow / factor), math.ceil(fast / factor)
    dead = np.ones((rows, columns), dtype=np.bool_)
    for first in range(0, rows, 64):
        start, stop = first * factor, min((first + 64) * factor, slow)
        part = run.store.read_mask(panel, slice(start, stop), slice(0, fast)) != 0
        height = math.ceil(part.shape[0] / factor)
        padded = np.ones((height * factor, columns * factor), dtype=np.bool_)
        padded[: part.shape[0], :fast] = part
        dead[first : first + height] = padded.reshape(height, factor, columns, factor).all(
            axis=(1, 3)
        )
    return dead


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


def _draw(run: Run, frame: int, panel: int, new_figure: Callable[..., Any], *, counts: bool) -> Any:
    from matplotlib.colors import ListedColormap

    image, factor = brightest_of_blocks(run, frame, panel, counts=counts)
    of_panel = run.experiment.detector.panels[panel]
    slow_mm, fast_mm = (side * 1000.0 for side in of_panel.pixel_size)
    slow, fast = of_panel.pixels
    extent = (0.0, fast * fast_mm, slow * slow_mm, 0.0)
    figure = new_figure(figsize=(9.0, 0.9 + 7.2 * min(slow / fast, 2.0)), layout="constrained")
    axes = figure.add_subplot()
    axes.set_facecolor(NOT_COMPUTED)
    dead = dead_blocks(run, panel, factor)
    axes.imshow(
        np.ma.masked_equal(dead, False),
        cmap=ListedColormap([GAP]),
        extent=extent,
        interpolation="nearest",
    )
    picture = show(axes, np.where(dead, np.float32(np.nan), image), extent)
    _draw_rings(axes, run, panel)
    axes.set(
        xlabel="fast [mm]",
        ylabel="slow [mm]",
        xlim=extent[:2],
        ylim=extent[2:],
        title=title_of(run, frame, panel, factor, counts=counts),
    )
    add_scale(axes, picture, counts=counts)
    return figure


def _draw_rings(axes: Any, run: Run, panel: int) -> None:
    slow, fast, d = resolution(run, panel)
    crossing = [ring for ring in round_resolutions(float(d.min())) if d.min() < ring < d.max()]
    rings = evenly_spread(crossing)
    if not rings:
        return
    slow_size, fast_size = run.experiment.detector.panels[panel].pixel_size
    # by 1/d, which goes through 0 where d has a pole
    label_of = {1.0 / ring: f"{ring:g} Å" for ring in rings}
    lines = axes.contour(
        (fast + 0.5) * fast_size * 1000.0,
        (slow + 0.5) * slow_size * 1000.0,
        1.0 / d,
        levels=sorted(label_of),
        colors="white",
        linewidths=0.7,
    )
    for label in axes.clabel(lines, fmt=label_of, fontsize=8):
        label.set_path_effects(outlined(1.8))
    lines.set_path_effects(outlined(1.9))
