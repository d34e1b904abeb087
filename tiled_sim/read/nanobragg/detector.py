"""The detector and the laboratory axes from nanoBragg options."""

import math
from dataclasses import dataclass, replace

import numpy as np

from tiled_sim.errors import ExperimentError
from tiled_sim.model.detector import (
    EDGE_ON,
    LARGEST_PIXEL,
    MOST_PIXELS,
    SMALLEST_PIXEL,
    Detector,
    Panel,
    Region,
)
from tiled_sim.physics.constants import RADIAN
from tiled_sim.physics.vectors import Vector, as_tuple, unit
from tiled_sim.read.conventions import (
    BEAM,
    CONVENTIONS,
    SAMPLE,
    Convention,
    Placed,
    Placement,
    place,
    with_axes,
)
from tiled_sim.read.nanobragg.beam_centre import PIX0, SAME, with_centre
from tiled_sim.read.nanobragg.conflicts import Conflicts
from tiled_sim.read.nanobragg.header_centre import CENTRES, note_centre
from tiled_sim.read.nanobragg.image_headers import ImageHeaders
from tiled_sim.read.nanobragg.options import Given
from tiled_sim.read.nanobragg.sensor import read_sensor

_AXES = {
    "-fdet_vector": "fast",
    "-sdet_vector": "slow",
    "-odet_vector": "normal",
    "-beam_vector": "beam",
    "-polar_vector": "polarization_axis",
    "-spindle_axis": "spindle",
    "-twotheta_axis": "twotheta_axis",
}
_NAMED = ("-mosflm", "-xds", "-adxv", "-denzo", "-dials")
_DISTANCES = ("-distance", "-close_distance")
#: Flags that move the pivot of the C program, each to what.
_PIVOTS = {
    **dict.fromkeys(("-Xbeam", "-Ybeam", "-distance", "-mosflm", "-adxv", "-denzo"), BEAM),
    "-dials": BEAM,
    **dict.fromkeys(
        ("-Xclose", "-Yclose", "-ORGX", "-ORGY", "-close_distance", "-twotheta", "-xds"), SAMPLE
    ),
}
#: A detector nearer than this stands at the sample [mm].
_NEAREST = 1e-6


@dataclass(frozen=True, slots=True)
class Laboratory:
    """Everything that the detector options decide, and the axes they share with the beam.

    Parameters
    ----------
    placed : the panel, or the first of several
    pixels, pixel_size : of it; the longer side of a pixel [m]
    twotheta : [rad]
    """

    placed: Placed
    pixels: tuple[int, int]
    pixel_size: float
    twotheta: float
    up: Vector | None


def read_laboratory(given: Given, headers: ImageHeaders, conflicts: Conflicts) -> Laboratory:
    """Resolve convention, pivot, size and position of the detector.

    Parameters
    ----------
    given : the options
    headers : of ``-mask`` and ``-img``, which give defaults
    conflicts : found among the options so far

    Raises
    ------
    ExperimentError
        for contradictions and impossible detectors
    """
    pixel_size = (given.number("-pixel") or 0.0) / 1000.0
    if "-pixel" not in given:
        pixel_size = _default(
            headers.positive("PIXEL_SIZE", "-pixel"), 0.1, "PIXEL_SIZE", headers, conflicts
        )
        pixel_size /= 1000.0
    if pixel_size <= 0:
        raise ExperimentError(f"-pixel {pixel_size * 1000} mm must be positive")
    if not SMALLEST_PIXEL <= pixel_size <= LARGEST_PIXEL:
        raise ExperimentError(
            f"-pixel {pixel_size * 1000:g} mm must lie between {SMALLEST_PIXEL * 1000:g} and "
            f"{LARGEST_PIXEL * 1000:g} mm; check its unit"
        )
    pixels = _pixels(given, headers, pixel_size, conflicts)
    convention = read_convention(given, conflicts)
    placement = Placement(
        convention=convention,
        pivot=_pivot(given, convention, conflicts),
        pixels=pixels,
        pixel_size=pixel_size,
        rotations=(
            (given.number("-detector_rotx") or 0.0) / RADIAN,
            (given.number("-detector_roty") or 0.0) / RADIAN,
            (given.number("-detector_rotz") or 0.0) / RADIAN,
        ),
        twotheta=_twotheta(given, headers, conflicts),
    )
    placement = with_centre(placement, given, headers, conflicts)
    placement = _with_distance(placement, given, headers, conflicts)
    placement = _with_pix0(placement, given, conflicts)
    note_centre(placement, given, headers, conflicts)
    placed = place(placement)
    for note in placed.notes:
        conflicts.note(note)
    _require_face(placed, placement)
    return Laboratory(placed, pixels, pixel_size, placement.twotheta, up_of(placement.convention))


