"""The format of an image file: told by its content, then by its name."""

from pathlib import Path

from tiled_sim.errors import InputFileError, UsageError
from tiled_sim.io.cbf import is_cbf
from tiled_sim.io.smv import is_smv

_MAGIC = {
    b"PK\x03\x04": "npz",
    b"PK\x05\x06": "npz",
    b"\x89HDF\r\n\x1a\n": "hdf5",
    b"\x93NUMPY": "npy",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
}
_SUFFIXES = {
    ".npz": "npz",
    ".npy": "npy",
    ".cbf": "cbf",
    **dict.fromkeys((".img", ".smv"), "smv"),
    **dict.fromkeys((".h5", ".hdf5", ".nxs", ".nx", ".cxi"), "hdf5"),
    **dict.fromkeys((".tif", ".tiff"), "tiff"),
    ".edf": "edf",
}
_PACKED = {b"\x1f\x8b": "gunzip", b"BZh": "bunzip2"}
#: Formats in which an array has a name.
_KEYED = ("npz", "hdf5")


def image_format(path: str) -> str:
    """``smv``, ``cbf``, ``npz``, ``npy``, ``hdf5``, ``tiff``, ``edf``, or ``float`` for any other.

    Raises
    ------
    InputFileError
        if the file cannot be read, is packed, or is not a regular file
    """
    # asked before opening: opening a named pipe would wait for its writer
    if Path(path).exists() and not (Path(path).is_file() or Path(path).is_dir()):
        raise InputFileError(f"{path} is not a regular file: write it to disk and name that")
    try:
        with open(path, "rb") as file:
            beginning = file.read(1024)
    except OSError as error:
        raise InputFileError(f"cannot read the image {path}: {error.strerror}") from None
    if is_smv(beginning):
        return "smv"
    if is_cbf(beginning):
        return "cbf"
    if beginning.lstrip().startswith(b"{") and b"Dim_1" in beginning:
        return "edf"
    for magic, kind in _MAGIC.items():
        if beginning.startswith(magic):
            return kind
    for magic, program in _PACKED.items():
        if beginning.startswith(magic) and Path(path).suffix in (".gz", ".bz2"):
            raise InputFileError(f"{path} is packed: unpack it, by `{program} -k {path}`")
    return _SUFFIXES.get(Path(path).suffix.lower(), "float")


def split_key(name: str) -> tuple[str, str | None]:
    """Take ``FILE:KEY`` apart; a file that exists under the whole name has no key."""
    path, colon, key = name.rpartition(":")
    if not colon or Path(name).exists() or not Path(path).is_file():
        return name, None
    return path, key


def refuse_key(path: str, key: str | None, kind: str) -> None:
    """Make sure that only a file of named arrays comes with a key.

    Raises
    ------
    UsageError
        if another does
    """
    if key is not None and kind not in _KEYED:
        raise UsageError(f"{path}:{key}: only npz and HDF5 files have keys; {path} is {kind}")
