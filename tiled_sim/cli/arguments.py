"""Splitting a command line: two dashes are ours, one dash is nanoBragg's."""

import argparse
import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from tiled_sim.cluster.configuration import default_cluster
from tiled_sim.cluster.forms import Tls, tls_of
from tiled_sim.errors import UsageError
from tiled_sim.experiment.model import Experiment


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are `UsageError`, and that knows no abbreviations."""

    def __init__(self, verb: str, description: str, epilog: str = "") -> None:
        super().__init__(
            prog=f"tiled-sim {verb}",
            description=description,
            epilog=epilog,
            add_help=False,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.add_argument("--help", action="help", help="show this text")
        self.add_argument("--json", action="store_true", help="print one JSON document")

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage and leaving."""
        raise UsageError(f"{message}; `{self.prog} --help` lists the options")

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """Parse a command line that has nothing of nanoBragg's.

        Raises
        ------
        UsageError
            for words that are not understood
        """
        options, rest = self.parse_known_args(list(words))
        if rest:
            self._refuse(rest[0])
        return options

    def parse_beside_nanobragg(self, words: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
        """Parse what has two dashes; the rest, in order.

        Raises
        ------
        UsageError
            for an unknown option with two dashes
        """
        options, rest = self.parse_known_args(list(words))
        for word in rest:
            if word.startswith("--"):
                self._refuse(word)
        return options, rest

    def _refuse(self, word: str) -> NoReturn:
        known = [option for action in self._actions for option in action.option_strings]
        nearest = difflib.get_close_matches(word, known, n=2)
        hint = f"; did you mean {' or '.join(nearest)}?" if nearest else ""
        raise UsageError(f"{self.prog}: {word!r} is not understood{hint}")


@dataclass(frozen=True, slots=True)
class Request:
    """An experiment as the command line names it.

    Parameters
    ----------
    experiment : resolved
    nanobragg : the nanoBragg options it came from; empty for a TOML file
    """

    experiment: Experiment
    nanobragg: list[str]


def add_experiment_options(parser: Parser) -> None:
    """The options that say how nanoBragg options are read."""
    parser.add_argument(
        "--c-compat",
        action="store_true",
        help="replay what the C program does wrong, and ignore what it ignores",
    )
    parser.add_argument(
        "--fdump", metavar="FILE", help="take F from this Fdump file in place of -hkl"
    )
    parser.add_argument(
        "--clip-to-beam",
        action=argparse.BooleanOptionalAction,
        help="cut a crystal (-xtal_size, …) that is larger than -beamsize to it, or not",
    )


def read_request(options: argparse.Namespace, words: list[str]) -> Request:
    """The experiment of a TOML file or of nanoBragg options.

    Raises
    ------
    UsageError
        if neither is there, or a TOML file comes with options that only nanoBragg's can take
    """
    if not words:
        raise UsageError(
            "no experiment: name a TOML file, or give nanoBragg options "
            "(-hkl FILE -cell … or -mat FILE, …)"
        )
    if words[0].startswith("-"):
        experiment = Experiment.from_nanobragg(
            words,
            c_compat=options.c_compat,
            fdump=options.fdump,
            clip_to_beam=options.clip_to_beam,
        )
        return Request(experiment, words)
    if len(words) > 1:
        raise UsageError(
            f"the experiment is {words[0]}, so {words[1]!r} is one word too many; "
            "change the TOML file instead"
        )
    if options.c_compat or options.fdump or options.clip_to_beam is not None:
        raise UsageError(
            "--c-compat, --fdump and --clip-to-beam go with nanoBragg options; in a TOML file "
            "write `c_compat = true`, `fdump` in [structure_factors], and the number of cells"
        )
    return Request(Experiment.from_toml(words[0]), [])


def tile_sides(text: str) -> tuple[int, int]:
    """Read ``512`` or ``512x1024`` (slow x fast)."""
    try:
        sides = [int(side) for side in text.split("x")]
    except ValueError:
        sides = []
    if len(sides) not in (1, 2):
        raise argparse.ArgumentTypeError(f"{text!r} is not SIDE or SLOWxFAST, such as 512x1024")
    return sides[0], sides[-1]


def fraction(text: str) -> float:
    """Read a number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a fraction from 0 to 1")
    return value


def whole_number(text: str) -> int:
    """Read a number that counts something."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)


def add_plan_options(parser: Parser) -> None:
    """The options that decide the plan."""
    parser.add_argument(
        "--tile",
        type=tile_sides,
        default=(512, 512),
        metavar="SLOWxFAST",
        help="pixels of a tile, multiples of 16 (512x512)",
    )
    parser.add_argument(
        "--trace-pixel",
        nargs=2,
        type=int,
        action="append",
        default=[],
        metavar=("SLOW", "FAST"),
        help="keep the scaling chain of this pixel; may be repeated",
    )
    parser.add_argument(
        "--require-coverage",
        type=fraction,
        default=0.01,
        metavar="FRACTION",
        help="share of the reflections in reach that the file must give (0.01); 0 allows all",
    )


def add_kernel_options(parser: Parser) -> None:
    """The options that decide the kernel."""
    parser.add_argument(
        "--precision",
        default="float64",
        help="float64 (default), or mixed: float32 once h, k, l are less their nodes",
    )
    parser.add_argument(
        "--kernel",
        default="auto",
        help="auto (default, by predicted cost), reference, compiled, spots or triton",
    )
    parser.add_argument(
        "--negligible",
        type=float,
        default=1e-9,
        metavar="SHARE",
        help="leave out what is less than this share of a Gaussian spot's peak, where that is "
        "faster (1e-9); 0 keeps everything",
    )


def trace_pixels(options: argparse.Namespace) -> list[tuple[int, int]]:
    """The (slow, fast) pixels of ``--trace-pixel``."""
    return [(slow, fast) for slow, fast in options.trace_pixel]


def add_cluster_options(parser: Parser) -> None:
    """The options that say where tiles are computed."""
    parser.add_argument(
        "--cluster",
        metavar="WHERE",
        help="local (default, unless TILED_SIM_CLUSTER or ~/.config/tiled_sim/tiled_sim.toml names "
        "another), local:WORKERS, local:WORKERSxTHREADS, gpu, gpu:WORKERS, "
        "tcp://HOST:PORT, tls://HOST:PORT, scheduler-file:PATH or slurm:PROFILE.toml",
    )
    parser.add_argument(
        "--detach",
        action="store_true",
        help="leave the run to a scheduler that is running already; `watch` follows it",
    )
    parser.add_argument(
        "--device", default="auto", help="auto (default), cpu, cuda or cuda:N, on the workers"
    )
    parser.add_argument("--no-progress", action="store_true", help="show no progress bar")
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


Document = dict[str, Any]
