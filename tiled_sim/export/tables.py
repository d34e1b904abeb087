"""Tables as Parquet or CSV, by the ending of their file."""

from pathlib import Path
from typing import Any

from tiled_sim.errors import MissingExtraError, UsageError
from tiled_sim.export.output import Output
from tiled_sim.io.new_file import new_file

ENDINGS = (".parquet", ".csv")


def require_writer(output: Output) -> None:
    """Make sure that there is what writes the table.

    Raises
    ------
    UsageError
        for a file whose ending does not tell which it is
    MissingExtraError
        for Parquet without pyarrow
    """
    ending = output.path.suffix.lower()
    if ending not in ENDINGS:
        raise UsageError(
            f"--out {output.path}: the ending of its name tells what table it is to be: "
            f"{' or '.join(ENDINGS)}"
        )
    _require_library(is_csv=ending == ".csv")


def write_table(output: Output, tables: Any) -> None:
    """Write tables of the same columns, one after the other, into the one file of an output.

    Parameters
    ----------
    output : of one file
    tables : an iterable of `pandas.DataFrame`; at least one
    """
    name = output.path.name
    output.begin((name,))
    with output.file(name) as place:
        if output.path.suffix.lower() == ".csv":
            _write_csv(place, tables)
        else:
            _write_parquet(place, tables)
    output.finish((name,))


def write_new_table(path: str | Path, kind: str, tables: Any) -> None:
    """Write tables of the same columns, one after the other, into a file that is not there yet.

    Parameters
    ----------
    path : of the file
    kind : ``csv`` or ``parquet``
    tables : an iterable of `pandas.DataFrame`; at least one

    Raises
    ------
    MissingExtraError
        for Parquet without pyarrow
    StoreError
        the file exists already, or cannot be written
    """
    _require_library(is_csv=kind == "csv")
    with new_file(path) as place:
        (_write_csv if kind == "csv" else _write_parquet)(place, tables)


def _require_library(*, is_csv: bool) -> None:
    if not is_csv:
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            raise MissingExtraError("tables") from None


def _write_csv(place: Any, tables: Any) -> None:
    with place.open("w", newline="") as file:
        for number, table in enumerate(tables):
            # the shortest digits that read back as the same float64
            table.to_csv(file, index=False, header=number == 0, lineterminator="\n")


def _write_parquet(place: Any, tables: Any) -> None:
    import pyarrow
    from pyarrow import parquet

    writer = None
    try:
        for table in tables:
            made = pyarrow.Table.from_pandas(table, preserve_index=False)
            if writer is None:
                writer = parquet.ParquetWriter(place, made.schema)
            writer.write_table(made)
    finally:
        if writer is not None:
            writer.close()
