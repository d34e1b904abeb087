"""The errors a user can meet. Every message says what is wrong, where, and what to do.

Messages name options as the command line spells them (``--tile 512``), once. To whoever calls from
Python an error says the same by its parameters (``tile=512``).
"""

from tiled_sim.wording import spoken


class TiledSimError(Exception):
    """Base of all errors that reach a user as a message instead of a traceback."""

    exit_code = 1

    def __str__(self) -> str:
        return spoken(self.written)

    @property
    def written(self) -> str:
        """The message as it is written, for whoever passes it on to where it is told."""
        return super().__str__()


def written(error: BaseException) -> str:
    """The message of any error, for whoever passes it on to where it is told."""
    return error.written if isinstance(error, TiledSimError) else str(error)


class UsageError(TiledSimError):
    """An option or a command line that cannot be honoured."""

    exit_code = 2


class ExperimentError(TiledSimError):
    """An experiment that contradicts itself or cannot exist."""

    exit_code = 2


class InputFileError(TiledSimError):
    """An input file that is missing, malformed or does not hold what it must."""

    exit_code = 3


class CoverageError(TiledSimError):
    """Structure factors that do not cover the reflections that the detector can see."""

    exit_code = 3


class StoreError(TiledSimError):
    """A run store that exists already, is damaged, or belongs to something else."""

    exit_code = 4


class TileError(TiledSimError):
    """A run that ended with tiles missing."""

    exit_code = 5


class KernelError(TiledSimError):
    """A kernel that cannot be made on this machine."""


#: Extras by name: the packages that ``pip install 'tiled_sim[NAME]'`` adds, and what for.
EXTRAS = {
    "view": (("matplotlib",), "pictures"),
    "mtz": (("gemmi",), "reading MTZ files"),
    "cbf": (("fabio",), "reading CBF, EDF and TIFF images"),
    "hdf5": (("h5py", "hdf5plugin"), "HDF5 files"),
    "tables": (("pyarrow",), "Parquet tables"),
    "models": (("gemmi", "xraydb"), "structure factors from models"),
    "cloud": (("obstore",), "runs in object stores"),
    "hpc": (("dask-jobqueue",), "clusters under SLURM"),
    "tls": (("cryptography",), "temporary certificates"),
}


class MissingExtraError(UsageError):
    """A package that an option needs and that is not installed.

    Parameters
    ----------
    extra : one of `EXTRAS`
    what : that needs it, as the beginning of a sentence; empty: what the extra is for
    """

    def __init__(self, extra: str, what: str = "") -> None:
        packages, purpose = EXTRAS[extra]
        super().__init__(
            f"{what or purpose} needs {' and '.join(packages)}, which "
            f"{'is' if len(packages) == 1 else 'are'} not installed: "
            f"`pip install 'tiled_sim[{extra}]'`"
        )
