"""DIALS experiment lists (.expt): JSON of detectors, beams, goniometers, scans and crystals."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from tiled_sim.io.dials_crystal import read_crystal
from tiled_sim.io.dials_detector import TO_Z_ALONG_BEAM, read_detector
from tiled_sim.io.json_node import JsonNode, read_json
from tiled_sim.model.geometry import GEOMETRY_FORMATS, Geometry, Light
from tiled_sim.model.recorded import Goniometer, IndexedCrystal, RecordedExperiment, Scan
from tiled_sim.physics.vectors import Array, about_axis, as_tuple, unit

Model = TypeVar("Model")

KIND = "ExperimentList"
"""What a list calls itself (``__id__``)."""
_ROUNDING = 1e-6
#: Files that an image set may name beside its images, and what becomes of what they say.
_BESIDE = {
    "mask": "a Python pickle, is not read: its dead pixels count as live",
    "gain": "a Python pickle, is not read",
    "pedestal": "a Python pickle, is not read",
    "dx": "a Python pickle of displaced pixels, is not read",
    "dy": "a Python pickle of displaced pixels, is not read",
}


def read_experiments(path: str | Path) -> list[RecordedExperiment]:
    """Read all experiments of a file, in the frame with z along the beam, y up, x left.

    Panels, beams, axes and crystals are turned together, by diag(-1, 1, -1), out of dxtbx's frame.
    Experiments that share a detector and a beam share the panels and masks made of them.

    Raises
    ------
    InputFileError : the file cannot be read, is not a list of experiments, or holds what cannot
        be; the message names the place in the file
    """
    root = read_json(path)
    if not isinstance(root.value, dict) or root.value.get("__id__") != KIND:
        raise root.error(
            f"is no DIALS experiment list (__id__ {KIND!r}): name a file of a format that is read, "
            f"{GEOMETRY_FORMATS}"
        )
    entries = root["experiment"].elements()
    if not entries:
        raise root["experiment"].error("is empty: name a file with an experiment")
    models = _Models(root)
    return [_experiment(entry, models) for entry in entries]


class _Models:
    """Lists of a file's models; each is made once, however many experiments name it."""

    def __init__(self, root: JsonNode) -> None:
        self._root = root
        self._lists: dict[str, list[JsonNode]] = {}
        self._made: dict[tuple[str, ...], object] = {}

    def node(self, entry: JsonNode, kind: str) -> JsonNode | None:
        """The model of a kind that an experiment names; None: it names none."""
        if kind not in entry:
            return None
        named = entry[kind]
        if isinstance(named.value, str):
            raise named.error(
                f"names another file, {named.value!r}: have DIALS write one file "
                "(dials.combine_experiments)"
            )
        if kind not in self._lists:
            self._lists[kind] = self._root[kind].elements()
        models, number = self._lists[kind], named.whole
        if not 0 <= number < len(models):
            raise named.error(f"names {kind} {number} of {len(models)}: correct it")
        return None if models[number].value is None else models[number]

    def made(self, node: JsonNode | None, make: Callable[[JsonNode], Model]) -> Model | None:
        """What is made of a node, the first time that it is asked for."""
        return None if node is None else self.kept((node.path,), lambda: make(node))

    def kept(self, key: tuple[str, ...], make: Callable[[], Model]) -> Model:
        """What was made under a key; made if it was not."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]  # type: ignore[return-value]


def _experiment(entry: JsonNode, models: _Models) -> RecordedExperiment:
    detector, beam = models.node(entry, "detector"), models.node(entry, "beam")
    if detector is None:
        raise entry.error("has no detector: name a file with one")
    key = (detector.path, "" if beam is None else beam.path)
    geometry = models.kept(key, lambda: _geometry(detector, beam))
    said = _images(models.node(entry, "imageset"))
    for kind in ("profile", "scaling_model"):
        if models.node(entry, kind) is not None:
            said.append(f"{kind} is not used")
    goniometer = models.made(models.node(entry, "goniometer"), _goniometer)
    scan, scan_notes = models.made(models.node(entry, "scan"), _scan) or (None, [])
    turning, turning_notes = goniometer or (None, [])
    crystal_node = models.node(entry, "crystal")
    crystal, crystal_notes = models.made(crystal_node, read_crystal) or (None, [])
    _check_scan_points(crystal_node, crystal, scan)
    return RecordedExperiment(
        geometry=dataclasses.replace(
            geometry,
            notes=(*geometry.notes, *said, *turning_notes, *scan_notes, *crystal_notes),
        ),
        goniometer=turning,
        scan=scan,
        crystal=crystal,
        identifier=entry["identifier"].text if "identifier" in entry else "",
    )


def _geometry(detector: JsonNode, beam: JsonNode | None) -> Geometry:
    light, notes = (Light(), ["the file has no beam"]) if beam is None else _light(beam)
    read = read_detector(detector, light.direction)
    return Geometry(
        panels=read.panels,
        light=light,
        dead=read.dead,
        sensors=read.sensors,
        notes=(*notes, *read.notes),
    )


def _light(node: JsonNode) -> tuple[Light, list[str]]:
    """The beam; dxtbx's direction points from the sample to the source."""
    notes = []
    direction = -(TO_Z_ALONG_BEAM @ node["direction"].direction())
    wavelength: tuple[float, ...] = ()
    if node.value.get("__id__") == "polychromatic":
        low, high = node["wavelength_range"].numbers(2) if "wavelength_range" in node else (0, 0)
        between = f" from {low:g} to {high:g} Å" if high > 0 else ""
        notes.append(f"a polychromatic beam{between}: the file has no spectrum, give one")
    else:
        length = node["wavelength"].number
        if length < 0.0:
            raise node["wavelength"].error(f"= {length} Å must be positive: correct it")
        if length == 0.0:
            notes.append("wavelength 0: the file does not know it")
        wavelength = (length,) if length > 0.0 else ()
    for key in ("divergence", "sigma_divergence"):
        if key in node and node[key].number != 0.0:
            notes.append(f"the beam's {key} = {node[key].number:g}° is not used")
    if "probe" in node and node["probe"].text != "x-ray":
        notes.append(f"probe {node['probe'].text}: X-rays are simulated")
    if "s0_at_scan_points" in node:
        notes.append("the beam is refined at scan points: its direction between them is taken")
    axis, degree = _polarization(node, direction)
    light = Light(
        wavelength=wavelength,
        weight=(1.0,) * len(wavelength),
        direction=as_tuple(direction),
        polarization_axis=axis,
        polarization=degree,
    )
    return light, notes


