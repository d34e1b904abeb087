"""Beam-centre conventions, pivots, and where they put the corner of pixel (0, 0)."""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from tiled_sim.errors import ExperimentError
from tiled_sim.physics.vectors import Array, Vector, about_axis, about_fixed_axes, unit

BEAM, SAMPLE = "beam", "sample"


@dataclass(frozen=True, slots=True)
class Convention:
    """Axes that a convention's name stands for.

    Parameters
    ----------
    name : as the option without its dash
    beam, fast, slow, normal, twotheta_axis, polarization_axis, spindle : laboratory vectors
    pivot : what the C program forces for it; None: the last flag decides
    """

    name: str
    beam: Vector
    fast: Vector
    slow: Vector
    normal: Vector
    twotheta_axis: Vector
    polarization_axis: Vector
    spindle: Vector
    pivot: str | None


_X, _Y, _Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
_MINUS_X, _MINUS_Y, _MINUS_Z = (-1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0)

CONVENTIONS = {
    convention.name: convention
    for convention in (
        Convention("mosflm", _X, _Z, _MINUS_Y, _X, _MINUS_Z, _Z, _Z, BEAM),
        Convention("denzo", _X, _Z, _MINUS_Y, _X, _MINUS_Z, _Z, _Z, BEAM),
        Convention("adxv", _Z, _X, _MINUS_Y, _Z, _MINUS_X, _X, _X, BEAM),
        Convention("xds", _Z, _X, _Y, _Z, _X, _X, _X, SAMPLE),
        Convention("dials", _Z, _X, _Y, _Z, _Y, _Y, _Y, SAMPLE),
        Convention("custom", _X, _Z, _MINUS_Y, _X, _Y, _Z, _Z, None),
    )
}


@dataclass(frozen=True, slots=True)
class Placement:
    """How a user says where a flat panel stands; lengths [m], angles [rad].

    Parameters
    ----------
    convention : axes, already replaced by explicit vectors where those were given
    pivot : ``beam`` or ``sample``
    pixels : (slow, fast)
    pixel_size : [m]
    Xbeam, Ybeam, Xclose, Yclose : beam centre and nearest point as the convention counts [m]
    ORGX, ORGY : nearest point [pixel], 1 at the centre of the first
    distance : along the beam; ``close_distance`` : to the plane, wins if given [m]
    rotations : about X, Y, Z [rad]; ``twotheta`` : about the convention's axis [rad]
    origin : of pixel (0, 0) before rotations, in place of centre and distance [m]
    """

    convention: Convention
    pivot: str
    pixels: tuple[int, int]
    pixel_size: float
    Xbeam: float | None = None
    Ybeam: float | None = None
    Xclose: float | None = None
    Yclose: float | None = None
    ORGX: float | None = None
    ORGY: float | None = None
    distance: float = 0.1
    close_distance: float | None = None
    rotations: tuple[float, float, float] = (0.0, 0.0, 0.0)
    twotheta: float = 0.0
    origin: Vector | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """A panel in the laboratory.

    Parameters
    ----------
    origin : sample to the corner of pixel (0, 0) [m]
    origin_before_rotation : the same before the detector was turned [m]
    fast, slow, normal, beam, polarization_axis, spindle : unit vectors
    distance : along the beam, as the C program counts it (without two-theta) [m]
    beam_centre : X and Y as the convention counts them, before rotations [m]
    notes : decisions to tell the user
    """

    origin: Array
    origin_before_rotation: Array
    fast: Array
    slow: Array
    normal: Array
    beam: Array
    polarization_axis: Array
    spindle: Array
    distance: float
    beam_centre: tuple[float, float]
    notes: tuple[str, ...] = field(default=())


def place(placement: Placement) -> Placed:
    """Work out the panel's position by the C program's rules.

    Raises
    ------
    ExperimentError
        if the detector is parallel to the beam, or an axis has no length
    """
    convention = placement.convention
    notes: list[str] = []
    beam, fast, slow = (
        _axis(vector, name)
        for vector, name in (
            (convention.beam, "beam"),
            (convention.fast, "fast"),
            (convention.slow, "slow"),
        )
    )
    normal = _normal(convention, fast, slow, notes)
    turn = about_fixed_axes(*placement.rotations)
    ratio = float(beam @ (turn @ normal))
    if abs(ratio) < 1e-12:
        raise ExperimentError("the detector is parallel to the beam: change its normal or rotation")
    if placement.origin is None:
        close_distance = placement.close_distance
        if close_distance is None:
            close_distance = abs(ratio * placement.distance)
        along_beam = close_distance / ratio
        centre = _beam_centre(placement)
        (fast_beam, slow_beam), (fast_close, slow_close) = _on_panel(placement, *centre)
        origin_before = close_distance * normal - fast_close * fast - slow_close * slow
    else:
        origin_before = np.asarray(placement.origin, dtype=np.float64)
        along_beam = float(origin_before @ normal) / float(beam @ normal)
        spot = along_beam * beam - origin_before
        # an origin makes the convention CUSTOM, which counts along fast and slow
        fast_beam, slow_beam = centre = float(spot @ fast), float(spot @ slow)

    swing = about_axis(_axis(convention.twotheta_axis, "two-theta"), placement.twotheta) @ turn
    fast_turned, slow_turned, normal_turned = swing @ fast, swing @ slow, swing @ normal
    if placement.pivot == SAMPLE:
        origin = swing @ origin_before
    else:
        origin_before = along_beam * beam - fast_beam * fast - slow_beam * slow
        origin = along_beam * beam - fast_beam * fast_turned - slow_beam * slow_turned
    return Placed(
        origin,
        origin_before,
        fast_turned,
        slow_turned,
        normal_turned,
        beam,
        _axis(convention.polarization_axis, "polarization"),
        _axis(convention.spindle, "spindle"),
        float(origin @ normal_turned) / ratio,
        centre,
        tuple(notes),
    )