def up_of(convention: Convention) -> Vector | None:
    """Minus the convention's slow axis; None where that is +Y, as if nothing were said."""
    up = as_tuple(-unit(convention.slow))
    return None if up == (0.0, 1.0, 0.0) else up


def _require_face(placed: Placed, placement: Placement) -> None:
    """Refuse a detector that is swung about the beam spot until its back is to the sample."""
    lit = float(placed.origin @ placed.normal) > EDGE_ON * float(np.linalg.norm(placed.origin))
    if lit or placement.pivot == SAMPLE or placement.twotheta == 0.0:
        return
    raise ExperimentError(
        f"-twotheta {placement.twotheta * RADIAN:g}° with pivot beam turns the detector about the "
        "beam spot until its back is to the sample: every pixel would get a negative number of "
        "photons, as in C. Turn it by less than 90°, or about the sample: -pivot sample where an "
        "axis option makes the convention CUSTOM, or -xds or -dials"
    )


def read_detector(
    given: Given, laboratory: Laboratory, headers: ImageHeaders, conflicts: Conflicts
) -> Detector:
    """Make the single-panel detector of a nanoBragg command."""
    placed = laboratory.placed
    curved = "-curved_det" in given
    if curved and (given.number("-twotheta") or 0.0) != 0.0:
        conflicts.settle(
            "-curved_det with -twotheta: a curved detector is bent around the direct beam",
            "the panel is swung and bent all the same",
        )
    panel = Panel(
        origin=as_tuple(placed.origin),
        fast_axis=as_tuple(placed.fast),
        slow_axis=as_tuple(placed.slow),
        normal=as_tuple(placed.normal),
        pixels=laboratory.pixels,
        pixel_size=(laboratory.pixel_size, laboratory.pixel_size),
        region=read_region(given, laboratory.pixels, conflicts),
        mask=headers.mask_file,
    )
    return Detector(
        panels=(panel,),
        curvature_radius=_radius(placed, conflicts) if curved else None,
        point_pixel="-point_pixel" in given,
        sensor=read_sensor(given, conflicts),
        up=laboratory.up,
    )


def _radius(placed: Placed, conflicts: Conflicts) -> float:
    """Distance of every pixel; C turns a detector that faces away inside out."""
    return placed.distance if conflicts.c_compat else abs(placed.distance)


def _default(
    value: float | None, default: float, key: str, headers: ImageHeaders, conflicts: Conflicts
) -> float:
    """A length of the headers, or the C program's default, which is noted [mm]."""
    if value is None:
        option = {"PIXEL_SIZE": "-pixel", "DISTANCE": "-distance"}[key]
        headers.missing(key, f"the default, {default:g} mm; {option} gives another", conflicts)
    return default if value is None else value


