"""``tiled-sim build``: compile all kernels for this machine."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tiled_sim.cli.parser import Parser
from tiled_sim.cli.printing import print_json

if TYPE_CHECKING:
    from tiled_sim.kernels.packages import Package


def parser() -> Parser:
    """The options of the verb."""
    return Parser(
        "build",
        "Compile all kernels for this machine: the loops of spots, and the fused graphs of every\n"
        "shape, precision and kind of look-up. It takes some ten minutes of a core, once a user,\n"
        "machine and version of torch; runs then never wait for a compiler. What is there stays,\n"
        "and what is done when it is interrupted is kept. Exit code 1: something cannot be\n"
        "compiled, for want of g++ or clang++, say; runs do without.",
    )


def run(words: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    options = parser().parse(words)
    from tiled_sim.kernels.everything import EVERYTHING, build_all
    from tiled_sim.kernels.packages import cache_folder

    def say(package: "Package") -> None:
        if sys.stderr.isatty():
            print(f"{package.name} is being compiled …", file=sys.stderr, flush=True)

    done = []
    for each in build_all(EVERYTHING, say):
        done.append({"name": each.name, "seconds": each.seconds})
        if not options.json:
            told = "there" if each.seconds is None else f"compiled in {each.seconds:.1f} s"
            print(f"{each.name:28} {told}", flush=True)
    if options.json:
        print_json({"cache": str(cache_folder()), "kernels": done})
    else:
        print(f"in {cache_folder()}")
    return 0
