"""Tables of structure factors as files that are mapped into memory: one npy for each array."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tiled_sim.physics.structure_factor import StructureFactorTable

_ABOUT = "tables.json"


class DamagedTablesError(OSError):
    """Files of tables that are not as they were written."""


def write_tables(folder: Path, tables: Iterable[StructureFactorTable]) -> None:
    """Write tables of the same nodes, by their energies, one after the other.

    Parameters
    ----------
    folder : that is there, and empty
    tables : without others beside them; of each what it has derived is written, too
    """
    about = []
    for number, table in enumerate(tables):
        hashes = {}
        for name, values in table.arrays.items():
            np.save(folder / _file_of(number, name), values, allow_pickle=False)
            hashes[name] = hashlib.sha256(values.data).hexdigest()
        about.append(
            {
                "minimum": [int(index) for index in table.minimum],
                "shape": list(table.shape),
                "default_F": float(table.default_F),
                "arrays": hashes,
            }
        )
    (folder / _ABOUT).write_text(json.dumps(about))


def read_tables(folder: Path) -> StructureFactorTable:
    """The table of the first energy, with the others beside it, mapped and held against its hashes.

    What is mapped is private where it is written to, which nobody does; until then all processes
    that map it share it.

    Raises
    ------
    DamagedTablesError
        they are not as they were written
    """
    try:
        first, *others = json.loads((folder / _ABOUT).read_text())
        beside = [_table(folder, number, told) for number, told in enumerate(others, 1)]
        return _table(folder, 0, first, beside)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedTablesError(f"{folder}: {error}") from error


def _table(
    folder: Path,
    number: int,
    told: dict[str, Any],
    beside: Iterable[StructureFactorTable] = (),
) -> StructureFactorTable:
    arrays = {}
    for name, written in told["arrays"].items():
        values = np.load(folder / _file_of(number, name), mmap_mode="c", allow_pickle=False)
        if hashlib.sha256(values.data).hexdigest() != written:
            raise ValueError(f"{_file_of(number, name)} is damaged")
        arrays[name] = np.asarray(values)
    (h, k, l), (nh, nk, nl) = told["minimum"], told["shape"]
    return StructureFactorTable.of_arrays(
        (h, k, l), (nh, nk, nl), told["default_F"], arrays, tuple(beside)
    )


def _file_of(number: int, name: str) -> str:
    return f"{number}_{name}.npy"
