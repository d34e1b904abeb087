"""``tiled-sim submit``: simulate an experiment into a new run."""

import argparse
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tiled_sim.cli.append import shots_to_append
from tiled_sim.cli.arguments import (
    add_experiment_options,
    add_kernel_options,
    add_plan_options,
    read_request,
    trace_panel,
    trace_pixels,
)
from tiled_sim.cli.cluster_options import add_cluster_options, cluster_of, tls_in
from tiled_sim.cli.frames import add_frames_option, frames_of
from tiled_sim.cli.options import option_table
from tiled_sim.cli.outputs import printed_pixel, require_possible, write_outputs
from tiled_sim.cli.parser import Parser
from tiled_sim.cli.printing import print_json, summary, summary_document
from tiled_sim.errors import UsageError
from tiled_sim.read.nanobragg.outputs import Outputs
from tiled_sim.read.shots import Shots

if TYPE_CHECKING:
    from tiled_sim.run.run import Run

#: Of the compiled kernel, roughly: what makes the plan takes as long to import as a worker.
_SECONDS_AN_EVALUATION = 4e-9


def parser() -> Parser:
    """The options of the verb."""
    made = Parser(
        "submit",
        "Simulate an experiment into a new run.\n\n"
        "  tiled-sim submit --out RUN.zarr EXPERIMENT.toml\n"
        "  tiled-sim submit --out RUN.zarr <nanoBragg options>\n"
        "  tiled-sim submit --out NEW.zarr RUN.zarr        the experiment of a run once more\n"
        "  tiled-sim submit --append RUN.zarr --random-shots N | --shots TABLE",
        option_table(),
    )
    made.add_argument("--out", metavar="RUN.zarr", help="the run to make; must not exist")
    made.add_argument(
        "--append",
        metavar="RUN.zarr",
        help="add shots to this run, whose experiment, kernel and tiles stay as they are",
    )
    add_experiment_options(made)
    add_plan_options(made)
    add_kernel_options(made)
    add_cluster_options(made)
    add_frames_option(made)
    return made


def run(words: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    asked = parser()
    options, rest = asked.parse_beside_nanobragg(words)
    if options.append is not None:
        return _append(options, shots_to_append(asked, options, rest))
    request = read_request(options, rest)
    if options.out is None:
        raise UsageError("--out RUN.zarr is missing: where should the run go?")
    outputs = request.outputs
    require_possible(outputs, options.out, detach=options.detach)
    cluster, tls = cluster_of(options), tls_in(options)
    panel = trace_panel(options, request.experiment)
    frames = frames_of(options, len(request.experiment.exposures), outputs)
    # torch, dask and zarr take seconds to import; a mistyped option should not wait for them
    from tiled_sim.cluster.ahead import importing_ahead

    with importing_ahead(cluster, request.experiment.evaluations * _SECONDS_AN_EVALUATION):
        from tiled_sim.cli.progress import ProgressBar
        from tiled_sim.cluster.submit import submit

        began = time.monotonic()
        shown = _progress_shown(options.json, options.no_progress, outputs)
        with ProgressBar(shown, silent=options.json) as bar:
            try:
                made = submit(
                    request.run or request.experiment,
                    options.out,
                    cluster=cluster,
                    tls=tls,
                    tile=options.tile,
                    precision=options.precision,
                    kernel=options.kernel,
                    negligible=options.negligible,
                    device=options.device,
                    trace_pixels=[*trace_pixels(options), *outputs.pixels],
                    trace_panel=panel,
                    require_coverage=options.require_coverage,
                    detach=options.detach,
                    listener=bar,
                    frames=frames,
                )
            except KeyboardInterrupt:
                say_interrupted(options.out)
                raise
    if options.detach:
        report_detached(made, options.json)
        return 0
    write_outputs(made, outputs)
    report(made, options.json, time.monotonic() - began, outputs)
    return 0


def _append(options: argparse.Namespace, shots: Shots) -> int:
    """Add shots to a run; the exit code."""
    cluster, tls = cluster_of(options), tls_in(options)
    from tiled_sim.cli.progress import ProgressBar
    from tiled_sim.cluster.submit import append

    began = time.monotonic()
    with ProgressBar(not (options.json or options.no_progress), silent=options.json) as bar:
        try:
            made = append(
                options.append,
                shots,
                cluster=cluster,
                tls=tls,
                device=options.device,
                require_coverage=options.require_coverage,
                detach=options.detach,
                listener=bar,
            )
        except KeyboardInterrupt:
            say_interrupted(options.append)
            raise
    if options.detach:
        report_detached(made, options.json)
    else:
        report(made, options.json, time.monotonic() - began, Outputs())
    return 0


def report(made: "Run", as_json: bool, seconds: float, outputs: Outputs) -> None:
    """Print the summary of a run, and what was written and is to be printed besides."""
    status = made.status()
    printout = printed_pixel(made, outputs)
    if as_json:
        besides = {"files": outputs.files, "printout": printout}
        print_json(summary_document(made, status) | besides)
        return
    written = [f"wrote     {path} ({option})" for option, path in outputs.files.items()]
    print("\n".join([*summary(made, status, seconds), *written, *printout]))


def report_detached(made: "Run", as_json: bool) -> None:
    """Tell how to follow a run that was left to its cluster."""
    if as_json:
        print_json({"run": str(made.path), "run_id": made.run_id, "detached": True})
        return
    path = made.path
    print(
        f"run       {path}, left to its cluster\n"
        f"          `tiled-sim watch {path}` follows it, `tiled-sim cancel {path}` stops it"
    )


def say_interrupted(path: str) -> None:
    """Tell how to go on, if there is something to go on with."""
    from tiled_sim.run.run import Run
    from tiled_sim.store.location import objects_of
    from tiled_sim.store.place import place_of

    if objects_of(place_of(path)).is_there():
        done = Run(path).status()
        print(
            f"{done.done} of {done.tiles} tiles are done and safe; "
            f"`tiled-sim resume {path}` computes the others",
            file=sys.stderr,
        )


def _progress_shown(as_json: bool, no_progress: bool, outputs: Outputs) -> bool:
    if no_progress or outputs.progress is False:
        return False
    return outputs.progress is True or not as_json