def _axis(vector: Vector, name: str) -> Array:
    axis = unit(vector)
    if not axis.any():
        raise ExperimentError(f"the {name} vector has no length")
    return axis


def _normal(convention: Convention, fast: Array, slow: Array, notes: list[str]) -> Array:
    """Keep a normal of length exactly 1; make it fast × slow otherwise, as C does."""
    given = np.asarray(convention.normal, dtype=np.float64)
    if math.sqrt(float(given @ given)) == 1.0:
        return given
    notes.append("the detector normal is fast x slow: the given one has not exactly length 1")
    return _axis(tuple(np.cross(fast, slow)), "detector normal (fast x slow)")


Pair = tuple[float, float]


def _closest(placement: Placement) -> Pair:
    """(fast, slow) of the nearest point that ORGX and ORGY say, else of the middle [m]."""
    px = placement.pixel_size
    slow, fast = placement.pixels
    return (
        (placement.ORGX - 0.5) * px if placement.ORGX is not None else fast * px / 2.0,
        (placement.ORGY - 0.5) * px if placement.ORGY is not None else slow * px / 2.0,
    )


def _beam_centre(placement: Placement) -> Pair:
    """X and Y of the beam as the convention counts them, its defaults filled in [m]."""
    px, name = placement.pixel_size, placement.convention.name
    size_slow, size_fast = (n * px for n in placement.pixels)
    if name in ("mosflm", "denzo"):
        X, Y = (size_slow + px) / 2.0, (size_fast + px) / 2.0
    elif name == "adxv":
        X, Y = (size_fast + px) / 2.0, (size_slow - px) / 2.0
    else:
        X, Y = _closest(placement)
        X = placement.Xclose if placement.Xclose is not None else X
        Y = placement.Yclose if placement.Yclose is not None else Y
    return (
        placement.Xbeam if placement.Xbeam is not None else X,
        placement.Ybeam if placement.Ybeam is not None else Y,
    )


def _on_panel(placement: Placement, Xbeam: float, Ybeam: float) -> tuple[Pair, Pair]:
    """(fast, slow) of the beam spot and of the nearest point on the unturned panel [m]."""
    px, name = placement.pixel_size, placement.convention.name
    closest = _closest(placement)
    if name in ("mosflm", "denzo"):
        shift = 0.5 * px if name == "mosflm" else 0.0
        return (Ybeam + shift, Xbeam + shift), closest
    if name == "adxv":
        return (Xbeam, placement.pixels[0] * px - Ybeam), closest
    if name == "custom":
        return (Xbeam, Ybeam), (Xbeam, Ybeam)
    return (Xbeam, Ybeam), closest


def centre_on_panel(placement: Placement) -> Pair:
    """(fast, slow) of the centre that counts, on the unturned panel [m].

    That is the nearest point in the conventions XDS and DIALS, and the beam spot in the others.
    """
    beam, closest = _on_panel(placement, *_beam_centre(placement))
    return closest if placement.convention.name in ("xds", "dials") else beam


def beam_spot(
    origin: Array, fast: Array, slow: Array, normal: Array, beam: Array
) -> tuple[float, float] | None:
    """Where the direct beam meets a panel, (fast, slow) from its corner [m]; None: nowhere."""
    along = float(beam @ normal)
    if along == 0.0:
        return None
    distance = float(origin @ normal) / along
    if distance < 0:
        return None
    spot = distance * beam - origin
    return float(spot @ fast), float(spot @ slow)


def with_axes(convention: Convention, **axes: Vector | None) -> Convention:
    """The convention as CUSTOM, with every given axis in place of its own."""
    given = {name: axis for name, axis in axes.items() if axis is not None}
    return replace(convention, **given)  # type: ignore[arg-type]
