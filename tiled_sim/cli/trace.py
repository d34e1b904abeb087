"""``tiled-sim trace``: what a pixel's value is made of."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tiled_sim.cli.arguments import add_experiment_options, read_request
from tiled_sim.cli.numbers import whole_number
from tiled_sim.cli.panels import add_panel_option, panel_of
from tiled_sim.cli.parser import Parser
from tiled_sim.cli.printing import print_json
from tiled_sim.errors import UsageError
from tiled_sim.io.trace_log import read_trace_log
from tiled_sim.model.values import number_in, shown
from tiled_sim.store.place import is_url

if TYPE_CHECKING:
    from tiled_sim.instruments.tracing import Tracer
    from tiled_sim.run.run import Run

#: Exit code where a trace departs from the one it is held against.
DEPARTS = 7


def parser() -> Parser:
    """The options of the verb."""
    made = Parser(
        "trace",
        "What a pixel's value is made of, by the code that computes images.\n\n"
        "  tiled-sim trace EXPERIMENT.toml --pixel SLOW FAST\n"
        "  tiled-sim trace RUN.zarr --pixel SLOW FAST\n"
        "  tiled-sim trace --pixel SLOW FAST <nanoBragg options>",
        "The chain is in float64 whatever the kernel. A kernel is fused: of its own there is the\n"
        "pixel's value, which is held against the chain's.\n\n"
        "--against leaves with 0 if the chains are equal, with 7 if they depart.",
    )
    made.add_argument(
        "--pixel",
        nargs=2,
        type=whole_number,
        action="append",
        metavar=("SLOW", "FAST"),
        help="which pixel; may be repeated",
    )
    made.add_argument("--frame", type=whole_number, default=0, help="which exposure (0)")
    add_panel_option(made, "which panel (0)")
    made.add_argument("--steps", action="store_true", help="tell every step of the sum, too")
    made.add_argument(
        "--against",
        metavar="FILE",
        help="hold it against a trace log of nanoBragg.c or of the torch port, or a trace --json",
    )
    made.add_argument(
        "--tolerance",
        type=_tolerance,
        metavar="RELATIVE",
        help="difference up to which rows are equal (1e-9)",
    )
    made.add_argument(
        "--as-c", action="store_true", help="print the lines that nanoBragg.c would log"
    )
    made.add_argument("--kernel", help="as submit (a run's own, else reference)")
    made.add_argument("--precision", help="float64 or mixed (a run's own, else float64)")
    made.add_argument("--device", default="auto", help="auto (default), cpu, cuda or cuda:N")
    add_experiment_options(made)
    return made


def run(words: Sequence[str]) -> int:
    """Run the verb; 0, or 7 if it departs from what it is held against."""
    options, rest = parser().parse_beside_nanobragg(words)
    pixels = _pixels(options)
    log = read_trace_log(options.against, pixels[0]) if options.against else None
    tracer = _tracer(options, rest, pixels)
    from tiled_sim.cli.trace_text import as_c_lines, chain_lines, comparison_lines
    from tiled_sim.instruments.chain_comparison import TOLERANCE, compare_chains
    from tiled_sim.instruments.tracing import trace_document

    panel = panel_of(options, tracer.simulator.experiment.detector) or 0
    traced = [
        tracer.trace(pixel, frame=options.frame, panel=panel, steps=options.steps)
        for pixel in pixels
    ]
    comparison = None
    if log is not None:
        tolerance = TOLERANCE if options.tolerance is None else options.tolerance
        comparison = compare_chains(log, traced[0], tolerance)
    if options.json:
        document = trace_document(tracer, traced)
        if comparison is not None:
            document["against"] = comparison.to_dict()
        print_json(document)
    elif options.as_c:
        print("\n".join(line for pixel in traced for line in as_c_lines(pixel)))
    elif comparison is not None:
        print("\n".join(comparison_lines(comparison)))
    else:
        print("\n\n".join("\n".join(chain_lines(tracer, pixel)) for pixel in traced))
    return 0 if comparison is None or comparison.equal else DEPARTS


def _pixels(options: argparse.Namespace) -> list[tuple[int, int]]:
    """The (slow, fast) pixels of ``--pixel``, each once."""
    if not options.pixel:
        raise UsageError("--pixel SLOW FAST is missing: which pixel?")
    pixels = list(dict.fromkeys((slow, fast) for slow, fast in options.pixel))
    if options.against and len(pixels) > 1:
        raise UsageError("--against compares one pixel: give one --pixel, and call once for each")
    if options.tolerance is not None and not options.against:
        raise UsageError("--tolerance goes with --against FILE")
    if options.as_c and (options.json or options.against or options.steps):
        raise UsageError(
            "--as-c prints what nanoBragg.c logs and nothing else: leave out --json, --against and "
            "--steps"
        )
    return pixels


def _tracer(
    options: argparse.Namespace, words: list[str], pixels: list[tuple[int, int]]
) -> "Tracer":
    """What traces pixels of the run or of the experiment that the words name."""
    run = _run_named(options, words)
    experiment = read_request(options, words).experiment if run is None else run.experiment
    from tiled_sim.instruments.tracing import Tracer, kernel_for_tracing

    settings = kernel_for_tracing(
        experiment,
        kernel=options.kernel,
        precision=options.precision,
        planned=None if run is None else run.plan.settings,
        device=options.device,
        compiling=_say_compiling,
    )
    if run is None:
        return Tracer.of_experiment(experiment, pixels, settings, options.device)
    return Tracer.of_run(run, pixels, settings, options.device)


def _run_named(options: argparse.Namespace, words: list[str]) -> "Run | None":
    """The run that the words name, if it is one."""
    if not words or words[0].startswith("-"):
        return None
    if not (is_url(words[0]) or os.path.isdir(words[0]) or words[0].rstrip("/").endswith(".zarr")):
        return None
    given = {"--c-compat": options.c_compat, "--fdump": options.fdump}
    extra = [*words[1:], *(option for option, value in given.items() if value)]
    if extra:
        raise UsageError(f"{words[0]} is a run and has its experiment in it; leave out {extra[0]}")
    from tiled_sim.run.run import Run

    return Run(words[0])


def _say_compiling() -> None:
    print("compiling the kernel for this machine, once (about a minute)", file=sys.stderr)


def _tolerance(text: str) -> float:
    """Read a relative difference."""
    value = number_in(text)
    if value is None or not 0.0 <= value < 1.0:
        raise argparse.ArgumentTypeError(
            f"{shown(text)} is not a relative difference, such as 1e-6"
        )
    return value
