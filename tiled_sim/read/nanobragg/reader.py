"""From a nanoBragg command line to a resolved experiment, and to what else it asks for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Unpack

from tiled_sim.errors import UsageError
from tiled_sim.io.camera import CameraHeader
from tiled_sim.io.space_group import find_space_group
from tiled_sim.io.spectrum_file import SpectrumTable
from tiled_sim.model.arithmetic import computable
from tiled_sim.model.bandwidth import Bandwidth, SpectrumFile
from tiled_sim.model.beam import Beam
from tiled_sim.model.calculation import Calculation
from tiled_sim.model.crystal import Crystal
from tiled_sim.model.crystals import largest_and_smallest
from tiled_sim.model.detector import DeadPixels, Detector
from tiled_sim.model.experiment import Experiment, Reflections
from tiled_sim.model.exposures import Exposures
from tiled_sim.model.own_options import OwnOptions, check_own
from tiled_sim.model.readout import Noise
from tiled_sim.model.remarks import noted
from tiled_sim.model.sampling import Sampling, recommended_for, recommended_oversample
from tiled_sim.physics.vectors import as_tuple
from tiled_sim.read.nanobragg.background import read_background
from tiled_sim.read.nanobragg.beam import read_beam, read_beam_size, read_wavelength
from tiled_sim.read.nanobragg.camera import camera_header
from tiled_sim.read.nanobragg.conflicts import Conflicts
from tiled_sim.read.nanobragg.crystal import read_crystal, twin_of
from tiled_sim.read.nanobragg.detector import Laboratory, read_detector, read_laboratory
from tiled_sim.read.nanobragg.domains import OwnMosaic
from tiled_sim.read.nanobragg.dropped import settle_dropped
from tiled_sim.read.nanobragg.exposures import PhiSweep, make_exposures, read_sweep
from tiled_sim.read.nanobragg.image_headers import ImageHeaders, read_image_headers
from tiled_sim.read.nanobragg.naming import by_options
from tiled_sim.read.nanobragg.options import Given, parse
from tiled_sim.read.nanobragg.outputs import (
    Outputs,
    random_misset,
    read_outputs,
    require_companions,
)
from tiled_sim.read.nanobragg.sensor import AskedSensor
from tiled_sim.read.nanobragg.stated import (
    OF_ONE_IMAGE,
    DetectorSource,
    Stated,
    image_options,
    make_detector,
    read_stated,
    require_one_image,
)
from tiled_sim.read.precedence import NamedReflections
from tiled_sim.read.sampling import (
    choose_interpolation,
    choose_oversample,
    shortest_wavelength,
)
from tiled_sim.read.sensors import with_attenuation
from tiled_sim.read.shots import Shots, listed_shots
from tiled_sim.read.spectra import Wavelengths, in_channels, lines_of


@dataclass(frozen=True)
class Command:
    """A nanoBragg command line, its words parsed once.

    Paths count from the working directory.

    Parameters
    ----------
    given : its options
    c_compat : replay what the C program does wrong, and ignore what it ignores
    spectrum : file of the spectrum, or its shape by numbers; None: neither
    detector : geometry file or name that states the detector; None: the options do
    """

    given: Given
    c_compat: bool
    spectrum: SpectrumFile | Bandwidth | None = None
    detector: DetectorSource | None = None

    @classmethod
    def of(
        cls,
        words: Sequence[str],
        *,
        c_compat: bool = False,
        spectrum: str | Path | SpectrumFile | Bandwidth | None = None,
        detector: DetectorSource | None = None,
    ) -> "Command":
        """Parse the words, without the program's name.

        Parameters
        ----------
        words : of nanoBragg
        c_compat, spectrum, detector : of ours; see the class

        Raises
        ------
        UsageError
            for unknown, refused and malformed options, and for a spectrum, or a detector that is
            stated, as C has it
        """
        if c_compat and detector is not None:
            raise UsageError(
                f"{detector.option} cannot be had as C has it: the C program knows neither "
                "geometry files nor detectors by name; leave one of it and --c-compat out"
            )
        if c_compat and spectrum is not None:
            option = "--bandwidth" if isinstance(spectrum, Bandwidth) else "--spectrum"
            raise UsageError(
                f"{option} cannot be had as C has it: the C program ignores the weights of "
                f"sources; leave one of {option} and --c-compat out"
            )
        if isinstance(spectrum, str | Path):
            spectrum = SpectrumFile(spectrum)
        return cls(parse(words, c_compat=c_compat), c_compat, spectrum, detector)

    @cached_property
    def outputs(self) -> Outputs:
        """What is asked for besides the run. Raises as `read_outputs` and `experiment`."""
        outputs = read_outputs(self.given, c_compat=self.c_compat)
        if self.detector is not None and self._camera.stated is not None:
            stills = self._camera.stated.stills
            frames = self._camera.sweep.count if stills is None else len(stills)
            require_one_image(self.given, self._camera.stated.panels, frames)
        if outputs.integer_image is None and outputs.count_image is None:
            return outputs
        return replace(outputs, camera=self.camera)

    @cached_property
    def camera(self) -> CameraHeader:
        """What an image of the command says in its header. Raises as `experiment`."""
        with computable("nanoBragg options:"):
            seen = self._camera
            return camera_header(seen.laboratory, seen.wavelength, seen.sweep)

    def factors(self, own: OwnOptions) -> NamedReflections:
        """What the command, and ours beside it, say of structure factors.

        Raises
        ------
        UsageError
            for a space group that does not exist
        ExperimentError
            for a calculation from a model that cannot be
        """
        fdump, mtz, space_group = own.get("fdump"), own.get("mtz"), own.get("space_group")
        model, anomalous = own.get("model"), own.get("anomalous")
        if space_group is not None:
            find_space_group(space_group)
        return NamedReflections(
            hkl=self.given.text("-hkl"),
            dump=self.given.text("-dump"),
            fdump=None if fdump is None else str(fdump),
            mtz=None if mtz is None else str(mtz),
            model=None if model is None else str(model),
            calculation=Calculation.of(
                own.get("model_dmin"),
                None if anomalous is None else str(anomalous),
                own.get("solvent"),
                own.get("F_energies"),
            ),
            default_F=self.given.number("-default_F") or 0.0,
            ignore_file_cell=own.get("ignore_file_cell", False),
            space_group=space_group,
            F000=own.get("F000"),
        )

    def experiment(
        self,
        structure_factors: Reflections | None = None,
        **own: Unpack[OwnOptions],
    ) -> Experiment:
        """Resolve the experiment.

        Parameters
        ----------
        structure_factors : the source, whatever is named; None: the one that is named
        own : of ours, beside nanoBragg's

        Raises
        ------
        UsageError
            for options that cannot be honoured
        ExperimentError
            for options that contradict each other, with the numbers
        InputFileError
            for files that cannot be read
        """
        check_own(own)
        require_companions(self.given, c_compat=self.c_compat)
        if structure_factors is None:
            structure_factors = self.factors(own).choose().reflections
        with computable("nanoBragg options:"), by_options():
            return noted(with_attenuation(self._resolved(structure_factors, own)))

    def _resolved(self, structure_factors: Reflections, own: OwnOptions) -> Experiment:
        given, seen, conflicts = self.given, self._camera, Conflicts(self.c_compat)
        clip_to_beam = own.get("clip_to_beam")
        allow_upstream = own.get("allow_upstream", False)
        for note in (*given.notes, *seen.notes):
            conflicts.note(note)
        settle_dropped(given, conflicts)
        laboratory, wavelength = seen.laboratory, seen.wavelength
        detector = self._detector(own.get("sensor"), conflicts)
        crystal, cells_by_number = read_crystal(
            given,
            wavelength,
            structure_factors,
            clip_to_beam,
            conflicts,
            recorded=None if seen.stated is None else seen.stated.crystal,
            mosaic=OwnMosaic.of(own),
        )
        crystal = replace(crystal, diffuse=own.get("diffuse"))
        beam_size = read_beam_size(given) / 1000.0
        if beam_size < 0:
            conflicts.note(
                f"-beamsize {beam_size * 1000:g} mm: less than 0 is a beam without an end, as in C"
            )
        beam = read_beam(
            given,
            wavelength,
            laboratory,
            conflicts,
            wavelengths=seen.wavelengths,
            allow_upstream=allow_upstream,
        )
        exposures = self._exposures(crystal, beam, own, conflicts)
        largest, smallest = largest_and_smallest((crystal,), exposures)
        shortest = shortest_wavelength(wavelength, exposures)
        recommended = (
            recommended_oversample(
                largest, shortest, laboratory.placed.distance, laboratory.pixel_size
            )
            if seen.stated is None
            else recommended_for(detector, largest, shortest)
        )
        twins = tuple(twin_of(crystal, *numbers) for numbers in own.get("twins") or ())
        experiment = Experiment(
            beam=beam,
            crystal=crystal,
            further_crystals=twins,
            detector=detector,
            sampling=Sampling(
                oversample=_oversample(given, largest, recommended, conflicts),
                interpolate=_interpolate(
                    given,
                    cells_by_number if self.c_compat else smallest.cells,
                    structure_factors.path is not None,
                    conflicts,
                ),
                dmin=max(given.number("-dmin") or 0.0, 0.0),
                oversample_thick="-oversample_thick" in given,
                oversample_polar="-oversample_polar" in given,
                oversample_omega="-oversample_omega" in given,
            ),
            exposures=exposures,
            structure_factors=structure_factors,
            c_compat=self.c_compat,
            allow_upstream=allow_upstream,
            background=read_background(given, beam_size, clip_to_beam, conflicts),
            noise=_noise(given, own.get("noise"), conflicts),
        )
        return replace(experiment, notes=tuple(conflicts.notes))

    def _detector(self, sensor: str | None, conflicts: Conflicts) -> Detector:
        seen = self._camera
        asked = None if sensor is None else AskedSensor.of(sensor)
        given = (
            self.given if asked is None else asked.beside(self.given, seen.wavelength, conflicts)
        )
        if seen.stated is not None:
            detector = make_detector(given, seen.stated, seen.wavelength, conflicts)
        else:
            detector = read_detector(given, seen.laboratory, seen.headers, conflicts)
            detector = replace(detector, dead_pixels=seen.dead_pixels)
        return detector if asked is None else asked.named_in(detector)

    def _exposures(
        self, crystal: Crystal, beam: Beam, own: OwnOptions, conflicts: Conflicts
    ) -> Exposures:
        seen = self._camera
        shots = Shots.of(
            own.get("shots"),
            own.get("random_shots"),
            own.get("shots_seed"),
            cell_spread=own.get("shots_cell_spread"),
        )
        if seen.stated is not None and seen.stated.stills is not None:
            if shots is not None:
                raise UsageError(
                    "the experiments of the geometry file, and shots, both say what the frames "
                    "are: leave out --experiment all, or the shots"
                )
            return seen.stated.stills
        spindle = as_tuple(seen.laboratory.placed.spindle)
        exposures = make_exposures(seen.sweep, spindle, conflicts)
        if shots is None:
            return exposures
        asked = self.given.any_of(*OF_ONE_IMAGE)
        if asked:
            raise UsageError(
                f"{' '.join(asked)}: of one frame alone, and shots are many; leave it out, and "
                "take what you need from the run (-floatfile holds all frames)"
            )
        told: list[str] = []
        numbers = self.spectrum if isinstance(self.spectrum, Bandwidth) else None
        listed = listed_shots(shots, exposures, crystal, (beam, numbers), told)
        for note in told:
            conflicts.note(note)
        return listed

    @cached_property
    def _camera(self) -> "_Camera":
        conflicts = Conflicts(self.c_compat)
        given, dead_pixels, stated = self.given, None, None
        headers = read_image_headers(given, conflicts)
        spectrum = _lines(self.spectrum, conflicts)
        if self.detector is not None and self.detector.is_image:
            given, dead_pixels = image_options(given, self.detector, headers, conflicts)
        elif self.detector is not None:
            stated = read_stated(given, self.detector, headers, spectrum, conflicts)
            headers = stated.headers
        laboratory = (
            read_laboratory(given, headers, conflicts) if stated is None else stated.laboratory
        )
        of_file = None if stated is None else stated.wavelength
        said_by = "--spectrum"
        if stated is not None and spectrum is None and stated.spectrum is not None:
            spectrum, said_by = _stated_lines(self.spectrum, stated, conflicts), stated.source
        if isinstance(self.spectrum, SpectrumFile) and spectrum is None:
            raise UsageError(
                "--spectrum-channels has no spectrum to sum in channels: name one by --spectrum "
                "FILE, or give --bandwidth"
            )
        wavelength = read_wavelength(given, headers, conflicts, spectrum, of_file)
        wavelengths = None if spectrum is None else Wavelengths.of_table(said_by, spectrum)
        if isinstance(self.spectrum, Bandwidth):
            wavelengths = Wavelengths.of_bandwidth("--bandwidth", self.spectrum, wavelength)
            conflicts.note(self.spectrum.told(wavelength))
        sweep = read_sweep(given, headers, conflicts, None if stated is None else stated.sweep)
        return _Camera(
            headers=headers,
            laboratory=laboratory,
            wavelength=wavelength,
            wavelengths=wavelengths,
            sweep=sweep,
            notes=tuple(conflicts.notes),
            stated=stated,
            dead_pixels=dead_pixels,
        )


@dataclass(frozen=True, slots=True)
class _Camera:
    """What experiment and image headers share.

    Parameters
    ----------
    headers : of ``-mask`` and ``-img``
    laboratory : where the detector stands
    wavelength : as it is said, or the mean of the spectrum [Å]
    wavelengths : that every source has; None: its own, or that one
    sweep : of phi
    notes : on all of them
    stated : the detector of a geometry file, or of a name with several panels; None: neither
    dead_pixels : of a detector that has a name and is one panel; None: there are none
    """

    headers: ImageHeaders
    laboratory: Laboratory
    wavelength: float
    wavelengths: Wavelengths | None
    sweep: PhiSweep
    notes: tuple[str, ...]
    stated: Stated | None = None
    dead_pixels: DeadPixels | None = None


def read_options(
    options: Sequence[str],
    *,
    c_compat: bool = False,
    spectrum: str | Path | SpectrumFile | Bandwidth | None = None,
    detector: DetectorSource | None = None,
    **own: Unpack[OwnOptions],
) -> Experiment:
    """Read a nanoBragg command line (without the program's name) to an experiment.

    Parameters and errors are those of `Command.of` and `Command.experiment`.
    """
    command = Command.of(options, c_compat=c_compat, spectrum=spectrum, detector=detector)
    return command.experiment(**own)


def _lines(source: SpectrumFile | Bandwidth | None, conflicts: Conflicts) -> SpectrumTable | None:
    """The spectrum of a file of its own; None: there is none."""
    if not isinstance(source, SpectrumFile) or source.path is None:
        return None
    table, told = lines_of(source)
    conflicts.note(told)
    return table


def _stated_lines(
    source: SpectrumFile | Bandwidth | None, stated: Stated, conflicts: Conflicts
) -> SpectrumTable:
    """The spectrum of a geometry file, in the channels that are asked for."""
    assert stated.spectrum is not None
    if isinstance(source, Bandwidth):
        raise UsageError(
            f"{stated.source} has a spectrum of {len(stated.spectrum.weight)} wavelengths, and "
            "--bandwidth says another; leave it out"
        )
    if source is None or source.channels is None:
        return stated.spectrum
    table, told = in_channels(stated.spectrum, source.channels)
    conflicts.note(told)
    return table


def _noise(given: Given, asked: Noise | None, conflicts: Conflicts) -> Noise | None:
    """Noise as asked for beside the options, or plain Poisson for a noise file."""
    last = given.last_of("-noisefile", "-nonoise")
    if last == "-nonoise" and asked is not None:
        raise UsageError("noise is asked for (--noise), and -nonoise takes it back; leave one out")
    noise = Noise() if asked is None and last == "-noisefile" else asked
    seed = given.integer("-seed")
    if seed is None:
        return noise
    if noise is not None:
        return replace(noise, seed=seed)
    if not (random_misset(given) or conflicts.c_compat):
        raise UsageError(
            f"option -seed {seed} has no effect: no noise (--noise) and no -misset random is asked "
            "for. Leave it out, or say --c-compat"
        )
    return None


def _oversample(given: Given, crystal: Crystal, recommended: int, conflicts: Conflicts) -> int:
    asked = given.integer("-oversample") or 0
    oversample, note = choose_oversample(asked if asked > 0 else None, recommended, crystal)
    conflicts.note(note)
    return oversample


def _interpolate(
    given: Given, cells: tuple[int, int, int], has_file: bool, conflicts: Conflicts
) -> bool:
    asked = given.last_of("-interpolate", "-nointerpolate")
    if not has_file:
        if asked == "-interpolate":
            conflicts.note("no interpolation: without a file F is the same everywhere")
        return False
    if asked is None:
        chosen, note = choose_interpolation(cells)
        conflicts.note(note)
        return chosen
    return asked == "-interpolate"
