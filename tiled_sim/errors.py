"""The errors a user can meet. Every message says what is wrong, where, and what to do."""


class TiledSimError(Exception):
    """Base of all errors that reach a user as a message instead of a traceback."""

    exit_code = 1


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
