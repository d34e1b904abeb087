"""What follows from an experiment, in the units that people use."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tiled_sim.io.stol import WATER
from tiled_sim.model.background import Background
from tiled_sim.model.beam import Beam
from tiled_sim.model.canonical import HASH_VERSION
from tiled_sim.model.crystal import Crystal
from tiled_sim.model.detector import Panel, Sensor
from tiled_sim.model.domains import ANISOTROPIC, NANOBRAGG, Domains
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Exposures, Listed
from tiled_sim.physics.cell import lengths_and_angles
from tiled_sim.physics.constants import HC_EV_ANGSTROM, RADIAN
from tiled_sim.physics.vectors import Array
from tiled_sim.read.conventions import beam_spot
from tiled_sim.read.toml.writer import as_comment, write_toml
from tiled_sim.store.location import FORMAT

#: None among numbers stands for infinity, which JSON does not have.
Value = int | float | str | None | tuple[float | None, ...]
_Rows = Iterator[tuple[str, Value, str]]


@dataclass(frozen=True, slots=True)
class Derived:
    """One value that follows from an experiment.

    Parameters
    ----------
    about : ``experiment``, ``beam``, ``crystal``, ``frames``, or ``panel`` with number and name
    name : what it is; no two of one part share it
    value : a number, several, or a text
    unit : of the value; empty if it has none
    """

    about: str
    name: str
    value: Value
    unit: str

    def __str__(self) -> str:
        numbers = self.value if isinstance(self.value, tuple) else (self.value,)
        text = " ".join(_shown(number) for number in numbers)
        return text + ("" if self.unit in ("", "°") else " ") + self.unit


def _shown(number: int | float | str | None) -> str:
    if number is None:
        return "∞"
    return f"{number:.7g}" if isinstance(number, float) else str(number)


def derived(experiment: Experiment) -> tuple[Derived, ...]:
    """Every value that a user may want to check before a run.

    Positions on a panel count from the corner of pixel (0, 0), slow before fast; angles and
    resolutions are those of the central beam.
    """
    parts = {
        "experiment": _of_experiment(experiment),
        "beam": _of_beam(experiment.beam),
        "crystal": _of_crystal(experiment.crystal),
        **{
            f"crystal {number}": _of_crystal(crystal)
            for number, crystal in enumerate(experiment.further_crystals, 2)
        },
        "frames": _of_exposures(experiment.exposures),
    }
    if experiment.detector.sensor is not None:
        parts["sensor"] = _of_sensor(experiment.detector.sensor)
    if experiment.background is not None:
        parts["background"] = _of_background(experiment.background)
    for number, panel in enumerate(experiment.detector.panels):
        name = panel_name(number, panel)
        parts[name] = _of_panel(experiment, panel)
        if panel.sensor is not None:
            parts[f"sensor of {name}"] = _of_sensor(panel.sensor)
    return tuple(Derived(part, *row) for part, rows in parts.items() for row in rows)


def format_config(experiment: Experiment) -> str:
    """TOML that runs the same, with everything derived in comments at its end."""
    lines = [as_comment(f"{row.about}: {row.name} = {row}") for row in derived(experiment)]
    return "\n".join([write_toml(experiment), "# What follows from it:", *lines, ""])


def _of_experiment(experiment: Experiment) -> _Rows:
    yield "SHA-256", experiment.sha256, ""
    yield "version of the SHA-256", HASH_VERSION, ""
    yield "format of a run", FORMAT, ""
    yield "image (frame, panel, slow, fast)", " x ".join(map(str, experiment.shape)), ""
    yield "steps a pixel (sources x domains x phi x subpixels)", experiment.steps, ""
    yield "evaluations (masked pixels included)", experiment.evaluations, ""
    if experiment.noise is not None and experiment.noise.point_spread is not None:
        yield "radius of the point spread", experiment.noise.reach(experiment.detector), "px"


def _of_beam(beam: Beam) -> _Rows:
    yield "photon energy", HC_EV_ANGSTROM / beam.wavelength, "eV"
    spectrum = beam.spectrum
    yield "sources", len(spectrum), ""
    ends = float(spectrum.wavelength.min()), float(spectrum.wavelength.max())
    yield "wavelengths from, to", ends, "Å"
    direction = np.array(beam.direction)
    across = np.linalg.norm(np.cross(spectrum.incident, direction), axis=1)
    tilt = float(np.arctan2(across, spectrum.incident @ direction).max())
    yield "largest angle of a source to the beam", tilt * 1e3, "mrad"


def _of_crystal(crystal: Crystal) -> _Rows:
    lengths, angles = lengths_and_angles(crystal.direct_vectors)
    yield "cell a, b, c", _floats(lengths), "Å"
    yield "cell alpha, beta, gamma", _floats(angles * RADIAN), "°"
    yield "cell volume", crystal.volume, "Å³"
    yield "size along a, b, c", _floats(np.array(crystal.edges) * 1e-4), "µm"
    yield from _of_domains(crystal.domains)
    if crystal.diffuse is not None:
        yield "F look-ups a step of the diffuse scattering", crystal.diffuse.nodes, ""


def _of_domains(domains: Domains) -> _Rows:
    if domains.kind != NANOBRAGG:
        yield "kind of mosaic domains", domains.kind, ""
    if domains.listed is not None:
        yield "SHA-256 of the listed domains", domains.listed.sha256, ""
        yield "listed domains are fixed in the", domains.listed.axes, ""
    elif domains.kind == ANISOTROPIC:
        yield "mosaic spreads about a*, b*, c*", _floats(np.degrees(domains.spreads)), "°"
    else:
        yield "mosaic spread", domains.spread * RADIAN, "°"


def _of_exposures(exposures: Exposures) -> _Rows:
    if isinstance(exposures, Listed):
        yield "exposures that are listed", len(exposures), ""
        for name, digest in exposures.hashes.items():
            yield f"SHA-256 of {name}", digest, ""
        return
    last = exposures.start + exposures.step * (exposures.steps - 1)
    ends = (exposures.start * RADIAN, last * RADIAN)
    yield "phi at the first and last step of frame 0", ends, "°"
    yield "oscillation", exposures.oscillation * RADIAN, "°"


def _ends(sensor: Sensor) -> int:
    """Step that leaves the first and last of a sensor's table of attenuation lengths."""
    return max(len(sensor.attenuation_table or ()) - 1, 1)


