"""DIALS experiment lists, ``.expt``: detector, beam, goniometer, scan and crystal of the truth."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tiled_sim.export.dead_rectangles import DeadRectangles, dead_of, left_out
from tiled_sim.export.output import Output
from tiled_sim.export.readings import Readings
from tiled_sim.export.recorded import image_number, notes_of_light, record, require_flat
from tiled_sim.export.selection import Selection
from tiled_sim.export.symmetry import hall_symbol
from tiled_sim.io.dials_detector import TO_Z_ALONG_BEAM
from tiled_sim.io.dials_experiments import KIND
from tiled_sim.model.crystals import each_alone
from tiled_sim.model.detector import Panel
from tiled_sim.model.geometry import Light
from tiled_sim.model.recorded import RecordedExperiment, Scan
from tiled_sim.physics.constants import RADIAN
from tiled_sim.physics.vectors import Array, Vector, as_tuple

_MM = 1e3
#: Every key that dxtbx asks of a frame in a detector, with what says nothing.
_NOTHING: dict[str, Any] = {
    "type": "",
    "raw_image_offset": [0, 0],
    "image_size": [0, 0],
    "pixel_size": [0.0, 0.0],
    "trusted_range": [0.0, 0.0],
    "thickness": 0.0,
    "material": "",
    "mu": 0.0,
    "identifier": "",
    "mask": [],
    "gain": 1.0,
    "pedestal": 0.0,
    "px_mm_strategy": {"type": "SimplePxMmStrategy"},
}


def write(selection: Selection, output: Output, advance: Callable[[int], None]) -> tuple[str, ...]:
    """Write the list by itself, without images. See `tiled_sim.export.formats.Writer`."""
    content, notes = experiment_list(selection, Readings.of(selection))
    output.write_alone(content)
    advance(selection.images)
    return notes


def experiment_list(
    selection: Selection, readings: Readings, template: str | None = None
) -> tuple[bytes, tuple[str, ...]]:
    """The text of a list, and notes.

    Parameters
    ----------
    selection : frames and panels
    readings : what the values of their images mean
    template : of the names of the files of its images, ``#`` for each digit of their number; None:
        there are none
    """
    require_flat(selection.experiment, "expt")
    dead = dead_of(selection)
    recorded, *others = (
        record(alone, selection.frames, selection.panels)
        for alone in each_alone(selection.run.experiment)
    )
    group, known = hall_symbol(selection)
    document = _Document(template)
    geometry, detector = None, {}
    for number, one, *more in zip(selection.frames, recorded, *others, strict=False):
        if one.geometry is not geometry:
            geometry, detector = one.geometry, _detector(one, dead, readings)
        document.add(one, detector, group, image_number(number))
        # of several lattices each is an experiment of the same image
        for other in more:
            beside = replace(other, geometry=geometry)
            document.add(beside, detector, group, image_number(number))
    notes = (*left_out(dead), *notes_of_light(selection.experiment))
    if selection.experiment.beam.polarization is None:
        notes += (
            "the image has no polarization factor, which no .expt can say: its beam is unpolarized",
        )
    return document.text(), (*notes, *known)


@dataclass(slots=True)
class _Document:
    """Lists of models; those that experiments share stand once."""

    template: str | None
    models: dict[str, list[Any]] = field(
        default_factory=lambda: {
            kind: []
            for kind in (
                *("experiment", "imageset", "beam", "detector", "goniometer", "scan"),
                *("crystal", "profile", "scaling_model"),
            )
        }
    )

    def add(
        self, recorded: RecordedExperiment, detector: dict[str, Any], group: str, image: int
    ) -> None:
        """An experiment.

        Parameters
        ----------
        recorded : what it is
        detector : the document of it
        group : Hall symbol
        image : number of its first image
        """
        assert recorded.crystal is not None  # `record` has one
        entry: dict[str, Any] = {"__id__": "Experiment", "identifier": ""}
        entry["beam"] = self._place("beam", _beam(recorded.geometry.light))
        entry["detector"] = self._place("detector", detector)
        if recorded.scan is not None and recorded.goniometer is not None:
            entry["goniometer"] = self._place("goniometer", _goniometer(recorded.goniometer.axis))
            entry["scan"] = self._place("scan", _scan(recorded.scan))
        entry["crystal"] = self._place("crystal", _crystal(recorded.crystal.direct_vectors, group))
        if self.template is not None:
            entry["imageset"] = self._place("imageset", _imageset(self.template, recorded, image))
        self.models["experiment"].append(entry)

    def _place(self, kind: str, document: dict[str, Any]) -> int:
        """Number of a model in its list, to which it is added if it is not the last one there."""
        listed = self.models[kind]
        if not listed or listed[-1] != document:
            listed.append(document)
        return len(listed) - 1

    def text(self) -> bytes:
        """As JSON."""
        return json.dumps({"__id__": KIND, **self.models}, indent=1, allow_nan=False).encode()


def _imageset(template: str, recorded: RecordedExperiment, image: int) -> dict[str, Any]:
    beside = dict.fromkeys(("mask", "gain", "pedestal", "dx", "dy"), "")
    if recorded.scan is not None:
        return {"__id__": "ImageSequence", "template": template, **beside, "params": {}}
    digits = template.count("#")
    name = template.replace("#" * digits, f"{image:0{digits}d}")
    return {
        "__id__": "ImageSet",
        "images": [name],
        "single_file_indices": [0],
        **beside,
        "params": {},
    }


def _beam(light: Light) -> dict[str, Any]:
    """The beam; dxtbx's direction points from the sample to the source."""
    along = np.array(light.direction)
    polarization = light.polarization or 0.0
    axis = np.array([1.0, 0.0, 0.0] if light.polarization_axis is None else light.polarization_axis)
    normal = np.cross(along, axis)
    return {
        "__id__": "monochromatic",
        "direction": _vector(-along),
        "wavelength": light.wavelength[0],
        "divergence": 0.0,
        "sigma_divergence": 0.0,
        "polarization_normal": _vector(normal / np.linalg.norm(normal)),
        "polarization_fraction": 0.5 * (polarization + 1.0),
        "flux": 0.0,
        "transmission": 1.0,
        "probe": "x-ray",
        "sample_to_source_distance": 0.0,
    }


