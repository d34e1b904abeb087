"""``tiled-sim verify``: check every tile of a run against its digest."""

from collections.abc import Sequence

from tiled_sim.cli.arguments import Parser, whole_number
from tiled_sim.cli.printing import print_json


def run(words: Sequence[str]) -> int:
    """Run the verb; 0 if nothing is wrong, else 5."""
    parser = Parser(
        "verify", "Check every tile of a run: committed, same SHA-256, no NaN, no stranger."
    )
    parser.add_argument("run", metavar="RUN.zarr")
    parser.add_argument(
        "--recompute",
        type=whole_number,
        default=0,
        metavar="N",
        help="compute so many tiles, spread over the run, once more and compare (0)",
    )
    parser.add_argument(
        "--device", default="auto", help="auto (default), cpu, cuda or cuda:N, to recompute on"
    )
    options = parser.parse(words)
    from tiled_sim.instruments.verification import recomputed_faults
    from tiled_sim.run.run import Run

    found = Run(options.run)
    faults = list(found.faults())
    faults += recomputed_faults(found, options.recompute, options.device)
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
