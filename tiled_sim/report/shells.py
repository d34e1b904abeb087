"""Coverage of the reflections in reach by shells of resolution."""

import numpy as np

from tiled_sim.physics.cell import dual
from tiled_sim.plan.coverage import nodes_in_reach
from tiled_sim.report.table import Column, Table, numbers, share
from tiled_sim.run.run import Run

#: Shells of equal volume in reciprocal space, and how many reflections one should have.
_MOST_SHELLS, _IN_A_SHELL = 10, 20


def shell_table(run: Run) -> Table:
    """Reflections in reach of the detector, and those of them that the file gives, by shells.

    Parameters
    ----------
    run : whose inputs are read

    Raises
    ------
    StoreError
        if they cannot be read, or are not those that the run was made with
    """
    inputs, experiment = run.inputs(), run.experiment
    factors, reached = inputs.factors, nodes_in_reach(experiment, inputs.mask)
    nodes = reached.nodes
    # of a, b, c, which make the image: a*, b*, c* of C's triclinic cells are longer by a factor
    star = np.linalg.norm(nodes @ dual(experiment.crystal.direct_vectors), axis=1)
    inside = np.zeros(len(nodes), dtype=bool)
    given, forbidden = inside.copy(), inside.copy()
    amplitude = np.zeros(len(nodes))
    if factors is not None:
        position = nodes - np.array(factors.minimum)
        inside = np.all((position >= 0) & (position < factors.given.shape), axis=1)
        given[inside] = factors.given[tuple(position[inside].T)]
        amplitude[inside] = np.abs(factors.amplitude[tuple(position[inside].T)])
        if factors.absences is not None:
            forbidden = factors.absences.forbid(nodes) & ~given
    columns = [
        Column("resolution", "Å"),
        *numbers(("in reach", ""), ("given", ""), ("share", ""), ("outside the ranges", "")),
        *numbers(("absent by symmetry", ""), ("mean F of those given", "electrons")),
    ]
    rows = []
    for ends in _shells(star):
        within = (star >= ends[0]) & (star <= ends[1])
        reach, there = within & ~forbidden, within & given
        rows.append(
            (
                f"{1.0 / ends[0]:.2f} – {1.0 / ends[1]:.2f}",
                int(reach.sum()),
                int(there.sum()),
                share(int(there.sum()), int(reach.sum())),
                int((reach & ~inside).sum()),
                int((within & forbidden).sum()),
                float(amplitude[there].mean()) if there.any() else None,
            )
        )
    reach = ~forbidden
    rows.append(
        (
            "all",
            int(reach.sum()),
            int(given.sum()),
            share(int(given.sum()), int(reach.sum())),
            int((reach & ~inside).sum()),
            int(forbidden.sum()),
            float(amplitude[given].mean()) if given.any() else None,
        )
    )
    plural = "" if reached.steps == 1 else "s"
    sampled = f"By {reached.pixels} live pixels and {reached.steps} step{plural} of their sums"
    notes = [f"{sampled}; shells are of equal volume in reciprocal space."]
    if factors is None:
        notes.append(
            "No file of F is named: F is "
            f"{experiment.structure_factors.default_F:g} electrons at every node."
        )
    return Table.of("Reflections in reach of the detector", columns, rows, notes)


def _shells(star: np.ndarray) -> list[tuple[float, float]]:
    """Ends of the shells [1/Å], from the inside; none without reflections."""
    if not len(star):
        return []
    count = min(_MOST_SHELLS, max(len(star) // _IN_A_SHELL, 1))
    edges = np.cbrt(np.linspace(star.min() ** 3, star.max() ** 3, count + 1))
    edges[0], edges[-1] = star.min(), star.max()
    # each begins just beyond the one before it
    starts = [edges[0], *np.nextafter(edges[1:-1], np.inf)]
    return list(zip(map(float, starts), map(float, edges[1:]), strict=True))
