"""What interrupted writes leave behind in a run."""

from pathlib import Path

_PATTERNS = (
    *("traces/**/.*.tmp", "control/**/.*.tmp", "tiles/**/.*.tmp", ".*.tmp"),
    *("0/image/**/*.partial", "0/counts/**/*.partial", "[0-9]*/*.partial", "*.partial"),
)


def remove_leftovers(path: Path) -> None:
    """Remove it; nobody else may be writing.

    Parameters
    ----------
    path : of the run

    Raises
    ------
    OSError
        it cannot be removed
    """
    for pattern in _PATTERNS:
        for leftover in path.glob(pattern):
            leftover.unlink(missing_ok=True)
