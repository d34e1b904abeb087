"""Several crystals in one image, which is the sum of the images of each alone."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tiled_sim.model.crystal import Crystal
from tiled_sim.model.exposures import Exposures, Listed

if TYPE_CHECKING:
    from tiled_sim.model.experiment import Experiment

#: Of one image. Each is summed by a kernel of its own; more that differ in orientation alone are
#: mosaic domains of a list.
MOST_CRYSTALS = 100


def each_alone(experiment: "Experiment") -> tuple["Experiment", ...]:
    """For each crystal of an experiment the experiment that has it alone.

    The image is the sum of theirs, but for the background, which each of them has: a crystal
    keeps its share of the light.

    Parameters
    ----------
    experiment : with any number of crystals
    """
    if not experiment.further_crystals:
        return (experiment,)
    return tuple(
        replace(
            experiment,
            crystal=crystal,
            further_crystals=(),
            exposures=_of_crystal(experiment.exposures, experiment.crystal, crystal),
        )
        for crystal in experiment.crystals
    )


def largest_and_smallest(
    crystals: tuple[Crystal, ...], exposures: Exposures
) -> tuple[Crystal, Crystal]:
    """The widest crystal of an image, and the one of the fewest cells, as frames have them.

    Parameters
    ----------
    crystals : of an experiment
    exposures : which may say the numbers of cells in each frame
    """
    if isinstance(exposures, Listed) and exposures.cells is not None:
        every = exposures.cells
        rows = {int(every.min(axis=1).argmin())}
        for one in crystals:
            widths = np.linalg.norm(one.direct_vectors, axis=1) * every
            rows.add(int(widths.max(axis=1).argmax()))
        crystals = tuple(
            replace(one, cells=(int(na), int(nb), int(nc)))
            for one in crystals
            for na, nb, nc in every[sorted(rows)]
        )
    largest = max(crystals, key=lambda crystal: max(crystal.edges))
    return largest, min(crystals, key=lambda crystal: min(crystal.cells))


def _of_crystal(exposures: Exposures, first: Crystal, crystal: Crystal) -> Exposures:
    """Exposures whose cell vectors, which are the first crystal's, are those of another.

    They differ from its own as those of the first do from the first's: by the same factors on a,
    b, c, and combinations of them, so that a twin by rotation has the cell of the frame, too.
    """
    if not isinstance(exposures, Listed) or exposures.vectors is None or crystal is first:
        return exposures
    strain = exposures.vectors @ np.linalg.inv(first.direct_vectors)
    vectors = strain @ crystal.direct_vectors
    # frames that have the first's own have this one's own, to the last bit
    vectors[(exposures.vectors == first.direct_vectors).all(axis=(1, 2))] = crystal.direct_vectors
    return replace(exposures, vectors=vectors)
