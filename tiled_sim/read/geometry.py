"""Geometry files of any format that is read, and their turning into a run's lab frame."""

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import ExperimentError, InputFileError, UsageError
from tiled_sim.io.cbf import is_cbf
from tiled_sim.io.crystfel_geometry import read_crystfel_geometry
from tiled_sim.io.crystfel_text import is_crystfel
from tiled_sim.io.detector_layouts import Image
from tiled_sim.io.dials_experiments import read_experiments
from tiled_sim.io.image_header import ImageHeader
from tiled_sim.io.mask_file import read_image_header
from tiled_sim.io.named_detectors import KnownDetector, known_detector, named_detector
from tiled_sim.io.nexus_geometry import read_nexus_geometry
from tiled_sim.io.smv import is_smv
from tiled_sim.io.source_file import read_source
from tiled_sim.model.arrangement import away
from tiled_sim.model.detector import DeadPixels, Panel
from tiled_sim.model.geometry import GEOMETRY_FORMATS, Geometry, Light
from tiled_sim.model.recorded import RecordedExperiment
from tiled_sim.physics.vectors import Array, Vector, as_tuple, unit
from tiled_sim.read.stills import as_frames

#: In place of an experiment's number.
ALL: Final = "all"
#: Distances that are said twice may differ by this [m].
SAME_LENGTH = 1e-6
#: Other numbers that are said twice may differ by this share.
SAME_NUMBER = 1e-6
#: Below this sine of the angle to the beam a vector says no upward direction.
_ALONG_BEAM = 1e-3
_NAMED = 3
_HDF5 = b"\x89HDF\r\n\x1a\n"
_BEGINNING = 4096

Dead = Sequence[npt.NDArray[np.bool_] | None]


def read_geometry(
    path: str,
    *,
    distance: float | None = None,
    wavelength: float | None = None,
    experiment: int | Literal["all"] = 0,
) -> Geometry:
    """Read a geometry file; its content tells the format.

    NXmx and the masters of Eiger detectors (HDF5), experiment lists of DIALS (JSON), headers of SMV
    and CBF images, and everything else as CrystFEL's text.

    Parameters
    ----------
    path : of the file
    distance : from the sample to the detector, where the file gives none [m]
    wavelength : where the file gives none [Å]
    experiment : which of an experiment list; ``all``: all are frames of one

    Raises
    ------
    InputFileError
        the file cannot be read, describes what cannot be, or lacks what is not given either
    ExperimentError
        what is given contradicts the file
    UsageError
        the file has not so many experiments, or h5py is not installed
    """
    return read_recorded(
        path, distance=distance, wavelength=wavelength, experiment=experiment
    ).geometry


def read_recorded(
    path: str,
    *,
    distance: float | None = None,
    wavelength: float | None = None,
    experiment: int | Literal["all"] = 0,
) -> RecordedExperiment:
    """As `read_geometry`, with the crystal and the rotation that an experiment list has beside."""
    kind = _format(path)
    if kind == "expt":
        every = read_experiments(path)
        recorded = (
            as_frames(path, every) if experiment == ALL else _chosen(path, every, int(experiment))
        )
        _check_distance(path, recorded.geometry, distance)
        return recorded
    if experiment != 0:
        raise UsageError(
            f"--experiment {experiment} of {path}: only a DIALS experiment list has several; leave "
            "it out"
        )
    if kind == "crystfel":
        read = read_crystfel_geometry(path, distance=distance, wavelength=wavelength)
        return RecordedExperiment(read)
    if kind == "hdf5":
        geometry = read_nexus_geometry(path)
        _check_distance(path, geometry, distance)
        return RecordedExperiment(geometry)
    return RecordedExperiment(_of_header(read_image_header(path), distance))


def _format(path: str) -> str:
    """``hdf5``, ``image``, ``expt`` or ``crystfel``."""
    try:
        with open(path, "rb") as file:
            beginning = file.read(_BEGINNING)
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or error
        hint = _detector_named(path)
        raise InputFileError(f"cannot read the geometry file {path}: {told}{hint}") from None
    if beginning.startswith(_HDF5):
        return "hdf5"
    if is_smv(beginning) or is_cbf(beginning):
        return "image"
    if beginning.lstrip()[:1] in (b"{", b"["):
        return "expt"
    source = read_source(path)
    if not is_crystfel(source):
        raise source.error(
            f"it is of no format that a detector is read from: {GEOMETRY_FORMATS}; name such a "
            "file, or a detector that has a name (`tiled-sim geometry --list`)"
        )
    return "crystfel"


def _detector_named(path: str) -> str:
    """A hint for what is the name of a detector and no file; empty if it is none."""
    try:
        return f"; --detector '{known_detector(path).name}' is a detector by its name"
    except UsageError:
        return ""


def _chosen(path: str, recorded: Sequence[RecordedExperiment], number: int) -> RecordedExperiment:
    if not 0 <= number < len(recorded):
        raise UsageError(
            f"--experiment {number}: {path} has experiments 0 to {len(recorded) - 1}; name one, or "
            f"{ALL}"
        )
    one = recorded[number]
    if len(recorded) == 1:
        return one
    note = (
        f"experiment {number} of {len(recorded)} in {path}; --experiment N takes another, "
        f"--experiment {ALL} makes frames of them"
    )
    return replace(one, geometry=replace(one.geometry, notes=(note, *one.geometry.notes)))


