"""``tiled-sim cancel``: ask whoever computes a run to stop."""

from collections.abc import Sequence

from tiled_sim.cli.parser import Parser
from tiled_sim.cli.printing import print_json
from tiled_sim.errors import StoreError


def parser() -> Parser:
    """The options of the verb."""
    made = Parser(
        "cancel",
        "Stop computing a run, from anywhere that sees it. `resume` goes on with it.\n"
        "The submit or resume that is stopped leaves with exit code 5, this one with 0.",
    )
    made.add_argument("run", metavar="RUN.zarr")
    return made


def run(words: Sequence[str]) -> int:
    """Run the verb; 0 when nobody computes the run any more."""
    options = parser().parse(words)
    from tiled_sim.cluster.lease import living_driver
    from tiled_sim.run.run import Run
    from tiled_sim.store.control import RUNNING, Control

    found = Run(options.run)
    control = Control(found.path)
    driver = control.driver()
    if driver is None or driver.state != RUNNING:
        said = f"{found.path}: nobody is computing it"
    else:
        try:
            control.cancel()
        except StoreError:
            raise  # told already
        except OSError as error:
            raise StoreError(f"{found.path} cannot be written: {error.strerror}") from error
        while living_driver(control) is not None:
            pass  # each look takes as long as a sign of life
        said = f"{found.path}: cancelled; `tiled-sim resume {found.path}` goes on with it"
    if options.json:
        print_json({"run": str(found.path), "said": said})
    else:
        print(said)
    return 0