def _goniometer(axis: Vector) -> dict[str, Any]:
    still = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    return {
        "rotation_axis": _vector(np.array(axis)),
        "fixed_rotation": still,
        "setting_rotation": still,
    }


def _scan(scan: Scan) -> dict[str, Any]:
    start, width = scan.start * RADIAN, scan.width * RADIAN
    return {
        "image_range": [scan.first_image, scan.first_image + scan.count - 1],
        "batch_offset": 0,
        "oscillation": [start, width],
        "exposure_time": [1.0] * scan.count,
        "epochs": [0.0] * scan.count,
        "valid_image_ranges": {},
    }


def _crystal(direct: Array, group: str) -> dict[str, Any]:
    rows = zip("abc", direct, strict=True)
    return {
        "__id__": "crystal",
        **{f"real_space_{axis}": _vector(row) for axis, row in rows},
        "space_group_hall_symbol": group,
    }


def _detector(
    recorded: RecordedExperiment, dead: Sequence[DeadRectangles], readings: Readings
) -> dict[str, Any]:
    """Panels in the tree of their groups, whose frames stand amid their panels, unturned."""
    geometry = recorded.geometry
    root = _Node("")
    panels = []
    for number, panel in enumerate(geometry.panels):
        root.child_of(panel.group).panels.append(number)
    root.place(geometry.panels)
    holders = dict(root.holders())
    for number, (panel, one) in enumerate(zip(geometry.panels, dead, strict=True)):
        panels.append(_panel(panel, holders[number], one, readings))
    return {"panels": panels, "hierarchy": root.document(np.zeros(3))}


@dataclass(slots=True)
class _Node:
    """A group of panels.

    Parameters
    ----------
    name : of the group
    panels : numbers of those that it holds itself
    groups : by name
    origin : where its frame stands [mm]
    """

    name: str
    panels: list[int] = field(default_factory=list)
    groups: dict[str, "_Node"] = field(default_factory=dict)
    origin: Array = field(default_factory=lambda: np.zeros(3))

    def child_of(self, path: Sequence[str]) -> "_Node":
        """The group at the end of a path, made where it is not there."""
        if not path:
            return self
        first, *rest = path
        return self.groups.setdefault(first, _Node(first)).child_of(rest)

    def place(self, panels: Sequence[Panel]) -> list[Array]:
        """Stand amid the panels, those of the groups below too; their middles [mm]."""
        middles = [_middle(panels[number]) for number in self.panels]
        for group in self.groups.values():
            group_middles = group.place(panels)
            group.origin = np.mean(group_middles, axis=0)
            middles += group_middles
        return middles

    def holders(self) -> list[tuple[int, Array]]:
        """Each panel's number, and the origin of the group that holds it [mm]."""
        below = [pair for group in self.groups.values() for pair in group.holders()]
        return [(number, self.origin) for number in self.panels] + below

    def document(self, parent: Array) -> dict[str, Any]:
        """As dxtbx has it, local to the parent's origin [mm]."""
        children: list[dict[str, Any]] = [{"panel": number} for number in self.panels]
        children += [group.document(self.origin) for group in self.groups.values()]
        return {
            **_NOTHING,
            "name": self.name,
            "fast_axis": [1.0, 0.0, 0.0],
            "slow_axis": [0.0, 1.0, 0.0],
            "origin": list(as_tuple(self.origin - parent)),
            "children": children,
        }


def _middle(panel: Panel) -> Array:
    """Of a panel, in dxtbx's frame [mm]."""
    (slow, fast), (height, width) = panel.pixels, panel.pixel_size
    along = 0.5 * (slow * height * np.array(panel.slow_axis))
    along = along + 0.5 * (fast * width * np.array(panel.fast_axis))
    return np.asarray(_MM * (TO_Z_ALONG_BEAM @ (np.array(panel.origin) + along)))


def _panel(panel: Panel, holder: Array, dead: DeadRectangles, readings: Readings) -> dict[str, Any]:
    slow, fast = panel.pixels
    height, width = panel.pixel_size
    origin = _MM * (TO_Z_ALONG_BEAM @ np.array(panel.origin)) - holder
    document = {
        **_NOTHING,
        "name": panel.name,
        "type": "SENSOR_PAD",
        "fast_axis": _vector(np.array(panel.fast_axis)),
        "slow_axis": _vector(np.array(panel.slow_axis)),
        "origin": list(as_tuple(origin)),
        "image_size": [fast, slow],
        "pixel_size": [width * _MM, height * _MM],
        "trusted_range": [readings.lowest, readings.highest],
        "gain": readings.gain,
        "pedestal": readings.offset,
        "mask": [
            [one.fast_start, one.slow_start, one.fast_stop, one.slow_stop] for one in dead.regions
        ],
    }
    sensor = panel.sensor
    if sensor is not None:
        document |= {
            "thickness": sensor.thickness * _MM,
            "mu": 1.0 / (sensor.attenuation_length * _MM),
        }
        if sensor.layers > 1:  # else all photons are caught where its front is
            document["px_mm_strategy"] = {"type": "ParallaxCorrectedPxMmStrategy"}
    return document


def _vector(vector: Array) -> list[float]:
    """In dxtbx's frame."""
    return list(as_tuple(TO_Z_ALONG_BEAM @ vector))
