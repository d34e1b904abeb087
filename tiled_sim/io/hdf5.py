"""Images and pixel masks of HDF5 files: NXmx, and what is near enough."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import InputFileError, MissingExtraError

#: Pixels of an image at most: a file may claim more than any memory holds and be small.
_MOST_PIXELS = 2**30
#: Where images are looked for, the first that is there.
_IMAGES = (
    "entry/data/data",
    "entry/instrument/detector/data",
    "entry_1/data_1/data",
    "entry/data",
    "data/data",
    "data",
)


def read_hdf5_mask(path: str | Path, key: str | None) -> tuple[str, npt.NDArray[Any]]:
    """Read the pixel mask of one panel: its name, and whole numbers (slow, fast).

    Parameters
    ----------
    path : of the file
    key : name of the dataset; None: the only ``pixel_mask``, or else the only ``mask`` in an
        NXdetector, which is what pyFAI writes

    Raises
    ------
    InputFileError
        if the file cannot be read, or has no such dataset or several
    UsageError
        if h5py is not installed
    """
    with opened(path) as file:
        dataset = _named(path, file, key) if key is not None else _mask_in(path, file)
        shape = dataset.shape
        while len(shape) > 2 and shape[0] == 1:
            shape = shape[1:]
        if len(shape) != 2 or dataset.dtype.kind not in "biu":
            raise InputFileError(
                f"{path}: {dataset.name} is {_described(dataset)}; a mask is whole numbers, slow x "
                f"fast: name another, {path}:DATASET"
            )
        _require_size(path, dataset, shape)
        return dataset.name, np.asarray(dataset[()]).reshape(shape)


def read_hdf5_image(
    path: str | Path, key: str | None, frame: int, panel: int
) -> tuple[str, npt.NDArray[Any], npt.NDArray[np.bool_] | None]:
    """Read one panel of one frame: name, numbers (slow, fast), and dead pixels by the pixel mask.

    Parameters
    ----------
    path : of the file
    key : name of the dataset, (slow, fast), (frame, slow, fast) or (frame, panel, slow, fast);
        None: where NXmx and CXI have it
    frame, panel : which image

    Returns
    -------
    name of the dataset, the image, and bool (slow, fast), None where the file has no mask of it

    Raises
    ------
    InputFileError
        if the file cannot be read, or has no such dataset, frame or panel
    UsageError
        if h5py is not installed
    """
    with opened(path) as file:
        dataset, frame = (
            (_named(path, file, key), frame) if key is not None else _image_in(path, file, frame)
        )
        if dataset.ndim not in (2, 3, 4) or dataset.dtype.kind not in "biuf" or 0 in dataset.shape:
            raise InputFileError(
                f"{path}: {dataset.name} is {_described(dataset)}; an image is real numbers, slow "
                f"x fast, with axes of frames and panels before: name another, {path}:DATASET"
            )
        _require_size(path, dataset, dataset.shape[-2:])
        counts = (*dataset.shape[:-2], 1, 1)[:2]
        for name, value, count in zip(("frame", "panel"), (frame, panel), counts, strict=True):
            if value >= count:
                raise InputFileError(f"{path}: {dataset.name} has {name}s 0 to {count - 1}")
        pixels = np.asarray(dataset[(frame, panel)[: dataset.ndim - 2]])
        return dataset.name, pixels, _dead(file, panel, pixels.shape)


def _dead(file: Any, panel: int, shape: tuple[int, ...]) -> npt.NDArray[np.bool_] | None:
    """Dead pixels of a panel, if the file has one pixel mask and it is of this shape."""
    masks = [found for found in _datasets(file) if _base(found) == "pixel_mask"]
    if len(masks) != 1 or masks[0].dtype.kind not in "biu" or masks[0].shape[-2:] != shape:
        return None
    (mask,) = masks
    if mask.ndim == 3 and panel < mask.shape[0]:
        return np.asarray(mask[panel]) != 0
    return np.asarray(mask[()]) != 0 if mask.ndim == 2 else None


def _mask_in(path: str | Path, file: Any) -> Any:
    """The dataset of the only mask in a file."""
    datasets = list(_datasets(file))
    found = [one for one in datasets if _base(one) == "pixel_mask"] or [
        one
        for one in datasets
        if _base(one) == "mask" and _text(one.parent.attrs.get("NX_class")) == "NXdetector"
    ]
    if len(found) != 1:
        listed = ", ".join(one.name for one in found) or "none"
        raise InputFileError(
            f"{path} holds no pixel_mask, or several ({listed}): name the one that is meant, "
            f"{path}:DATASET"
        )
    return found[0]


def _image_in(path: str | Path, file: Any, frame: int) -> tuple[Any, int]:
    """The dataset of images, and the frame in it; DECTRIS spreads them over data_000001, ..."""
    import h5py

    for name in _IMAGES:
        with contextlib.suppress(KeyError):
            if isinstance(file[name], h5py.Dataset):
                return file[name], frame
    with contextlib.suppress(KeyError):
        group = file["entry/data"]
        parts = [group[name] for name in sorted(group) if re.fullmatch(r"data_[0-9]+", name)]
        before = 0
        for part in parts:
            if frame < before + part.shape[0]:
                return part, frame - before
            before += part.shape[0]
        if parts:
            raise InputFileError(f"{path}: {group.name} has frames 0 to {before - 1}")
    raise InputFileError(
        f"{path} has no images where NXmx has them (/{_IMAGES[0]}), or links to a file that is not "
        f"beside it: name the dataset, {path}:DATASET"
    )


def _named(path: str | Path, file: Any, key: str) -> Any:
    import h5py

    found = file.get(key)
    if not isinstance(found, h5py.Dataset):
        listed = ", ".join(one.name for one in _datasets(file)) or "none"
        raise InputFileError(f"{path} has no dataset {key!r}; it holds {listed[:300]}")
    return found


def _datasets(group: Any, seen: set[int] | None = None) -> Iterator[Any]:
    """Every dataset of a file once, through links of its own but not into other files."""
    import h5py

    seen = set() if seen is None else seen
    for name in group:
        if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
            continue
        found = group.get(name)
        if found is None or h5py.h5o.get_info(found.id).addr in seen:
            continue
        seen.add(h5py.h5o.get_info(found.id).addr)
        if isinstance(found, h5py.Dataset):
            yield found
        elif isinstance(found, h5py.Group):
            yield from _datasets(found, seen)


def _base(dataset: Any) -> str:
    return str(dataset.name).rsplit("/", 1)[-1]


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _described(dataset: Any) -> str:
    return f"{dataset.dtype} of {' x '.join(map(str, dataset.shape)) or 'no axes'}"


def _require_size(path: str | Path, dataset: Any, shape: tuple[int, ...]) -> None:
    if shape[0] * shape[1] > _MOST_PIXELS:
        raise InputFileError(
            f"{path}: {dataset.name} is {_described(dataset)}, more pixels than any detector has"
        )


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[Any]:
    """An HDF5 file, to the end of the block.

    Raises
    ------
    InputFileError
        if it cannot be read, whatever is found out inside the block
    MissingExtraError
        if h5py, or what reads its compression, is not installed
    """
    try:
        import h5py
    except ImportError:
        raise MissingExtraError("hdf5", f"{path}: an HDF5 file") from None
    with contextlib.suppress(ImportError):
        import hdf5plugin  # noqa: F401 - it registers the filters of detectors
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        if "filter" in str(error) or "plugin" in str(error):
            raise MissingExtraError("hdf5", f"{path}: its compression") from None
        raise InputFileError(
            f"{path}: not an HDF5 file, or a damaged one ({error}): copy it again"
        ) from None
