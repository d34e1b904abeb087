"""The option that says which experiment of a list is meant."""

import argparse
from typing import Literal

from tiled_sim.model.values import integer_in, shown


def add_experiment_number(parser: argparse.ArgumentParser) -> None:
    """``--experiment N``, or ``all`` as frames."""
    parser.add_argument(
        "--experiment",
        type=_experiment_number,
        metavar="N",
        help="which experiment of a .expt, from 0 (0); `all`: its stills are frames of one run",
    )


def _experiment_number(text: str) -> int | Literal["all"]:
    if text == "all":
        return "all"
    value = integer_in(text)
    if value is None or value < 0:
        raise argparse.ArgumentTypeError(f"{shown(text)} is neither a whole number from 0 nor all")
    return value
