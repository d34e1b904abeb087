"""``tiled-sim view``: a picture of a run."""

from collections.abc import Sequence
from pathlib import Path

from tiled_sim.cli.arguments import Parser
from tiled_sim.cli.printing import print_json


def run(words: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    parser = Parser("view", "A picture of a run: log scale, millimetres, resolution rings.")
    parser.add_argument("run", metavar="RUN.zarr")
    parser.add_argument("--out", metavar="FILE.png", help="the picture (RUN.png)")
    parser.add_argument("--frame", type=int, default=0, help="which exposure (0)")
    parser.add_argument("--panel", type=int, default=0, help="which panel (0)")
    options = parser.parse(words)
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
