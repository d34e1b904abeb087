"""``tiled-sim plan``: what submit would do."""

from collections.abc import Sequence

from tiled_sim.cli.arguments import (
    Parser,
    add_experiment_options,
    add_kernel_options,
    add_plan_options,
    read_request,
    trace_pixels,
)
from tiled_sim.cli.printing import noise_line, number, print_json, provenance_lines, sensor_lines


def run(words: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    parser = Parser(
        "plan",
        "What submit would do: tiles, evaluations, memory, coverage of the structure factors.\n"
        "Computes nothing and writes nothing.",
    )
    add_experiment_options(parser)
    add_plan_options(parser)
    add_kernel_options(parser)
    options, rest = parser.parse_beside_nanobragg(words)
    request = read_request(options, rest)
    from tiled_sim.cluster.resources import cores_of, device_of_workers
    from tiled_sim.plan.prepare import prepare

    prepared = prepare(
        request.experiment,
        tile=options.tile,
        trace_pixels=trace_pixels(options),
        require_coverage=options.require_coverage,
        precision=options.precision,
        kernel=options.kernel,
        negligible=options.negligible,
        device=device_of_workers("auto", "local"),
        cores=cores_of("local"),
    )
    plan, provenance = prepared.plan, prepared.provenance()
    if options.json:
        print_json(
            {
                "shape": list(plan.shape),
                "tiles": len(plan),
                "tile": list(plan.tile),
                "steps": plan.steps,
                "evaluations": plan.evaluations,
                "kernel": plan.kernel,
                "kernel_reason": prepared.choice.reason,
                "precision": plan.precision,
                "bytes_per_task": plan.bytes_per_task,
                "structure_factors": provenance,
                "hashes": prepared.hashes,
                "sensor": request.experiment.to_dict()["detector"]["sensor"],
                "background": request.experiment.to_dict()["background"],
                "noise": request.experiment.to_dict()["noise"],
                "notes": list(request.experiment.notes),
            }
        )
        return 0
    rows, columns = plan.grid
    lines = [
        f"image     {' x '.join(map(str, plan.shape))} (frame x panel x slow x fast)",
        f"tiles     {len(plan)} of {plan.tile[0]} x {plan.tile[1]} pixels, "
        f"{rows} x {columns} a panel",
        f"work      {number(plan.evaluations)} evaluations, {plan.steps} a pixel",
        f"kernel    {plan.kernel}, {plan.precision} precision ({prepared.choice.reason})",
        f"memory    {number(plan.bytes_per_task)}B a worker process",
        *provenance_lines(provenance, request.experiment.structure_factors.default_F),
        *sensor_lines(request.experiment),
        *(f"note      {note}" for note in request.experiment.notes),
    ]
    if request.experiment.noise is not None:
        lines.append(noise_line(request.experiment))
    print("\n".join(lines))
    return 0
