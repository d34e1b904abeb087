"""Where the C program's loops evaluate something for the first time on a panel."""

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import torch

from tiled_sim.kernels.blocks import Pixels
from tiled_sim.kernels.optics import Optics
from tiled_sim.kernels.scene import Scene, thinned
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.first_evaluation import FirstEvaluation
from tiled_sim.physics import geometry


def first_evaluations(
    experiment: Experiment, mask_rows: Callable[[int], Iterable[npt.NDArray[np.uint8]]]
) -> tuple[FirstEvaluation | None, ...]:
    """For each panel the C program's first evaluation, where a run needs it; else empty.

    Parameters
    ----------
    mask_rows : called with a panel number, gives the rows of its mask: uint8 (fast,), 0 = live
    """
    needs = experiment.c_compat and any(
        0.0 in experiment.exposures[frame].angles for frame in range(len(experiment.exposures))
    )
    if not needs:
        return ()
    # where light falls does not depend on the crystal
    scene = Scene.of(thinned(experiment, 1), 0)
    return tuple(
        first_evaluation(scene, mask_rows(panel), torch.device("cpu"), panel)
        for panel in range(len(experiment.detector.panels))
    )


def first_evaluation(
    scene: Scene,
    mask_rows: Iterable[npt.NDArray[np.uint8]],
    device: torch.device,
    panel: int = 0,
) -> FirstEvaluation | None:
    """First pixel, subpixel and source, in the C program's order, that anything is summed for.

    Parameters
    ----------
    scene : of any frame
    mask_rows : one after the other, uint8 (fast,), 0 = live
    panel : number

    Returns
    -------
    None if no pixel is
    """
    optics = Optics(scene)
    for slow, row in enumerate(mask_rows):
        live = np.flatnonzero(row == 0)
        if live.size == 0:
            continue
        fast = torch.from_numpy(live).to(device, torch.float64)
        every = torch.ones_like(fast, dtype=torch.bool)
        pixels = Pixels(torch.full_like(fast, slow), fast, every, panel)
        places = []
        for subpixel in range(scene.sampling.oversample**2):
            diffracted, _ = optics.to_subpixel(pixels, subpixel)
            for number, source in enumerate(scene.spectrum):
                q = geometry.scattering_vector(diffracted, source.incident, source.wavelength)
                seen = optics.within_resolution(q)
                if seen is None:
                    return FirstEvaluation(slow, int(live[0]), 0, 0)
                if bool(seen.any()):
                    places.append((int(live[int(seen.nonzero()[0, 0])]), subpixel, number))
        if places:
            return FirstEvaluation(slow, *min(places))
    return None
