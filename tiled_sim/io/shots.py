"""Tables of shots, a row each: CSV, Parquet and HDF5, by the names of their columns.

A quantity with a unit carries it in the name of its column, in any spelling that its unit has:
``shift_x_mm`` or ``shift_x_m``.
"""

import difflib
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import InputFileError, MissingExtraError
from tiled_sim.io.hdf5 import opened
from tiled_sim.io.regular_file import check_regular_file
from tiled_sim.io.shots_csv import read_csv
from tiled_sim.model.exposures import MOST_FRAMES
from tiled_sim.model.units import (
    ANGLE,
    ATOMIC,
    ENERGY,
    FLUENCE,
    LENGTH,
    PLAIN,
    RECIPROCAL,
    Unit,
    spellings,
)
from tiled_sim.physics.vectors import Array

_XYZ = "xyz"
MISSET = tuple(f"misset_{x}" for x in _XYZ)
QUATERNION = tuple(f"q_{x}" for x in "wxyz")
ROTATION = tuple(f"r_{x}{y}" for x in _XYZ for y in _XYZ)
RECIPROCAL_VECTORS = tuple(f"{axis}_star_{x}" for axis in "abc" for x in _XYZ)
CELLS = ("Na", "Nb", "Nc")
SCALES = tuple(f"cell_scale_{axis}" for axis in "abc")
BEAM = tuple(f"beam_{x}" for x in _XYZ)
SHIFT = tuple(f"shift_{x}" for x in _XYZ)
#: Quantities that a column may give, with their units.
QUANTITIES: dict[str, Unit] = {
    **dict.fromkeys(MISSET, ANGLE),
    **dict.fromkeys((*QUATERNION, *ROTATION), PLAIN),
    **dict.fromkeys(RECIPROCAL_VECTORS, RECIPROCAL),
    **dict.fromkeys((*CELLS, "N", *SCALES, "cell_scale", *BEAM, "spectrum"), PLAIN),
    **dict.fromkeys(SHIFT, LENGTH),
    "fluence": FLUENCE,
    "wavelength": ATOMIC,
    "energy": ENERGY,
    "start": ANGLE,
    "oscillation": ANGLE,
}
#: The number of a row, which counts for nothing.
FRAME = "frame"
#: The column, and its word, that asks for a random orientation.
ORIENTATION, RANDOM = "orientation", "random"
#: In HDF5 beside the columns: weights of the beam's sources, (spectra, sources).
SPECTRA = "spectra"
#: Of columns that say how a crystal is turned, what says that it is not.
UNTURNED: dict[str, float] = {
    **dict.fromkeys((*MISSET, *QUATERNION, *ROTATION), 0.0),
    **dict.fromkeys(("q_w", "r_xx", "r_yy", "r_zz"), 1.0),
}
_PARQUET, _HDF5 = (".parquet", ".pq"), (".h5", ".hdf5", ".nxs")


@dataclass(frozen=True, slots=True, eq=False)
class ShotsTable:
    """What a table says of shots.

    Parameters
    ----------
    path : of the file
    sha256 : of its bytes
    columns : by quantity, in the unit inside, float64 (rows,)
    random : which rows ask for a random orientation, bool (rows,); None: none
    spectra : weights of the beam's sources, float64 (spectra, sources); None: not said
    lines : of the file that hold the rows, int64 (rows,); None: rows are no lines
    """

    path: str
    sha256: str
    columns: dict[str, Array]
    random: npt.NDArray[np.bool_] | None = None
    spectra: Array | None = None
    lines: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        columns = [*self.columns.values(), *([] if self.random is None else [self.random])]
        return len(columns[0])

    def place(self, row: int) -> str:
        """A row, for messages."""
        if self.lines is not None:
            return f"{self.path}, line {self.lines[row]}"
        return f"{self.path}, row {row}"

    def has(self, *quantities: str) -> bool:
        """Whether any of them is given."""
        return any(name in self.columns for name in quantities)

    def require(self, able: npt.ArrayLike, what: str) -> None:
        """Refuse a row that cannot be, by the first.

        Raises
        ------
        InputFileError
            naming file, row and what is wrong with it
        """
        able = np.asarray(able)
        if not able.all():
            raise InputFileError(f"{self.place(int(np.argmin(able)))}: {what}")

    def group(self, quantities: tuple[str, ...]) -> Array:
        """Columns that belong together, (rows, columns).

        Raises
        ------
        InputFileError
            if one is missing
        """
        missing = [name for name in quantities if name not in self.columns]
        if missing:
            raise InputFileError(
                f"{self.path}: the column {missing[0]} is missing beside "
                f"{next(name for name in quantities if name in self.columns)}"
            )
        return np.stack([self.columns[name] for name in quantities], axis=-1)


def read_shots(path: str | Path) -> ShotsTable:
    """Read a table of shots.

    Parameters
    ----------
    path : ``.parquet``, ``.h5`` (a dataset a column, in the root or its only group), or else CSV

    Raises
    ------
    InputFileError
        for a file that cannot be read, columns that are unknown, rows that are no numbers; names
        file and row
    MissingExtraError
        if what reads the format is not installed
    """
    file = Path(path)
    check_regular_file(file)
    try:
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputFileError(f"cannot read the table of shots {file}: {error.strerror}") from None
    ending = file.suffix.lower()
    if ending in _HDF5:
        return _checked(str(file), digest, *_of_hdf5(file))
    if ending in _PARQUET:
        return _checked(str(file), digest, _of_parquet(file))
    columns, lines = read_csv(file)
    return _checked(str(file), digest, columns, lines=lines)


