"""``tiled-sim resume``: compute what a run lacks."""

import time
from collections.abc import Sequence

from tiled_sim.cli.arguments import Parser, add_cluster_options
from tiled_sim.cli.submit import report, say_interrupted


def parser() -> Parser:
    """The options of the verb."""
    made = Parser("resume", "Compute the tiles of a run that have no valid sidecar.")
    made.add_argument("run", metavar="RUN.zarr")
    add_cluster_options(made)
    return made


def run(words: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    options = parser().parse(words)
    from tiled_sim.cli.progress import ProgressBar
    from tiled_sim.cluster.submit import compute_missing
    from tiled_sim.run import Run

    began = time.monotonic()
    found = Run(options.run)
    with ProgressBar(not (options.json or options.no_progress)) as bar:
        try:
            made = compute_missing(
                found, cluster=options.cluster, device=options.device, listener=bar
            )
        except KeyboardInterrupt:
            say_interrupted(options.run)
            raise
    report(made, options.json, time.monotonic() - began)
    return 0
