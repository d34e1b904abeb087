"""A picture of a detector's panels as the beam sees them."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from tiled_sim.errors import MissingExtraError
from tiled_sim.instruments.geometry_facts import GeometryFacts
from tiled_sim.instruments.new_picture import write_new_picture

_RINGS = (20.0, 10.0, 6.0, 4.0, 3.0, 2.5, 2.0, 1.7, 1.5, 1.3, 1.2, 1.1, 1.0, 0.8, 0.6)
#: Of more panels than these the names would hide each other.
_MOST_NAMES = 100
_PANEL, _MIRRORED = "#9db8d6", "#d69d9d"


def draw_geometry(facts: GeometryFacts, path: str | Path, title: str) -> None:
    """Draw panels as a PNG: looking downstream, y up; a dot at each first pixel, a line along fast.

    Parameters
    ----------
    facts : of the geometry
    path : of the PNG
    title : above it

    Raises
    ------
    UsageError
        if matplotlib is not installed
    StoreError
        if the picture exists or cannot be written
    """
    write_new_picture(path, lambda: _drawn(facts, title))


def _drawn(facts: GeometryFacts, title: str) -> Any:
    try:
        from matplotlib.collections import LineCollection, PolyCollection
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("view", "a picture") from None
    figure = Figure(figsize=(9.0, 9.0), layout="constrained")
    axes = figure.add_subplot()
    outlines = [1e3 * one.corners[:, :2] for one in facts.panels]
    mirrored = set(facts.left_handed)
    colors = [_MIRRORED if one.panel.name in mirrored else _PANEL for one in facts.panels]
    axes.add_collection(
        PolyCollection(outlines, facecolors=colors, edgecolors="#30506f", linewidths=0.5)
    )
    fast = [outline[:2] + 0.0 for outline in outlines]
    axes.add_collection(LineCollection(fast, colors="#b03a2e", linewidths=0.8))
    first = np.array([outline[0] for outline in outlines])
    axes.plot(*first.T, ".", color="#b03a2e", markersize=3)
    if len(outlines) <= _MOST_NAMES:
        for one, outline in zip(facts.panels, outlines, strict=True):
            axes.annotate(
                one.panel.name, outline.mean(axis=0), ha="center", va="center", fontsize=6
            )
    axes.plot(0.0, 0.0, "k+")
    _draw_rings(axes, facts)
    (left, bottom, _), (right, top, _) = 1e3 * facts.extents
    margin = 0.03 * max(right - left, top - bottom)
    axes.set(
        xlim=(right + margin, left - margin),  # x is to the left
        ylim=(bottom - margin, top + margin),
        xlabel="x [mm], to the left looking downstream",
        ylabel="y [mm], up",
        title=title,
        aspect="equal",
    )
    return figure


def _draw_rings(axes: Any, facts: GeometryFacts) -> None:
    """Rings of resolution at the mean distance of the panels."""
    if facts.wavelength is None:
        return
    from matplotlib.patches import Circle

    distance = float(np.mean([one.corners[:, 2] for one in facts.panels]))
    for ring in _RINGS:
        sine = facts.wavelength / (2.0 * ring)
        if ring < facts.resolution["corner"] or sine >= math.sqrt(0.5) or distance <= 0:
            continue
        radius = 1e3 * distance * math.tan(2.0 * math.asin(sine))
        axes.add_patch(Circle((0.0, 0.0), radius, fill=False, color="#555555", lw=0.5, ls=":"))
        axes.annotate(f"{ring:g} Å", (0.0, radius), ha="center", fontsize=6, annotation_clip=True)
