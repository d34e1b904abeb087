"""The option that puts further crystals into the image."""

import argparse

from tiled_sim.cli.numbers import any_number
from tiled_sim.errors import UsageError
from tiled_sim.model.own_options import OwnOptions


def add_twin_option(parser: argparse.ArgumentParser) -> None:
    """``--twin``, which may be given several times."""
    parser.add_argument(
        "--twin",
        nargs=4,
        action="append",
        type=any_number,
        metavar=("X", "Y", "Z", "SHARE"),
        help="a further crystal: the first turned by X, then Y, then Z about the laboratory's axes "
        "[°], whose image is added SHARE times; may be repeated (docs/domains.md)",
    )


def twins_in(options: argparse.Namespace) -> OwnOptions:
    """What the option asks for."""
    given = options.twin
    return {"twins": None if given is None else [(x, y, z, share) for x, y, z, share in given]}


def refuse_twin_option(options: argparse.Namespace) -> None:
    """Refuse it beside a TOML file.

    Raises
    ------
    UsageError
        if it is given
    """
    if options.twin is not None:
        raise UsageError(
            "--twin goes with nanoBragg options; in a TOML file write [[crystals]] with "
            "`misset_deg` and `share`"
        )