def _check_distance(path: str, geometry: Geometry, distance: float | None) -> None:
    """Refuse a distance at which no panel of a file that states them stands."""
    if distance is None:
        return
    near, far = distances(geometry)
    if near - SAME_LENGTH <= distance <= far + SAME_LENGTH:
        return
    stand = f"{near * 1e3:.10g}" + (f" to {far * 1e3:.10g}" if far - near > SAME_LENGTH else "")
    raise ExperimentError(
        f"-distance {distance * 1e3:.10g} mm and {path}, whose panels stand {stand} mm along the "
        "beam, contradict each other; leave -distance out"
    )


def distances(geometry: Geometry) -> tuple[float, float]:
    """Least and largest distance along the beam [m]: of the plane of one panel, or of centres."""
    beam = np.array(geometry.light.direction)
    if len(geometry.panels) == 1:
        (panel,) = geometry.panels
        slope = float(beam @ panel.normal)
        if abs(slope) > _ALONG_BEAM:
            return panel.close_distance / slope, panel.close_distance / slope
    along = [float(centre_of(panel) @ beam) for panel in geometry.panels]
    return min(along), max(along)


def centre_of(panel: Panel) -> Array:
    """Sample to the middle of a panel [m]."""
    (slow, fast), (height, width) = panel.pixels, panel.pixel_size
    half = 0.5 * (
        fast * width * np.array(panel.fast_axis) + slow * height * np.array(panel.slow_axis)
    )
    return np.asarray(panel.origin + half, dtype=np.float64)


def _of_header(header: ImageHeader, distance: float | None) -> Geometry:
    """One panel across the beam, fast to the right and slow down, by the header of an image.

    The beam centre is that of CBF's Beam_xy, or of SMV's BEAM_CENTER_X and Y as MOSFLM counts.
    """
    pixel = _needed(header, "PIXEL_SIZE") / 1e3
    if "BEAM_FAST" in header:
        fast, slow = (_needed(header, f"BEAM_{axis}") * pixel for axis in ("FAST", "SLOW"))
        counted = "Beam_xy, from the corner of the first pixel"
    else:
        slow, fast = (_needed(header, f"BEAM_CENTER_{axis}") / 1e3 + pixel / 2.0 for axis in "XY")
        counted = "BEAM_CENTER_X and _Y, as MOSFLM counts"
    if header.number("TWOTHETA"):
        raise InputFileError(
            f"{header.where('TWOTHETA')}: about which axis it is the header does not say; give "
            "-img, -twotheta and -twotheta_axis in place of --geometry"
        )
    stated = header.number("DISTANCE")
    along = distance if stated is None else stated / 1e3
    if along is None:
        raise InputFileError(f"{header.path}: the header says no distance; give -distance")
    if distance is not None and abs(distance - along) > SAME_LENGTH:
        raise ExperimentError(
            f"-distance {distance * 1e3:.10g} mm and {header.where('DISTANCE')} ({along * 1e3:.10g}"
            " mm) contradict each other; leave -distance out"
        )
    across, down = (-1.0, 0.0, 0.0), (0.0, -1.0, 0.0)
    try:
        panel = Panel(
            origin=(fast, slow, along),
            fast_axis=across,
            slow_axis=down,
            normal=away((fast, slow, along), across, down),
            pixels=header.shape,
            pixel_size=(pixel, pixel),
        )
    except ExperimentError as error:
        raise InputFileError(f"{header.path}: its header makes no panel ({error})") from None
    wavelength = header.number("WAVELENGTH")
    if wavelength is not None and wavelength <= 0:
        raise InputFileError(f"{header.where('WAVELENGTH')} must be positive")
    light = Light() if wavelength is None else Light((wavelength,), (1.0,))
    notes = (
        f"one panel across the beam, its first pixel the upper left one seen from the sample; the "
        f"beam centre is {counted}",
    )
    return Geometry(panels=(panel,), light=light, notes=notes)


def _needed(header: ImageHeader, key: str) -> float:
    value = header.number(key)
    if value is None:
        raise InputFileError(
            f"{header.path}: the header says no {key}, which places the panel; give -img and the "
            "missing option in place of --geometry"
        )
    return value


def turned(geometry: Geometry, beam: Vector, up: Vector) -> Geometry:
    """A geometry in a lab frame, its beam along `beam` and its up (y) along `up`.

    Parameters
    ----------
    geometry : in the frame with z along the beam, y up, x left
    beam : unit vector along which the light travels in the lab
    up : what is up in the lab; only its part across the beam counts

    Raises
    ------
    ExperimentError
        if `up` lies along the beam
    """
    turn = rotation(geometry.light.direction, beam, up)
    light = geometry.light
    axis = light.polarization_axis
    return replace(
        geometry,
        panels=tuple(_turned_panel(panel, turn) for panel in geometry.panels),
        light=replace(
            light,
            direction=beam,
            polarization_axis=None if axis is None else as_tuple(turn @ np.array(axis)),
        ),
    )