def _polarization(
    node: JsonNode, direction: Array
) -> tuple[tuple[float, float, float] | None, float | None]:
    """Axis of the electric field and Kahn's factor, of a plane's normal and a share of it.

    dxtbx's fraction is the share of light in the plane: half of it is no polarization.
    """
    if "polarization_normal" not in node or "polarization_fraction" not in node:
        return None, None
    normal = TO_Z_ALONG_BEAM @ node["polarization_normal"].direction()
    axis = np.cross(normal, direction)
    if np.linalg.norm(axis) < _ROUNDING:
        raise node["polarization_normal"].error(
            "lies along the beam, where no plane of polarization has its normal: correct it"
        )
    fraction = node["polarization_fraction"].number
    if not 0.0 <= fraction <= 1.0:
        raise node["polarization_fraction"].error(f"= {fraction} must lie in 0 … 1: correct it")
    return as_tuple(unit(axis)), 2.0 * fraction - 1.0


def _goniometer(node: JsonNode) -> tuple[Goniometer, list[str]]:
    notes = []
    if all(key in node for key in ("axes", "angles", "scan_axis")):
        axis, fixed, setting = _many_axes(node)
    else:
        axis = node["rotation_axis"].direction()
        fixed, setting = (_rotation(node, key) for key in ("fixed_rotation", "setting_rotation"))
    if "setting_rotation_at_scan_points" in node:
        notes.append("the goniometer is refined at scan points: its mean setting is taken")
    turn = TO_Z_ALONG_BEAM
    return Goniometer(as_tuple(turn @ axis), turn @ fixed @ turn, turn @ setting @ turn), notes


