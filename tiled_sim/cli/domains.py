"""``tiled-sim domains``: the mosaic domains of an experiment, for other programs."""

from collections.abc import Sequence

import numpy as np

from tiled_sim.cli.arguments import add_experiment_options, read_request
from tiled_sim.cli.parser import Parser
from tiled_sim.cli.printing import print_json
from tiled_sim.errors import UsageError
from tiled_sim.io.domains import write_domains
from tiled_sim.model.domains import ListedDomains
from tiled_sim.physics.constants import RADIAN

_ENDINGS = (".npz", ".txt")


def parser() -> Parser:
    """The options of the verb."""
    made = Parser(
        "domains",
        "The mosaic domains of an experiment as rotation matrices and weights, written to a file "
        "that\n--mosaic-file reads back to the last bit, and that simtbx takes by "
        "set_mosaic_blocks\n(docs/domains.md)",
    )
    made.add_argument("--out", metavar="FILE.npz|FILE.txt", help="the new file")
    add_experiment_options(made)
    return made


def run(words: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    options, rest = parser().parse_beside_nanobragg(words)
    if options.out is None or not options.out.endswith(_ENDINGS):
        raise UsageError("no file for the domains: give --out FILE.npz, or --out FILE.txt")
    crystal = read_request(options, rest).experiment.crystal
    listed = crystal.listed_domains()
    write_domains(options.out, listed)
    angles = _angles(listed) * RADIAN
    facts = {
        "file": options.out,
        "kind": crystal.domains.kind,
        "domains": len(listed),
        "axes": listed.axes,
        "rms_angle_deg": float(np.sqrt(np.average(angles**2, weights=listed.weight))),
        "largest_angle_deg": float(angles.max()),
        "sha256": listed.sha256,
    }
    if options.json:
        print_json(facts)
        return 0
    print(
        f"domains   {facts['domains']} of the kind {facts['kind']}, fixed in the {listed.axes}\n"
        f"angles    {facts['rms_angle_deg']:.6g}° rms by weight, {facts['largest_angle_deg']:.6g}° "
        f"at most\nwrote     {options.out}"
    )
    return 0


def _angles(listed: ListedDomains) -> np.ndarray:
    """By which each domain is turned [rad]: by its sine and cosine, of which one is exact."""
    r = listed.rotation
    twice_sine = np.sqrt(
        (r[:, 2, 1] - r[:, 1, 2]) ** 2
        + (r[:, 0, 2] - r[:, 2, 0]) ** 2
        + (r[:, 1, 0] - r[:, 0, 1]) ** 2
    )
    return np.arctan2(twice_sine, np.trace(r, axis1=1, axis2=2) - 1.0)
