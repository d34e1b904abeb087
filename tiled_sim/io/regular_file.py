"""Whether a name is that of a file that can be read at all."""

from pathlib import Path

from tiled_sim.errors import InputFileError


def check_regular_file(path: str | Path) -> int:
    """Size [bytes] of a file, asked before it is opened: a named pipe would wait for its writer.

    Raises
    ------
    InputFileError : missing, a folder, or not a regular file
    """
    try:
        found = Path(path)
        if found.is_dir():
            raise InputFileError(f"{path}: this is a folder: name the file inside it")
        size = found.stat().st_size
        if not found.is_file():
            raise InputFileError(f"{path}: this is not a regular file: name one")
    except FileNotFoundError:
        raise InputFileError(
            f"{path}: there is no such file: check the name and the folder"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        raise InputFileError(
            f"{path}: it cannot be read ({error}): check its name and rights"
        ) from None
    return size
