"""``tiled-sim view``: a picture of a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tiled_sim.cli.numbers import whole_number
from tiled_sim.cli.panels import add_panel_option, panel_of
from tiled_sim.cli.parser import Parser
from tiled_sim.cli.printing import print_json
from tiled_sim.errors import StoreError, UsageError

if TYPE_CHECKING:
    from tiled_sim.model.grid import Tile
    from tiled_sim.run.run import Run

_EPILOG = """\
All panels of a frame are drawn where they are seen along the beam, looking downstream from the
source, y up; x, to the left, and y are in the frame with z along the beam. Where panels hide each
other, the brighter pixel is shown. One panel alone is drawn along its own axes, pixel (0, 0) at the
upper left.
"""


def parser() -> Parser:
    """The options of the verb."""
    made = Parser("view", "A picture of a run: log scale, millimetres, resolution rings.", _EPILOG)
    made.add_argument("run", metavar="RUN.zarr")
    made.add_argument("--out", metavar="FILE.png", help="the picture (RUN.png)")
    made.add_argument(
        "--frame", type=whole_number, default=0, metavar="N", help="which exposure (0)"
    )
    add_panel_option(made, "this panel alone (all)")
    made.add_argument(
        "--panel-names", action="store_true", help="write the name of every panel on it"
    )
    made.add_argument(
        "--counts", action="store_true", help="the counts, if the run has any, not expected photons"
    )
    return made


def run(words: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    options = parser().parse(words)
    from tiled_sim.instruments.pictures import write_picture
    from tiled_sim.run.run import Run

    found = Run(options.run)
    if options.counts and found.experiment.noise is None:
        raise UsageError(
            f"--counts: {found.path} has no counts, it was made without noise; leave --counts out, "
            "or simulate with --noise"
        )
    path = Path(options.out) if options.out else Path(f"{found.path.stem}.png")
    write_picture(
        found,
        path,
        frame=options.frame,
        panel=panel_of(options, found.experiment.detector),
        counts=options.counts,
        names=options.panel_names,
    )
    undone = _undone(found, options.frame)
    if options.json:
        print_json({"run": str(found.path), "picture": str(path), "missing": undone})
        return 0
    print(path)
    if undone:
        print(
            f"note      {undone} tiles of frame {options.frame} are not computed, and have no "
            f"colour of the scale; `tiled-sim resume {found.path}` computes them"
        )
    return 0


def _undone(found: "Run", frame: int) -> int:
    """How many of the tiles that hold a frame are not committed."""
    grid = found.plan.grid
    beside = len(grid) // grid.counts[0]
    first = frame // grid.tile[0] * beside
    tiles = (grid[index] for index in range(first, first + beside))
    return sum(not _is_done(found, tile) for tile in tiles)


def _is_done(found: "Run", tile: "Tile") -> bool:
    try:
        return found.committed(tile) is not None
    except StoreError:
        return False  # what stands in its place hinders who computes it, not who looks
