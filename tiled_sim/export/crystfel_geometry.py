"""CrystFEL's geometry files, ``.geom``: panels in the frame with z along the beam, y up, x left."""

import re
from collections.abc import Callable, Iterator, Sequence

from tiled_sim.export.dead_rectangles import DeadRectangles, dead_of, left_out
from tiled_sim.export.nxmx_data import IMAGES
from tiled_sim.export.nxmx_detector import Stack
from tiled_sim.export.output import Output
from tiled_sim.export.readings import Readings
from tiled_sim.export.recorded import notes_of_light, record, require_flat
from tiled_sim.export.selection import Selection
from tiled_sim.model.detector import Panel
from tiled_sim.physics.constants import HC_EV_ANGSTROM
from tiled_sim.physics.vectors import Vector

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
#: With these words begin keys that are no panel's.
_RESERVED = re.compile(r"bad|group|rigid_group|dim|mask")


def write(selection: Selection, output: Output, advance: Callable[[int], None]) -> tuple[str, ...]:
    """Write the geometry by itself. See `tiled_sim.export.formats.Writer`."""
    content, notes = geometry_text(selection)
    output.write_alone(content)
    advance(selection.images)
    return notes


def geometry_text(selection: Selection) -> tuple[bytes, tuple[str, ...]]:
    """The text, and notes; the pixels lie as an NXmx of the same selection has them."""
    experiment = selection.experiment
    require_flat(experiment, "geom")
    geometry = record(selection.run.experiment, selection.frames[:1], selection.panels)[0].geometry
    dead = dead_of(selection)
    readings = Readings.of(selection)
    names = _distinct([panel.name for panel in geometry.panels])
    stack = Stack.of(geometry.panels)
    clen = geometry.panels[0].origin[2]
    lines = [
        f"; {selection.title}, written by tiled_sim",
        f"photon_energy = {HC_EV_ANGSTROM / experiment.beam.wavelength:.12g}",
        f"clen = {clen:.15g}",
        f"adu_per_photon = {readings.gain:.12g}",
        f"max_adu = {readings.highest:.12g}",
        f"data = /{IMAGES}",
        "dim0 = %",
        "dim1 = ss",
        "dim2 = fs",
        *_groups(geometry.panels, names),
        *_dead(names, dead, stack),
    ]
    for number, (panel, name) in enumerate(zip(geometry.panels, names, strict=True)):
        lines.append("")
        lines += [f"{name}/{line}" for line in _panel(panel, clen, stack.first_row(number))]
    notes = (*left_out(dead), *notes_of_light(experiment), *readings.offset_left_out("a .geom"))
    notes += _renamed([panel.name for panel in geometry.panels], names)
    if any(not panel.has_square_pixels for panel in geometry.panels):
        notes += ("pixels are not square: ss of their panels is not of length 1",)
    return ("\n".join(lines) + "\n").encode(), notes


def _renamed(names: Sequence[str], written: Sequence[str]) -> tuple[str, ...]:
    """A note on names that CrystFEL has no room for; a number gets a letter without a word."""
    changed = [
        (name, other)
        for name, other in zip(names, written, strict=True)
        if other not in (name, f"p{name}")
    ]
    if not changed:
        return ()
    name, other = changed[0]
    return (f"{len(changed)} names of panels are none that CrystFEL has: {name!r} is {other}, …",)


def _panel(panel: Panel, clen: float, first_row: int) -> Iterator[str]:
    """Lines of a panel; lengths are in pixels along fast, and the corner is the very corner."""
    (slow, fast), (height, width) = panel.pixels, panel.pixel_size
    x, y, z = panel.origin
    for axis, first, count in (("fs", 0, fast), ("ss", first_row, slow)):
        yield f"min_{axis} = {first}"
        yield f"max_{axis} = {first + count - 1}"
    yield f"res = {1.0 / width:.15g}"
    yield f"fs = {_direction(panel.fast_axis)}"
    ratio = height / width
    yield f"ss = {_direction(tuple(ratio * part for part in panel.slow_axis))}"
    yield f"corner_x = {x / width:.15g}"
    yield f"corner_y = {y / width:.15g}"
    yield f"coffset = {z - clen:.15g}"


def _direction(vector: Vector | Sequence[float]) -> str:
    return " ".join(f"{part + 0.0:+.15f}{axis}" for part, axis in zip(vector, "xyz", strict=True))


def _groups(panels: Sequence[Panel], names: Sequence[str]) -> Iterator[str]:
    """Lines of groups, the innermost first; panels and groups share one space of names."""
    members: dict[tuple[str, ...], list[str]] = {}
    for panel, name in zip(panels, names, strict=True):
        if panel.group:
            members.setdefault(panel.group, []).append(name)
        for depth in range(1, len(panel.group)):
            members.setdefault(panel.group[:depth], [])
    paths = sorted(members, key=len, reverse=True)
    last = [path[-1] for path in paths]
    wanted = [
        path[-1] if last.count(path[-1]) == 1 and path[-1] not in names else "_".join(path)
        for path in paths
    ]
    called = dict(zip(paths, _distinct(wanted, taken=names), strict=True))
    for path in paths:
        inner = [called[other] for other in paths if other[:-1] == path]
        yield f"group_{called[path]} = {','.join(members[path] + inner)}"


def _dead(names: Sequence[str], dead: Sequence[DeadRectangles], stack: Stack) -> Iterator[str]:
    """Lines of bad regions, in the rows of the data; both ends are included."""
    number = 0
    for place, (name, one) in enumerate(zip(names, dead, strict=True)):
        top = stack.first_row(place)
        for region in one.regions:
            first_fast, last_fast, first_slow, last_slow = region.ends
            bad = f"bad{number}"
            yield f"{bad}/panel = {name}"
            yield f"{bad}/min_fs = {first_fast}"
            yield f"{bad}/max_fs = {last_fast}"
            yield f"{bad}/min_ss = {top + first_slow}"
            yield f"{bad}/max_ss = {top + last_slow}"
            number += 1


def _distinct(names: Sequence[str], taken: Sequence[str] = ()) -> list[str]:
    """Names as CrystFEL reads them, each once."""
    found: list[str] = []
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
        if not _PLAIN.fullmatch(plain) or _RESERVED.match(plain):
            plain = f"p{plain}"
        other, number = plain, 1
        while other in found or other in taken:
            number += 1
            other = f"{plain}_{number}"
        found.append(other)
    return found
