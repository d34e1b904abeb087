"""The options that ask for shots: a frame each."""

import argparse

from tiled_sim.cli.numbers import any_number, integer
from tiled_sim.errors import UsageError
from tiled_sim.model.own_options import OwnOptions


def add_shots_options(parser: argparse.ArgumentParser) -> None:
    """``--shots`` and ``--random-shots``, and those beside them."""
    parser.add_argument(
        "--shots",
        metavar="TABLE",
        help="a frame for each row of a CSV, Parquet or HDF5 table: orientation, fluence, cell, "
        "wavelength … (docs/shots.md)",
    )
    parser.add_argument(
        "--random-shots", type=integer, metavar="N", help="N frames, of random orientations"
    )
    parser.add_argument(
        "--shots-seed", type=integer, metavar="N", help="of what is random of shots (1)"
    )
    parser.add_argument(
        "--shots-cell-spread",
        nargs=3,
        type=any_number,
        metavar=("A", "B", "C"),
        help="by which share a, b and c vary from shot to shot, as standard deviations: "
        "0.002 0.002 0.005",
    )


def shots_in(options: argparse.Namespace) -> OwnOptions:
    """What the options ask for."""
    spread = options.shots_cell_spread
    return {
        "shots": options.shots,
        "random_shots": options.random_shots,
        "shots_seed": options.shots_seed,
        "shots_cell_spread": None if spread is None else (spread[0], spread[1], spread[2]),
    }


def refuse_shots_options(options: argparse.Namespace) -> None:
    """Refuse them beside a TOML file.

    Raises
    ------
    UsageError
        if one is given
    """
    if any(value is not None for value in shots_in(options).values()):
        raise UsageError(
            "--shots, --random-shots, --shots-seed and --shots-cell-spread go with nanoBragg "
            "options; in a TOML file write `shots`, `random_shots`, `shots_seed` and "
            "`shots_cell_spread` in [frames]"
        )
