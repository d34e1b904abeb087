"""Patterns in a list of reflections that look like those of a centred lattice."""

import numpy as np

from tiled_sim.model.structure_factors import StructureFactors

#: Of so few reflections a pattern may be chance.
_FEWEST = 30
#: Lattice, condition as people write it, and the rows (h, k, l) and modulus that say it.
_CENTRINGS = (
    ("F", "h, k, l of mixed parity", ((1, 1, 0), (0, 1, 1)), 2),
    ("I", "h + k + l odd", ((1, 1, 1),), 2),
    ("C", "h + k odd", ((1, 1, 0),), 2),
    ("A", "k + l odd", ((0, 1, 1),), 2),
    ("B", "h + l odd", ((1, 0, 1),), 2),
    ("R", "-h + k + l no multiple of 3", ((-1, 1, 1),), 3),
    ("R", "h - k + l no multiple of 3", ((1, -1, 1),), 3),
)


def centring_notes(factors: StructureFactors) -> list[str]:
    """What the list looks like, if every F other than 0 fits a centred lattice; else nothing."""
    nodes = np.argwhere(factors.given & (factors.amplitude != 0.0)) + factors.minimum
    if len(nodes) < _FEWEST:
        return []
    for lattice, condition, rows, modulus in _CENTRINGS:
        if not any(np.any(nodes @ np.array(row) % modulus) for row in rows):
            return [
                f"no reflection with {condition} has F, as where the lattice is {lattice}-centred: "
                "if they are absent by symmetry, and not missing, --space-group NAME (in TOML "
                "space_group) says so"
            ]
    return []