def _of_sensor(sensor: Sensor) -> _Rows:
    yield "thickness", sensor.thickness * 1e6, "µm"
    if sensor.material is not None:
        yield "material", sensor.material, ""
    yield "attenuation length", sensor.attenuation_length * 1e6, "µm"
    for wavelength, length in (sensor.attenuation_table or ())[:: _ends(sensor)]:
        yield f"attenuation length at {wavelength:.7g} Å", length * 1e6, "µm"
    yield "layers", sensor.layers, ""
    absorbed = -math.expm1(-sensor.thickness / sensor.attenuation_length)
    yield "absorbs of what meets it head-on", 100.0 * absorbed, "%"


def _of_background(background: Background) -> _Rows:
    yield "table", background.path or WATER, ""
    yield "SHA-256 of the table", background.sha256, ""
    yield "thickness along the beam", background.thickness * 1e6, "µm"
    yield "area in the beam", background.area * 1e12, "µm²"
    yield "molecules in the beam", background.molecules, ""


def panel_name(number: int, panel: Panel) -> str:
    """What is derived of a panel is about this: its number, and its name if that is another."""
    return f"panel {number}" + (f" ({panel.name})" if panel.name != str(number) else "")


def _of_panel(experiment: Experiment, panel: Panel) -> _Rows:
    size = np.array(panel.pixels) * panel.pixel_size
    yield "size (slow, fast)", _floats(size * 1e3), "mm"
    yield "close distance", panel.close_distance * 1e3, "mm"
    yield from _beam_on_panel(experiment.beam, panel)
    yield from _angles_on_panel(experiment, panel)
    yield "solid angle", _solid_angle(experiment, panel), "sr"


