"""Detectors that ``--geometry`` or ``--detector`` states, beside nanoBragg options."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from tiled_sim.errors import ExperimentError, InputFileError, UsageError
from tiled_sim.io.named_detectors import KnownDetector, known_detector, named_detector
from tiled_sim.io.spectrum_file import SpectrumTable
from tiled_sim.model.detector import DeadPixels, Detector, Panel
from tiled_sim.model.exposures import Listed
from tiled_sim.model.geometry import Geometry, StatedSensor
from tiled_sim.model.recorded import IndexedCrystal, RecordedExperiment
from tiled_sim.physics.vectors import Array, as_tuple, unit
from tiled_sim.read.conventions import Convention, Placed
from tiled_sim.read.geometry import (
    ALL,
    SAME_NUMBER,
    dead_pixels_of,
    in_the_lab,
    is_image,
    light_note,
    read_first,
    rotation,
    turned,
)
from tiled_sim.read.nanobragg.beam import said_wavelength
from tiled_sim.read.nanobragg.conflicts import Conflicts
from tiled_sim.read.nanobragg.crystal import read_misset
from tiled_sim.read.nanobragg.detector import Laboratory, read_convention, read_region, up_of
from tiled_sim.read.nanobragg.header_centre import CENTRES
from tiled_sim.read.nanobragg.image_headers import ImageHeaders
from tiled_sim.read.nanobragg.mosaic_centre import mosaic_centre
from tiled_sim.read.nanobragg.options import Given
from tiled_sim.read.nanobragg.sensor import read_sensors
from tiled_sim.read.nanobragg.stated_sizes import by_pixels, check_header, check_sizes
from tiled_sim.read.recorded import StatedSweep, crystal_of, stills_of, sweep_of
from tiled_sim.read.sensors import with_sensors

#: Options that a geometry file leaves nothing to, each with what the file says of it.
_PLACED = {
    **dict.fromkeys(CENTRES, "where its panels stand"),
    **dict.fromkeys(
        ("-close_distance", "-pix0_vector", "-pix0_vector_mm", "-pivot"), "where its panels stand"
    ),
    **dict.fromkeys(
        ("-fdet_vector", "-sdet_vector", "-odet_vector"), "which way its panels are turned"
    ),
    **dict.fromkeys(
        (
            *("-detector_rotx", "-detector_roty", "-detector_rotz"),
            *("-twotheta", "-twotheta_axis"),
        ),
        "which way its panels are turned",
    ),
    "-img": "all that the header of an image would say of the detector",
    "-curved_det": "that its panels are flat",
}
_ONE_PANEL = ("-roi", "-mask")
#: Files and lines that are of one panel and frame; ``-floatfile`` holds all.
OF_ONE_IMAGE = ("-intfile", "-pgmfile", "-noisefile", "-printout_pixel")
#: What the frames of a whole list of experiments leave nothing to.
_CRYSTAL_AND_PHI = ("-cell", "-mat", "-phi", "-osc", "-phistep", "-phisteps", "-spindle_axis")
_SPREADS = ("-dispersion", "-dispsteps")


@dataclass(frozen=True, slots=True)
class DetectorSource:
    """What stands for the options of the detector.

    Parameters
    ----------
    geometry : file; None: the detector has a name
    model : name of the detector; None: it has a file
    experiment : which of the file's; ``all``: all are frames of one
    """

    geometry: str | None = None
    model: str | None = None
    experiment: int | Literal["all"] = 0

    @property
    def option(self) -> str:
        """It as an option."""
        if self.geometry is not None:
            return f"--geometry {self.geometry}"
        return f"--detector '{self.model}'"

    @classmethod
    def of(
        cls,
        geometry: str | Path | None,
        detector: str | None,
        experiment: int | Literal["all"] | None,
    ) -> "DetectorSource | None":
        """That of options; None: none is given.

        Raises
        ------
        UsageError
            for both, and for an experiment of no file
        """
        if geometry is not None and detector is not None:
            raise UsageError(
                f"--geometry {geometry} and --detector '{detector}' both state the detector; give "
                "one"
            )
        if experiment is not None and geometry is None:
            raise UsageError(
                f"--experiment {experiment} has no effect without --geometry; leave it out"
            )
        if geometry is not None:
            return cls(geometry=str(geometry), experiment=experiment or 0)
        return None if detector is None else cls(model=detector)

    @property
    def is_image(self) -> bool:
        """Whether it is one panel of square pixels by name, which the usual options can place."""
        return self.model is not None and is_image(known_detector(self.model))


@dataclass(frozen=True, slots=True)
class Stated:
    """A detector that is stated, in the lab of the run.

    Parameters
    ----------
    laboratory : its first panel, and the axes of the convention
    headers : of ``-mask``, whose pixels alone count
    panels : all
    sensors : of each, as the file states them; None: it does not
    source : of it all, as an option
    dead_pixels : None: every pixel lives
    wavelength : that the file states [Å]; None: it states none
    spectrum : that the file states; None: it states none
    crystal : that the file has, in the lab; None: it has none
    sweep : that the file states; None: it states none
    stills : that a whole list of experiments is; None: it is one experiment
    """

    laboratory: Laboratory
    headers: ImageHeaders
    panels: tuple[Panel, ...]
    sensors: tuple[StatedSensor | None, ...]
    source: str
    dead_pixels: DeadPixels | None = None
    wavelength: float | None = None
    spectrum: SpectrumTable | None = None
    crystal: IndexedCrystal | None = field(default=None, repr=False)
    sweep: StatedSweep | None = None
    stills: Listed | None = field(default=None, repr=False)


def image_options(
    given: Given, source: DetectorSource, headers: ImageHeaders, conflicts: Conflicts
) -> tuple[Given, DeadPixels | None]:
    """Options with pixels and sizes of a detector by name, which the others place; its gaps.

    Raises
    ------
    ExperimentError
        for options, or a header, that contradict the detector
    """
    known = known_detector(str(source.model))
    found = named_detector(known.name, distance=1.0, beam_centre=(0.0, 0.0))
    (panel,) = found.panels
    check_sizes(given, source.option, found.panels)
    check_header(headers, source.option, panel)
    for note in known.notes:
        conflicts.note(note)
    slow, fast = panel.pixels
    side = float(f"{panel.pixel_size[0] * 1e3:.12g}")
    placed = given.with_values(
        {"-pixel": (side,), "-detpixels_f": (fast,), "-detpixels_s": (slow,)}
    ).without("-detpixels", "-detsize", "-detsize_f", "-detsize_s")
    return placed, dead_pixels_of(found, DeadPixels("", model=known.name))


def read_stated(
    given: Given,
    source: DetectorSource,
    headers: ImageHeaders,
    spectrum: SpectrumTable | None,
    conflicts: Conflicts,
) -> Stated:
    """The detector of a geometry file, or one of several panels by its name.

    Parameters
    ----------
    given : the options
    source : the file or name
    headers : of ``-mask``
    spectrum : of our ``--spectrum``; None: there is none
    conflicts : told of what is decided

    Raises
    ------
    UsageError
        for options that the geometry leaves nothing to
    ExperimentError
        for options that contradict it
    InputFileError
        for a file that cannot be read, or lacks what is not given either
    """
    _refuse_placing(given, source)
    convention = read_convention(given, conflicts)
    distance = given.number("-distance")
    metres = None if distance is None else distance / 1e3
    if source.geometry is None:
        recorded, kept = _of_name(given, known_detector(str(source.model)), convention, conflicts)
    else:
        recorded, kept = _of_file(given, source, metres, spectrum, conflicts)
    beam, up = as_tuple(unit(convention.beam)), as_tuple(-unit(convention.slow))
    read = recorded.geometry
    geometry = turned(read, beam, up)
    for note in (*read.notes, *in_the_lab(beam, up)):
        conflicts.note(note)
    check_sizes(given, source.option, geometry.panels)
    if not given.any_of("-polar", "-nopolar"):
        conflicts.note(light_note(read.light))
    panels = _with_mask(given, geometry.panels, headers)
    wavelength, of_file = _light(given, source, read, spectrum)
    turn = rotation(read.light.direction, beam, up)
    sweep = sweep_of(recorded, turn)
    if sweep is not None:
        convention = replace(convention, spindle=sweep.spindle)
    return Stated(
        laboratory=_laboratory(panels[0], convention),
        headers=ImageHeaders(mask_file=headers.mask_file),
        panels=panels,
        sensors=read.sensors or (None,) * len(panels),
        source=source.option,
        dead_pixels=dead_pixels_of(read, kept),
        wavelength=wavelength,
        spectrum=of_file,
        crystal=crystal_of(recorded, turn),
        sweep=sweep,
        stills=_stills(given, recorded, turn, conflicts),
    )


def _stills(
    given: Given, recorded: RecordedExperiment, turn: Array, conflicts: Conflicts
) -> Listed | None:
    """The stills of a whole list of experiments; None: it is one."""
    if recorded.stills is None:
        return None
    others = given.any_of(*_CRYSTAL_AND_PHI)
    if others:
        raise UsageError(
            f"{' '.join(others)} beside --experiment {ALL}, which takes crystal and orientations "
            "of every frame from the file: leave one of them out"
        )
    return stills_of(recorded, turn, read_misset(given, conflicts))


def make_detector(
    given: Given, stated: Stated, wavelength: float, conflicts: Conflicts
) -> Detector:
    """The detector of a run; a region of interest only of a single panel.

    Parameters
    ----------
    given : the options
    stated : by a file or a name
    wavelength : of the beam [Å]
    conflicts : told of what is decided

    Raises
    ------
    ExperimentError, InputFileError, MissingExtraError
        as `read_sensors`
    """
    panels = stated.panels
    if "-roi" in given:
        panels = (replace(panels[0], region=read_region(given, panels[0].pixels, conflicts)),)
    sensors = read_sensors(given, conflicts, stated.sensors, wavelength, stated.source)
    panels, sensor = with_sensors(panels, sensors)
    return Detector(
        panels=panels,
        point_pixel="-point_pixel" in given,
        sensor=sensor,
        up=stated.laboratory.up,
        dead_pixels=stated.dead_pixels,
    )


def require_one_image(given: Given, panels: tuple[Panel, ...], frames: int) -> None:
    """Refuse to write files of one image from several panels or frames.

    Raises
    ------
    UsageError
        naming the options
    """
    asked = given.any_of(*OF_ONE_IMAGE)
    for what, count, has in (
        ("panel", len(panels), "the detector has"),
        ("frame", frames, "the geometry file has"),
    ):
        if asked and count > 1:
            raise UsageError(
                f"{' '.join(asked)}: of one {what} alone, and {has} {count}; leave it out, and "
                f"take what you need from the run (-floatfile holds all {what}s)"
            )
    if given.any_of("-intfile", "-noisefile") and not panels[0].has_square_pixels:
        raise UsageError(
            "-intfile and -noisefile: the header of an SMV image knows square pixels alone; leave "
            "them out"
        )


def _of_name(
    given: Given, known: KnownDetector, convention: Convention, conflicts: Conflicts
) -> tuple[RecordedExperiment, DeadPixels]:
    distance = given.number("-distance")
    if distance is None:
        distance = 100.0
        conflicts.note("the detector stands at the default, 100 mm; -distance gives another")
    if distance <= 0:
        raise ExperimentError(f"-distance {distance:g} mm must be positive")
    centre = mosaic_centre(given, known, convention, conflicts)
    found = named_detector(known.name, distance=distance / 1e3, beam_centre=centre)
    return RecordedExperiment(found), DeadPixels("", model=known.name)


def _of_file(
    given: Given,
    source: DetectorSource,
    distance: float | None,
    spectrum: SpectrumTable | None,
    conflicts: Conflicts,
) -> tuple[RecordedExperiment, DeadPixels]:
    """What the file says, and how it is read again."""
    said = said_wavelength(given, conflicts)
    tried = [said]
    if said is None and spectrum is not None:
        # a file's own wavelength need only be near the mean, which stands for one that it lacks
        tried.append(float(np.average(spectrum.wavelength, weights=spectrum.weight)))
    every = source.experiment == ALL
    number = 0 if source.experiment == ALL else source.experiment
    asked = DeadPixels("", path=source.geometry, distance=distance, experiment=number)
    return read_first(asked, tried, all_as_frames=every)


def _refuse_placing(given: Given, source: DetectorSource) -> None:
    """Refuse options that have nothing left to say."""
    for option, said in _PLACED.items():
        if option not in given:
            continue
        if source.geometry is None and option in CENTRES:
            continue
        if source.geometry is None:
            raise UsageError(
                f"{option} beside {source.option}: the {source.model} is several panels or has "
                "pixels that are not square, which the package's table places across the beam at "
                "-distance; leave it out, or give a geometry file (--geometry FILE)"
            )
        raise UsageError(f"{option} beside {source.option}: the file says {said}; leave one out")


def _with_mask(given: Given, panels: tuple[Panel, ...], headers: ImageHeaders) -> tuple[Panel, ...]:
    asked = given.any_of(*_ONE_PANEL)
    if asked and len(panels) > 1:
        raise UsageError(
            f"{' '.join(asked)}: which of the {len(panels)} panels is meant is left open; leave it "
            "out, or write a TOML file (`tiled-sim config`), whose panels may have each their own"
        )
    if headers.mask is None:
        return panels
    (panel,) = panels
    if headers.mask.shape != panel.pixels:
        raise ExperimentError(
            f"-mask {headers.mask.path} has {by_pixels(headers.mask.shape)} pixels (slow x fast), "
            f"the panel {by_pixels(panel.pixels)}; name a mask of that detector"
        )
    return (replace(panel, mask=headers.mask_file),)


def _light(
    given: Given, source: DetectorSource, read: Geometry, spectrum: SpectrumTable | None
) -> tuple[float | None, SpectrumTable | None]:
    """Wavelength [Å] and spectrum that a file states."""
    light = read.light
    if source.geometry is None:
        return None, None
    if len(light.wavelength) > 1:
        others = [*(["--spectrum"] if spectrum is not None else []), *given.any_of(*_SPREADS)]
        if others:
            raise ExperimentError(
                f"{source.option} has a spectrum of {len(light.wavelength)} wavelengths, and "
                f"{' '.join(others)} says another; leave it out"
            )
        return None, SpectrumTable(np.array(light.wavelength), np.array(light.weight), False)
    option = given.last_of("-energy", "-lambda")
    said = said_wavelength(given, Conflicts(False))
    if not light.wavelength:
        if said is None and spectrum is None:
            raise InputFileError(
                f"{source.geometry}: it says no wavelength; give it with -lambda (or -energy)"
            )
        return None, None
    (stated,) = light.wavelength
    if said is not None and abs(said - stated) > SAME_NUMBER * stated:
        raise ExperimentError(
            f"{option} ({said:.10g} Å) and {source.option} ({stated:.10g} Å) contradict each "
            f"other; leave {option} out"
        )
    return stated, None


def _laboratory(panel: Panel, convention: Convention) -> Laboratory:
    """A panel where it stands, as if the options of a convention had put it there."""
    origin, fast, slow, normal, beam = (
        np.array(vector)
        for vector in (
            *(panel.origin, panel.fast_axis, panel.slow_axis, panel.normal),
            unit(convention.beam),
        )
    )
    slope = float(beam @ normal)
    distance = panel.close_distance / (slope if abs(slope) > 1e-12 else 1.0)
    spot = distance * beam - origin
    side = max(panel.pixel_size)
    placed = Placed(
        *(origin, origin, fast, slow, normal, beam),
        polarization_axis=unit(convention.polarization_axis),
        spindle=unit(convention.spindle),
        distance=distance,
        beam_centre=_counted(convention.name, float(spot @ fast), float(spot @ slow), panel),
    )
    return Laboratory(placed, panel.pixels, side, 0.0, up_of(convention))


def _counted(name: str, fast: float, slow: float, panel: Panel) -> tuple[float, float]:
    """X and Y of a beam spot on a panel, as a convention counts them [m]."""
    half = 0.5 * max(panel.pixel_size)
    if name == "mosflm":
        return slow - half, fast - half
    if name == "denzo":
        return slow, fast
    if name == "adxv":
        return fast, panel.pixels[0] * panel.pixel_size[0] - slow
    return fast, slow
