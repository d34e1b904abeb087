"""The image of the assembled detector as an array that is read when it is asked for."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from tiled_sim.model.assembly import Assembly
from tiled_sim.model.experiment import Experiment
from tiled_sim.store.run_store import NOT_COUNTED, RunStore

#: Side of a chunk: one is read at a time [cell].
_CHUNK = 1024


def assembled(store: RunStore, experiment: Experiment, *, counts: bool) -> xr.DataArray:
    """The assembled detector, as `tiled_sim.run.run.Run.assembled` says.

    Parameters
    ----------
    store, experiment : of a run
    counts : the counts in place of the expected photons

    Raises
    ------
    StoreError
        if counts are asked for and there are none
    """
    if counts:
        store.require_counts()
    assembly = Assembly.of(experiment.detector, experiment.beam.direction)
    frames, panels = len(experiment.exposures), range(len(experiment.detector.panels))
    cells = Cells(store, assembly, frames, panels, counts)
    frame = assembly.frame
    units = {"units": "mm"}
    array = xr.DataArray(
        indexing.LazilyIndexedArray(cells),
        dims=("frame", "y", "x"),
        name="counts" if counts else "image",
        coords={
            "frame": np.arange(cells.shape[0]),
            "y": ("y", assembly.y * 1e3, {**units, "long_name": "up, across the beam"}),
            "x": ("x", assembly.x * 1e3, {**units, "long_name": "left, looking downstream"}),
        },
        attrs={
            "units": "ADU" if counts else "photon",
            "long_name": "counts with noise" if counts else "expected photons per pixel",
            "axes": [list(axis) for axis in (frame.x, frame.y, frame.z)],
        },
    )
    return array.chunk({"frame": 1, "y": _CHUNK, "x": _CHUNK})


class Cells(BackendArray):
    """Cells of all frames; those that are asked for are read from the store.

    Parameters
    ----------
    store : of the run
    assembly : of some of its panels
    frames : number of them
    panels : number in the run of each panel of the assembly
    counts : the counts in place of the expected photons
    """

    def __init__(
        self,
        store: RunStore,
        assembly: Assembly,
        frames: int,
        panels: Sequence[int],
        counts: bool,
    ) -> None:
        self._store = store
        self._assembly = assembly
        self._panels = panels
        self._counts = counts
        self.shape = (frames, *assembly.shape)
        self.dtype = np.dtype(np.float64 if counts else np.float32)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._read
        )

    def _read(self, key: tuple[Any, ...]) -> npt.NDArray[np.float64 | np.float32]:
        """A part by whole numbers and slices."""
        frames, rows, columns = (
            range(size)[part] if isinstance(part, slice) else range(size)[part : part + 1]
            for part, size in zip(key, self.shape, strict=True)
        )
        found = np.full((len(frames), len(rows), len(columns)), np.nan, self.dtype)
        if found.size:
            for place, frame in enumerate(frames):
                whole = self.rectangle(frame, _span(rows), _span(columns))
                found[place] = whole[:: rows.step, :: columns.step]
        alone = tuple(slice(None) if isinstance(part, slice) else 0 for part in key)
        return found[alone]

    def rectangle(self, frame: int, rows: range, columns: range) -> npt.NDArray[Any]:
        """All cells of a rectangle, (row, column); NaN where there is nothing."""
        found = np.full((len(rows), len(columns)), np.nan, self.dtype)
        for seen in self._assembly.seen(rows, columns):
            place = seen.row - rows.start, seen.column - columns.start
            found[place] = self._pixels(frame, self._panels[seen.panel], seen.slow, seen.fast)
        return found

    def _pixels(
        self, frame: int, panel: int, slow: npt.NDArray[np.int64], fast: npt.NDArray[np.int64]
    ) -> npt.NDArray[Any]:
        """Some pixels of a panel; NaN where masked, or not computed yet."""
        part = tuple(slice(int(at.min()), int(at.max()) + 1) for at in (slow, fast))
        mask = self._store.read_mask(panel, *part)
        if self._counts:
            counted = self._store.read_counts(frame, panel, *part)
            pixels = np.where(counted == NOT_COUNTED, np.nan, counted)
        else:
            pixels = self._store.read_tile(frame, panel, *part)
        at = slow - part[0].start, fast - part[1].start
        return np.where(mask[at] == 0, pixels[at], np.nan)


def _span(numbers: range) -> range:
    """All whole numbers from the first to the last of some, in order."""
    ends = numbers[0], numbers[-1]
    return range(min(ends), max(ends) + 1)
