"""Experiments of the model, whether anybody would make them or not."""

import contextlib
import hashlib
from pathlib import Path

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from strategies.numbers import finite, three, unit_vectors
from tiled_sim.errors import ExperimentError
from tiled_sim.model.background import Background
from tiled_sim.model.beam import LONGEST, SHORTEST, Beam, Source, Spectrum
from tiled_sim.model.calculation import Calculation
from tiled_sim.model.crystal import SHAPES, Crystal
from tiled_sim.model.detector import Detector, MaskFile, Panel, Region, Sensor
from tiled_sim.model.domains import Domains, ListedDomains
from tiled_sim.model.experiment import Experiment, Reflections
from tiled_sim.model.exposures import Rotation
from tiled_sim.model.readout import Noise, PointSpread
from tiled_sim.model.sampling import Sampling
from tiled_sim.physics.cell import dual
from tiled_sim.physics.vectors import about_axis, as_tuple

_DATA = Path(__file__).parents[1] / "data"


def file_and_sha256(name):
    """Path of a small input file, and its SHA-256."""
    file = _DATA / name
    return str(file), hashlib.sha256(file.read_bytes()).hexdigest()


MASK, MASK_SHA256 = file_and_sha256("mask.img")
TABLE, TABLE_SHA256 = file_and_sha256("droplet.stol")

_any = finite(-1e6, 1e6)
_positive = finite(1e-6, 1e6)
#: Sides of pixels and widths of point spreads [m].
_widths = finite(1e-6, 10.0)
_fractions = finite(0.0, 1.0)
_seeds = st.integers(0, 2**32 - 1)

_sources = st.builds(Source, unit_vectors, finite(SHORTEST, LONGEST), finite(0.1, 10.0))


@st.composite
def _beams(draw):
    """Of any sources; direction and wavelength are those of two of them."""
    listed = draw(st.lists(_sources, min_size=1, max_size=4))
    return Beam(
        draw(st.sampled_from(listed)).incident,
        draw(st.sampled_from(listed)).wavelength,
        draw(finite(0.0, 1e35)),
        draw(st.none() | finite(-1.0, 1.0)),
        draw(unit_vectors),
        Spectrum.of(listed),
    )


@st.composite
def _rotations(draw):
    """Any whose steps fill the oscillation."""
    step, steps = draw(_any), draw(st.integers(1, 1000))
    oscillation = step * steps if steps > 1 else draw(_any)
    count = draw(st.integers(1, 1000))
    return Rotation(draw(unit_vectors), draw(_any), step, steps, oscillation, count)


_drawn = st.integers(1, 1000), st.integers(-(2**31), 2**31)
_rotated = st.builds(about_axis, unit_vectors, finite(-4.0, 4.0))
_listed = st.lists(st.tuples(_rotated, finite(0.1, 10.0)), min_size=1, max_size=3)
#: Of any kind.
_domains = (
    st.builds(Domains, finite(0.0, 4.0), *_drawn)
    | st.builds(Domains, finite(1e-6, 3.0), *_drawn, st.just("gaussian"))
    | st.builds(Domains, st.just(0.0), *_drawn, st.just("anisotropic"), three(finite(1e-6, 3.0)))
    | st.builds(
        lambda listed, axes: Domains.of_list(ListedDomains(*zip(*listed, strict=True), axes)),
        _listed,
        st.sampled_from(["laboratory", "crystal"]),
    )
)


@st.composite
def _crystals(draw):
    skewed = np.eye(3) + np.array([draw(three(finite(-0.2, 0.2))) for _ in range(3)])
    turned = skewed @ about_axis(draw(unit_vectors), draw(finite(-4.0, 4.0)))
    direct = turned * np.array(draw(three(finite(1.0, 1000.0))))[:, None]
    reciprocal = dual(direct) * draw(finite(0.99, 1.01))
    return Crystal(
        *(as_tuple(vector) for vector in (*direct, *reciprocal)),
        cells=draw(three(st.integers(1, 2000))),
        shape=draw(st.sampled_from(SHAPES)),
        fudge=draw(_positive),
        domains=draw(_domains),
    )


