"""``tiled-sim config``: the resolved experiment with every derived value."""

from collections.abc import Sequence
from dataclasses import asdict

from tiled_sim.cli.arguments import add_experiment_options, read_request
from tiled_sim.cli.parser import Parser
from tiled_sim.cli.printing import print_json


def parser() -> Parser:
    """The options of the verb."""
    made = Parser(
        "config",
        "The resolved experiment with every derived value and its unit, as TOML that runs the same",
    )
    add_experiment_options(made)
    return made


def run(words: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    options, rest = parser().parse_beside_nanobragg(words)
    experiment = read_request(options, rest).experiment
    # torch takes seconds to import; a mistyped option should not wait for it
    from tiled_sim.instruments.derived import derived, format_config
    from tiled_sim.model.canonical import HASH_VERSION
    from tiled_sim.store.location import FORMAT

    if options.json:
        print_json(
            {
                "experiment": experiment.to_dict(),
                "sha256": experiment.sha256,
                "hash_version": HASH_VERSION,
                "store_format": FORMAT,
                "derived": [asdict(row) for row in derived(experiment)],
            }
        )
    else:
        print(format_config(experiment))
    return 0
