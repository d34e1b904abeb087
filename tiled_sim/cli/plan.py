"""``tiled-sim plan``: what submit would do."""

from collections.abc import Sequence

from tiled_sim.cli.arguments import (
    add_experiment_options,
    add_kernel_options,
    add_plan_options,
    read_request,
    trace_panel,
    trace_pixels,
)
from tiled_sim.cli.cluster_options import add_workers_options, cluster_of
from tiled_sim.cli.parser import Parser
from tiled_sim.cli.printing import (
    noise_line,
    number,
    plan_document,
    plan_line,
    print_json,
    provenance_lines,
    sensor_lines,
)


def parser() -> Parser:
    """The options of the verb."""
    made = Parser(
        "plan",
        "What submit would do: tiles, evaluations, memory, coverage of the structure factors.\n"
        "Computes nothing and writes nothing.",
    )
    add_experiment_options(made)
    add_plan_options(made)
    add_kernel_options(made)
    add_workers_options(made)
    return made


def run(words: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    options, rest = parser().parse_beside_nanobragg(words)
    request = read_request(options, rest)
    from tiled_sim.cluster.resources import workers_of
    from tiled_sim.model.inputs import Loaded
    from tiled_sim.model.settings import Settings
    from tiled_sim.plan.prepare import prepare

    workers = workers_of(cluster_of(options), options.device)
    run = request.run
    prepared = prepare(
        request.experiment if run is None else Loaded(request.experiment, run.inputs()),
        Settings(options.kernel, options.precision, options.negligible),
        tile=options.tile,
        trace_pixels=trace_pixels(options),
        trace_panel=trace_panel(options, request.experiment),
        require_coverage=options.require_coverage,
        workers=workers,
    )
    plan, provenance = prepared.plan, prepared.provenance()
    settings = plan.settings
    if options.json:
        print_json(
            {
                "shape": list(plan.grid.shape),
                **plan_document(plan, request.experiment),
                "steps": plan.evaluations_per_pixel,
                "workers_source": workers.source,
                "kernel": settings.kernel,
                "kernel_reason": settings.reason,
                "precision": settings.precision,
                "structure_factors": provenance,
                "hashes": prepared.hashes,
                "sensor": request.experiment.to_dict()["detector"]["sensor"],
                "background": request.experiment.to_dict()["background"],
                "noise": request.experiment.to_dict()["noise"],
                "notes": list(request.experiment.notes),
            }
        )
        return 0
    rows, columns = plan.grid.counts[2:]
    lines = [
        f"image     {' x '.join(map(str, plan.grid.shape))} (frame x panel x slow x fast)",
        f"tiles     {plan_line(plan)}, {rows} x {columns} a panel",
        f"workers   {plan.workers}, {workers.source}",
        f"work      {number(request.experiment.evaluations)} evaluations, "
        f"{plan.evaluations_per_pixel} a pixel",
        f"kernel    {settings.kernel}, {settings.precision} precision ({settings.reason})",
        f"memory    {number(plan.bytes_of_worker)}B a worker process",
        *provenance_lines(provenance, request.experiment.structure_factors.default_F),
        *sensor_lines(request.experiment),
        *(f"note      {note}" for note in request.experiment.notes),
    ]
    if request.experiment.noise is not None:
        lines.append(noise_line(request.experiment))
    print("\n".join(lines))
    return 0
