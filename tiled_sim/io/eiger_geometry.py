"""HDF5 masters of DECTRIS' own kind: one flat panel, by pixel size, beam centre and distance."""

import numpy as np

from tiled_sim.io.hdf5_node import LENGTHS, Hdf5Node
from tiled_sim.io.nexus_modules import Placement
from tiled_sim.io.nexus_transformations import Transformations
from tiled_sim.physics.vectors import Array

#: Looking downstream: fast to the right, slow down.
_FAST, _SLOW = np.array([-1.0, 0.0, 0.0]), np.array([0.0, -1.0, 0.0])
_ROUNDING = 1e-6
_SPECIFIC = "detectorSpecific"


def eiger_placement(detector: Hdf5Node, chains: Transformations) -> Placement:
    """Where a detector without modules stands, perpendicular to the beam.

    Parameters
    ----------
    detector : with ``x_pixel_size``, ``y_pixel_size`` [m], ``beam_center_x``, ``beam_center_y``
        [pixel, from the outer corner of pixel (0, 0)] and ``detector_distance`` [m]
    chains : takes the notes
    """
    if detector.get("x_pixel_size") is None:
        raise detector.error(
            "has neither an NXdetector_module nor x_pixel_size: name an NXmx file or an Eiger's "
            "_master.h5"
        )
    width, height = (_length(detector[f"{axis}_pixel_size"]) for axis in "xy")
    centre = [_pixels(detector[f"beam_center_{axis}"]) for axis in "xy"]
    distance = _length(detector.get("detector_distance") or detector["distance"])
    _refuse_swing(detector)
    fast, slow = _directions(detector)
    chains.notes[
        f"{detector.path} has no NXdetector_module: one flat panel perpendicular to the beam, "
        f"of its pixel size, beam centre ({centre[0]:g}, {centre[1]:g}) from the corner of the "
        f"first pixel and distance {distance * 1e3:g} mm"
    ] = None
    origin = np.array([0.0, 0.0, distance]) - centre[0] * width * fast - centre[1] * height * slow
    return Placement(
        node=detector,
        origin=origin,
        fast=fast,
        slow=slow,
        pixels=_size(detector),
        pixel_size=(height, width),
    )


def _length(node: Hdf5Node) -> float:
    """A length [m], which DECTRIS writes in metres."""
    return node.number * (node.factor(LENGTHS) if node.attribute_text("units") else 1.0)


def _pixels(node: Hdf5Node) -> float:
    unit = node.attribute_text("units")
    if unit and not unit.casefold().startswith(("pixel", "px")):
        raise node.error(f"has units {unit!r}: pixel is needed; correct it")
    return node.number


def _size(detector: Hdf5Node) -> tuple[int, int]:
    """(slow, fast) number of pixels, or that of the mask."""
    counts = [detector.get(f"{_SPECIFIC}/{axis}_pixels_in_detector") for axis in "yx"]
    if all(count is not None for count in counts):
        slow, fast = (int(count.number) for count in counts if count is not None)
        return slow, fast
    for name in (f"{_SPECIFIC}/pixel_mask", "pixel_mask"):
        mask = detector.get(name)
        if mask is not None and len(mask.shape) == 2:
            return int(mask.shape[0]), int(mask.shape[1])
    raise detector.error(
        f"does not say its number of pixels ({_SPECIFIC}/x_pixels_in_detector and "
        "y_pixels_in_detector, or a pixel_mask): name a file that does"
    )


def _directions(detector: Hdf5Node) -> tuple[Array, Array]:
    """Fast and slow, of the orientation if there is one that lies in the detector's plane."""
    node = detector.get("geometry/orientation/value")
    if node is None:
        return _FAST, _SLOW
    values = node.numbers.ravel()
    lies_flat = len(values) == 6 and np.abs(values[[2, 5]]).max() < _ROUNDING
    if not lies_flat:
        raise node.error(
            "turns the detector out of the plane perpendicular to the beam, in axes that DECTRIS "
            "does not define: write NXmx transformations"
        )
    return values[:3], values[3:]


def _refuse_swing(detector: Hdf5Node) -> None:
    """Refuse a detector that is swung about an axis which the file does not name."""
    for name in ("two_theta_start", "two_theta"):
        node = detector.get(f"goniometer/{name}")
        if node is not None and node.is_dataset and np.abs(node.numbers).max() > _ROUNDING:
            raise node.error(
                f"swings the detector by {node.numbers.flat[0]:g}° about an axis that the file "
                "does not name: write NXmx transformations"
            )