def _many_axes(node: JsonNode) -> tuple[Array, Array, Array]:
    """Axis of the scan, and rotations of those that it carries and that carry it.

    The axes are listed from the crystal to the base.
    """
    axes = [axis.direction() for axis in node["axes"].elements()]
    angles = node["angles"].numbers(len(axes))
    scanned = node["scan_axis"].whole
    if not 0 <= scanned < len(axes):
        raise node["scan_axis"].error(f"names axis {scanned} of {len(axes)}: correct it")
    fixed, setting = np.eye(3), np.eye(3)
    for number, (axis, angle) in enumerate(zip(axes, angles, strict=True)):
        turn = about_axis(axis, math.radians(angle))
        if number < scanned:
            fixed = turn @ fixed
        elif number > scanned:
            setting = turn @ setting
    return axes[scanned], fixed, setting


def _rotation(node: JsonNode, key: str) -> Array:
    if key not in node:
        return np.eye(3)
    matrix = node[key].numbers(9).reshape(3, 3)
    proper = np.allclose(matrix @ matrix.T, np.eye(3), atol=_ROUNDING)
    if not proper or np.linalg.det(matrix) < 0.0:
        raise node[key].error("is no rotation: correct it")
    return matrix


def _scan(node: JsonNode) -> tuple[Scan, list[str]]:
    limits = node["image_range"]
    first, last = (int(number) for number in limits.numbers(2))
    if not 0 < last - first + 1 <= 10**9:
        raise limits.error(f"= {first} … {last} holds no possible number of images: correct it")
    count = last - first + 1
    start, width, notes = _oscillation(node)
    return Scan(math.radians(start), math.radians(width), count, first), notes


def _oscillation(node: JsonNode) -> tuple[float, float, list[str]]:
    """Start and width [°]: of a table of each image's start, or, as once, of these two."""
    if "properties" not in node:
        if "oscillation" not in node:
            return 0.0, 0.0, ["the scan has no oscillation: its images are stills"]
        start, width = node["oscillation"].numbers(2)
        return float(start), float(width), []
    table = node["properties"]
    if "oscillation" not in table:
        return 0.0, 0.0, ["the scan has no oscillation: its images are stills"]
    starts = [angle.number for angle in table["oscillation"].elements()]
    widths = table["oscillation_width"].elements() if "oscillation_width" in table else []
    if not starts:
        raise table["oscillation"].error("is empty: give the start of each image")
    if widths:
        return starts[0], widths[0].number, []
    if len(starts) == 1:
        raise table.error("has neither oscillation_width nor a second oscillation: give one")
    width = (starts[-1] - starts[0]) / (len(starts) - 1)
    if np.abs(np.diff(starts) - width).max() > 1e-3 * abs(width) + _ROUNDING:
        return starts[0], width, [f"images of the scan differ in width: {width:g}° is taken"]
    return starts[0], width, []


def _check_scan_points(
    node: JsonNode | None, crystal: IndexedCrystal | None, scan: Scan | None
) -> None:
    if node is None or crystal is None or crystal.reciprocal_at_scan_points is None:
        return
    points, due = len(crystal.reciprocal_at_scan_points), None if scan is None else scan.count + 1
    if due is not None and points != due:
        raise node["A_at_scan_points"].error(
            f"holds {points} matrices, where a scan of {due - 1} images has {due}: correct it"
        )


def _images(node: JsonNode | None) -> list[str]:
    """What is to be said of the images, which are not read, and of files beside them."""
    if node is None:
        return []
    notes = []
    images = node["template"].text if "template" in node else ""
    if not images and "images" in node and node["images"].elements():
        images = node["images"].elements()[0].text
    if images:
        notes.append(f"images ({images}) are not read, nor spectra that they may hold")
    for key, fate in _BESIDE.items():
        if key in node and node[key].text:
            notes.append(f"the {key} of the images, {node[key].text}, {fate}")
    return notes
