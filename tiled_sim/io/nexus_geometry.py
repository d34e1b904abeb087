"""NXmx (.nxs, _master.h5): NeXus' geometry of detectors, from their modules' transformations."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tiled_sim.io.eiger_geometry import eiger_placement
from tiled_sim.io.geometry_panels import (
    check_count,
    check_pixels,
    distinct,
    made_panel,
    placement_notes,
)
from tiled_sim.io.hdf5_node import LENGTHS, Hdf5Node, opened
from tiled_sim.io.nexus_beam import read_light
from tiled_sim.io.nexus_masks import dead_pixels
from tiled_sim.io.nexus_modules import Placement, module_placements
from tiled_sim.io.nexus_transformations import Transformations
from tiled_sim.model.geometry import Geometry, StatedSensor

#: What a detector says in numbers that no simulation needs.
_UNUSED = ("saturation_value", "underload_value")


@dataclass(frozen=True, slots=True, eq=False)
class _Standing:
    """A module of a detector, and the names of the groups that hold it."""

    detector: Hdf5Node
    placement: Placement
    group: tuple[str, ...]


def read_nexus_geometry(path: str | Path) -> Geometry:
    """Read the geometry of an HDF5 file: NXmx, or DECTRIS' own kind of ``_master.h5``.

    NeXus' frame is that of `Geometry`. Panels come in the order of their data. A detector with
    modules stands where their chains of transformations say; one without, where its pixel size,
    beam centre and distance do. Images are not read: links to missing data files do no harm.

    Raises
    ------
    UsageError : h5py is not installed
    InputFileError : the file cannot be read, has no detector, or describes what cannot be; the
        message names the place in the file
    """
    with opened(path) as root:
        entry, instrument, detectors = _found(root)
        chains = Transformations()
        light = read_light(entry, instrument, chains)
        standing = [
            _Standing(detector, placement, group)
            for detector in detectors
            for placement, group in _placements(detector, chains, alone=len(detectors) == 1)
        ]
        check_count(instrument.error, len(standing))
        check_pixels(instrument.error, [one.placement.pixels for one in standing])
        names = distinct([_name(one, len(detectors)) for one in standing])
        panels = tuple(
            made_panel(
                one.placement.node.error,
                one.placement.origin,
                one.placement.fast,
                one.placement.slow,
                one.placement.pixels,
                one.placement.pixel_size,
                name,
                one.group,
            )
            for one, name in zip(standing, names, strict=True)
        )
        dead: list[npt.NDArray[np.bool_] | None] = []
        sensors: list[StatedSensor | None] = []
        for detector in detectors:
            placements = [one.placement for one in standing if one.detector is detector]
            dead += dead_pixels(detector, placements, chains)
            sensors += [_sensor(detector, chains)] * len(placements)
            _note_unused(detector, chains)
    return Geometry(
        panels=panels,
        light=light,
        dead=tuple(dead),
        sensors=tuple(sensors),
        notes=(*chains.notes, *placement_notes(panels, light.direction)),
    )


def _found(root: Hdf5Node) -> tuple[Hdf5Node, Hdf5Node, list[Hdf5Node]]:
    """The first entry that has detectors, its instrument, and these."""
    for entry in root.children("NXentry"):
        for instrument in entry.children("NXinstrument"):
            detectors = instrument.children("NXdetector")
            if detectors:
                return entry, instrument, detectors
    raise root.error(
        "has no NXentry with an NXinstrument with an NXdetector: name an NXmx file or an Eiger's "
        "_master.h5"
    )


def _placements(
    detector: Hdf5Node, chains: Transformations, alone: bool
) -> list[tuple[Placement, tuple[str, ...]]]:
    """Where the modules of a detector stand, in the order of its data, and their groups."""
    modules = detector.children("NXdetector_module")
    if modules:
        check_count(detector.error, len(modules))
        placed = module_placements(detector, modules, chains)
    else:
        placed = [(eiger_placement(detector, chains), ())]
    outer = () if alone else (detector.name,)
    return [(placement, (*outer, *group)) for placement, group in placed]


def _name(one: _Standing, detectors: int) -> str:
    name = one.placement.node.name
    same = detectors == 1 or one.placement.node is one.detector
    return name if same else f"{one.detector.name}/{name}"


def _sensor(detector: Hdf5Node, chains: Transformations) -> StatedSensor | None:
    """The sensor, whose attenuation length NXmx does not hold; None: none is described."""
    material, thickness = detector.get("sensor_material"), detector.get("sensor_thickness")
    if thickness is None:
        return None
    depth = thickness.number * thickness.factor(LENGTHS)
    if depth < 0.0:
        raise thickness.error(f"= {depth * 1e3:g} mm must not be negative: correct it")
    if depth == 0.0:
        return None
    named = "" if material is None else material.text
    what = named or "material not said"
    chains.notes[f"{detector.path}: sensor of {depth * 1e3:g} mm ({what})"] = None
    return StatedSensor(depth, None, named)


def _note_unused(detector: Hdf5Node, chains: Transformations) -> None:
    """Tell what no simulation needs."""
    for key in _UNUSED:
        node = detector.get(key)
        if node is not None:
            shown = ", ".join(f"{value:g}" for value in node.numbers.ravel()[:3])
            chains.notes[f"{node.path} = {shown} is not used"] = None
