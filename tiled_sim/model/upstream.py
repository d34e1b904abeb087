"""Light from the wrong side: sources against the beam, and panels that it comes from."""

import math

import numpy as np

from tiled_sim.model.beam import Spectrum
from tiled_sim.model.checks import require
from tiled_sim.model.detector import Panel
from tiled_sim.physics.vectors import Vector

_ALLOW = "say --allow-upstream (in TOML, at its top, allow_upstream = true)"
#: So many are named.
_NAMED = 3


def require_forward(spectrum: Spectrum, direction: Vector) -> None:
    """Refuse sources whose light travels at more than 90° to the beam.

    Parameters
    ----------
    spectrum : of the sources
    direction : unit vector along which the central beam travels
    """
    cosines = spectrum.incident @ np.array(direction)
    if cosines.min() >= 0.0:
        return
    against = np.flatnonzero(cosines < 0.0)
    first = int(against[0])
    angle = math.degrees(math.acos(max(-1.0, float(cosines[first]))))
    require(
        False,
        f"the light of {len(against)} of {len(spectrum)} sources travels against the beam: that of "
        f"source {first + 1} along {_shown(spectrum[first].incident)}, {angle:.4g}° from the "
        f"beam's {_shown(direction)}. A list gives where sources stand, from the sample, so that "
        f"those of this beam stand along {_shown(tuple(-x for x in direction))}; turn the signs "
        f"around, or the beam. For light from more than one side {_ALLOW}",
    )


def require_downstream(panels: tuple[Panel, ...], direction: Vector) -> None:
    """Refuse panels all of which lies at 90° or more from the beam.

    Parameters
    ----------
    panels : of the detector
    direction : unit vector along which the central beam travels
    """
    upstream = [panel.name for panel in panels if _farthest_along(panel, direction) <= 0.0]
    if not upstream:
        return
    named = ", ".join(upstream[:_NAMED]) + (" …" if len(upstream) > _NAMED else "")
    which = (
        "the detector stands"
        if len(panels) == 1
        else f"{len(upstream)} of {len(panels)} panels ({named}) stand"
    )
    require(
        False,
        f"{which} upstream of the sample: no corner lies within 90° of the beam, whose light "
        f"travels along {_shown(direction)}. beam.direction and -beam_vector point the way the "
        "light travels, dxtbx's `direction` to the source: turn the vector around if it is that. "
        f"For a detector of light that is scattered backwards {_ALLOW}",
    )


def _farthest_along(panel: Panel, direction: Vector) -> float:
    """How far along the beam the corner lies that is farthest along it [m]."""
    along = math.fsum(x * d for x, d in zip(panel.origin, direction, strict=True))
    for axis, count, size in zip(
        (panel.slow_axis, panel.fast_axis), panel.pixels, panel.pixel_size, strict=True
    ):
        side = math.fsum(x * d for x, d in zip(axis, direction, strict=True)) * count * size
        along += max(side, 0.0)
    return along


def _shown(vector: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{component + 0.0:.4g}" for component in vector) + ")"