_sensors = st.none() | st.builds(Sensor, _positive, _positive, st.integers(1, 100))


@st.composite
def _panels(draw, pixels, pixel_size):
    slow, fast = pixels
    regions = st.builds(
        lambda a, b, c, d: Region(a, a + 1 + b % (slow - a), c, c + 1 + d % (fast - c)),
        *(st.integers(0, size) for size in (slow - 1, slow, fast - 1, fast)),
    )
    origin, normal = draw(three(_any)), draw(unit_vectors)
    close_distance = float(np.dot(origin, normal))
    assume(abs(close_distance) > 1e-6)
    if close_distance < 0.0:
        normal = as_tuple(-np.array(normal))
    return Panel(
        origin=origin,
        fast_axis=draw(unit_vectors),
        slow_axis=draw(unit_vectors),
        normal=normal,
        pixels=pixels,
        pixel_size=pixel_size,
        region=draw(st.none() | regions),
        mask=MaskFile(MASK, MASK_SHA256) if slow == 128 and draw(st.booleans()) else None,
        name=draw(st.text()),
        sensor=draw(_sensors),
    )


@st.composite
def _detectors(draw):
    shapes = st.sampled_from([(1, 1), (128, 128), (2527, 2463)])
    panel = st.tuples(shapes, st.tuples(_widths, _widths)).flatmap(lambda how: _panels(*how))
    listed = draw(st.lists(panel, min_size=1, max_size=3))
    bent = draw(st.none() | _positive)
    return Detector(tuple(listed), bent, draw(st.booleans()), draw(_sensors))


_noises = st.builds(
    Noise,
    *(_seeds, _fractions, _fractions, _seeds, finite(0.0, 1e3), _positive, _any),
    saturation=st.integers(1, 2**31 - 1),
    point_spread=st.none()
    | st.builds(PointSpread, st.sampled_from(["gauss", "fiber"]), _widths, st.just(1)),
)
_backgrounds = st.builds(
    Background,
    *(st.just(TABLE), st.just(TABLE_SHA256), st.sampled_from(["stol", "4stol", "Q"])),
    *(_positive, _positive, _positive, _positive),
)


def _experiment(c_compat, **parts):
    """An experiment, with c_compat, noise and light from one side only where these can be had."""
    for fewer in ({"c_compat": c_compat}, {}, {"noise": None}):
        for anywhere in (False, True):
            with contextlib.suppress(ExperimentError):
                return Experiment(**(parts | fewer), allow_upstream=anywhere)
    raise AssertionError("no noise can be had with anything")


experiments = st.builds(
    _experiment,
    beam=_beams(),
    crystal=_crystals(),
    detector=_detectors(),
    sampling=st.builds(
        Sampling,
        *(st.integers(1, 100), st.booleans(), finite(0.0, 100.0)),
        *(st.booleans(), st.booleans(), st.booleans()),
    ),
    exposures=_rotations(),
    structure_factors=st.builds(
        Reflections,
        st.sampled_from(["a.hkl", "./b/../c d.hkl", "/some/where/é.hkl"]),
        st.sampled_from(["hkl", "fdump"]),
        _any,
    )
    | st.builds(Reflections, st.just("a.mtz"), st.just("mtz"), _any, st.none() | st.text())
    | st.builds(
        Reflections,
        *(st.just("a.pdb"), st.just("model"), _any),
        calculation=st.builds(
            Calculation.of,
            st.none() | finite(0.2, 100.0),
            st.sampled_from([None, "chantler", "./b/é.txt"]),
            st.none() | st.tuples(finite(0.0, 2.0), finite(0.0, 1000.0)),
        ),
    ),
    c_compat=st.booleans(),
    notes=st.lists(st.text()).map(tuple),
    background=st.none() | _backgrounds,
    noise=st.none() | _noises,
)
