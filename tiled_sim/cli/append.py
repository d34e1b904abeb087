"""``tiled-sim submit --append``: shots for a run that has some."""

import argparse
from collections.abc import Sequence

from tiled_sim.cli.parser import Parser
from tiled_sim.errors import UsageError
from tiled_sim.read.shots import Shots

#: Options of `submit` that say something else than what is simulated, and how.
_OPTIONS = {
    *("append", "shots", "random_shots", "shots_seed", "require_coverage", "json", "help"),
    *("cluster", "device", "detach", "no_progress", "tls", "tls_ca", "tls_cert", "tls_key"),
}


def shots_to_append(parser: Parser, options: argparse.Namespace, rest: Sequence[str]) -> Shots:
    """The shots that are to be added to a run.

    Parameters
    ----------
    parser : of the verb
    options : that it found
    rest : words that it left

    Raises
    ------
    UsageError
        for options that say what the run says already, and without shots
    """
    said = [*parser.said(options, beside=_OPTIONS), *rest[:1]]
    if "--out" in said:
        raise UsageError("--out makes a run, and --append adds to one; leave one of them out")
    if said:
        raise UsageError(
            f"{said[0]}: what is simulated, and how, the run {options.append} says; --append goes "
            "with --shots or --random-shots and --shots-seed alone: leave it out, or submit to "
            "another --out"
        )
    shots = Shots.of(options.shots, options.random_shots, options.shots_seed)
    if shots is None:
        raise UsageError(
            f"--append {options.append}: which shots? give --shots TABLE or --random-shots N"
        )
    return shots
