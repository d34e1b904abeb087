"""``tiled-sim copy``: a run from a disk to an object store, or back."""

from collections.abc import Sequence

from tiled_sim.cli.parser import Parser
from tiled_sim.cli.printing import print_json


def parser() -> Parser:
    """The options of the verb."""
    made = Parser(
        "copy",
        "Copy a run, finished or not, byte for byte, and read back all that was written.\n\n"
        "  tiled-sim copy RUN.zarr s3://BUCKET/RUN.zarr\n"
        "  tiled-sim copy s3://BUCKET/RUN.zarr RUN.zarr",
    )
    made.add_argument("run", metavar="RUN.zarr", help="the run; it is not changed")
    made.add_argument("to", metavar="NEW.zarr", help="the copy to make; must not exist")
    made.add_argument("--no-progress", action="store_true", help="show no progress bar")
    return made


def run(words: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    options = parser().parse(words)
    from rich.console import Console
    from rich.progress import Progress

    from tiled_sim.cluster.lease import require_alone
    from tiled_sim.run.copying import copy_run
    from tiled_sim.run.run import Run

    found = Run(options.run)
    require_alone(found)
    hidden = options.json or options.no_progress
    with Progress(console=Console(stderr=True), disable=hidden, transient=True) as bar:
        task = bar.add_task("files", total=None)
        made = copy_run(
            found,
            options.to,
            lambda done, files: bar.update(task, completed=done, total=files),
        )
    if options.json:
        print_json(
            {
                "run": str(made.run.path),
                "run_id": made.run.run_id,
                "files": made.files,
                "bytes": made.size,
            }
        )
        return 0
    print(f"{made.run.path}: {made.files} files, {made.size} bytes, read back as they were written")
    return 0
