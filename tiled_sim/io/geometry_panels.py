"""What the readers of geometry share: panels from frames, their limits, and notes about them."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from tiled_sim.errors import ExperimentError, InputFileError
from tiled_sim.model.detector import Panel
from tiled_sim.physics.vectors import Array, as_tuple, unit

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

#: Least sine between fast and slow that span a panel, and largest cosine of those called square.
_SPANNING, _SQUARE = 0.9, 1e-6
_NAMED = 4

Complaint = Callable[[str], InputFileError]


def made_panel(
    complain: Complaint,
    origin: Array,
    fast: Array,
    slow: Array,
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
    if not np.abs(origin).max() <= MAX_DISTANCE:
        raise complain(
            f"stands more than {MAX_DISTANCE:g} m from the sample: check the numbers and their unit"
        )
    fast, slow = unit(fast), unit(slow)
    normal = np.cross(fast, slow)
    if np.linalg.norm(normal) < _SPANNING:
        raise complain(
            f"has fast {_shown(fast)} and slow {_shown(slow)}, which do not span a plane of "
            "pixels: they must be at right angles"
        )
    normal = unit(normal)
    try:
        return Panel(
            origin=as_tuple(origin),
            fast_axis=as_tuple(fast),
            slow_axis=as_tuple(slow),
            normal=as_tuple(-normal if float(origin @ normal) < 0.0 else normal),
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


def placement_notes(panels: Sequence[Panel], direction: Sequence[float]) -> tuple[str, ...]:
    """What is odd about where panels stand, and yet can be real.

    Parameters
    ----------
    panels : of the whole detector
    direction : along which the light travels
    """
    odd: dict[str, list[str]] = {}
    for panel in panels:
        fast, slow = np.array(panel.fast_axis), np.array(panel.slow_axis)
        if float(np.cross(fast, slow) @ panel.normal) < 0.0:
            odd.setdefault(
                "left-handed (fast × slow points at the sample): the image is mirrored", []
            ).append(panel.name)
        if abs(float(fast @ slow)) > _SQUARE:
            odd.setdefault("fast and slow are not at right angles", []).append(panel.name)
        (rows, columns), (height, width) = panel.pixels, panel.pixel_size
        centre = panel.origin + 0.5 * (columns * width * fast + rows * height * slow)
        if float(centre @ np.array(direction)) < 0.0:
            odd.setdefault("upstream of the sample", []).append(panel.name)
    return told(odd, len(panels))


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


def _shown(vector: Array) -> str:
    return "(" + ", ".join(f"{component:.6g}" for component in vector) + ")"
