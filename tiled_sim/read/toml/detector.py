"""The ``[detector]`` of a TOML file."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from tiled_sim.io.attenuation import formula_of
from tiled_sim.io.mask_file import read_mask
from tiled_sim.model.beam import Beam
from tiled_sim.model.detector import DeadPixels, Detector, MaskFile, Panel, Region, Sensor
from tiled_sim.model.geometry import Geometry, StatedSensor
from tiled_sim.model.values import finite_list
from tiled_sim.physics.vectors import Vector, as_tuple, unit
from tiled_sim.read.geometry import dead_pixels_of
from tiled_sim.read.sensors import SaidSensor, sensor_note, sensor_of, with_sensors
from tiled_sim.read.toml.beam import across
from tiled_sim.read.toml.geometry import (
    STATED,
    StatedDetector,
    named_image,
    read_dead_pixels_table,
    saying,
)
from tiled_sim.read.toml.keys import PAIRS, known
from tiled_sim.read.toml.table import Table

#: What panels may share, so that it may stand once in [detector].
_SHARED = ("pixels", "pixel_size")
#: Keys of the short way: one panel, its position given by distance and beam centre.
_ONE_PANEL = (
    *("distance", "beam_center", "fast_axis", "slow_axis", "region"),
    *("mask", "mask_sha256", "name", "group"),
)
#: Those that say where it stands.
_PLACING = ("beam_center", "fast_axis", "slow_axis", "curvature_radius")


def read_detector(
    table: Table, beam: Beam, notes: list[str], stated: StatedDetector | None = None
) -> Detector:
    """Read the panels: listed one by one, stated elsewhere, or a single one where keys place it.

    A panel's normal, where it is not given, is perpendicular to fast and slow and points away
    from the sample. The single panel's fast axis is, if nothing else is said, the beam's
    horizontal (`across`), and slow = beam × fast, so that fast × slow points along the beam: for a
    beam along +Z fast is +X and slow +Y, for one along +X fast is +Z and slow -Y.

    Parameters
    ----------
    table : ``[detector]``
    beam : the direct beam
    notes : told of masks that look like the opposite of what is meant
    stated : of ``geometry``, or of ``model`` with several panels; None: neither

    Raises
    ------
    ExperimentError
        for values that contradict each other, are missing or cannot be
    InputFileError
        for a mask that cannot be read
    """
    table.choose("what the panels are", ("panels",), STATED)
    ways = ("panels",), _ONE_PANEL
    dead_pixels, sensor = read_dead_pixels_table(table), None
    if stated is None:
        sensor = _sensor(table, beam.wavelength, notes)
    if stated is not None:
        panels = _stated_panels(table, stated, beam.direction, notes)
        panels, sensor = _stated_sensors(table, stated, panels, beam.wavelength, notes)
        dead_pixels = stated.dead_pixels
    elif table.choose("what the panels are", *ways) == ("panels",):
        panels = tuple(
            _panel(panel, table, str(index), beam.wavelength, notes)
            for index, panel in enumerate(table.tables("panels", known("detector", "panels")))
        )
    else:
        image = named_image(table)
        panels = (_single_panel(table, beam.direction, notes, image),)
        if image is not None:
            dead_pixels = dead_pixels_of(image, DeadPixels("", model=table.text("model")))
            notes += image.notes
    radius = table.number("curvature_radius") if "curvature_radius" in table else None
    return table.build(
        Detector,
        panels=panels,
        curvature_radius=radius,
        point_pixel=table.flag("point_pixel", False),
        sensor=sensor,
        up=table.direction("up") if "up" in table else None,
        dead_pixels=dead_pixels,
    )


def _stated_panels(
    table: Table, stated: StatedDetector, beam: Vector, notes: list[str]
) -> tuple[Panel, ...]:
    """Panels of a geometry file or a name, with a region and a mask where there is one panel."""
    refused = [name for name in _PLACING if name in table]
    if "model" in table and "beam_center" in refused:
        refused.remove("beam_center")  # which has moved them
    if refused:
        raise table.error(
            f"{table.named(*refused)} beside {table.named(*STATED)}, which says where the panels "
            "stand: leave one out"
        )
    panels = stated.panels(beam, notes)
    of_one = [name for name in ("region", "mask", "name", "group") if name in table]
    if len(panels) > 1 and of_one:
        raise table.error(
            f"{table.named(*of_one)}: which of the {len(panels)} panels is meant is left open; "
            "list them, as `tiled-sim config` writes them"
        )
    if len(panels) > 1:
        return panels
    (panel,) = panels
    region, mask = _region(table, panel.pixels), _mask(table, panel.pixels, notes)
    name, group = table.text("name", panel.name), table.texts("group", panel.group)
    return (table.build(partial(replace, panel), region=region, mask=mask, name=name, group=group),)


def _stated_sensors(
    table: Table,
    stated: StatedDetector,
    panels: tuple[Panel, ...],
    wavelength: float,
    notes: list[str],
) -> tuple[tuple[Panel, ...], Sensor | None]:
    """Panels with the sensors of a file where they differ, and the sensor of all.

    ``[detector.sensor]`` asks for the file's, and gives what these lack.
    """
    of_file = stated.geometry.sensors
    if "sensor" not in table or not any(of_file):
        notes.append(sensor_note(of_file))
        return panels, _sensor(table, wavelength, notes)
    inner = table.table("sensor", known("detector", "sensor"))
    if "material" in inner and "attenuation_length" not in inner:
        _refuse_other_materials(inner, of_file)
    said = SaidSensor(
        inner.number("thickness") if "thickness" in inner else None,
        inner.number("attenuation_length") if "attenuation_length" in inner else None,
        inner.integer("layers", 1),
    )
    for quantity, value, own in said.disagreements(of_file):
        raise inner.error(
            f"{inner.named(quantity)} ({value * 1e6:.10g} µm) and the geometry file, whose sensor "
            f"has {own * 1e6:.10g} µm, contradict each other: leave it out"
        )
    with saying(table, "sensor"):
        sensors = said.with_stated(of_file, wavelength, notes)
    return with_sensors(panels, sensors)


def _refuse_other_materials(table: Table, of_file: Sequence[StatedSensor | None]) -> None:
    """Refuse a material that is said beside a file that names another."""
    said = table.text("material")
    others = {one.material for one in of_file if one is not None and one.material}
    with table.reading("material"):
        same = all(formula_of(other) == formula_of(said) for other in others)
    if not same or any(one is not None and not one.material for one in of_file):
        raise table.error(
            f"material = {said!r} and the geometry file, whose sensors are of "
            f"{', '.join(sorted(others)) or 'none that it names'}, contradict each other: leave it "
            "out, or say attenuation_length"
        )


def _sensor(owner: Table, wavelength: float, notes: list[str]) -> Sensor | None:
    """What absorbs the photons of a detector or of one of its panels, if it is given."""
    if "sensor" not in owner:
        return None
    table = owner.table("sensor", known("detector", "sensor"))
    thickness, layers = table.number("thickness"), table.integer("layers", 1)
    material = table.text("material") if "material" in table else None
    if material is not None and "attenuation_length" not in table:
        with table.reading("material"):
            return table.build(
                sensor_of,
                material=material,
                thickness=thickness,
                layers=layers,
                wavelength=wavelength,
                notes=notes,
            )
    return table.build(
        Sensor,
        thickness=thickness,
        attenuation_length=table.number("attenuation_length"),
        layers=layers,
        material=material,
        attenuation_table=_attenuation_table(table),
    )


def _attenuation_table(table: Table) -> tuple[tuple[float, float], ...] | None:
    """Pairs of wavelength [Å] and attenuation length [m]."""
    if "attenuation_table" not in table:
        return None
    listed = table.value("attenuation_table", PAIRS)
    pairs = [finite_list(pair, 2) for pair in listed] if isinstance(listed, list) else [None]
    found = tuple((pair[0], pair[1]) for pair in pairs if pair is not None)
    if len(found) != len(pairs):
        raise table.error(f"attenuation_table must be {PAIRS}")
    return found


def _panel(table: Table, detector: Table, name: str, wavelength: float, notes: list[str]) -> Panel:
    """One of the listed panels."""
    for quantity in _SHARED:
        if quantity in table and quantity in detector:
            raise table.error(
                f"{table.named(quantity)} is given here and, for all panels, in [detector]: "
                "give it in one place"
            )
    origin = table.vector("origin")
    fast, slow = table.direction("fast_axis"), table.direction("slow_axis")
    normal = table.direction("normal") if "normal" in table else _away(table, origin, fast, slow)
    panel = _build(
        table,
        {"origin": origin, "fast_axis": fast, "slow_axis": slow, "normal": normal},
        pixels=_pixels(table if "pixels" in table else detector),
        pixel_size=_pixel_size(table if "pixel_size" in table else detector),
        name=name,
        notes=notes,
    )
    return replace(panel, sensor=_sensor(table, wavelength, notes))


def _single_panel(table: Table, beam: Vector, notes: list[str], image: Geometry | None) -> Panel:
    """The panel whose plane the beam meets at the distance, and at the beam centre."""
    fast = table.direction("fast_axis", across(beam))
    slow = table.direction("slow_axis", as_tuple(unit(np.cross(beam, fast))))
    if image is None:
        pixels, pixel_size = _pixels(table), _pixel_size(table)
    else:
        pixels, pixel_size = image.panels[0].pixels, image.panels[0].pixel_size
    middle = (pixels[0] / 2.0, pixels[1] / 2.0)
    spot = table.numbers("beam_center", 2) if "beam_center" in table else middle
    distance = table.number("distance")
    if distance <= 0:
        raise table.error(f"{table.named('distance')} must be positive")
    origin = as_tuple(
        distance * np.array(beam)
        - spot[0] * pixel_size[0] * np.array(slow)
        - spot[1] * pixel_size[1] * np.array(fast)
    )
    normal = _away(table, origin, fast, slow)
    return _build(
        table,
        {"origin": origin, "fast_axis": fast, "slow_axis": slow, "normal": normal},
        pixels=pixels,
        pixel_size=pixel_size,
        name="0",
        notes=notes,
    )


def _pixels(table: Table) -> tuple[int, int]:
    slow, fast = table.integers("pixels", 2)
    return slow, fast


def _pixel_size(table: Table) -> tuple[float, float]:
    """Sides along slow and fast [m]; one number stands for both."""
    slow, fast = table.numbers_or_one("pixel_size", 2)
    return slow, fast


def _away(table: Table, origin: Vector, fast: Vector, slow: Vector) -> Vector:
    """The normal of fast and slow that points away from the sample."""
    normal = unit(np.cross(fast, slow))
    if not normal.any():
        raise table.error("fast_axis and slow_axis are parallel")
    return as_tuple(-normal if float(np.dot(origin, normal)) < 0.0 else normal)


def _build(
    table: Table,
    place: dict[str, Vector],
    *,
    pixels: tuple[int, int],
    pixel_size: tuple[float, float],
    name: str,
    notes: list[str],
) -> Panel:
    """The panel at a place, with its region and its mask; ``name`` unless it has one."""
    panel = table.build(
        Panel,
        **place,
        pixels=pixels,
        pixel_size=pixel_size,
        region=_region(table, pixels),
        name=table.text("name", name),
        group=table.texts("group", ()),
    )
    return replace(panel, mask=_mask(table, pixels, notes))


def _region(table: Table, pixels: tuple[int, int]) -> Region | None:
    """The pixels to compute; an axis that is not named is computed whole."""
    if "region" not in table:
        return None
    region = table.table("region", known("detector", "region"))
    (slow_start, slow_stop), (fast_start, fast_stop) = (
        region.integers(axis, 2) if axis in region else (0, size)
        for axis, size in zip(("slow", "fast"), pixels, strict=True)
    )
    return region.build(
        Region,
        slow_start=slow_start,
        slow_stop=slow_stop,
        fast_start=fast_start,
        fast_stop=fast_stop,
    )


def _mask(table: Table, pixels: tuple[int, int], notes: list[str]) -> MaskFile | None:
    """The mask; only its pixels count, not its header."""
    if "mask" not in table:
        if "mask_sha256" in table:
            raise table.error("mask_sha256 without the mask it is of")
        return None
    with table.reading("mask"):
        image = read_mask(table.path("mask"))
    expected = table.text("mask_sha256", image.sha256)
    if image.sha256 != expected:
        raise table.error(
            f"mask {image.name} is not the one meant: its SHA-256 is {image.sha256}, "
            f"mask_sha256 says {expected}"
        )
    if image.live.shape != pixels:
        raise table.error(
            f"mask {image.name} has {image.live.shape} pixels, the panel {pixels} (slow, fast)"
        )
    notes.append(image.note)
    return MaskFile(image.name, image.sha256)
