"""What a page has to know of a run and of a frame, as plain JSON values."""

from typing import Any

import numpy as np

from tiled_sim.io.shots import BEAM, RECIPROCAL_VECTORS, SHIFT
from tiled_sim.model.crystals import each_alone
from tiled_sim.model.experiment import Experiment
from tiled_sim.physics.vectors import about_axes
from tiled_sim.run.frames import shots_columns
from tiled_sim.simulation.trace import UNITS
from tiled_sim.versions import __version__
from tiled_sim.viewer.mosaic import SIDE, Mosaic


def describe_run(mosaic: Mosaic) -> dict[str, Any]:
    """A run: what can be seen of it, and where its panels stand.

    Parameters
    ----------
    mosaic : of the run
    """
    run, assembly = mosaic.run, mosaic.assembly
    experiment, grid = run.experiment, run.plan.grid
    quantities = [{"name": "image", "unit": "photons", "label": "expected photons"}]
    if experiment.noise is not None:
        quantities.append({"name": "counts", "unit": "ADU", "label": "counts [ADU]"})
    panels = []
    for panel, projected in zip(experiment.detector.panels, assembly.panels, strict=True):
        panels.append(
            {
                "name": panel.name,
                "pixels": panel.pixels,
                "pixel_size_m": panel.pixel_size,
                "origin_m": panel.origin,
                "fast_axis": panel.fast_axis,
                "slow_axis": panel.slow_axis,
                "normal": panel.normal,
                "corner": projected.corner,
                "slow_step": projected.slow_step,
                "fast_step": projected.fast_step,
                "depth_mm": projected.depth * 1e3,
                "is_edge_on": projected.is_edge_on,
            }
        )
    return {
        "tiled_sim": __version__,
        "run_id": run.run_id,
        "name": run.path.name,
        "path": str(run.path),
        "created": run.attributes.get("created", ""),
        "kernel": run.plan.settings.kernel,
        "frames": len(experiment.exposures),
        "crystals": len(experiment.crystals),
        "quantities": quantities,
        "shape": assembly.shape,
        "side": SIDE,
        "levels": mosaic.levels,
        "cell_mm": assembly.cell * 1e3,
        "corner_mm": [edge * 1e3 for edge in assembly.corner],
        "axes": {name: getattr(assembly.frame, name) for name in "xyz"},
        "panels": panels,
        "c_compat": experiment.c_compat,
        "curvature_m": experiment.detector.curvature_radius,
        "tiles": {"shape": grid.shape, "tile": grid.tile},
        "trace_units": UNITS,
    }


class Frames:
    """What the frames of an experiment were.

    Parameters
    ----------
    experiment : of a run
    """

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        self._alone = each_alone(experiment)

    def describe(self, frame: int) -> dict[str, Any]:
        """A frame: its light, its detector's shift, and rows a*, b*, c* of each crystal [1/Å].

        The crystals stand as in the middle of the exposure.

        Parameters
        ----------
        frame : its number
        """
        columns = shots_columns(self._experiment, range(frame, frame + 1))
        exposure = self._experiment.exposures[frame]
        middle = exposure.angles[len(exposure.angles) // 2]

        def of_frame(names: tuple[str, ...], unit: str = "") -> list[float]:
            return [float(columns[f"{name}{unit}"][0]) for name in names]

        return {
            "frame": frame,
            "wavelength_A": float(columns["wavelength_A"][0]),
            "fluence_photons_per_m2": float(columns["fluence_photons_per_m2"][0]),
            "beam": of_frame(BEAM),
            "detector_shift_m": of_frame(SHIFT, "_m"),
            "phi_deg": float(np.degrees(middle)),
            "A": [self._reciprocal(alone, frame, middle) for alone in self._alone],
        }

    def _reciprocal(self, alone: Experiment, frame: int, angle: float) -> list[list[float]]:
        """Rows a*, b*, c* of a crystal at an angle of the spindle [rad], (3, 3) [1/Å]."""
        columns = shots_columns(alone, range(frame, frame + 1))
        exposures = alone.exposures
        rows = np.array([columns[f"{name}_per_A"][0] for name in RECIPROCAL_VECTORS]).reshape(3, 3)
        turned = angle - exposures[frame].angles[0]
        about = about_axes(np.array([exposures.spindle]), np.array([turned]))[0]
        turn: list[list[float]] = (rows @ about.T).tolist()
        return turn
