"""The options that say of which kind the mosaic domains are."""

import argparse

from tiled_sim.cli.numbers import any_number
from tiled_sim.errors import UsageError
from tiled_sim.model.domains import KINDS
from tiled_sim.model.own_options import OwnOptions


def add_mosaic_options(parser: argparse.ArgumentParser) -> None:
    """``--mosaic-kind``, ``--mosaic-angles`` and ``--mosaic-file``, beside -mosaic."""
    parser.add_argument(
        "--mosaic-kind",
        choices=KINDS,
        help="how mosaic domains are had: by nanoBragg's generator (default), Gaussian with the "
        "standard deviation -mosaic, anisotropic with --mosaic-angles, listed in --mosaic-file",
    )
    parser.add_argument(
        "--mosaic-angles",
        nargs=3,
        type=any_number,
        metavar=("A", "B", "C"),
        help="standard deviations of the domains' rotations about a*, b*, c* [°]",
    )
    parser.add_argument(
        "--mosaic-file",
        metavar="FILE",
        help="rotation matrices and weights of the domains: text, or npz (docs/domains.md)",
    )


def mosaic_in(options: argparse.Namespace) -> OwnOptions:
    """What the options ask for."""
    angles = options.mosaic_angles
    return {
        "mosaic_kind": options.mosaic_kind,
        "mosaic_angles": None if angles is None else (angles[0], angles[1], angles[2]),
        "mosaic_file": options.mosaic_file,
    }


def refuse_mosaic_options(options: argparse.Namespace) -> None:
    """Refuse them beside a TOML file.

    Raises
    ------
    UsageError
        if one is given
    """
    if any(value is not None for value in mosaic_in(options).values()):
        raise UsageError(
            "--mosaic-kind, --mosaic-angles and --mosaic-file go with nanoBragg options; in a TOML "
            "file write `mosaic_kind`, `mosaic_spread_deg` and `mosaic_file` in [crystal]"
        )
