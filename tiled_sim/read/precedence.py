"""Which of the sources of structure factors that a nanoBragg command names is used, and why."""

from dataclasses import dataclass
from pathlib import Path

from tiled_sim.errors import InputFileError, UsageError
from tiled_sim.io.mtz import split_column
from tiled_sim.model.calculation import Calculation
from tiled_sim.model.experiment import Reflections

_COUNTED = {2: "two", 3: "three", 4: "four"}


@dataclass(frozen=True, slots=True)
class Choice:
    """The source that a command uses.

    Parameters
    ----------
    reflections : of F
    reason : why this one
    """

    reflections: Reflections
    reason: str


@dataclass(frozen=True, slots=True)
class NamedReflections:
    """What a command line says of structure factors.

    Parameters
    ----------
    hkl, dump : of nanoBragg's ``-hkl`` and ``-dump``
    fdump, mtz : of our ``--fdump`` and ``--mtz``, the latter FILE or FILE:LABEL
    default_F : of ``-default_F`` [electron]
    model : of our ``--model``
    calculation : how F of a model is calculated, of the options beside it; None: as usual
    ignore_file_cell, space_group : of our ``--ignore-file-cell`` and ``--space-group``
    F000 : of our ``--F000`` [electron]; None: it is the file's
    """

    hkl: str | None = None
    dump: str | None = None
    fdump: str | None = None
    mtz: str | None = None
    model: str | None = None
    calculation: Calculation | None = None
    default_F: float = 0.0
    ignore_file_cell: bool = False
    space_group: str | None = None
    F000: float | None = None

    def candidates(self) -> dict[str, Reflections]:
        """The sources to read from, by the option that names each.

        Beside ``-hkl``, ``-dump`` names a file to write.
        """
        found = {}
        if self.hkl is not None:
            found["-hkl"] = self._source(self.hkl, "hkl")
        elif self.dump is not None and not self._dump_is_fdump():
            found["-dump"] = self._source(self.dump, "fdump")
        if self.fdump is not None:
            found["--fdump"] = self._source(self.fdump, "fdump")
        if self.mtz is not None:
            path, column = split_column(self.mtz)
            found["--mtz"] = self._source(path, "mtz", column)
        if self.model is not None:
            found["--model"] = self._source(self.model, "model")
        return found

    def choose(self) -> Choice:
        """The one source that is named, or none and ``default_F`` everywhere.

        Raises
        ------
        UsageError
            if several are named, or something is said of a model and there is none
        InputFileError
            if the one is an Fdump that does not exist
        ExperimentError
            if there is neither a file nor a default_F
        """
        candidates = self.candidates()
        if self.model is None and self.calculation not in (None, Calculation()):
            raise UsageError(
                "--model-dmin, --anomalous, --F-energies and --solvent say how F is calculated "
                "from a model: name it, --model FILE, or leave them out"
            )
        if not candidates:
            reflections = self._source(None, None)
            return Choice(reflections, f"no file is named: F is {self.default_F:g} everywhere")
        if len(candidates) > 1:
            named = " and ".join(f"{option} {found.path}" for option, found in candidates.items())
            raise UsageError(
                f"{_COUNTED[len(candidates)]} sources of structure factors: {named}; name one"
            )
        ((option, reflections),) = candidates.items()
        if reflections.format == "fdump" and not Path(str(reflections.path)).exists():
            raise InputFileError(
                f"{reflections.path}: no such Fdump file, and no -hkl to make it from; "
                "name a file that exists"
            )
        return Choice(reflections, self._reason(option))

    def _source(
        self, path: str | None, file_format: str | None, column: str | None = None
    ) -> Reflections:
        return Reflections(
            path,
            file_format,
            self.default_F,
            column,
            self.ignore_file_cell,
            self.space_group,
            (self.calculation or Calculation()) if file_format == "model" else None,
            self.F000,
        )

    def _dump_is_fdump(self) -> bool:
        return self.fdump is not None and Path(str(self.dump)) == Path(self.fdump)

    def _reason(self, option: str) -> str:
        if option == "-hkl" and self.dump is not None:
            return f"-hkl names it (beside -hkl, -dump {self.dump} is written, not read)"
        if option == "-dump":
            return "-dump names it, it exists, and there is no -hkl"
        return f"{option} names it"
