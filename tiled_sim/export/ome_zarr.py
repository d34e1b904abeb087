"""OME-Zarr 0.5 of the assembled detector: axes t, c, y, x, smaller levels, a window of brightness.

A frame is a time, the values are the only channel. Rows go down and columns to the right, looking
downstream, so that y and x are in mm from the direct beam. Chunks are files of their own (no
shards), which every viewer reads. Values are float32, NaN in gaps and at dead pixels.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import zarr
from zarr.codecs import ZstdCodec

from tiled_sim.export.extremes import Extremes
from tiled_sim.export.output import Output
from tiled_sim.export.parallel import cores, in_order
from tiled_sim.export.selection import Selection
from tiled_sim.model.assembly import Assembly
from tiled_sim.run.assembled import Cells
from tiled_sim.store import layout
from tiled_sim.store.layout import Described
from tiled_sim.store.ome import VERSION
from tiled_sim.store.pyramid import PixelAxis, halve, smaller_shapes
from tiled_sim.versions import __version__

#: Side of a chunk [cell].
_CHUNK = 1024
_AXES = ("t", "c", "y", "x")
#: Of a level's group, as in a run: xarray opens no group of arrays that differ in size.
_ARRAY = "image"
_MOST_AT_ONCE = 8
#: float32 has every whole number up to here.
_MOST_EXACT = 2**24
#: Of the brightest pixels of the smallest level: brighter ones are white in viewers.
_WHITE = 0.999

Place = tuple[int, int]


def write(selection: Selection, output: Output, advance: Callable[[int], None]) -> tuple[str, ...]:
    """Write the image, frame by frame. See `tiled_sim.export.formats.Writer`."""
    name = output.path.name
    output.begin((name,))
    with output.file(name) as place:
        image = _Image.create(place, selection)
        threads = min(_MOST_AT_ONCE, cores())
        for frame in range(len(selection.frames)):
            for level, array in enumerate(image.levels):
                fill = partial(image.fill, frame, level)
                for _ in in_order(fill, _parts(array.shape[2:]), threads):
                    pass
            advance(len(selection.panels))
        image.describe()
    output.finish((name,))
    return tuple(_notes(selection))


def _notes(selection: Selection) -> Iterator[str]:
    if selection.counts and Extremes.of(selection).largest > _MOST_EXACT:
        yield f"counts above {_MOST_EXACT} are rounded to the nearest float32"


@dataclass(frozen=True, slots=True)
class _Image:
    """The group that is made.

    Parameters
    ----------
    group : of zarr
    levels : arrays (t, c, y, x), the first of the assembled detector's cells
    cells : what is in them
    selection : that is exported
    assembly : of its panels
    """

    group: zarr.Group
    levels: list[zarr.Array]
    cells: Cells
    selection: Selection
    assembly: Assembly

    @classmethod
    def create(cls, place: Path, selection: Selection) -> "_Image":
        """A group without values and description."""
        experiment = selection.experiment
        detector = dataclasses.replace(experiment.detector, panels=selection.detector_panels)
        assembly = Assembly.of(detector, experiment.beam.direction)
        frames = len(experiment.exposures)
        cells = Cells(selection.run.store, assembly, frames, selection.panels, selection.counts)
        group = zarr.open_group(place, mode="w", zarr_format=3)
        axes = _axes(assembly)
        levels = []
        for number, shape in enumerate([assembly.shape, *smaller_shapes(*assembly.shape)]):
            level = group.create_group(str(number))
            _write_coordinates(level, selection.frames, axes, number, shape)
            levels.append(
                level.create_array(
                    _ARRAY,
                    shape=(len(selection.frames), 1, *shape),
                    chunks=(1, 1, *(min(side, _CHUNK) for side in shape)),
                    dtype="float32",
                    compressors=ZstdCodec(level=1),
                    fill_value=np.nan,
                    dimension_names=_AXES,
                    attributes={"units": selection.unit, "long_name": _label(selection)},
                )
            )
        return cls(group, levels, cells, selection, assembly)

    def fill(self, frame: int, level: int, part: tuple[slice, slice]) -> None:
        """Write a chunk of a level, of the one before or, of the first, from the run.

        Parameters
        ----------
        frame : its place in the selection
        level : of which the one before is there
        part : rows and columns
        """
        if level == 0:
            cells = (range(one.start, one.stop) for one in part)
            values = self.cells.rectangle(self.selection.frames[frame], *cells)
        else:
            fine = self.levels[level - 1]
            rows, columns = (
                slice(2 * one.start, min(2 * one.stop, side))
                for one, side in zip(part, fine.shape[2:], strict=True)
            )
            values = halve(np.asarray(fine[frame, 0, rows, columns]))
        self.levels[level][frame, 0, part[0], part[1]] = values.astype(np.float32)

    def describe(self) -> None:
        """Write the metadata of OME, then consolidate."""
        first, second = _axes(self.assembly)
        datasets = []
        for level in range(len(self.levels)):
            y, x = first.at_level(level), second.at_level(level)
            datasets.append(
                {
                    "path": f"{level}/{_ARRAY}",
                    "coordinateTransformations": [
                        {"type": "scale", "scale": [1.0, 1.0, y.pitch, x.pitch]},
                        {"type": "translation", "translation": [0.0, 0.0, y.first, x.first]},
                    ],
                }
            )
        name = self.selection.run.path.stem
        space = [{"name": axis, "type": "space", "unit": "millimeter"} for axis in "yx"]
        axes = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}, *space]
        channel = {
            "label": f"{_label(self.selection)} [{self.selection.unit}]",
            "color": "FFFFFF",
            "active": True,
            "coefficient": 1,
            "family": "linear",
            "inverted": False,
            "window": self._window(),
        }
        frames = self.selection.frames
        attributes = {
            "ome": {
                "version": VERSION,
                "multiscales": [{"name": name, "type": "mean", "axes": axes, "datasets": datasets}],
                "omero": {
                    "name": name,
                    "channels": [channel],
                    "rdefs": {"model": "greyscale", "defaultT": 0, "defaultZ": 0},
                },
            },
            "tiled_sim_export": {
                "version": __version__,
                "run_id": self.selection.run.run_id,
                "frames": [frames.start, frames.stop],
            },
        }
        layout.seal(self.group, attributes)

    def _window(self) -> dict[str, float]:
        """From black to white; and the ends of what there is."""
        smallest = np.asarray(self.levels[-1][0])
        finite = smallest[np.isfinite(smallest)]
        largest = max(Extremes.of(self.selection).largest, 1e-30)
        white = float(np.quantile(finite, _WHITE)) if finite.size else largest
        lowest = min(float(finite.min(initial=0.0)), 0.0)
        return {"min": lowest, "max": largest, "start": 0.0, "end": white if white > 0 else largest}


def _label(selection: Selection) -> str:
    return "counts" if selection.counts else "expected photons"


def _axes(assembly: Assembly) -> tuple[PixelAxis, PixelAxis]:
    """Of y, downwards, and of x, to the right, of the finest level [mm]."""
    side = assembly.cell * 1e3
    return PixelAxis(-float(assembly.y[0]) * 1e3, side), PixelAxis(
        -float(assembly.x[0]) * 1e3, side
    )


def _write_coordinates(
    level: zarr.Group,
    frames: range,
    axes: tuple[PixelAxis, PixelAxis],
    number: int,
    shape: tuple[int, int],
) -> None:
    """Arrays ``t``, ``y`` and ``x`` of a level, for xarray."""
    numbers = Described(np.array(frames), ("t",), "1", "number of the exposure, from 0")
    layout.write_array(level, "t", numbers)
    for name, axis, count, way in zip("yx", axes, shape, ("down", "to the right"), strict=True):
        centres = axis.at_level(number).centres(count)
        long_name = f"{way}, looking downstream, from the direct beam"
        layout.write_array(level, name, Described(centres, (name,), "mm", long_name))


def _parts(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of every chunk of a level."""
    rows, columns = (
        [slice(start, min(start + _CHUNK, side)) for start in range(0, side, _CHUNK)]
        for side in shape
    )
    yield from itertools.product(rows, columns)
