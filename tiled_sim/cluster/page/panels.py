"""Where the page draws the panels of a run, seen along the beam, and where their pixels are."""

from typing import Any

import numpy as np

from tiled_sim.instruments.rings import rings_shown
from tiled_sim.model.assembly import Assembly
from tiled_sim.model.experiment import Experiment

#: Points along a whole ring.
_POINTS = 360


def arrangement(experiment: Experiment) -> dict[str, Any] | None:
    """The panels in cells of a grid across the beam, whose rows go down; None of a single panel.

    Parameters
    ----------
    experiment : of the run

    Returns
    -------
    ``shape`` (rows, columns), ``cell_mm``, ``corner_mm`` (y, x) of the upper left corner,
    ``panels`` with ``name``, ``corner``, ``slow_step``, ``fast_step`` (rows, columns), ``pixels``
    (slow, fast) and ``depth_mm`` along the beam; and ``rings`` with ``d_A`` and ``lines``
    """
    detector = experiment.detector
    if len(detector.panels) == 1:
        return None
    assembly = Assembly.of(detector, experiment.beam.direction)
    rings = rings_shown(detector, assembly, experiment.beam.wavelength, _POINTS)
    return {
        "shape": list(assembly.shape),
        "cell_mm": assembly.cell * 1e3,
        "corner_mm": [edge * 1e3 for edge in assembly.corner],
        "panels": [
            {
                "name": panel.name,
                "corner": list(projected.corner),
                "slow_step": list(projected.slow_step),
                "fast_step": list(projected.fast_step),
                "pixels": list(projected.pixels),
                "depth_mm": projected.depth * 1e3,
            }
            for panel, projected in zip(detector.panels, assembly.panels, strict=True)
        ],
        "rings": [
            {"d_A": d, "lines": [line.round(1).tolist() for line in lines]}
            for d, lines in rings.items()
        ],
    }


def geometry(experiment: Experiment) -> dict[str, Any] | None:
    """Where the pixels of all panels are, from which resolutions follow; None of a curved detector.

    Parameters
    ----------
    experiment : of the run; its frames may differ from it

    Returns
    -------
    ``beam``, a unit vector; ``wavelength_A``; and of each panel in ``panels`` ``origin_mm`` from
    the sample to its corner, ``slow_mm`` and ``fast_mm`` from a pixel to the next
    """
    detector, beam = experiment.detector, experiment.beam
    if detector.curvature_radius is not None:
        return None
    return {
        "beam": list(beam.direction),
        "wavelength_A": beam.wavelength,
        "panels": [
            {
                "origin_mm": (1e3 * np.array(panel.origin)).tolist(),
                "slow_mm": (1e3 * panel.pixel_size[0] * np.array(panel.slow_axis)).tolist(),
                "fast_mm": (1e3 * panel.pixel_size[1] * np.array(panel.fast_axis)).tolist(),
            }
            for panel in detector.panels
        ],
    }
