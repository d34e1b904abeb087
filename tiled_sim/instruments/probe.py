"""What is F: sources of structure factors side by side, and which one a command would use.

`tiled_sim.instruments.probed_experiment` has what takes torch.
"""

import enum
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import TiledSimError, UsageError
from tiled_sim.io.source_file import read_source
from tiled_sim.model.bandwidth import Bandwidth, SpectrumFile
from tiled_sim.model.energies import factor_wavelengths
from tiled_sim.model.experiment import Experiment, Reflections
from tiled_sim.model.own_options import OwnOptions
from tiled_sim.model.settings import REQUIRED_COVERAGE
from tiled_sim.model.structure_factors import StructureFactors
from tiled_sim.plan.coverage import Coverage, measure_coverage
from tiled_sim.read.file_cell import disagreement
from tiled_sim.read.inputs import load_mask, read_structure_factors
from tiled_sim.read.nanobragg.reader import Command
from tiled_sim.read.nanobragg.stated import DetectorSource

if TYPE_CHECKING:  # it knows torch
    from tiled_sim.kernels.reflections import Reflection

#: Two values of F are the same where they differ by no more than this share of the larger:
#: an MTZ holds float32, whose rounding is 6e-8.
AGREEMENT = 1e-6
#: A list of fewer reflections looks like a stub, as does one that `submit` would refuse.
_STUB_REFLECTIONS = 100
_FIRST = 10
_C_CACHE = "Fdump.bin"

HKL = tuple[int, int, int]


@dataclass(frozen=True, eq=False, slots=True)
class Probed:
    """A source and what was found in it.

    Parameters
    ----------
    reflections : as it is named
    factors : its content; None if it cannot be read
    size : of the file [bytes]; None if there are no bytes to be had
    sha256 : of its bytes
    error : why it cannot be read; empty if it can
    coverage : of the reflections in reach of an experiment; None where it was not measured
    refused : why `submit` refuses it for the cell that it names; empty if it does not
    """

    reflections: Reflections
    factors: StructureFactors | None
    size: int | None
    sha256: str | None
    error: str = ""
    coverage: Coverage | None = None
    refused: str = ""

    @property
    def name(self) -> str:
        """Of the source."""
        return name_of(self.reflections)

    @property
    def stub(self) -> str:
        """Why it looks like a stub; empty if it does not."""
        if self.factors is None:
            return ""
        given = int(np.count_nonzero(self.factors.given))
        if given < _STUB_REFLECTIONS:
            return f"it gives {given} reflection{'' if given == 1 else 's'}"
        if self.coverage is not None and self.coverage.fraction < REQUIRED_COVERAGE:
            return (
                f"it gives {self.coverage.given} of the {self.coverage.reflections} reflections "
                "in reach of the detector"
            )
        return ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one source says of one reflection.

    Parameters
    ----------
    in_range : inside the ranges of h, k, l
    given : the source names it
    F_cell : what a run with this source looks up there [electron]
    forbidden : it is 0 by the symmetry of the space group, in the ranges or outside them
    """

    in_range: bool
    given: bool
    F_cell: float
    forbidden: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which source a command would use.

    Parameters
    ----------
    reflections : None if it would be refused, or if there is no command and several could be meant
    reason : why, in a sentence
    """

    reflections: Reflections | None
    reason: str


