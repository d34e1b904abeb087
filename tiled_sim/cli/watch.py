"""``tiled-sim watch``: follow a run that goes on elsewhere."""

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tiled_sim.cli.parser import Parser
from tiled_sim.cli.printing import print_json, state_lines, summary, summary_document

if TYPE_CHECKING:
    from tiled_sim.run.run import Run
    from tiled_sim.store.control import Driver

_SECONDS_BETWEEN_LOOKS = 0.5


def parser() -> Parser:
    """The options of the verb."""
    made = Parser(
        "watch",
        "Follow a run until nobody computes it any more, from anywhere that sees it.\n"
        "Ctrl-C leaves the run alone. Exit code 5: not complete.",
    )
    made.add_argument("run", metavar="RUN.zarr")
    made.add_argument("--no-progress", action="store_true", help="show no progress bar")
    return made


def run(words: Sequence[str]) -> int:
    """Run the verb; 0 if the run is complete in the end, else 5."""
    options = parser().parse(words)
    from tiled_sim.cli.progress import ProgressBar
    from tiled_sim.cluster.lease import last_driver
    from tiled_sim.run.run import Run
    from tiled_sim.store.control import Control

    found = Run(options.run)
    with ProgressBar(not (options.json or options.no_progress), silent=options.json) as bar:
        for number, driver in enumerate(_signs_of_life(found)):
            if number == 0:
                bar.started(found, driver.missing, driver.dashboard, driver.left)
            before = len(found.plan) - driver.left - driver.missing
            bar.show(before + driver.done, driver)
    status = found.status()
    status.driver = last_driver(Control(found.path))
    if options.json:
        print_json(summary_document(found, status))
    else:
        print("\n".join(summary(found, status) + state_lines(status)))
    return 0 if status.complete else 5


def _signs_of_life(found: "Run") -> "Iterator[Driver]":
    """What the driver says of itself, until it has ended, or died and none has followed it."""
    from tiled_sim.cluster.lease import SECONDS_OF_SILENCE, Pulse
    from tiled_sim.store.control import RUNNING, Control

    control = Control(found.path)
    pulse = Pulse(control)
    heard = time.monotonic()  # it may have died just now
    while True:
        driver = pulse.driver()
        if driver is not None:
            heard = time.monotonic()
            yield driver
        else:
            last = control.driver()
            # one that died on a cluster begins again there, when it is sure that it is alone
            waited = time.monotonic() - heard
            if last is None or last.state != RUNNING or waited > 2 * SECONDS_OF_SILENCE:
                return
        time.sleep(_SECONDS_BETWEEN_LOOKS)
