"""``tiled-sim config``: the resolved experiment with every derived value."""

from collections.abc import Sequence

from tiled_sim.cli.arguments import Parser, add_experiment_options, read_request
from tiled_sim.cli.printing import print_json
from tiled_sim.experiment.derived import derived, format_config


def run(words: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    parser = Parser(
        "config",
        "The resolved experiment with every derived value and its unit, as TOML that runs the same",
    )
    add_experiment_options(parser)
    options, rest = parser.parse_beside_nanobragg(words)
    experiment = read_request(options, rest).experiment
    if options.json:
        print_json(
            {
                "experiment": experiment.to_dict(),
                "sha256": experiment.sha256,
                "derived": {
                    name: {"value": value, "unit": unit}
                    for name, (value, unit) in derived(experiment).items()
                },
            }
        )
    else:
        print(format_config(experiment))
    return 0
