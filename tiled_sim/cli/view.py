"""``tiled-sim view``: a picture of a run."""

from collections.abc import Sequence
from pathlib import Path

from tiled_sim.cli.arguments import Parser, whole_number
from tiled_sim.cli.printing import print_json


def parser() -> Parser:
    """The options of the verb."""
    made = Parser("view", "A picture of a run: log scale, millimetres, resolution rings.")
    made.add_argument("run", metavar="RUN.zarr")
    made.add_argument("--out", metavar="FILE.png", help="the picture (RUN.png)")
    made.add_argument("--frame", type=whole_number, default=0, help="which exposure (0)")
    made.add_argument("--panel", type=whole_number, default=0, help="which panel (0)")
    return made


def run(words: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    options = parser().parse(words)
    from tiled_sim.instruments.pictures import write_picture
    from tiled_sim.run.run import Run

    found = Run(options.run)
    path = Path(options.out) if options.out else Path(found.path.with_suffix(".png").name)
    write_picture(found, path, frame=options.frame, panel=options.panel)
    if options.json:
        print_json({"run": str(found.path), "picture": str(path)})
    else:
        print(path)
    return 0