def _beam_on_panel(beam: Beam, panel: Panel) -> _Rows:
    """Where the beam and the normal through the sample meet the panel's plane."""
    direction, normal, origin = (np.array(v) for v in (beam.direction, panel.normal, panel.origin))
    fast, slow = np.array(panel.fast_axis), np.array(panel.slow_axis)
    spot = beam_spot(origin, fast, slow, normal, direction)
    if spot is None:
        yield "beam spot", "none, the beam does not meet the panel's plane", ""
    else:
        along = panel.close_distance / float(direction @ normal)
        slow_fast = np.array([spot[1], spot[0]])
        yield "distance along the beam", along * 1e3, "mm"
        yield "beam spot (slow, fast)", _floats(slow_fast / panel.pixel_size), "px"
        yield "beam spot from the corner (slow, fast)", _floats(slow_fast * 1e3), "mm"
    # XDS counts the centre of the first pixel as 1
    slow_size, fast_size = panel.pixel_size
    orgx, orgy = (
        0.5 - float(origin @ axis) / side for axis, side in ((fast, fast_size), (slow, slow_size))
    )
    yield "XDS ORGX, ORGY", (orgx, orgy), "px"


#: Places on a panel as fractions of its (slow, fast) size.
_CORNERS = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))
_EDGES = ((0.0, 0.5), (1.0, 0.5), (0.5, 0.0), (0.5, 1.0))


def _angles_on_panel(experiment: Experiment, panel: Panel) -> _Rows:
    beam = experiment.beam
    direction = np.array(beam.direction)

    def two_theta(places: tuple[tuple[float, float], ...]) -> list[float]:
        return [_angle(place, direction) for place in _positions(experiment, panel, places)]

    corner, edges = max(two_theta(_CORNERS)), two_theta(_EDGES)
    at_corner = "at the corner farthest from the beam"
    yield f"2θ {at_corner}", corner * RADIAN, "°"
    yield f"resolution {at_corner}", _resolution(corner, beam.wavelength), "Å"
    at_edges = "at the middle of the edges (slow first, last, fast first, last)"
    yield f"2θ {at_edges}", tuple(angle * RADIAN for angle in edges), "°"
    resolutions = tuple(_resolution(angle, beam.wavelength) for angle in edges)
    yield f"resolution {at_edges}", resolutions, "Å"


def _resolution(two_theta: float, wavelength: float) -> float | None:
    """Spacing that diffracts to 2θ [Å]; None, for infinity, in the direct beam."""
    sine = math.sin(two_theta / 2.0)
    return wavelength / (2.0 * sine) if sine > 0 else None


def _positions(
    experiment: Experiment, panel: Panel, places: tuple[tuple[float, float], ...]
) -> Array:
    """Positions (n, 3) from the sample [m], as the simulation has them."""
    sides = np.array(panel.pixel_size) * panel.pixels
    axes = np.array([panel.slow_axis, panel.fast_axis])
    flat = np.array(panel.origin) + (np.array(places) * sides) @ axes
    radius = experiment.detector.curvature_radius
    return flat if radius is None else _bent(experiment, panel, flat, radius)


def _bent(experiment: Experiment, panel: Panel, flat: Array, radius: float) -> Array:
    """The same on a curved detector."""
    # torch takes a second to import, and most detectors are flat
    import torch

    from tiled_sim.physics import geometry

    bend = geometry.curved_position_as_c if experiment.c_compat else geometry.curved_position
    position = geometry.Vectors(*torch.unbind(torch.from_numpy(flat), dim=1))
    axes = (experiment.beam.direction, panel.slow_axis, panel.fast_axis)
    return torch.stack(tuple(bend(position, *axes, radius)), dim=1).numpy()


def _solid_angle(experiment: Experiment, panel: Panel) -> float:
    """Solid angle of the whole panel [sr]."""
    radius = experiment.detector.curvature_radius
    if radius is not None:
        pixel = panel.pixel_area / radius**2 * abs(panel.close_distance) / radius
        return math.prod(panel.pixels) * pixel
    first, along_fast, along_slow, last = _positions(experiment, panel, _CORNERS)
    return _triangle(first, along_fast, last) + _triangle(first, last, along_slow)


def _triangle(a: Array, b: Array, c: Array) -> float:
    """Solid angle of a triangle seen from the origin [sr] (van Oosterom and Strackee)."""
    lengths = [float(np.linalg.norm(v)) for v in (a, b, c)]
    below = math.prod(lengths) + sum(
        float(u @ v) * length
        for u, v, length in zip((a, a, b), (b, c, c), reversed(lengths), strict=True)
    )
    return 2.0 * math.atan2(abs(float(a @ np.cross(b, c))), below)


def _angle(u: Array, v: Array) -> float:
    """Angle between two vectors [rad], precise near 0 too."""
    return math.atan2(float(np.linalg.norm(np.cross(u, v))), float(u @ v))


def _floats(values: Array) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