def _pixels(
    given: Given, headers: ImageHeaders, pixel_size: float, conflicts: Conflicts
) -> tuple[int, int]:
    counts = []
    for axis, letter, index in (("slow", "s", 0), ("fast", "f", 1)):
        by_count = given.last_of("-detpixels", f"-detpixels_{letter}")
        by_size = given.last_of("-detsize", f"-detsize_{letter}")
        count = given.integer(by_count) if by_count else None
        if count is not None and count <= 0:
            raise ExperimentError(f"{by_count} {count}: a detector needs at least one pixel")
        # 102.4 mm is the C program's default
        size = (given.number(by_size) or 0.0) / 1000.0 if by_size else 0.1024
        sized = math.ceil(size / pixel_size - 0.5)
        if count is not None and by_size and sized != count:
            conflicts.settle(
                f"{by_count} {count} and {by_size} {size * 1000:g} mm ({sized} pixels along "
                f"{axis}) contradict each other",
                f"the number of pixels is {count}",
            )
        if headers.mask is not None:
            of_mask = headers.mask.shape[index]
            if (by_count or by_size) and (sized if count is None else count) != of_mask:
                raise ExperimentError(
                    f"-mask {headers.mask.path} has {of_mask} pixels along {axis}, the options "
                    f"ask for {sized if count is None else count}"
                )
            count = of_mask
        elif headers.image is not None and count is None:
            count = headers.image.shape[index]
            if by_size and sized != count:
                conflicts.settle(
                    f"{by_size} {size * 1000:g} mm ({sized} pixels) and -img {headers.image.path} "
                    f"({count} pixels along {axis}) contradict each other; -detpixels_{letter} "
                    "overrides both",
                    f"the number of pixels is {count}",
                )
        counts.append(sized if count is None else count)
        if counts[-1] > MOST_PIXELS:
            said = f"{by_count} {count}" if count is not None else f"{by_size} {size * 1000:g} mm"
            raise ExperimentError(
                f"{said}: {counts[-1]} pixels along {axis} are more than the {MOST_PIXELS} that "
                "are allowed; check units, and -pixel"
            )
        if counts[-1] <= 0:
            raise ExperimentError(f"{by_size} {size * 1000:g} mm is less than half a pixel")
    slow, fast = counts
    return slow, fast


def read_convention(given: Given, conflicts: Conflicts) -> Convention:
    """The axes: of the convention that is named last, with those that are given after it."""
    axes = given.any_of(*_AXES)
    deciding = given.last_of(*_NAMED, *_AXES, *PIX0)
    if deciding is None:
        conflicts.note("convention MOSFLM, the default")
        return CONVENTIONS["mosflm"]
    named = given.last_of(*_NAMED)
    if deciding in _NAMED:
        if axes:
            conflicts.settle(
                f"{' '.join(axes)} {'have' if len(axes) > 1 else 'has'} no effect: {deciding} "
                "comes later and sets every axis",
                f"the axes are those of {deciding}",
            )
        conflicts.note(f"convention {deciding[1:].upper()}, named by the option")
        return CONVENTIONS[deciding[1:]]
    reason = f"convention CUSTOM, because {deciding} was given"
    if named is not None:
        reason += f"; {named} has no effect, axes not given are MOSFLM's"
    conflicts.note(f"{reason}; the beam centre counts from the corner along fast and slow")
    vectors: dict[str, Vector | None] = {
        attribute: given.vector(option) for option, attribute in _AXES.items()
    }
    for option, attribute in _AXES.items():
        if vectors[attribute] == (0.0, 0.0, 0.0):
            raise ExperimentError(f"{option} 0 0 0 has no length")
    return with_axes(CONVENTIONS["custom"], **vectors)


def _pivot(given: Given, convention: Convention, conflicts: Conflicts) -> str:
    asked = given.text("-pivot")
    if asked is not None and asked not in (BEAM, SAMPLE):
        raise ExperimentError(f"-pivot {asked!r} must be `beam` or `sample`")
    if convention.pivot is not None:
        if asked is not None and asked != convention.pivot:
            conflicts.settle(
                f"-pivot {asked} contradicts the {convention.name.upper()} convention, whose pivot "
                f"is the {convention.pivot}",
                f"the pivot is the {convention.pivot}",
            )
        conflicts.note(f"pivot {convention.pivot}, which {convention.name.upper()} forces")
        return convention.pivot
    pivots = dict(_PIVOTS)
    if conflicts.c_compat:
        pivots["-twotheta_axis"] = SAMPLE  # which C reads as -twotheta too
    deciding = given.last_of("-pivot", *pivots)
    if deciding is None:
        conflicts.note(f"pivot {BEAM}, the default")
        return BEAM
    pivot = str(asked) if deciding == "-pivot" else pivots[deciding]
    conflicts.note(f"pivot {pivot}, because {deciding} is the last option that sets it")
    return pivot


def _twotheta(given: Given, headers: ImageHeaders, conflicts: Conflicts) -> float:
    twotheta = given.number("-twotheta")
    of_header = headers.number("TWOTHETA") or 0.0
    if twotheta is None and of_header != 0.0:
        conflicts.settle(
            f"the header of {headers.named('TWOTHETA')} says TWOTHETA={of_header:g}°, the options "
            "say no -twotheta",
            "two-theta is 0",
        )
    if conflicts.c_compat and given.last_of("-twotheta", "-twotheta_axis") == "-twotheta_axis":
        axis = given.vector("-twotheta_axis")
        assert axis is not None
        twotheta = axis[0]
        conflicts.note(f"as C: -twotheta_axis is read as -twotheta {twotheta:g} too")
    return (twotheta or 0.0) / RADIAN


