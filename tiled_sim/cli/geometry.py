"""``tiled-sim geometry``: what a geometry file, or a detector that has a name, says."""

import os
from collections.abc import Sequence
from typing import Literal

from tiled_sim.cli.experiment_number import add_experiment_number
from tiled_sim.cli.parser import Parser
from tiled_sim.cli.printing import print_json
from tiled_sim.errors import UsageError
from tiled_sim.io.named_detectors import detector_names, known_detector, named_detector
from tiled_sim.model.geometry import Geometry
from tiled_sim.read.geometry import SAME_NUMBER, read_geometry
from tiled_sim.read.nanobragg.beam import said_wavelength
from tiled_sim.read.nanobragg.conflicts import Conflicts
from tiled_sim.read.nanobragg.options import parse

#: Of nanoBragg's, what a geometry may lack.
_UNDERSTOOD = ("-distance", "-lambda", "-energy")
#: Where a detector by name stands if nothing is said [m].
_DEFAULT_DISTANCE = 0.1


def parser() -> Parser:
    """The options of the verb."""
    made = Parser(
        "geometry",
        "What a geometry file says, or a detector that has a name: panels, extents, resolution,\n"
        "gaps, dead pixels, and what is odd. Lengths are in the frame with z along the beam, y up\n"
        "and x to the left looking downstream.\n\n"
        "  tiled-sim geometry FILE|NAME [-distance MM] [-lambda ANGSTROM | -energy EV]",
    )
    made.add_argument("source", nargs="?", metavar="FILE|NAME")
    made.add_argument("--list", action="store_true", help="the detectors that have a name")
    add_experiment_number(made)
    made.add_argument("--out", metavar="FILE.png", help="draw the panels as the beam sees them")
    return made


def run(words: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    options, rest = parser().parse_beside_nanobragg(words)
    if options.list:
        return _list(options.json)
    if options.source is None:
        raise UsageError("no geometry: name a file or a detector (`tiled-sim geometry --list`)")
    given = parse(rest, c_compat=False)
    others = [option for option in given if option not in _UNDERSTOOD]
    if others:
        raise UsageError(
            f"{others[0]} is none of {', '.join(_UNDERSTOOD)}, which say what a geometry lacks; "
            "leave it out"
        )
    wavelength, millimetres = said_wavelength(given, Conflicts(False)), given.number("-distance")
    distance = None if millimetres is None else millimetres / 1e3
    geometry = _read(options.source, distance, wavelength, options.experiment)
    _check_wavelength(options.source, geometry, wavelength)
    from tiled_sim.instruments.geometry_facts import document_of, geometry_facts, lines_of

    facts = geometry_facts(geometry, wavelength)
    if options.out is not None:
        from tiled_sim.instruments.geometry_picture import draw_geometry

        draw_geometry(facts, options.out, os.path.basename(options.source))
    if options.json:
        picture = {} if options.out is None else {"picture": options.out}
        print_json({"source": options.source, **document_of(facts), **picture})
        return 0
    lines = [f"geometry   {options.source}", *lines_of(facts)]
    print("\n".join([*lines, *([f"picture    {options.out}"] if options.out else [])]))
    return 0


def _list(as_json: bool) -> int:
    names = detector_names()
    if as_json:
        print_json({"detectors": list(names)})
    else:
        print("\n".join(known_detector(name).description for name in names))
    return 0


def _read(
    source: str,
    distance: float | None,
    wavelength: float | None,
    experiment: int | Literal["all"] | None,
) -> Geometry:
    """A file if there is one of that name or it looks like one, else a detector."""
    is_file = os.path.exists(source) or os.sep in source or bool(os.path.splitext(source)[1])
    if is_file:
        return read_geometry(
            source, distance=distance, wavelength=wavelength, experiment=experiment or 0
        )
    if experiment is not None:
        raise UsageError(
            f"--experiment {experiment}: {source} is a detector, no file; leave it out"
        )
    return named_detector(source, distance=_DEFAULT_DISTANCE if distance is None else distance)


def _check_wavelength(source: str, geometry: Geometry, wavelength: float | None) -> None:
    stated = geometry.light.wavelength
    if wavelength is None or len(stated) != 1:
        return
    if abs(wavelength - stated[0]) > SAME_NUMBER * stated[0]:
        raise UsageError(
            f"the wavelength {wavelength:.10g} Å and {source} ({stated[0]:.10g} Å) contradict each "
            "other; leave it out"
        )
