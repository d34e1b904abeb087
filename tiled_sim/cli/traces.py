"""``tiled-sim traces``: how each tile of a run was computed, as a table."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tiled_sim.cli.parser import Parser
from tiled_sim.cli.printing import print_json
from tiled_sim.errors import UsageError

if TYPE_CHECKING:
    import pandas

    from tiled_sim.run.run import Run

_EPILOG = """\
A row for each tile that is done, from its sidecar: where it lies, who computed it and when, seconds
of each stage, memory, evaluations, look-ups, sums. Columns carry their unit in their name;
docs/store.md says what each thing is. In Python: `tiled_sim.open_run(RUN).sidecar_table()`.
"""


def parser() -> Parser:
    """The options of the verb."""
    made = Parser("traces", "How each tile of a run was computed, as a table.", _EPILOG)
    made.add_argument("run", metavar="RUN.zarr")
    files = made.add_mutually_exclusive_group()
    files.add_argument("--parquet", metavar="FILE", help="write the table as Parquet")
    files.add_argument("--csv", metavar="FILE", help="write the table as CSV")
    return made


def run(words: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    options = parser().parse(words)
    kind, path = _asked(options)
    from tiled_sim.export.tables import write_new_table
    from tiled_sim.run.run import Run
    from tiled_sim.run.sidecar_table import tables_of_sidecars

    found = Run(options.run)
    found.require_beside(Path(path), f"--{kind}")
    rows = 0

    def tables() -> Iterator["pandas.DataFrame"]:
        nonlocal rows
        for table in tables_of_sidecars(found):
            rows += len(table)
            yield table

    write_new_table(path, kind, tables())
    _tell(options, found, path, rows)
    return 0


def _asked(options: argparse.Namespace) -> tuple[str, str]:
    """Which kind of table, and its file."""
    for kind in ("parquet", "csv"):
        if (path := getattr(options, kind)) is not None:
            return kind, path
    raise UsageError("--parquet FILE or --csv FILE is missing: where is the table to go?")


def _tell(options: argparse.Namespace, found: "Run", path: str, rows: int) -> None:
    tiles = len(found.plan)
    if options.json:
        print_json({"run": str(found.path), "table": path, "rows": rows, "tiles": tiles})
        return
    print(path)
    if rows < tiles:
        print(f"note      {rows} of {tiles} tiles are done and have a row")
