"""Whether two runs can be shown beside each other."""

from tiled_sim.errors import UsageError
from tiled_sim.model.assembly import Assembly
from tiled_sim.run.run import Run


def require_alike(one: Run, other: Run) -> None:
    """Make sure that cells of both are those of the same places.

    Raises
    ------
    UsageError
        telling in what they differ
    """
    first, second = (
        Assembly.of(run.experiment.detector, run.experiment.beam.direction) for run in (one, other)
    )
    pixels = [[panel.pixels for panel in assembly.panels] for assembly in (first, second)]
    for what, differ in (
        ("numbers or sizes of panels", pixels[0] != pixels[1]),
        ("sizes of the assembled detector", first.shape != second.shape),
        ("numbers of frames", len(one.experiment.exposures) != len(other.experiment.exposures)),
    ):
        if differ:
            raise UsageError(
                f"--against {other.path}: the two runs have different {what}; look at each alone"
            )