@dataclass(frozen=True, slots=True)
class UnderPixel:
    """The reflections that the steps of a pixel look up.

    Parameters
    ----------
    slow, fast, frame, panel : the pixel
    live : False where a mask or region keeps it from being computed
    steps : of the pixel: sources × phi steps × mosaic domains × subpixels
    reflections : without those of the steps that dmin cuts
    known_F : whether F is known, and with it the shares of intensity
    """

    slow: int
    fast: int
    frame: int
    panel: int
    live: bool
    steps: int
    reflections: "tuple[Reflection, ...]"
    known_F: bool


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two sources, node by node.

    Parameters
    ----------
    first, second : their names
    both : nodes that both give
    differing : of them, those whose F differ by more than `AGREEMENT` of the larger
    largest, largest_at : largest difference [electron], and its node; 0 and None if none differs
    examples : the first ten that differ: node, F of the first, F of the second [electron]
    only_first, only_second : nodes that one gives and the other does not
    only_first_zero, only_second_zero : of them, those given as 0
    """

    first: str
    second: str
    both: int
    differing: int
    largest: float
    largest_at: HKL | None
    examples: tuple[tuple[HKL, float, float], ...]
    only_first: int
    only_second: int
    only_first_zero: int
    only_second_zero: int


class Outcome(enum.IntEnum):
    """What became of the reflections asked for, the worst last."""

    FOUND = 0
    ABSENT = 1
    OUT_OF_RANGE = 2
    UNREADABLE = 3


def probe_reflections(reflections: Reflections, experiment: Experiment | None = None) -> Probed:
    """Read a source; what is wrong with it becomes its `Probed.error`.

    Parameters
    ----------
    reflections : with a path
    experiment : that it is read for: to calculate F of a model, and to refuse another cell
    """
    crystal = None if experiment is None else experiment.crystal
    wavelength = None if experiment is None else experiment.beam.wavelength
    wavelengths: tuple[float, ...] = ()
    if experiment is not None and experiment.structure_factors.path == reflections.path:
        wavelengths = factor_wavelengths(experiment)
    try:
        factors = read_structure_factors(reflections, crystal, wavelength, wavelengths)
    except TiledSimError as error:
        return Probed(reflections, None, *_identity(str(reflections.path)), str(error))
    if factors is None:
        raise ValueError("a source without a file cannot be probed")
    provenance = factors.provenance
    refused = ""
    if experiment is not None and not experiment.structure_factors.ignore_file_cell:
        refused = disagreement(provenance.path, provenance.cell, experiment.crystal)
    return Probed(reflections, factors, provenance.size, provenance.sha256, refused=refused)


def name_of(reflections: Reflections) -> str:
    """File, and column if one is named."""
    return (
        f"{reflections.path}:{reflections.column}" if reflections.column else str(reflections.path)
    )


def _identity(path: str) -> tuple[int | None, str | None]:
    """Size [bytes] and SHA-256 of a file that is not what it was named as."""
    try:
        found = read_source(path).provenance("unknown", count=0)
    except TiledSimError:
        return None, None
    return found.size, found.sha256


def look_up(probed: Probed, hkl: HKL) -> Answer | None:
    """What a source says of a reflection; None if it cannot be read."""
    factors = probed.factors
    if factors is None:
        return None
    place = tuple(index - low for index, low in zip(hkl, factors.minimum, strict=True))
    inside = all(0 <= n < side for n, side in zip(place, factors.given.shape, strict=True))
    given = inside and bool(factors.given[place])
    # an Fdump has a value, 0, at the nodes of its grid that it does not give
    known = given or (inside and factors.provenance.format == "fdump")
    forbidden = False
    if factors.absences is not None and not given:
        forbidden = bool(factors.absences.forbid(np.array(hkl)))
    unknown = 0.0 if forbidden else probed.reflections.default_F
    F_cell = float(factors.amplitude[place]) if known else unknown
    return Answer(inside, given, F_cell, forbidden)


def judge_command(
    words: Sequence[str],
    *,
    c_compat: bool,
    fdump: Sequence[str],
    mtz: Sequence[str],
    model: Sequence[str] = (),
    spectrum: SpectrumFile | Bandwidth | None = None,
    detector: DetectorSource | None = None,
    own: OwnOptions | None = None,
) -> tuple[Verdict, list[Reflections], Experiment]:
    """Which source ``tiled-sim submit`` would use with these options.

    Parameters
    ----------
    words : nanoBragg options
    c_compat : of ``--c-compat``
    fdump, mtz, model : of every ``--fdump``, ``--mtz`` and ``--model``
    spectrum : of ``--spectrum`` or ``--bandwidth``
    detector : of ``--geometry`` or ``--detector``
    own : the others of ours

    Returns
    -------
    the verdict, all sources that the command names, and the experiment; where the verdict is that
    F is refused, an experiment with F = 1 electron, for its geometry
    """
    command = Command.of(words, c_compat=c_compat, spectrum=spectrum, detector=detector)
    own = {
        **(own or {}),
        "fdump": fdump[0] if fdump else None,
        "mtz": mtz[0] if mtz else None,
        "model": model[0] if model else None,
    }
    named = command.factors(own)
    try:
        for option, values in (("--fdump", fdump), ("--mtz", mtz), ("--model", model)):
            if len(values) > 1:
                raise UsageError(f"{option} is given {len(values)} times ({', '.join(values)})")
        choice = named.choose()
        verdict = Verdict(choice.reflections, choice.reason)
    except TiledSimError as error:
        verdict = Verdict(None, f"the command is refused: {error}")
    sources = list(named.candidates().values())
    experiment = command.experiment(
        structure_factors=verdict.reflections or Reflections(default_F=1.0), **own
    )
    return _with_cache(verdict, sources), sources, experiment


def _with_cache(verdict: Verdict, sources: Sequence[Reflections]) -> Verdict:
    """Say that the C program's cache, if it lies here and is not named, is left alone."""
    if not Path(_C_CACHE).exists() or any(reflections.path == _C_CACHE for reflections in sources):
        return verdict
    return Verdict(
        verdict.reflections,
        f"{verdict.reason}. {_C_CACHE} lies in the working directory and is not read: nothing is "
        "read from there unasked (the C program reads it where there is no -hkl)",
    )


def judge_list(sources: Sequence[Reflections]) -> Verdict:
    """Which source would be used of those named without an experiment."""
    if len(sources) == 1:
        return Verdict(sources[0], "it is the only one named")
    return Verdict(
        None,
        f"{len(sources)} sources are named: a command that names more than one is refused, so "
        "choose; F_cell is what each alone gives",
    )


