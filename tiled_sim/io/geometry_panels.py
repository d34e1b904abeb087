"""What the readers of geometry share: panels from frames, their limits, and notes about them."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from tiled_sim.errors import ExperimentError, InputFileError
from tiled_sim.model.arrangement import away, left_handed, overlapping
from tiled_sim.model.detector import Panel
from tiled_sim.physics.vectors import Array, as_tuple, cross, unit

MAX_PANELS = 16384
"""Most panels: far beyond any detector's; what exceeds it is a misread file."""

MAX_SIDE = 100_000
"""Most pixels along a side of a panel."""

MAX_PIXELS = 2**32
"""Most pixels of all panels together."""

MAX_PIXEL_SIZE = 0.1
"""Longest side of a pixel [m]: a longer one has another unit."""

MAX_DISTANCE = 1000.0
"""Farthest corner from the sample [m]."""

#: Least sine between fast and slow that span a panel, and largest cosine of those called square: a
#: tenth of a pixel from end to end of a thousand.
_SPANNING, _SQUARE = 0.9, 1e-4
_NAMED = 4

Complaint = Callable[[str], InputFileError]


def made_panel(
    complain: Complaint,
    origin: Sequence[float] | Array,
    fast: Sequence[float] | Array,
    slow: Sequence[float] | Array,
    pixels: Sequence[int],
    pixel_size: Sequence[float],
    name: str,
    group: tuple[str, ...],
) -> Panel:
    """A panel of checked values; its normal points away from the sample.

    Parameters
    ----------
    complain : error to raise about this panel's place in the file
    origin : sample to the outer corner of pixel (0, 0), (3,) [m]
    fast, slow : directions, (3,); any length but 0
    pixels : (slow, fast) number of pixels
    pixel_size : (slow, fast) sides of a pixel [m]
    name, group : as `Panel` has them

    Raises
    ------
    InputFileError : what cannot be a panel
    """
    for count in pixels:
        if not 1 <= count <= MAX_SIDE:
            raise complain(
                f"has {count} pixels along a side: from 1 to {MAX_SIDE} are read; correct it"
            )
    for size in pixel_size:
        if not 0.0 < size <= MAX_PIXEL_SIZE:
            raise complain(
                f"has pixels of {size:.6g} m: they must be longer than 0 and at most "
                f"{MAX_PIXEL_SIZE} m; check the number and its unit"
            )
    if not max(map(abs, origin)) <= MAX_DISTANCE:
        raise complain(
            f"stands more than {MAX_DISTANCE:g} m from the sample: check the numbers and their unit"
        )
    fast, slow = as_tuple(unit(fast)), as_tuple(unit(slow))
    normal = away(as_tuple(origin), fast, slow)
    if math.hypot(*cross(fast, slow)) < _SPANNING:
        raise complain(
            f"has fast {_shown(fast)} and slow {_shown(slow)}, which do not span a plane of "
            "pixels: they must be at right angles"
        )
    try:
        return Panel(
            origin=as_tuple(origin),
            fast_axis=fast,
            slow_axis=slow,
            normal=normal,
            pixels=(int(pixels[0]), int(pixels[1])),
            pixel_size=(float(pixel_size[0]), float(pixel_size[1])),
            name=name,
            group=group,
        )
    except ExperimentError as error:
        raise complain(f"cannot be a panel ({error}): correct it") from None


def check_count(complain: Complaint, panels: int) -> None:
    """Refuse a number of panels that no detector has, before any of them is read."""
    if not 1 <= panels <= MAX_PANELS:
        raise complain(f"has {panels} panels: from 1 to {MAX_PANELS} are read; correct it")


def check_pixels(complain: Complaint, sizes: Iterable[Sequence[int]]) -> None:
    """Refuse more pixels than can be meant, before masks of them are made."""
    total = sum(int(slow) * int(fast) for slow, fast in sizes)
    if total > MAX_PIXELS:
        raise complain(f"has {total} pixels: at most {MAX_PIXELS} are read; correct the sizes")


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Names that differ: one that is empty or not the only of its kind gets its number."""
    times = Counter(names)
    return tuple(
        name if name and times[name] == 1 else f"{name}#{number}" if name else str(number)
        for number, name in enumerate(names)
    )


def placement_notes(
    panels: Sequence[Panel], direction: Sequence[float] = (0.0, 0.0, 1.0)
) -> tuple[str, ...]:
    """What is odd about where panels stand, and yet can be real.

    Parameters
    ----------
    panels : of the whole detector
    direction : along which the light travels
    """
    fast, slow = (
        np.array([getattr(panel, axis) for panel in panels]) for axis in ("fast_axis", "slow_axis")
    )
    origin, pixels, pixel_size = (
        np.array([getattr(panel, name) for panel in panels])
        for name in ("origin", "pixels", "pixel_size")
    )
    sides = 0.5 * pixels * pixel_size
    centre = origin + sides[:, :1] * slow + sides[:, 1:] * fast
    cosine = np.abs((fast * slow).sum(axis=1))
    names = [panel.name for panel in panels]
    odd = {
        "left-handed (fast × slow points at the sample): the image is mirrored": [
            names[index] for index in left_handed(panels)
        ],
        f"fast and slow are not at right angles, by up to {cosine.max() * 1e3:.3g} mrad": [
            names[index] for index in np.flatnonzero(cosine > _SQUARE)
        ],
        "upstream of the sample": [
            names[index] for index in np.flatnonzero(centre @ np.array(direction) < 0.0)
        ],
    }
    notes = told({remark: whom for remark, whom in odd.items() if whom}, len(panels))
    pairs = [f"{names[first]} and {names[second]}" for first, second in overlapping(panels)]
    if not pairs:
        return notes
    more = f" and {len(pairs) - _NAMED} more" if len(pairs) > _NAMED else ""
    return (
        *notes,
        f"{len(pairs)} pair{'s' if pairs[1:] else ''} of panels that overlap, seen from the "
        "sample; each is computed as if it stood alone: " + ", ".join(pairs[:_NAMED]) + more,
    )


def told(remarks: dict[str, list[str]], count: int) -> tuple[str, ...]:
    """Each remark once, with the panels that it is about.

    Parameters
    ----------
    remarks : names of panels, by what is to be said of them
    count : of all panels
    """
    return tuple(f"{_whom(names, count)}: {remark}" for remark, names in remarks.items())


def _whom(names: list[str], count: int) -> str:
    if len(names) == count:
        return "the panel" if count == 1 else f"all {count} panels"
    listed = ", ".join(names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"panel{'s' if len(names) > 1 else ''} {listed}{more}"


def _shown(vector: Sequence[float]) -> str:
    return "(" + ", ".join(f"{component:.6g}" for component in vector) + ")"