def rotation(direction: Vector, beam: Vector, up: Vector) -> Array:
    """What turns vectors of a file into the lab, (3, 3). Raises as `turned`.

    Parameters
    ----------
    direction : of the light in the file's frame
    beam, up : as `turned`
    """
    return _frame(beam, up) @ _frame(direction, (0.0, 1.0, 0.0)).T


def _frame(beam: Vector, up: Vector) -> Array:
    """Columns x (left), y (up), z (along the beam)."""
    along = np.array(beam)
    across = np.array(up) - float(np.dot(up, along)) * along
    if np.linalg.norm(across) < _ALONG_BEAM:
        raise ExperimentError(
            f"the beam {beam} travels along what is up, {up}, so that how the geometry is turned "
            "about it is left open; give another beam"
        )
    upward = unit(across)
    return np.column_stack([unit(np.cross(upward, along)), upward, along])


def _turned_panel(panel: Panel, turn: Array) -> Panel:
    def by(vector: Vector) -> Vector:
        return as_tuple(turn @ np.array(vector) + 0.0)

    return replace(
        panel,
        origin=by(panel.origin),
        fast_axis=by(panel.fast_axis),
        slow_axis=by(panel.slow_axis),
        normal=by(panel.normal),
    )


def in_the_lab(beam: Vector, up: Vector) -> tuple[str, ...]:
    """A note on how a geometry stands in the lab."""
    words = (" ".join(f"{component + 0.0:g}" for component in vector) for vector in (beam, up))
    return (
        "the geometry is turned into the lab: its beam along {}, its up along {}".format(*words),
    )


def light_note(light: Light) -> str:
    """What to tell of a polarization that a file has, which counts only if it is asked for."""
    if light.polarization is None:
        return ""
    return (
        f"the file's polarization, Kahn's factor {light.polarization:g}, counts only if it is "
        "asked for: -polar and -polar_vector in options, polarization in TOML's [beam]"
    )


def is_image(known: KnownDetector) -> bool:
    """Whether a detector is one panel of square pixels, which the usual options can place."""
    slow, fast = known.pixel_size
    if not isinstance(known.layout, Image) or slow != fast:
        return False
    return len(list(known.layout.panels(known.pixel_size, 1.0))) == 1


def read_first(
    asked: DeadPixels, wavelengths: Sequence[float | None], *, all_as_frames: bool = False
) -> tuple[RecordedExperiment, DeadPixels]:
    """Read a file with the first wavelength that will do, and how it is read again.

    Parameters
    ----------
    asked : file, distance and experiment
    wavelengths : to try where the file states none, one after the other [Å]
    all_as_frames : whether not one experiment is asked for but all; they share their dead pixels

    Raises
    ------
    TiledSimError
        as `read_geometry`, with the last wavelength
    """
    *others, last = wavelengths
    for wavelength in others:
        with contextlib.suppress(InputFileError):
            return _read_again(asked, wavelength, all_as_frames)
    return _read_again(asked, last, all_as_frames)


def _read_again(
    asked: DeadPixels, wavelength: float | None, all_as_frames: bool
) -> tuple[RecordedExperiment, DeadPixels]:
    read = read_recorded(
        str(asked.path),
        distance=asked.distance,
        wavelength=wavelength,
        experiment=ALL if all_as_frames else asked.experiment,
    )
    return read, replace(asked, wavelength=wavelength)


def dead_pixels_of(geometry: Geometry, kept: DeadPixels) -> DeadPixels | None:
    """Where the dead pixels of a geometry come from, with their hash; None: there are none."""
    if not any_dead(geometry):
        return None
    return replace(kept, sha256=sha256_of_dead(geometry.dead))


def sha256_of_dead(dead: Dead) -> str:
    """Hash of the dead pixels of all panels: number, shape and bits of each that has some."""
    digest = hashlib.sha256(str(len(dead)).encode())
    for number, pixels in enumerate(dead):
        if pixels is not None and pixels.any():
            digest.update(f"{number} {pixels.shape}".encode())
            digest.update(np.packbits(pixels).tobytes())
    return digest.hexdigest()


def any_dead(geometry: Geometry) -> bool:
    """Whether some pixel of a geometry is dead."""
    return any(pixels is not None and bool(pixels.any()) for pixels in geometry.dead)


def read_dead_pixels(source: DeadPixels) -> Dead:
    """The dead pixels of every panel, read again.

    Raises
    ------
    InputFileError
        the file is missing, malformed, or not the one that the experiment was made with
    """
    if source.path is not None:
        geometry = read_geometry(
            source.path,
            distance=source.distance,
            wavelength=source.wavelength,
            experiment=source.experiment,
        )
    else:
        geometry = named_detector(str(source.model), distance=source.distance or 1.0)
    found = sha256_of_dead(geometry.dead)
    if found != source.sha256:
        raise InputFileError(
            f"the dead pixels of {source.path or source.model} have changed since the experiment "
            f"was read: their SHA-256 is {found}, not {source.sha256}"
        )
    return geometry.dead
