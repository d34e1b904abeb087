"""``tiled-sim status``: how far a run is."""

from collections.abc import Sequence

from tiled_sim.cli.parser import Parser
from tiled_sim.cli.printing import print_json, state_lines, summary, summary_document


def parser() -> Parser:
    """The options of the verb."""
    made = Parser("status", "How far a run is, from its store alone. Exit code 5: not complete.")
    made.add_argument("run", metavar="RUN.zarr")
    return made


def run(words: Sequence[str]) -> int:
    """Run the verb; 0 if the run is complete, else 5."""
    options = parser().parse(words)
    from tiled_sim.cluster.lease import last_driver
    from tiled_sim.run.run import Run
    from tiled_sim.store.control import Control

    found = Run(options.run)
    status = found.status()
    status.driver = last_driver(Control(found.path))
    if options.json:
        print_json(summary_document(found, status))
    else:
        print("\n".join(summary(found, status) + state_lines(status)))
    return 0 if status.complete else 5
