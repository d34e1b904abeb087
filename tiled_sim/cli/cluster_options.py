"""The options that say where tiles are computed."""

import argparse

from tiled_sim.cli.parser import Parser
from tiled_sim.cluster.configuration import default_cluster
from tiled_sim.cluster.forms import Tls, tls_of


def add_workers_options(parser: Parser) -> None:
    """The options that say which workers compute tiles."""
    parser.add_argument(
        "--cluster",
        metavar="WHERE",
        help="local (default, unless TILED_SIM_CLUSTER or ~/.config/tiled_sim/tiled_sim.toml names "
        "another), local:WORKERS, local:WORKERSxTHREADS, gpu, gpu:WORKERS, "
        "tcp://HOST:PORT, tls://HOST:PORT, scheduler-file:PATH or slurm:PROFILE.toml",
    )
    parser.add_argument(
        "--device", default="auto", help="auto (default), cpu, cuda or cuda:N, on the workers"
    )


def add_cluster_options(parser: Parser) -> None:
    """The options that say where tiles are computed, and how one follows it."""
    add_workers_options(parser)
    parser.add_argument(
        "--detach",
        action="store_true",
        help="leave the run to a scheduler that is running already; `watch` follows it",
    )
    parser.add_argument(
        "--no-progress",
        action="store_true",
        help="show no progress bar; where the run goes on is told all the same",
    )
    parser.add_argument(
        "--tls",
        action="store_true",
        help="encrypt a cluster that is started here; with temporary certificates without --tls-ca",
    )
    parser.add_argument(
        "--tls-ca", metavar="FILE", help="certificate of the authority that signed the others"
    )
    parser.add_argument("--tls-cert", metavar="FILE", help="our certificate")
    parser.add_argument(
        "--tls-key", metavar="FILE", help="its key, if it is not in the file of the certificate"
    )


def cluster_of(options: argparse.Namespace) -> str:
    """The value of ``--cluster``, or else the user's own default."""
    return default_cluster() if options.cluster is None else str(options.cluster)


def tls_in(options: argparse.Namespace) -> Tls | None:
    """What the ``--tls`` options ask for; None: nothing."""
    return tls_of(options.tls, options.tls_ca, options.tls_cert, options.tls_key)
