"""Corners of panels, to hold against those that another calculation stored."""

import json
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parents[1] / "data/geometry"
STORED = json.loads((FOLDER / "corners.json").read_text())


def corners_of(panel):
    """First, fast and slow outer corner [mm], (3, 3)."""
    origin = np.array(panel.origin)
    (slow, fast), (height, width) = panel.pixels, panel.pixel_size
    along_fast = origin + fast * width * np.array(panel.fast_axis)
    along_slow = origin + slow * height * np.array(panel.slow_axis)
    return 1e3 * np.array([origin, along_fast, along_slow])


def stored_corners(detector, name):
    """The same of a panel of `STORED`."""
    stored = STORED[detector][name]
    return np.array([stored[f"corner_{which}"] for which in ("first", "fast", "slow")])
