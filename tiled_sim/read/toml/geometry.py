"""What a TOML file takes from a geometry file, and detectors by name."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from tiled_sim.errors import ExperimentError, InputFileError, TiledSimError, UsageError
from tiled_sim.io.named_detectors import KnownDetector, known_detector, named_detector
from tiled_sim.io.spectrum_file import SpectrumTable
from tiled_sim.model.detector import DeadPixels, Panel
from tiled_sim.model.exposures import Listed
from tiled_sim.model.geometry import Geometry
from tiled_sim.model.recorded import IndexedCrystal, RecordedExperiment
from tiled_sim.physics.vectors import Array, Vector
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
from tiled_sim.read.recorded import StatedSweep, crystal_of, stills_of, sweep_of
from tiled_sim.read.toml.beam import StatedLight
from tiled_sim.read.toml.keys import known
from tiled_sim.read.toml.table import Table

#: Quantities of a detector that is stated elsewhere.
STATED = ("geometry", "experiment", "model")
#: What readers say of options, and what a TOML file has in their place.
_IN_TOML = {
    "-lambda (or -energy)": "wavelength_A (or energy_eV) in [beam]",
    "-distance": "distance_mm",
    "-detector_abs": "attenuation_length_um",
    "-lambda": "[beam]",
    "--geometry": "geometry",
    "--experiment": "experiment",
}
#: What is up, and what is where the beam travels along that.
_UP: Vector = (0.0, 1.0, 0.0)
_UP_OF_VERTICAL: Vector = (0.0, 0.0, 1.0)
_NEARLY_VERTICAL = 0.999


@dataclass(frozen=True, slots=True)
class StatedDetector:
    """A detector of a geometry file, or one of several panels by its name.

    Parameters
    ----------
    recorded : in the frame with z along the beam, y up, x left
    dead_pixels : None: every pixel lives
    """

    recorded: RecordedExperiment
    dead_pixels: DeadPixels | None

    @property
    def geometry(self) -> Geometry:
        """Panels and light, in the same frame."""
        return self.recorded.geometry

    @property
    def light(self) -> StatedLight:
        """What the file states of the beam."""
        light = self.geometry.light
        if len(light.wavelength) > 1:
            table = SpectrumTable(np.array(light.wavelength), np.array(light.weight), False)
            return StatedLight(spectrum=table)
        return StatedLight(light.wavelength[0] if light.wavelength else None)

    def panels(self, beam: Vector, notes: list[str]) -> tuple[Panel, ...]:
        """In the lab, where y is up.

        Parameters
        ----------
        beam : direction of the light in the lab
        notes : take what the user should know
        """
        up = _up(beam)
        geometry = turned(self.geometry, beam, up)
        notes += [*self.geometry.notes, *in_the_lab(beam, up)]
        notes.append(light_note(self.geometry.light))
        return geometry.panels

    def crystal(self, beam: Vector) -> IndexedCrystal | None:
        """In the lab, where the spindle is at 0; None: the file has none."""
        return crystal_of(self.recorded, self._turn(beam))

    def sweep(self, beam: Vector) -> StatedSweep | None:
        """How the crystal turns in the lab; None: the file does not say."""
        return sweep_of(self.recorded, self._turn(beam))

    def stills(self, beam: Vector, misset: Array | None) -> Listed | None:
        """The stills of a whole list of experiments, turned by `misset`; None: it is one."""
        return stills_of(self.recorded, self._turn(beam), misset)

    def _turn(self, beam: Vector) -> Array:
        return rotation(self.geometry.light.direction, beam, _up(beam))


def _up(beam: Vector) -> Vector:
    """What is up in the lab of a beam."""
    return _UP if abs(beam[1]) < _NEARLY_VERTICAL else _UP_OF_VERTICAL


def read_stated(table: Table, wavelengths: Sequence[float | None]) -> StatedDetector | None:
    """What ``geometry``, or ``model`` of several panels, states; None: neither is there.

    Parameters
    ----------
    table : of the detector
    wavelengths : to try where a file states none, one after the other [Å]; None: none is known

    Raises
    ------
    ExperimentError, InputFileError
        for what cannot be read, or contradicts the document; names file and key
    """
    if "geometry" in table and "model" in table:
        raise table.error("geometry and model both state the detector: give one")
    if "experiment" in table and "geometry" not in table:
        raise table.error("experiment without the geometry that has it: leave it out")
    if "geometry" not in table and named_image(table) is not None:
        return None
    if "geometry" not in table and "model" not in table:
        return None
    distance = table.number("distance") if "distance" in table else None
    if "geometry" in table:
        number = table.integer_or_word("experiment", ALL, 0)
        every = number is None
        with saying(table, "geometry"):
            asked = DeadPixels(
                "", path=table.path("geometry"), distance=distance, experiment=number or 0
            )
            recorded, kept = read_first(asked, wavelengths, all_as_frames=every)
    else:
        with saying(table, "model"):
            known = known_detector(table.text("model"))
            if distance is None:
                raise UsageError(f"the {known.name} needs a distance: give -distance")
            geometry = named_detector(
                known.name, distance=distance, beam_centre=_centre(table, known)
            )
            recorded = RecordedExperiment(geometry)
        kept = DeadPixels("", model=known.name)
    _check_sizes(table, recorded.geometry.panels)
    return StatedDetector(recorded, dead_pixels_of(recorded.geometry, kept))


def _centre(table: Table, known: KnownDetector) -> tuple[float, float] | None:
    """Where the beam passes, down and to the right in the rectangle around all panels [m]."""
    if "beam_center" not in table:
        return None
    down, right = table.numbers("beam_center", 2)
    return down * known.pixel_size[0], right * known.pixel_size[1]


def named_image(table: Table) -> Geometry | None:
    """One panel of square pixels that ``model`` names, which the other keys place; None: none.

    Raises
    ------
    ExperimentError
        no detector has the name, or pixels are said that it has not
    """
    if "model" not in table:
        return None
    with saying(table, "model"):
        known = known_detector(table.text("model"))
    if not is_image(known):
        return None
    found = named_detector(known.name, distance=1.0, beam_centre=(0.0, 0.0))
    _check_sizes(table, found.panels)
    return replace(found, notes=known.notes)


def read_dead_pixels_table(detector: Table) -> DeadPixels | None:
    """``[detector.dead_pixels]``, which stands beside panels that are listed."""
    if "dead_pixels" not in detector:
        return None
    table = detector.table("dead_pixels", known("detector", "dead_pixels"))
    return table.build(
        DeadPixels,
        sha256=table.text("sha256"),
        path=table.path("path") if "path" in table else None,
        model=table.text("model") if "model" in table else None,
        distance=table.number("distance") if "distance" in table else None,
        wavelength=table.number("wavelength") if "wavelength" in table else None,
        experiment=table.integer("experiment", 0),
    )


def _check_sizes(table: Table, panels: Sequence[Panel]) -> None:
    """Refuse pixels that are not those of the panels."""
    if "pixels" in table:
        said = table.integers("pixels", 2)
        for panel in panels:
            if panel.pixels != said:
                raise table.error(
                    f"{table.named('pixels')} = {list(said)} and {table.named(*STATED)}, which has "
                    f"{list(panel.pixels)}, contradict each other: leave it out"
                )
    if "pixel_size" in table:
        sides = table.numbers_or_one("pixel_size", 2)
        for panel in panels:
            for side, own in zip(sides, panel.pixel_size, strict=True):
                if abs(side - own) > SAME_NUMBER * own:
                    raise table.error(
                        f"{table.named('pixel_size')} ({side * 1e3:.10g} mm) and "
                        f"{table.named(*STATED)}, which has {own * 1e3:.10g} mm, contradict each "
                        "other: leave it out"
                    )


@contextmanager
def saying(table: Table, quantity: str) -> Iterator[None]:
    """Say of what a reader refuses which key is meant, and what to write in TOML."""
    try:
        yield
    except TiledSimError as error:
        message = error.written
        for option, key in _IN_TOML.items():
            message = message.replace(option, key)
        told = table.error(f"{table.named(quantity)}: {message}").written
        raise (InputFileError if isinstance(error, InputFileError) else ExperimentError)(
            told
        ) from None
