"""Lists of mosaic domains: rotation matrices and weights, as text or in an npz file.

Text has a domain a line: the nine numbers of its matrix, row by row, and a weight, which may be
left out. An npz file has the arrays ``rotations`` (domains, 3, 3), or (domains, 9), and
``weights``. A first line ``axes crystal``, or an array ``axes`` of that word, says that the
rotations turn with the crystal; else they are fixed in the laboratory.
"""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import InputFileError
from tiled_sim.io.new_file import write_new
from tiled_sim.io.npz import read_npz_arrays
from tiled_sim.io.source_file import SourceFile, read_source
from tiled_sim.io.text_table import Layout, Table, read_table
from tiled_sim.model.domains import CRYSTAL, LABORATORY, ListedDomains, fault_of

_ZIP_MAGIC = b"PK"
_ROTATIONS, _WEIGHTS, _AXES = "rotations", "weights", "axes"
_LAYOUT = Layout(
    "a list of mosaic domains",
    (*(f"r{row}{column}" for row in "123" for column in "123"), "weight"),
    row="domain",
    fewest=9,
    commas=True,
    header=True,
    remedy="write a rotation matrix, row by row, and its weight in each line",
)


def read_domains(path: str | Path) -> ListedDomains:
    """Read a list of domains; an npz file is known by its content.

    Raises
    ------
    InputFileError
        if the file cannot be read or is malformed, or a matrix is no rotation
    """
    source = read_source(path)
    return _of_npz(path) if source.content.startswith(_ZIP_MAGIC) else _of_text(source)


def parse_domains(name: str, text: str) -> ListedDomains:
    """Domains in the text of a document, as `domains_text` wrote them.

    Parameters
    ----------
    name : of the text, for messages
    text : a line for each domain

    Raises
    ------
    InputFileError
        as `read_domains`
    """
    return _of_text(SourceFile(name, text.encode()))


def domains_text(listed: ListedDomains) -> str:
    """Domains as text that reads back to the last bit."""
    rows = np.column_stack([listed.rotation.reshape(-1, 9), listed.weight])
    lines = (" ".join(map(repr, row)) for row in rows.tolist())
    return "\n".join([f"{_AXES} {listed.axes}", f"# {' '.join(_LAYOUT.columns)}", *lines, ""])


def write_domains(path: str | Path, listed: ListedDomains) -> None:
    """Write a list of domains to a new file: npz where its name ends so, else text.

    Raises
    ------
    StoreError
        if the file exists or cannot be written; there is then no new file
    """
    if Path(path).suffix == ".npz":
        packed = io.BytesIO()
        np.savez(packed, rotations=listed.rotation, weights=listed.weight, axes=listed.axes)
        content = packed.getvalue()
    else:
        content = domains_text(listed).encode()
    write_new(path, (content,))


def _of_text(source: SourceFile) -> ListedDomains:
    table = read_table(source, _LAYOUT)
    rotation = table.values[:, :9].reshape(-1, 3, 3)
    weight = table.values[:, 9]
    weight = np.where(np.isnan(weight), 1.0, weight)
    fault = fault_of(rotation, weight)
    if fault is not None:
        raise table.error(*fault)
    return ListedDomains(rotation, weight, _axes_of(table))


def _axes_of(table: Table) -> str:
    """What the rotations are fixed to, by the words of the first line."""
    words = [word.strip(":=").lower() for word in table.header]
    if _AXES not in words:
        return LABORATORY
    said = " ".join(word for word in words if word != _AXES)
    return _known_axes(table.source.name, said)


def _known_axes(name: str, said: str) -> str:
    if said not in (LABORATORY, CRYSTAL):
        raise InputFileError(
            f"{name}: its axes are {said!r}, which must be {LABORATORY} or {CRYSTAL}: correct it"
        )
    return said


def _of_npz(path: str | Path) -> ListedDomains:
    arrays = read_npz_arrays(path, (_ROTATIONS, _WEIGHTS, _AXES))
    if _ROTATIONS not in arrays:
        raise InputFileError(
            f"{path}: it has no array {_ROTATIONS!r}, (domains, 3, 3): write it again with one"
        )
    rotation = _numbers(path, _ROTATIONS, arrays[_ROTATIONS])
    if rotation.shape[1:] not in ((3, 3), (9,)) or len(rotation) == 0:
        raise InputFileError(
            f"{path}: {_ROTATIONS} has the shape {rotation.shape}; it must be (domains, 3, 3)"
        )
    rotation = rotation.reshape(-1, 3, 3)
    weight = np.ones(len(rotation))
    if _WEIGHTS in arrays:
        weight = _numbers(path, _WEIGHTS, arrays[_WEIGHTS])
    if weight.shape != (len(rotation),):
        raise InputFileError(
            f"{path}: {_WEIGHTS} has the shape {weight.shape}, and there are {len(rotation)} "
            f"{_ROTATIONS}: give one for each"
        )
    fault = fault_of(rotation, weight)
    if fault is not None:
        raise InputFileError(f"{path}: domain {fault[0] + 1} {fault[1]}")
    axes = str(arrays.get(_AXES, LABORATORY))
    return ListedDomains(rotation, weight, _known_axes(str(path), axes))


def _numbers(
    path: str | Path, name: str, array: npt.NDArray[np.generic]
) -> npt.NDArray[np.float64]:
    if array.dtype.kind not in "iuf":
        raise InputFileError(f"{path}: {name} is {array.dtype}, and must be real numbers")
    return array.astype(np.float64)
