"""``tiled-sim verify``: check every tile of a run against its digest."""

from collections.abc import Sequence

from tiled_sim.cli.arguments import Parser
from tiled_sim.cli.printing import print_json


def run(words: Sequence[str]) -> int:
    """Run the verb; 0 if nothing is wrong, else 5."""
    parser = Parser("verify", "Check every tile of a run: committed, same SHA-256, no NaN.")
    parser.add_argument("run", metavar="RUN.zarr")
    options = parser.parse(words)
    from tiled_sim.run import Run

    found = Run(options.run)
    faults = list(found.faults())
    if options.json:
        print_json({"run": str(found.path), "tiles": len(found.plan), "faults": faults})
    else:
        print("\n".join(faults) or f"{found.path}: all {len(found.plan)} tiles are as committed")
        if faults:
            print(
                f"{len(faults)} faults; `tiled-sim resume {found.path}` computes tiles without a "
                "sidecar: to have a damaged image computed again, remove its tile's sidecar, "
                f"{found.path}/traces/TILE.json, first"
            )
    return 5 if faults else 0
