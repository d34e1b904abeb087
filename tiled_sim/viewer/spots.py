"""The spots of a run's frames: where reflections meet panels, and what the image has of each."""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tiled_sim.kernels.devices import one_torch_thread
from tiled_sim.kernels.scene import Scene, thinned
from tiled_sim.model.crystals import each_alone
from tiled_sim.physics.lattice import indices
from tiled_sim.physics.structure_factor import StructureFactorTable
from tiled_sim.physics.vectors import Array
from tiled_sim.plan.reach import table_of
from tiled_sim.run.run import Run
from tiled_sim.viewer.boxes import Boxes, BoxSums, Sums
from tiled_sim.viewer.kept import Kept
from tiled_sim.viewer.meeting import MOST_BEYOND, on_panels, pixel_angles
from tiled_sim.viewer.pixels import Pixels
from tiled_sim.viewer.prediction import predict

#: Spots of a frame that are told, the strongest.
MOST_SPOTS = 20_000
#: Of boxes in which photons are summed [pixel].
_LEAST_RADIUS, _MOST_RADIUS = 2, MOST_BEYOND
#: A spot is summed so many half widths out.
_WIDTHS = 1.5
#: Where phi steps and mosaic domains are more than its square, so many of each stand for all.
_MOST_TURNS = 300
#: Of what was found [byte].
_KEPT = 64 << 20
_DECIMALS = {"slow": 2, "fast": 2, "off": 2, "photons": 4, "background": 4}

#: What is told of spots, each a list.
Columns = dict[str, list[Any]]
#: Columns of all spots of a frame, and the resolution where they end.
Found = tuple[dict[str, npt.NDArray[Any]], float | None]


class Spots:
    """Of one run; may be asked from several threads.

    Parameters
    ----------
    run : with the structure factors that it was made with; its tiles need not be computed
    pixels : of it
    """

    def __init__(self, run: Run, pixels: Pixels) -> None:
        self._run = run
        self._crystals = each_alone(run.experiment)
        self._sums = BoxSums(run, pixels)
        self._table: StructureFactorTable | None = None
        self._one_at_a_time = threading.Lock()
        self._kept: Kept[int, Found] = Kept(_KEPT)

    def of_frame(self, frame: int) -> dict[str, Any]:
        """The spots on all panels, the strongest first: ``count`` of them, and lists of the first.

        ``finest_A`` is not None where those of finer resolution are too many to be predicted.
        ``crystal``, ``panel``, ``h``, ``k``, ``l``, ``slow`` and ``fast`` of the middle [pixel],
        ``radius`` of a box around it [pixel], and ``off``: how far the node is from Ewald's sphere
        in the step that comes nearest, in half widths of its spot.

        Raises
        ------
        IndexError
            there is no such frame
        StoreError
            if the structure factors cannot be read
        """
        found, finest = self._found(frame)
        told = {name: _told(name, values[:MOST_SPOTS]) for name, values in found.items()}
        return {"count": len(found["panel"]), "finest_A": finest, **told}

    def photons(self, frame: int, panels: Sequence[int]) -> Columns:
        """What the image has of the spots of some panels, above what is around them.

        ``spot`` (its place in `of_frame`), ``photons`` (None: some pixel is not computed), those of
        the ``background`` in the same box, and ``slow`` and ``fast`` of the centroid [pixel].

        Raises
        ------
        IndexError
            there is no such frame or panel
        StoreError
            if the image is damaged
        """
        found, _ = self._found(frame)
        told: Columns = {"spot": [], **{name: [] for name in Sums._fields}}
        for panel in panels:
            self._run.plan.grid.require(frame=frame, panel=panel)
            spots = np.flatnonzero(found["panel"][:MOST_SPOTS] == panel)
            boxes = Boxes(*(found[name][spots] for name in Boxes._fields))
            told["spot"] += spots.tolist()
            for name, values in self._sums.of_panel(frame, panel, boxes)._asdict().items():
                told[name] += _told(name, values)
        return told

    def _found(self, frame: int) -> Found:
        self._run.plan.grid.require(frame=frame)
        with self._one_at_a_time:
            found = self._kept.get(frame)
            if found is None:
                with one_torch_thread(), torch.inference_mode():
                    found = self._predict(frame)
                size = sum(column.nbytes for column in found[0].values())
                self._kept.put(frame, found, size)
        return found

    def _predict(self, frame: int) -> Found:
        every, strengths, finest = [], [], None
        for number, alone in enumerate(self._crystals, 1):
            scene = Scene.of(thinned(alone, _MOST_TURNS), frame)
            predicted = predict(scene, self._amplitudes)
            spot, panel, slow, fast = on_panels(scene, predicted.direction, predicted.spread)
            across = pixel_angles(scene)[panel]
            radius = np.ceil(_WIDTHS * predicted.spread[spot] / across)
            every.append(
                {
                    "crystal": np.full(len(spot), number),
                    "panel": panel,
                    **dict(zip("hkl", predicted.hkl[spot].T, strict=True)),
                    "slow": slow,
                    "fast": fast,
                    "radius": np.clip(radius, _LEAST_RADIUS, _MOST_RADIUS).astype(np.int64),
                    "off": predicted.off[spot],
                }
            )
            if predicted.finest is not None:
                finest = max(predicted.finest, finest or 0.0)
            strengths.append(predicted.strength[spot] * scene.crystal.share)
        order = np.argsort(-np.concatenate(strengths), kind="stable")
        joined = {name: np.concatenate([one[name] for one in every])[order] for name in every[0]}
        return joined, finest

    def _amplitudes(self, hkl: npt.NDArray[np.int64]) -> Array:
        """F of nodes, of the first energy [electron]."""
        experiment = self._run.experiment
        if self._table is None:
            factors = self._run.inputs().factors
            if factors is None:
                return np.full(len(hkl), experiment.structure_factors.default_F)
            self._table = table_of(experiment, factors, torch.device("cpu"))
        at = indices(*torch.from_numpy(hkl.astype(np.float64)).unbind(1))
        amplitudes: Array = self._table.nearest(self._table.nodes(at)).numpy()
        return amplitudes


def _told(name: str, values: npt.NDArray[Any]) -> list[Any]:
    """Numbers of few digits; None: NaN."""
    if name in _DECIMALS:
        values = np.round(values, _DECIMALS[name])
    return [None if value != value else value for value in values.tolist()]