def _with_distance(
    placement: Placement, given: Given, headers: ImageHeaders, conflicts: Conflicts
) -> Placement:
    close = given.number("-close_distance")
    distance = given.number("-distance")
    of_header = None
    if close is None:
        of_header = headers.positive("CLOSE_DISTANCE", "-close_distance")
    if of_header is not None:
        the_header = f"the header of {headers.named('CLOSE_DISTANCE')}"
        if distance is None or conflicts.c_compat:
            close = of_header
            conflicts.note(f"{the_header} says CLOSE_DISTANCE={close:g} mm, which is taken")
        else:
            conflicts.note(f"-distance overrides CLOSE_DISTANCE={of_header:g} mm of {the_header}")
    if distance is None:
        distance = headers.positive("DISTANCE", "-distance")
        if close is not None or given.any_of(*PIX0):
            distance = 100.0 if distance is None else distance  # which has no effect
        distance = _default(distance, 100.0, "DISTANCE", headers, conflicts)
    for option, value in (("-distance", distance), ("-close_distance", close)):
        if value is not None and value <= _NEAREST:
            fault = "must be positive" if value <= 0 else "is nearer than any detector can be"
            raise ExperimentError(f"{option} {value:g} mm {fault}; check it, and its unit")
    placement = replace(placement, distance=distance / 1000.0)
    if close is None:
        return placement
    by_close = replace(placement, close_distance=close / 1000.0)
    if "-distance" in given:
        along_beam = abs(place(by_close).distance)
        if abs(along_beam - placement.distance) > SAME:
            conflicts.settle(
                f"-distance {distance:g} mm and -close_distance {close:g} mm (which is "
                f"{along_beam * 1000:g} mm along the beam) contradict each other",
                "-close_distance wins",
            )
    return by_close


def _with_pix0(placement: Placement, given: Given, conflicts: Conflicts) -> Placement:
    option = given.last_of(*PIX0)
    if option is None:
        return placement
    given_vector = given.vector(option)
    assert given_vector is not None
    origin = np.array(given_vector) / (1000.0 if option.endswith("_mm") else 1.0)
    others = given.any_of(*CENTRES, *_DISTANCES)
    computed = place(placement).origin_before_rotation
    apart = float(np.linalg.norm(origin - computed))
    contradiction = (
        f"{option} and {'/'.join(others) or 'the default beam centre'} put pixel (0,0) "
        f"{apart * 1000:.3f} mm ({apart / placement.pixel_size:.1f} px) apart: "
        f"{_millimetres(origin)} and {_millimetres(computed)} mm"
    )
    if conflicts.c_compat:
        conflicts.note(f"as C: the value of {option} is ignored ({contradiction})")
        return placement
    if others and apart > SAME:
        conflicts.settle(contradiction, f"the value of {option} is ignored")
    for header in given.any_of("-mask", "-img"):
        conflicts.note(f"{option} overrides the beam centre and distance of the header of {header}")
    return replace(placement, origin=as_tuple(origin))


def _millimetres(vector: np.ndarray) -> str:
    return "(" + ", ".join(f"{component * 1000:.3f}" for component in vector) + ")"


def read_region(given: Given, pixels: tuple[int, int], conflicts: Conflicts) -> Region | None:
    """The pixels of ``-roi``, cut off at the panel's edges; None: all."""
    values = given.values("-roi")
    if values is None:
        return None
    fast_min, fast_max, slow_min, slow_max = asked = tuple(int(value) for value in values)
    slow, fast = pixels
    region = Region.of_ends(
        max(fast_min, 0),
        min(fast_max, fast - 1) if fast_max >= 0 else fast - 1,
        max(slow_min, 0),
        min(slow_max, slow - 1) if slow_max >= 0 else slow - 1,
    )
    if region.ends != asked:
        said, done = (" ".join(map(str, ends)) for ends in (asked, region.ends))
        conflicts.note(
            f"-roi {said} (first and last pixel along fast, then slow) does not lie on the panel "
            f"of {slow} x {fast} (slow x fast) pixels: {done} is computed, as in C"
        )
    return region