def _of_parquet(file: Path) -> dict[str, Any]:
    import pandas

    try:
        return _of_frame(pandas.read_parquet(file))
    except ImportError:
        raise MissingExtraError("tables", f"the table of shots {file}") from None
    except (ValueError, OSError) as error:  # of pyarrow, too
        line = str(error).splitlines()[0]
        raise InputFileError(f"{file}: not a Parquet table of shots: {line}") from None


def _of_frame(frame: Any) -> dict[str, Any]:
    return {str(name).strip(): frame[name].to_numpy() for name in frame.columns}


def _of_hdf5(file: Path) -> tuple[dict[str, Any], Array | None]:
    with opened(file) as root:
        group = root
        members = list(group)
        if len(members) == 1 and not hasattr(group[members[0]], "dtype"):
            group = group[members[0]]
        columns, spectra = {}, None
        for name in group:
            dataset = group[name]
            if name == SPECTRA and getattr(dataset, "ndim", 0) == 2:
                spectra = np.asarray(dataset[()], dtype=np.float64)
            elif getattr(dataset, "ndim", 0) == 1 and dataset.dtype.kind in "iufb":
                columns[name] = dataset[()]
            elif getattr(dataset, "ndim", 0) == 1 and dataset.dtype.kind in "SO":
                columns[name] = dataset.asstr()[()]
            else:
                raise InputFileError(
                    f"{file}: {dataset.name} is no column: a table of shots has a dataset of one "
                    f"dimension for each, and `{SPECTRA}` (spectra, sources)"
                )
    return columns, spectra


def _checked(
    path: str,
    digest: str,
    columns: dict[str, Any],
    spectra: Array | None = None,
    lines: npt.NDArray[np.int64] | None = None,
) -> ShotsTable:
    """The table of columns by their names."""
    spelled = {key: name for name, unit in QUANTITIES.items() for key in spellings(name, unit)}
    lengths = {name: len(values) for name, values in columns.items()}
    count = next(iter(lengths.values()), 0)
    for name, length in lengths.items():
        if length != count:
            first = next(iter(lengths))
            raise InputFileError(
                f"{path}: column {name} has {length} rows, and {first} {count}; they must be equal"
            )
    if not 0 < count <= MOST_FRAMES:
        raise InputFileError(
            f"{path}: a table of shots has a row for each, 1 to {MOST_FRAMES}; this one has {count}"
        )
    table = ShotsTable(path, digest, {}, lines=lines)
    found: dict[str, Array] = {}
    random = _random(table, columns[ORIENTATION]) if ORIENTATION in columns else None
    for key, values in columns.items():
        if key in (FRAME, ORIENTATION):
            continue
        if key not in spelled:
            raise InputFileError(f"{path}: {_unknown(key, [*spelled, ORIENTATION])}")
        name = spelled[key]
        if name in found:
            raise InputFileError(f"{path}: {key} says {name} once more; give one of them")
        per_inside = QUANTITIES[name].get(key.removeprefix(f"{name}_"), 1.0)
        if random is not None and name in UNTURNED:
            values = _beside_random(table, key, values, random)
        found[name] = _numbers(table, key, values) / per_inside
    return ShotsTable(path, digest, found, random, spectra, lines)


def _beside_random(table: ShotsTable, key: str, values: Any, random: npt.NDArray[np.bool_]) -> Any:
    """A column of orientations, in which rows of random ones may be empty."""
    import pandas

    nothing = UNTURNED.get(key, 0.0)  # angles have a unit in their names
    column = pandas.Series(values)
    empty = column.isna() | column.astype(str).str.strip().eq("")
    filled = column.astype(object).where(~(random & empty), nothing).infer_objects()
    numbers = pandas.to_numeric(filled, errors="coerce").to_numpy(np.float64)
    table.require(
        ~random | (numbers == nothing),
        f"`{RANDOM}` and {key} both say the orientation; leave one of them empty",
    )
    return filled.to_numpy()


def _unknown(key: str, known: list[str]) -> str:
    separators = [name for name in (";", "\t") if name in key]
    if separators or all(word in known for word in key.split()):
        return f"the first line, {key!r}, is one column: commas separate the names, and the values"
    if key in QUANTITIES:
        return f"the column {key} needs its unit: {' or '.join(spellings(key, QUANTITIES[key]))}"
    lower = {name.lower(): name for name in known}
    nearest = [lower[name] for name in difflib.get_close_matches(key.lower(), lower, n=3)]
    hint = f"did you mean {' or '.join(nearest)}?" if nearest else "docs/shots.md lists them"
    return f"the column {key!r} is not known; {hint}"


def _numbers(table: ShotsTable, key: str, values: Any) -> Array:
    """A column as finite numbers."""
    if values.dtype.kind not in "iufb":
        import pandas

        numbers = pandas.to_numeric(pandas.Series(values), errors="coerce").to_numpy(np.float64)
        wrong = np.isnan(numbers)
        if wrong.any():
            row = int(np.argmax(wrong))
            said = values[row]
            missing = said is None or (isinstance(said, float) and said != said)
            what = "is missing" if missing else f"is {str(said)!r}, no number"
            raise InputFileError(f"{table.place(row)}: {key} {what}")
        values = numbers
    numbers = np.asarray(values, dtype=np.float64)
    table.require(np.isfinite(numbers), f"{key} is missing, or no finite number")
    return numbers


def _random(table: ShotsTable, values: Any) -> npt.NDArray[np.bool_]:
    """Rows that ask for a random orientation."""
    words = [str(word).strip() if word == word and word is not None else "" for word in values]
    table.require(
        np.array([word in ("", RANDOM) for word in words]),
        f"{ORIENTATION} must be `{RANDOM}`, or nothing beside columns that give the orientation",
    )
    return np.array([word == RANDOM for word in words])
