"""What a reader of zarr alone needs: where panels stand, what each exposure was, and the beam."""

from typing import Any

import numpy as np
import zarr

from tiled_sim.model.detector import Detector, Panel
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Listed, Rotation
from tiled_sim.physics.constants import HC_EV_ANGSTROM
from tiled_sim.physics.vectors import Array, about_axis
from tiled_sim.read.conventions import beam_spot
from tiled_sim.store.layout import Described, write_array

PANELS, FRAMES = "panels", "frames"


def write_geometry(root: zarr.Group, experiment: Experiment) -> None:
    """Groups ``panels`` and ``frames``."""
    panels = root.create_group(PANELS, attributes=panel_names(experiment.detector))
    for name, described in panel_arrays(experiment).items():
        write_array(panels, name, described)
    write_frames(root, experiment)


def write_frames(root: zarr.Group, experiment: Experiment) -> None:
    """Group ``frames``."""
    frames = root.create_group(FRAMES)
    for name, described in frame_arrays(experiment).items():
        write_array(frames, name, described)


def panel_names(detector: Detector) -> dict[str, Any]:
    """Attributes of the group ``panels``: texts, for which zarr has no type of array."""
    return {
        "names": [panel.name for panel in detector.panels],
        "groups": [list(panel.group) for panel in detector.panels],
    }


def panel_arrays(experiment: Experiment) -> dict[str, Described]:
    """Where each panel stands in the lab, and its pixels."""
    panels = experiment.detector.panels
    xyz, sides = ("panel", "xyz"), ("panel", "slow_fast")
    origin = "from the sample to the outer corner of the first pixel"

    def of_all(name: str) -> Array:
        return np.array([getattr(panel, name) for panel in panels], dtype=np.float64)

    return {
        "origin": Described(of_all("origin"), xyz, "m", origin),
        "fast_axis": Described(of_all("fast_axis"), xyz, "1", "unit vector along fast"),
        "slow_axis": Described(of_all("slow_axis"), xyz, "1", "unit vector along slow"),
        "normal": Described(of_all("normal"), xyz, "1", "unit vector away from the sample"),
        "pixel_size": Described(
            of_all("pixel_size"),
            sides,
            "m",
            "sides of a pixel",
        ),
        "pixels": Described(
            np.array([panel.pixels for panel in panels], dtype=np.int64),
            sides,
            "1",
            "number of pixels",
        ),
    }


def frame_arrays(experiment: Experiment) -> dict[str, Described]:
    """What each exposure was."""
    exposures = experiment.exposures
    every = _of_listed(exposures) if isinstance(exposures, Listed) else _of_rotation(exposures)
    if "fluence" not in every:
        fluence = np.full(len(exposures), experiment.beam.fluence)
        every["fluence"] = Described(fluence, ("frame",), *_OF_FRAMES["fluence"][1:])
    if "spectrum" not in every:
        spectrum = np.zeros(len(exposures), dtype=np.int64)
        every["spectrum"] = Described(spectrum, ("frame",), *_OF_FRAMES["spectrum"][1:])
    return every


#: Axes after that of frames, unit and meaning of what may be listed of exposures.
_OF_FRAMES: dict[str, tuple[tuple[str, ...], str, str]] = {
    "orientation": (
        ("xyz", "xyz_before"),
        "1",
        "rotation of the crystal at phi 0, from where the experiment has it",
    ),
    "vectors": (("abc", "xyz"), "angstrom", "cell vectors before that rotation"),
    "cells": (("abc",), "1", "number of unit cells along a, b, c"),
    "fluence": ((), "photon/m^2", "fluence"),
    "wavelength": ((), "angstrom", "wavelength of the central beam"),
    "beam_direction": (("xyz",), "1", "unit vector along which the central beam travels"),
    "detector_shift": (("xyz",), "m", "by which all panels are moved"),
    "start": ((), "rad", "phi of the first step"),
    "oscillation": ((), "rad", "angle that the steps fill"),
    "spectrum": ((), "1", "number of the spectrum, from 0"),
}
_PHI = ("rad", "angle about the spindle at each step")


def _of_listed(listed: Listed) -> dict[str, Described]:
    arrays = {
        name: Described(values, ("frame", *_OF_FRAMES[name][0]), *_OF_FRAMES[name][1:])
        for name, values in listed.columns.items()
        if name != "spectra"
    }
    if listed.spectra is not None:
        weights = ("spectrum", "source"), "1", "weight of each source beside the others"
        arrays["spectra"] = Described(listed.spectra, *weights)
    return arrays | {"phi": Described(listed.phi, ("frame", "step"), *_PHI)}


def _of_rotation(rotation: Rotation) -> dict[str, Described]:
    phi = np.array([rotation[frame].angles for frame in range(len(rotation))])
    turned = np.array([about_axis(rotation.spindle, float(start)) for start in phi[:, 0]])
    at_first = "rotation of the crystal at the first step, from where it stands at phi 0"
    return {
        "phi": Described(phi, ("frame", "step"), *_PHI),
        "orientation": Described(turned, ("frame", "xyz", "xyz_before"), "1", at_first),
    }


def facts(experiment: Experiment) -> dict[str, Any]:
    """Attributes of the group ``0``, the unit of each at the end of its name.

    Distance and beam centre are those of the panel that the central beam meets, or of the first if
    it meets none; None where the beam does not meet its plane at all.
    """
    beam, detector = experiment.beam, experiment.detector
    number = next(
        (n for n, panel in enumerate(detector.panels) if _is_met(_spot(experiment, panel), panel)),
        0,
    )
    panel = detector.panels[number]
    spot = _spot(experiment, panel)
    size = panel.pixel_size
    along = float(np.dot(beam.direction, panel.normal))
    return {
        "wavelength_A": beam.wavelength,
        "photon_energy_eV": HC_EV_ANGSTROM / beam.wavelength,
        "distance_mm": None if spot is None else panel.close_distance / along * 1e3,
        "beam_center_panel": number,
        "beam_center_px": None
        if spot is None
        else [place / side for place, side in zip(spot, size, strict=True)],
        "beam_center_mm": None if spot is None else [place * 1e3 for place in spot],
        "pixel_size_mm": [side * 1e3 for side in size] if detector.pixel_size else None,
    }


def _spot(experiment: Experiment, panel: Panel) -> tuple[float, float] | None:
    """Where the central beam meets a panel's plane, (slow, fast) from its corner [m]."""
    origin, fast, slow, normal = (
        np.array(vector)
        for vector in (panel.origin, panel.fast_axis, panel.slow_axis, panel.normal)
    )
    found = beam_spot(origin, fast, slow, normal, np.array(experiment.beam.direction))
    return None if found is None else (float(found[1]), float(found[0]))


def _is_met(spot: tuple[float, float] | None, panel: Panel) -> bool:
    """Whether the beam meets a panel itself."""
    return spot is not None and all(
        0 <= place <= pixels * side
        for place, pixels, side in zip(spot, panel.pixels, panel.pixel_size, strict=True)
    )
