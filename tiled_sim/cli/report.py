"""``tiled-sim report``: a page of one file that tells all about a run."""

from collections.abc import Sequence
from pathlib import Path

from tiled_sim.cli.numbers import whole_number
from tiled_sim.cli.parser import Parser
from tiled_sim.cli.printing import print_json


def parser() -> Parser:
    """The options of the verb."""
    made = Parser(
        "report",
        "All about a run as an HTML page of one file: picture, experiment, where every input came\n"
        "from, coverage, time, memory, and the command that makes it again. Finished or not.",
    )
    made.add_argument("run", metavar="RUN.zarr")
    made.add_argument("--out", metavar="FILE.html", help="the page (RUN.html); must not exist")
    made.add_argument(
        "--frame",
        type=whole_number,
        metavar="N",
        help="whose picture and pixels are shown (the first that is done)",
    )
    return made


def run(words: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    options = parser().parse(words)
    from tiled_sim.report.page import write_report
    from tiled_sim.run.run import Run

    found = Run(options.run)
    path = Path(options.out) if options.out else Path(f"{found.path.stem}.html")
    found.require_beside(path, "--out")
    frame = write_report(found, path, frame=options.frame)
    if options.json:
        print_json({"run": str(found.path), "report": str(path), "frame": frame})
    else:
        print(path)
    return 0