def covering(probed: Probed, experiment: Experiment) -> Probed:
    """A source with its coverage of the reflections in reach of an experiment.

    Parameters
    ----------
    probed : one that cannot be read is left as it is
    experiment : whose detector sees them
    """
    if probed.factors is None:
        return probed
    coverage = measure_coverage(experiment, probed.factors, load_mask(experiment))
    return replace(probed, coverage=coverage)


def with_coverage(verdict: Verdict, probed: Sequence[Probed]) -> Verdict:
    """Say of the source that is used that ``submit`` refuses it, if it does."""
    for one in probed:
        coverage = one.coverage
        if one.reflections == verdict.reflections and one.refused:
            return Verdict(
                verdict.reflections, f"{verdict.reason}. But `submit` refuses it: {one.refused}"
            )
        if (
            one.reflections == verdict.reflections
            and coverage
            and coverage.fraction < REQUIRED_COVERAGE
        ):
            return Verdict(
                verdict.reflections,
                f"{verdict.reason}. But `submit` refuses it: it gives {coverage.given} of the "
                f"{coverage.reflections} reflections in reach of the detector, and "
                f"{100 * REQUIRED_COVERAGE:g} % are required (--require-coverage changes that)",
            )
    return verdict


def disagreements(probed: Sequence[Probed]) -> list[Disagreement]:
    """Every pair of the sources that can be read."""
    readable = [(one.name, one.factors) for one in probed if one.factors is not None]
    return [compare(*first, *second) for first, second in itertools.combinations(readable, 2)]


def compare(first: str, a: StructureFactors, second: str, b: StructureFactors) -> Disagreement:
    """Hold two sources against each other.

    Parameters
    ----------
    first, second : names
    a, b : contents
    """
    low = np.maximum(a.minimum, b.minimum)
    high = np.minimum(a.maximum, b.maximum)
    in_a, in_b = _part(a, low, high), _part(b, low, high)
    Fa, Fb = a.amplitude[in_a], b.amplitude[in_b]
    both = a.given[in_a] & b.given[in_b]
    difference = np.where(both, np.abs(Fa - Fb), 0.0)
    differs = difference > AGREEMENT * np.maximum(np.abs(Fa), np.abs(Fb))
    nodes = np.argwhere(differs)
    examples = tuple(
        (_hkl(node, low), float(Fa[tuple(node)]), float(Fb[tuple(node)])) for node in nodes[:_FIRST]
    )
    largest_at = None
    if len(nodes):
        of_largest = np.unravel_index(
            np.argmax(np.where(differs, difference, 0.0)), difference.shape
        )
        largest_at = _hkl(np.array(of_largest), low)
    return Disagreement(
        first,
        second,
        both=int(np.count_nonzero(both)),
        differing=len(nodes),
        largest=float(difference[differs].max(initial=0.0)),
        largest_at=largest_at,
        examples=examples,
        only_first=_count(a.given) - _count(both),
        only_second=_count(b.given) - _count(both),
        only_first_zero=_count(a.given & (a.amplitude == 0)) - _count(both & (Fa == 0)),
        only_second_zero=_count(b.given & (b.amplitude == 0)) - _count(both & (Fb == 0)),
    )


def outcome(probed: Sequence[Probed], verdict: Verdict, asked: Sequence[HKL]) -> Outcome:
    """The worst of what became of the reflections, in the source used or else in every one.

    Parameters
    ----------
    probed : all sources
    verdict : which of them is used; if it is none, a file that cannot be read counts too
    asked : reflections
    """
    deciding = [one for one in probed if verdict.reflections in (None, one.reflections)]
    if any(one.factors is None for one in deciding):
        return Outcome.UNREADABLE
    answers = [look_up(one, hkl) for one in deciding for hkl in asked]
    worst = max((_outcome(answer) for answer in answers if answer), default=Outcome.FOUND)
    return Outcome.ABSENT if asked and not deciding else worst


def _outcome(answer: Answer) -> Outcome:
    if answer.given or answer.forbidden:
        return Outcome.FOUND
    return Outcome.ABSENT if answer.in_range else Outcome.OUT_OF_RANGE


def _part(
    factors: StructureFactors, low: npt.NDArray[np.int64], high: npt.NDArray[np.int64]
) -> tuple[slice, slice, slice]:
    """The part of a grid from node ``low`` to node ``high``; empty if they do not meet."""
    h, k, l = (
        slice(start - least, max(stop - least + 1, start - least))
        for start, stop, least in zip(low.tolist(), high.tolist(), factors.minimum, strict=True)
    )
    return h, k, l


def _hkl(node: npt.NDArray[np.int64], low: npt.NDArray[np.int64]) -> HKL:
    h, k, l = (node + low).tolist()
    return h, k, l


def _count(nodes: npt.NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(nodes))
