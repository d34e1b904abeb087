"""The reflections that a run has on its panels, as a table: node, place and photons of each."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch

from tiled_sim.export.output import Output
from tiled_sim.export.selection import Selection
from tiled_sim.export.tables import require_writer, write_table
from tiled_sim.kernels.blocks import Pixels
from tiled_sim.kernels.devices import one_torch_thread
from tiled_sim.kernels.node_sums import node_sums
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.crystals import each_alone
from tiled_sim.plan.reach import table_of
from tiled_sim.run.run import Run

if TYPE_CHECKING:
    import pandas

#: Pixels with fewer photons are left out, and reflections with fewer [photon].
LEAST_PHOTONS = 0.01
#: Pixels whose steps are shared out in one go.
_AT_A_TIME = 1 << 16
_CPU = torch.device("cpu")


def write(selection: Selection, output: Output, advance: Callable[[int], None]) -> tuple[str, ...]:
    """Write a row a reflection, crystal, panel and frame. See `tiled_sim.export.formats.Writer`."""
    require_writer(output)
    with one_torch_thread(), torch.inference_mode():
        write_table(output, _tables(selection, advance))
    return (f"pixels and reflections of less than {LEAST_PHOTONS:g} photons are left out",)


def spots_table(run: Run, frame: int | None = None) -> "pandas.DataFrame":
    """The reflections of a frame on every panel, as `write` has them.

    Parameters
    ----------
    run : whose frame is computed
    frame : which exposure; None: all

    Raises
    ------
    UsageError
        if there is no such frame
    TileError
        if tiles of it are not computed
    StoreError
        if the image, or what the run was made with, cannot be read
    """
    import pandas

    frames = None if frame is None else (frame, frame + 1)
    selection = Selection.of(run, frames=frames, counts=False)
    selection.require_computed()
    with one_torch_thread(), torch.inference_mode():
        return pandas.concat(list(_tables(selection, lambda _: None)), ignore_index=True)


def _tables(selection: Selection, advance: Callable[[int], None]) -> Iterator["pandas.DataFrame"]:
    finder = SpotFinder(selection.run)
    for frame in selection.frames:
        for panel in selection.panels:
            yield from finder.of_panel(frame, panel)
            advance(1)


class SpotFinder:
    """Finds the reflections that a run has on its panels.

    Parameters
    ----------
    run : with the structure factors that it was made with
    """

    def __init__(self, run: Run) -> None:
        experiment, factors = run.experiment, run.inputs().factors
        self._run = run
        self._table = None if factors is None else table_of(experiment, factors, _CPU)
        self._crystals = each_alone(experiment)
        self._scenes: tuple[int, list[Scene]] | None = None

    def of_panel(self, frame: int, panel: int) -> Iterator["pandas.DataFrame"]:
        """A table for each crystal, a row a node, in order.

        ``frame``, ``panel``, ``crystal`` where there are several, ``h``, ``k``, ``l``, its centroid
        ``slow`` and ``fast`` [pixel] and its ``photons``; without those below `LEAST_PHOTONS`.

        Parameters
        ----------
        frame, panel : which image

        Raises
        ------
        StoreError
            if the image is damaged
        """
        scenes = self._of_frame(frame)
        for number, scene in enumerate(scenes, 1):
            found = self._of_crystal(scene, frame, panel)
            if len(scenes) > 1:
                found.insert(2, "crystal", np.full(len(found), number, dtype=np.int32))
            yield found

    def _of_frame(self, frame: int) -> list[Scene]:
        """The scene of each crystal."""
        known = self._scenes
        if known is None or known[0] != frame:
            known = frame, [Scene.of(alone, frame) for alone in self._crystals]
            self._scenes = known
        return known[1]

    def _of_crystal(self, scene: Scene, frame: int, panel: int) -> "pandas.DataFrame":
        """Reflections of a crystal."""
        import pandas

        selection = Selection.of(self._run, panels=(panel,), counts=False)
        default_F = self._run.experiment.structure_factors.default_F
        names = ("h", "k", "l", "slow", "fast", "photons")
        columns: dict[str, list[np.ndarray]] = {name: [] for name in names}
        for band in selection.bands(0):
            image = selection.read(frame, 0, band)
            slow, fast = np.nonzero(np.asarray(image, dtype=np.float32) >= LEAST_PHOTONS)
            for start in range(0, len(slow), _AT_A_TIME):
                part = slice(start, start + _AT_A_TIME)
                rows = torch.from_numpy(slow[part] + float(band.start))
                pixels = Pixels(
                    rows,
                    torch.from_numpy(fast[part].astype(np.float64)),
                    torch.ones(len(rows), dtype=torch.bool),
                    panel,
                )
                found = node_sums(scene, self._table, default_F, pixels)
                for name, values in zip(
                    names,
                    (*found.hkl.unbind(1), found.slow, found.fast, found.photons),
                    strict=True,
                ):
                    columns[name].append(values.numpy())
        joined = {
            name: np.concatenate(parts) if parts else np.empty(0) for name, parts in columns.items()
        }
        return _summed(pandas.DataFrame(joined), frame, panel)


def _summed(parts: "pandas.DataFrame", frame: int, panel: int) -> "pandas.DataFrame":
    """One row for each node, with the centroid of all its parts."""
    for name in ("slow", "fast"):
        parts[name] *= parts["photons"]
    table = parts.groupby(["h", "k", "l"], as_index=False).sum()
    for name in ("slow", "fast"):
        table[name] /= table["photons"]
    table = table[table["photons"] >= LEAST_PHOTONS]
    kinds = {"h": np.int32, "k": np.int32, "l": np.int32, "slow": float, "fast": float}
    table = table.astype({**kinds, "photons": float})
    table.insert(0, "panel", np.full(len(table), panel, dtype=np.int32))
    table.insert(0, "frame", np.full(len(table), frame, dtype=np.int32))
    return table
