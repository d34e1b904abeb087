"""Scripts that start worker processes, each of which runs the script once more."""

import ast
import multiprocessing
import sys
from pathlib import Path
from types import FrameType

import dask

from tiled_sim.errors import UsageError

_GUARD = 'if __name__ == "__main__":'


def require_guarded_script() -> None:
    """Make sure that a script may be run again by the worker processes that it starts.

    A process that is spawned imports the main module. Where that is a script which starts worker
    processes as it is run, each of them would do so again, and fail with pages of tracebacks.

    Raises
    ------
    UsageError
        with the line, and what to write; for a script that is no file, as on standard input
    """
    if dask.config.get("distributed.worker.multiprocessing-method") == "fork":
        return
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise UsageError(_sentence("the main module", None))
    line = _running_line()
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    # of a module that was found by its name, the name is imported, and not the file
    if file is not None and getattr(main, "__spec__", None) is None and not Path(file).exists():
        raise UsageError(
            f"the script is {file}, which is no file, and worker processes read it once more: "
            "write it into a file, and run that"
        )
    if line is None or file is None:
        return  # nothing that a worker could run
    try:
        module = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    if not _is_guarded(module, line):
        raise UsageError(_sentence(file, line))


def _running_line() -> int | None:
    """Line of the main module that runs now; None if none does, as in a thread."""
    main = sys.modules.get("__main__")
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "<module>" and frame.f_globals is vars(main):
            return frame.f_lineno
        frame = frame.f_back
    return None


def _is_guarded(module: ast.Module, line: int) -> bool:
    """Whether some ``if`` on the module's name stands around a line, or before it."""
    return any(
        isinstance(node, ast.If) and node.lineno <= line and "__name__" in ast.unparse(node.test)
        for node in ast.walk(module)
    )


def _sentence(file: str, line: int | None) -> str:
    where = file if line is None else f"{file}, line {line},"
    return (
        f"{where} starts worker processes, and each of them runs the script once more: put what it "
        f"does under `{_GUARD}`"
    )
