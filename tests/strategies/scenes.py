"""Experiments small enough that kernels compute them: few pixels, few steps, spots in reach."""

import math

import numpy as np
from hypothesis import strategies as st

from strategies.numbers import finite, three, turns
from tiled_sim.model.beam import LONGEST, Beam, Source, Spectrum
from tiled_sim.model.crystal import NOT_IN_C, Crystal
from tiled_sim.model.detector import Detector, Panel
from tiled_sim.model.domains import Domains
from tiled_sim.model.experiment import Experiment, Reflections
from tiled_sim.model.exposures import Rotation
from tiled_sim.model.sampling import Sampling
from tiled_sim.physics.cell import dual, reciprocal_from_cell
from tiled_sim.physics.vectors import about_fixed_axes, as_tuple, unit

#: Sources, phi steps, mosaic domains, subpixels along a side.
LAYOUTS = [
    (1, 1, 1, 1), (1, 1, 1, 2), (1, 1, 1, 3), (4, 1, 1, 1), (1, 3, 1, 1), (1, 1, 5, 1),
    (2, 3, 2, 2), (3, 2, 4, 1), (1, 70, 1, 1),
]  # fmt: skip


@st.composite
def crystals(draw, domains, shapes, longest, cells, fudges, skewed=False):
    """Of any cell, orientation, shape and size.

    Parameters
    ----------
    domains : number of mosaic domains
    shapes : of which it may be
    longest : of the edges of the cell [Å]
    cells : strategy of their number along an axis
    fudges : of (shape, edges [Å], cells), the strategy of the fudge
    skewed : whether direct and reciprocal vectors may be not quite dual, as of nanoBragg's -cell
    """
    edges = np.array(draw(three(finite(20.0, longest))))
    corners = np.radians(draw(three(finite(75.0, 105.0))))
    reciprocal = reciprocal_from_cell(edges, corners) @ about_fixed_axes(*draw(turns)).T
    direct = dual(reciprocal)
    if skewed and draw(st.booleans()):
        reciprocal = reciprocal * draw(finite(0.97, 1.03))
    shape = draw(st.sampled_from(shapes))
    number = draw(three(cells))
    return Crystal(
        *(as_tuple(vector) for vector in (*direct, *reciprocal)),
        number,
        shape,
        draw(fudges(shape, edges, number)),
        Domains(
            draw(finite(0.001, 0.1)) if domains > 1 else 0.0,
            domains,
            draw(st.integers(1, 1 << 30)),
        ),
    )


@st.composite
def beams(draw, laboratory, wavelength, sources):
    """Light along the third axis of a laboratory, of some sources, one of which weighs 1."""
    beam = laboratory[2]
    directions = [as_tuple(beam)]
    if sources > 1:
        directions.append(
            as_tuple(unit(beam + np.array(draw(three(finite(-0.02, 0.02)))) @ laboratory))
        )
    listed = tuple(
        Source(
            draw(st.sampled_from(directions)),
            wavelength * draw(finite(0.98, 1.02)),
            draw(st.just(0.0) | finite(0.01, 4.0)) if number else 1.0,
        )
        for number in range(sources)
    )
    field = unit(laboratory[0] + draw(finite(-1.0, 1.0)) * laboratory[1] + 0.1 * beam)
    kahn = draw(st.none() | finite(-1.0, 1.0))
    first = listed[0]
    return Beam(first.incident, first.wavelength, 1e24, kahn, as_tuple(field), Spectrum.of(listed))


@st.composite
def panels(draw, laboratory, tilt, strange=False, oblong=False):
    """Of up to nine blocks, tilted, beside the beam or under it.

    Parameters
    ----------
    laboratory : unit vectors, the third along the beam
    tilt : largest angle about an axis [rad]
    strange : whether it may stand behind the sample, its axes not perpendicular
    oblong : whether the sides of its pixels differ
    """
    distance = draw(finite(0.05, 0.3))
    fast, slow, normal = about_fixed_axes(*draw(three(finite(-tilt, tilt)))) @ laboratory
    if strange and draw(st.booleans()):
        normal, fast = -normal, -fast
    across, down = draw(st.tuples(*[finite(-0.1, 0.1)] * 2))
    if strange:
        slow = unit(slow + draw(st.sampled_from([0.0, 0.0, 0.2])) * fast)
    side = finite(math.log(1e-4), math.log(1e-2)).map(math.exp)
    return Panel(
        as_tuple(distance * normal + across * fast + down * slow),
        as_tuple(fast),
        as_tuple(slow),
        as_tuple(normal),
        draw(st.tuples(*[st.integers(1, 40)] * 2)),
        draw(st.tuples(side, side) if oblong else side.map(lambda same: (same, same))),
    )


@st.composite
def experiments(draw, layouts, crystals_of, panels_in, curved=False, dmin=False, c_compat=False):
    """What a kernel computes, with F = 40 everywhere.

    Parameters
    ----------
    layouts : to choose from, as `LAYOUTS`
    crystals_of : of a number of domains, the strategy of the crystal
    panels_in : of a laboratory, the strategy of the panel
    curved, dmin, c_compat : whether there may be a curved detector, a limit of resolution, the
        way of C
    """
    sources, phi_steps, domains, oversample = draw(st.sampled_from(layouts))
    crystal = draw(crystals_of(domains))
    # h, k, l within 300
    wavelength = max(0.4, max(crystal.edges) / 150.0)
    wavelength = min(wavelength * draw(finite(1.0, 4.0)), 0.95 * LONGEST)
    laboratory = about_fixed_axes(*draw(turns))
    panel = draw(panels_in(laboratory))
    radius = draw(st.none() | st.just(abs(np.dot(panel.origin, panel.normal)))) if curved else None
    step = draw(finite(-0.1, 0.1))
    limit = draw(st.sampled_from([0.0, 0.0, 0.7, 1.0, 2.0])) if dmin else 0.0
    return Experiment(
        draw(beams(laboratory, wavelength, sources)),
        crystal,
        Detector((panel,), radius, draw(st.booleans())),
        Sampling(oversample, dmin=wavelength * limit),
        Rotation(
            as_tuple(unit(about_fixed_axes(*draw(turns))[0])),
            draw(st.just(0.0) | finite(-3.0, 3.0)),
            step,
            phi_steps,
            step * phi_steps,
        ),
        Reflections(default_F=40.0),
        c_compat=c_compat and crystal.shape not in NOT_IN_C and draw(st.booleans()),
        allow_upstream=True,
    )
