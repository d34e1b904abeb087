"""``tiled-sim resume``: compute what a run lacks."""

import time
from collections.abc import Sequence

from tiled_sim.cli.arguments import add_experiment_options, read_request
from tiled_sim.cli.cluster_options import add_cluster_options, cluster_of, tls_in
from tiled_sim.cli.frames import add_frames_option, frames_of
from tiled_sim.cli.outputs import require_possible, require_traced, write_outputs
from tiled_sim.cli.parser import Parser
from tiled_sim.cli.submit import report, report_detached, say_interrupted
from tiled_sim.errors import UsageError
from tiled_sim.read.nanobragg.outputs import Outputs


def parser() -> Parser:
    """The options of the verb."""
    made = Parser(
        "resume",
        "Compute the tiles of a run that have no valid sidecar.\n\n"
        "  tiled-sim resume RUN.zarr\n"
        "  tiled-sim resume RUN.zarr EXPERIMENT.toml | <nanoBragg options>\n\n"
        "With an experiment, a run of another one is refused, and the files that its options name\n"
        "are written when the run is complete.",
    )
    add_experiment_options(made)
    add_cluster_options(made)
    add_frames_option(made)
    return made


def run(words: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    options, rest = parser().parse_beside_nanobragg(words)
    if not rest or rest[0].startswith("-"):
        raise UsageError("name the run first: tiled-sim resume RUN.zarr")
    path, *experiment = rest
    request = read_request(options, experiment) if experiment else None
    outputs = Outputs() if request is None else request.outputs
    require_possible(outputs, path, detach=options.detach)
    cluster, tls = cluster_of(options), tls_in(options)
    from tiled_sim.cluster.ahead import importing_ahead
    from tiled_sim.cluster.growth import finish_growth_of
    from tiled_sim.run.run import Run

    finish_growth_of(path)
    found = Run(path)
    if request is not None:
        found.require_same(request.experiment)
        require_traced(found, outputs)
    frames = frames_of(options, len(found.experiment.exposures), outputs)
    with importing_ahead(cluster, found.plan.seconds):
        from tiled_sim.cli.progress import ProgressBar
        from tiled_sim.cluster.submit import compute_missing

        began = time.monotonic()
        with ProgressBar(not (options.json or options.no_progress), silent=options.json) as bar:
            try:
                made = compute_missing(
                    found,
                    cluster=cluster,
                    tls=tls,
                    device=options.device,
                    detach=options.detach,
                    listener=bar,
                    frames=frames,
                )
            except KeyboardInterrupt:
                say_interrupted(path)
                raise
    if options.detach:
        report_detached(made, options.json)
    else:
        write_outputs(made, outputs)
        report(made, options.json, time.monotonic() - began, outputs)
    return 0
