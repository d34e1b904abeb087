"""``tiled-sim convert``: make a run of today's format of one of an older."""

from collections.abc import Sequence

from tiled_sim.cli.parser import Parser
from tiled_sim.cli.printing import print_json


def parser() -> Parser:
    """The options of the verb."""
    made = Parser(
        "convert",
        "Make a run of today's format of one of an older, which stays as it is. Tiles that are\n"
        "done are taken over to the last bit; `tiled-sim resume` computes the others.",
    )
    made.add_argument("old", metavar="OLD.zarr", help="the run; it is not changed")
    made.add_argument("new", metavar="NEW.zarr", help="the run to make; must not exist")
    return made


def run(words: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    options = parser().parse(words)
    from tiled_sim.run.conversion import convert

    made = convert(options.old, options.new)
    tiles = len(made.run.plan)
    if options.json:
        print_json(
            {
                "run": str(made.run.path),
                "run_id": made.run.run_id,
                "tiles": tiles,
                "kept": made.kept,
                "left": list(made.left),
            }
        )
        return 0
    print(f"{made.run.path}: {made.kept} of {tiles} tiles, as they were")
    for name in made.left:
        print(f"{name}: left out, its pixels are not those that were committed")
    if made.kept < tiles:
        print(f"`tiled-sim resume {made.run.path}` computes the others")
    return 0
