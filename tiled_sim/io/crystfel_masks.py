"""Masks that a CrystFEL geometry file names: arrays of bits in HDF5 files beside the data."""

import importlib.util
import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.io.crystfel_dead import DeadPixels, PlacedPanel
from tiled_sim.io.crystfel_text import Entry, Section
from tiled_sim.io.crystfel_values import bits, whole

_SLOTS = range(8)
_PLAIN = {"data": "mask", "file": "mask_file", "goodbits": "mask_good", "badbits": "mask_bad"}
_DIMENSION = re.compile(r"dim([0-9]+)")
_HDF5 = b"\x89HDF\r\n\x1a\n"


def check_dimensions(section: Section) -> None:
    """Refuse ``dimN`` that do not say where fs and ss are.

    Raises
    ------
    InputFileError
        an axis of the data is left out, or fs or ss is not there once, or fs changes more slowly
    """
    axes = _dimensions(section)
    if axes.count("fs") != 1 or axes.count("ss") != 1 or axes.index("fs") < axes.index("ss"):
        raise section.error(
            f"has dimensions {', '.join(axes)}: one dimN must be ss and a later one fs"
        )


def _dimensions(section: Section) -> list[str]:
    """What each axis of the data is: ss, fs, % (frames), or the number of the panel's place."""
    given = {0: "ss", 1: "fs"}
    for key, entry in section.entries.items():
        if match := _DIMENSION.fullmatch(key):
            if entry.value not in ("ss", "fs", "%"):
                whole(entry)
            given[int(match[1])] = entry.value
    missing = sorted(set(range(max(given))) - set(given))
    if missing:
        raise section.error(f"has no dim{missing[0]}: number the axes of the data from dim0")
    return [given[axis] for axis in sorted(given)]


@dataclass(frozen=True, slots=True)
class _Mask:
    """One of the masks of a panel."""

    data: Entry | None
    file: Entry | None
    good: int
    bad: int

    @classmethod
    def of(cls, section: Section, slot: int) -> "_Mask":
        """The mask with a number; number 0 may be written without it."""
        data, file, good, bad = (_entry(section, slot, part) for part in _PLAIN)
        return cls(
            data, file, bits(good) if good is not None else 0, bits(bad) if bad is not None else 0
        )

    def dead(self, values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Pixels that lack a bit of the good ones or have one of the bad ones."""
        words = values.astype(np.uint64)
        good, bad = np.uint64(self.good), np.uint64(self.bad)
        return ((words & good) != good) | ((words & bad) != 0)


def _entry(section: Section, slot: int, part: str) -> Entry | None:
    """The entry of a part of a mask, the later one of its two spellings."""
    keys = [f"mask{slot}_{part}", *([_PLAIN[part]] if slot == 0 else [])]
    entries = [entry for key in keys if (entry := section.get(key)) is not None]
    return max(entries, key=lambda entry: entry.line, default=None)


def apply_masks(
    panels: Sequence[PlacedPanel], dead: Sequence[DeadPixels], folder: Path
) -> tuple[str, ...]:
    """Mark the dead pixels of masks whose files are there; tell of the others.

    Parameters
    ----------
    panels, dead : of the file
    folder : of the geometry file; masks are looked for in the working directory, then here

    Returns
    -------
    notes, one a mask

    Raises
    ------
    InputFileError
        a mask whose file is there does not hold the array that is named, or not in the panel's size
    """
    notes: dict[str, int] = {}
    with ExitStack() as opened:
        files: dict[Path, Any] = {}
        for placed, marked in zip(panels, dead, strict=True):
            if not any(key.startswith("mask") for key in placed.section.entries):
                continue
            for slot in _SLOTS:
                mask = _Mask.of(placed.section, slot)
                told = _apply(mask, placed, marked, _Files(folder, files, opened))
                if told:
                    notes[told] = notes.get(told, 0) + 1
    return tuple(f"{told} ({count} of {len(panels)} panels)" for told, count in notes.items())


@dataclass(frozen=True, slots=True)
class _Files:
    """HDF5 files that are open."""

    folder: Path
    opened: dict[Path, Any]
    stack: ExitStack

    def find(self, name: str) -> Path | None:
        """A file in the working directory or beside the geometry file; None without one."""
        for path in (Path(name), self.folder / name):
            if path.is_file():
                return path
        return None

    def open(self, path: Path) -> Any:
        """A file, opened once."""
        import h5py

        if path not in self.opened:
            self.opened[path] = self.stack.enter_context(h5py.File(path, "r"))
        return self.opened[path]


def _apply(mask: _Mask, placed: PlacedPanel, dead: DeadPixels, files: _Files) -> str:
    """Mark what a mask says of one panel; what to tell of it, or nothing without a mask."""
    if mask.file is None:
        if mask.data is None:
            return ""
        return f"mask {mask.data.value} is in the data files: not applied"
    name = mask.file.value
    if mask.data is None:
        return f"mask file {name} without the place of its array: not applied"
    if "%" in mask.data.value:
        return f"mask {name}:{mask.data.value} is one of each frame: not applied"
    path = files.find(name)
    if path is None:
        return f"mask file {name} is not there: not applied"
    if importlib.util.find_spec("h5py") is None:
        return f"mask file {name} needs h5py (`pip install 'tiled_sim[hdf5]'`): not applied"
    with path.open("rb") as file:
        if file.read(len(_HDF5)) != _HDF5:
            return f"mask file {name} is not HDF5: not applied"
    try:
        values = _values(files.open(path)[mask.data.value], placed)
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise mask.data.error(
            f"cannot be read in mask file {path} ({error}): correct the mask's keys, or take them "
            "out"
        ) from None
    if values.shape != placed.panel.pixels:
        raise mask.data.error(
            f"of mask file {path} has {values.shape} pixels where panel {placed.section.name} is, "
            f"which has {placed.panel.pixels} (slow, fast): correct the mask's keys, or take them "
            "out"
        )
    pixels = mask.dead(values)
    if pixels.any():
        dead.writable()[:] |= pixels
    return f"mask {path}:{mask.data.value} applied"


def _values(array: Any, placed: PlacedPanel) -> npt.NDArray[Any]:
    """The panel's part of a mask, which may lack the axes of frames (slow, fast)."""
    axes = _dimensions(placed.section)
    if array.ndim != len(axes):
        axes = [axis for axis in axes if axis != "%"]
    if array.ndim != len(axes):
        raise ValueError(f"the array has {array.ndim} axes, the panel {len(axes)}")
    slow, fast = (
        slice(start, start + count)
        for start, count in zip(placed.start, placed.panel.pixels, strict=True)
    )
    frame = [size for axis, size in zip(axes, array.shape, strict=True) if axis == "%"]
    if any(size != 1 for size in frame):
        raise ValueError("the array has a mask for each frame")
    places = {"ss": slow, "fs": fast, "%": 0}
    index = tuple(places[axis] if axis in places else int(float(axis)) for axis in axes)
    values = np.asarray(array[index])
    if values.dtype.kind not in "iub":
        raise ValueError(f"the array holds {values.dtype}, not bits")
    return values
