"""From a nanoBragg command line to a resolved experiment, and to what else it asks for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from tiled_sim.errors import UsageError
from tiled_sim.io.camera import CameraHeader
from tiled_sim.model.arithmetic import computable
from tiled_sim.model.crystal import Crystal
from tiled_sim.model.experiment import Experiment, Reflections
from tiled_sim.model.readout import Noise
from tiled_sim.model.remarks import noted
from tiled_sim.model.sampling import Sampling, recommended_oversample
from tiled_sim.physics.vectors import as_tuple
from tiled_sim.read.nanobragg.background import read_background
from tiled_sim.read.nanobragg.beam import read_beam, read_beam_size, read_wavelength
from tiled_sim.read.nanobragg.camera import camera_header
from tiled_sim.read.nanobragg.conflicts import Conflicts
from tiled_sim.read.nanobragg.crystal import read_crystal
from tiled_sim.read.nanobragg.detector import Laboratory, read_detector, read_laboratory
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
from tiled_sim.read.precedence import NamedReflections
from tiled_sim.read.sampling import choose_interpolation, choose_oversample


@dataclass(frozen=True)
class Command:
    """A nanoBragg command line, its words parsed once.

    Paths count from the working directory.

    Parameters
    ----------
    given : its options
    c_compat : replay what the C program does wrong, and ignore what it ignores
    """

    given: Given
    c_compat: bool

    @classmethod
    def of(cls, words: Sequence[str], *, c_compat: bool = False) -> "Command":
        """Parse the words, without the program's name.

        Raises
        ------
        UsageError
            for unknown, refused and malformed options
        """
        return cls(parse(words, c_compat=c_compat), c_compat)

    @cached_property
    def outputs(self) -> Outputs:
        """What is asked for besides the run. Raises as `read_outputs` and `experiment`."""
        outputs = read_outputs(self.given, c_compat=self.c_compat)
        if outputs.integer_image is None and outputs.count_image is None:
            return outputs
        return replace(outputs, camera=self.camera)

    @cached_property
    def camera(self) -> CameraHeader:
        """What an image of the command says in its header. Raises as `experiment`."""
        with computable("nanoBragg options:"):
            seen = self._camera
            return camera_header(seen.laboratory, seen.wavelength, seen.sweep)

    def factors(self, *, fdump: str | Path | None, mtz: str | Path | None) -> NamedReflections:
        """What the command, and ours beside it, say of structure factors.

        Parameters
        ----------
        fdump, mtz : as of `experiment`
        """
        return NamedReflections(
            hkl=self.given.text("-hkl"),
            dump=self.given.text("-dump"),
            fdump=None if fdump is None else str(fdump),
            mtz=None if mtz is None else str(mtz),
            default_F=self.given.number("-default_F") or 0.0,
        )

    def experiment(
        self,
        *,
        fdump: str | Path | None = None,
        mtz: str | Path | None = None,
        structure_factors: Reflections | None = None,
        clip_to_beam: bool | None = None,
        noise: Noise | None = None,
    ) -> Experiment:
        """Resolve the experiment.

        Parameters
        ----------
        fdump : structure factors from this Fdump file, in place of ``-hkl``
        mtz : structure factors from this MTZ, FILE or FILE:LABEL, in place of ``-hkl``
        structure_factors : the source, whatever is named; None: the one that is named
        clip_to_beam : whether only what the beam hits counts of a crystal or droplet that is higher
            or wider than the beam; None: such a one is refused, or with ``c_compat`` clipped as C
            does
        noise : how photons are counted, beside what ``-noisefile`` and ``-seed`` say; a ``-seed``
            is its seed

        Raises
        ------
        UsageError
            for options that cannot be honoured
        ExperimentError
            for options that contradict each other, with the numbers
        InputFileError
            for files that cannot be read
        """
        require_companions(self.given, c_compat=self.c_compat)
        if structure_factors is None:
            structure_factors = self.factors(fdump=fdump, mtz=mtz).choose().reflections
        with computable("nanoBragg options:"), by_options():
            return noted(self._resolved(structure_factors, clip_to_beam, noise))

    def _resolved(
        self, structure_factors: Reflections, clip_to_beam: bool | None, noise: Noise | None
    ) -> Experiment:
        given, seen, conflicts = self.given, self._camera, Conflicts(self.c_compat)
        for note in (*given.notes, *seen.notes):
            conflicts.note(note)
        settle_dropped(given, conflicts)
        laboratory, wavelength = seen.laboratory, seen.wavelength
        crystal, cells_by_number = read_crystal(given, wavelength, clip_to_beam, conflicts)
        beam_size = read_beam_size(given) / 1000.0
        experiment = Experiment(
            beam=read_beam(given, wavelength, laboratory, conflicts),
            crystal=crystal,
            detector=read_detector(given, laboratory, seen.headers, conflicts),
            sampling=Sampling(
                oversample=_oversample(given, crystal, wavelength, laboratory, conflicts),
                interpolate=_interpolate(
                    given,
                    cells_by_number if self.c_compat else crystal.cells,
                    structure_factors.path is not None,
                    conflicts,
                ),
                dmin=max(given.number("-dmin") or 0.0, 0.0),
                oversample_thick="-oversample_thick" in given,
                oversample_polar="-oversample_polar" in given,
                oversample_omega="-oversample_omega" in given,
            ),
            exposures=make_exposures(seen.sweep, as_tuple(laboratory.placed.spindle), conflicts),
            structure_factors=structure_factors,
            c_compat=self.c_compat,
            background=read_background(given, beam_size, clip_to_beam, conflicts),
            noise=_noise(given, noise, conflicts),
        )
        return replace(experiment, notes=tuple(conflicts.notes))

    @cached_property
    def _camera(self) -> "_Camera":
        conflicts = Conflicts(self.c_compat)
        headers = read_image_headers(self.given, conflicts)
        laboratory = read_laboratory(self.given, headers, conflicts)
        wavelength = read_wavelength(self.given, headers, conflicts)
        sweep = read_sweep(self.given, headers, conflicts)
        return _Camera(headers, laboratory, wavelength, sweep, tuple(conflicts.notes))


@dataclass(frozen=True, slots=True)
class _Camera:
    """What experiment and image headers share.

    Parameters
    ----------
    headers : of ``-mask`` and ``-img``
    laboratory : where the detector stands
    wavelength : as it is said [Å]
    sweep : of phi
    notes : on all of them
    """

    headers: ImageHeaders
    laboratory: Laboratory
    wavelength: float
    sweep: PhiSweep
    notes: tuple[str, ...]


def read_options(
    options: Sequence[str],
    *,
    c_compat: bool = False,
    fdump: str | Path | None = None,
    mtz: str | Path | None = None,
    clip_to_beam: bool | None = None,
    noise: Noise | None = None,
) -> Experiment:
    """Read a nanoBragg command line (without the program's name) to an experiment.

    Parameters and errors are those of `Command.of` and `Command.experiment`.
    """
    return Command.of(options, c_compat=c_compat).experiment(
        fdump=fdump, mtz=mtz, clip_to_beam=clip_to_beam, noise=noise
    )


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


def _oversample(
    given: Given,
    crystal: Crystal,
    wavelength: float,
    laboratory: Laboratory,
    conflicts: Conflicts,
) -> int:
    recommended = recommended_oversample(
        crystal, wavelength, laboratory.placed.distance, laboratory.pixel_size
    )
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
