"""``tiled-sim verify``: hold all that a run has against what it was made to be."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from tiled_sim.cli.cluster_options import add_workers_options, cluster_of
from tiled_sim.cli.numbers import whole_number
from tiled_sim.cli.parser import Parser
from tiled_sim.cli.printing import print_json

if TYPE_CHECKING:
    from tiled_sim.instruments.verification import Verification
    from tiled_sim.run.run import Run


def parser() -> Parser:
    """The options of the verb."""
    made = Parser(
        "verify",
        "Hold all that a run has against what it was made to be: tiles by their SHA-256\n"
        "and by what their sidecars say of them, inputs by theirs, smaller images by the larger,\n"
        "coordinates, geometry and metadata by the experiment. What is not looked at is named.",
    )
    made.add_argument("run", metavar="RUN.zarr")
    made.add_argument(
        "--recompute",
        type=whole_number,
        default=0,
        metavar="N",
        help="compute so many tiles, spread over the run, once more and compare (0)",
    )
    made.add_argument(
        "--repair",
        action="store_true",
        help="compute damaged and missing tiles again, write again what follows from the "
        "experiment, make the smaller images again, and look once more",
    )
    add_workers_options(made)
    return made


def run(words: Sequence[str]) -> int:
    """Run the verb; 0 if nothing is wrong, or all was mended, else 5."""
    options = parser().parse(words)
    from tiled_sim.instruments.verification import verify
    from tiled_sim.run.run import Run

    found = Run(options.run)
    before = after = verify(found, recompute=options.recompute, device=options.device)
    if options.repair and before.faults:
        found = _repaired(found, before, options)
        after = verify(found, recompute=options.recompute, device=options.device)
    mended = [str(fault) for fault in before.faults if fault not in after.faults]
    if options.json:
        document = {
            "run": str(found.path),
            "tiles": len(found.plan),
            "faults": [str(fault) for fault in after.faults],
            "details": [asdict(fault) for fault in after.faults],
            "mended": mended,
            "not_checked": list(after.unseen),
        }
        print_json(document)
    else:
        print("\n".join(_lines(found, after, mended, options.recompute)))
    return 5 if after.faults else 0


def _repaired(found: "Run", before: "Verification", options: argparse.Namespace) -> "Run":
    from tiled_sim.cli.progress import ProgressBar
    from tiled_sim.cluster.repair import repair

    with ProgressBar(not options.json, silent=options.json) as bar:
        return repair(
            found,
            before.faults,
            cluster=cluster_of(options),
            device=options.device,
            listener=bar,
        )


def _lines(found: "Run", after: "Verification", mended: list[str], recompute: int = 0) -> list[str]:
    from tiled_sim.run.faults import NOTHING

    lines = [f"mended: {fault}" for fault in mended]
    lines += [f"not looked at: {what}" for what in after.unseen]
    if not after.faults:
        tiles = len(found.plan)
        whole = f"all {tiles} tiles are" if tiles > 1 else "its only tile is"
        again = min(recompute, tiles)
        twice = f"; {again} computed again came out the same" if again else ""
        return [*lines, f"{found.path}: {whole} as committed{twice}"]
    lines += map(str, after.faults)
    can = sum(fault.remedy != NOTHING for fault in after.faults)
    told = f"{len(after.faults)} fault{'' if len(after.faults) == 1 else 's'}"
    if can:
        told += (
            f"; `tiled-sim verify --repair {found.path}` mends {can} of them, `tiled-sim resume "
            f"{found.path}` computes what is lost alone"
        )
    return [*lines, told]
