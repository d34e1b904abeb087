"""The options that say how the atoms of the crystal are displaced."""

import argparse

from tiled_sim.cli.numbers import integer, one_or_three
from tiled_sim.errors import UsageError
from tiled_sim.model.diffuse import DIFFUSE_REACH, Diffuse


def add_diffuse_options(parser: argparse.ArgumentParser) -> None:
    """The options of diffuse scattering."""
    group = parser.add_argument_group(
        "diffuse scattering", "beside the reflections, of displaced atoms (docs/diffuse.md)"
    )
    group.add_argument(
        "--diffuse-gamma",
        type=one_or_three,
        metavar="A",
        help="correlation length of the displacements [Å]; or three, along a, across, along c*",
    )
    group.add_argument(
        "--diffuse-sigma",
        type=one_or_three,
        metavar="A",
        help="root mean square displacement along an axis [Å]; or three",
    )
    group.add_argument(
        "--diffuse-reach",
        type=integer,
        metavar="N",
        help=f"nodes each way whose halos are summed ({DIFFUSE_REACH})",
    )


def diffuse_in(options: argparse.Namespace) -> Diffuse | None:
    """The displacements that the options ask for; None: they do not.

    Raises
    ------
    UsageError
        for one without the other
    ExperimentError
        for values that cannot be
    """
    gamma, sigma, reach = options.diffuse_gamma, options.diffuse_sigma, options.diffuse_reach
    if gamma is None and sigma is None and reach is None:
        return None
    if gamma is None or sigma is None:
        raise UsageError(
            "diffuse scattering needs a correlation length and a displacement: give both "
            "--diffuse-gamma A and --diffuse-sigma A"
        )
    return Diffuse(gamma, sigma, DIFFUSE_REACH if reach is None else reach)
