"""HDF5 of others: a group or dataset with its place, which every complaint names."""

import contextlib
import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tiled_sim.errors import InputFileError, MissingExtraError
from tiled_sim.io.regular_file import check_regular_file
from tiled_sim.physics.vectors import Array

#: Factors to metres and to radians, by the names that files write.
LENGTHS = {
    **dict.fromkeys(("m", "meter", "metre", "meters", "metres"), 1.0),
    **dict.fromkeys(("cm", "centimeter", "centimetre", "centimeters", "centimetres"), 1e-2),
    **dict.fromkeys(("mm", "millimeter", "millimetre", "millimeters", "millimetres"), 1e-3),
    **dict.fromkeys(("um", "µm", "μm", "micron", "microns", "micrometer", "micrometre"), 1e-6),
    **dict.fromkeys(("nm", "nanometer", "nanometre"), 1e-9),
    **dict.fromkeys(("a", "å", "ang", "angstrom", "angstroms", "ångström"), 1e-10),
}
ANGLES = {
    **dict.fromkeys(("deg", "degree", "degrees", "°"), math.pi / 180.0),
    **dict.fromkeys(("rad", "radian", "radians"), 1.0),
    **dict.fromkeys(("mrad", "milliradian", "milliradians"), 1e-3),
}

MAX_VALUES = 10**7
"""Most numbers that are read of one dataset; masks apart."""

#: What h5py raises where a file is damaged, or a link leads nowhere.
_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError)


@dataclass(frozen=True, slots=True)
class Hdf5Node:
    """A group or dataset of an HDF5 file.

    Parameters
    ----------
    file : as the user named it
    item : h5py's group or dataset
    """

    file: str
    item: Any

    @property
    def path(self) -> str:
        """From the root of its file."""
        return str(self.item.name)

    @property
    def identity(self) -> Hashable:
        """Equal for one object under many paths, other for equal paths of files that are linked."""
        return self.item

    @property
    def parent(self) -> "Hdf5Node":
        """The group that holds it, on the path by which it was reached."""
        try:
            return Hdf5Node(self.file, self.item.parent)
        except _DAMAGE as error:
            raise self.error(f"has no group that holds it ({error}): copy the file") from None

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    @property
    def is_group(self) -> bool:
        """Whether it holds others."""
        return hasattr(self.item, "keys")

    @property
    def is_dataset(self) -> bool:
        """Whether it has values."""
        return hasattr(self.item, "shape")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a dataset; empty: of a number, of nothing, or no dataset."""
        return getattr(self.item, "shape", None) or ()

    def error(self, complaint: str) -> InputFileError:
        """Error to raise about this item; ``complaint`` ends in what to do."""
        return InputFileError(f"{self.file}: {self.path} {complaint}")

    def get(self, path: str) -> "Hdf5Node | None":
        """What lies at a path, absolute or from here; None: nothing, or a link that is broken."""
        try:
            return Hdf5Node(self.file, self.item[path])
        except _DAMAGE:
            return None

    def __getitem__(self, path: str) -> "Hdf5Node":
        """What lies at a path, absolute or from here."""
        found = self.get(path)
        if found is None:
            raise self.error(f"has no {path!r} that can be read: write it, or name another file")
        return found

    def names(self) -> list[str]:
        """Names of what a group holds, in the order of the file."""
        if not self.is_group:
            raise self.error("must be a group, it is none: correct it")
        try:
            return [name for name in self.item if isinstance(name, str)]
        except _DAMAGE as error:
            raise self.error(f"cannot be listed ({error}): the file is damaged; copy it") from None

    def children(self, nx_class: str) -> list["Hdf5Node"]:
        """The groups of a NeXus class that a group holds, in the order of the file."""
        found = (self.get(name) for name in self.names())
        return [
            child
            for child in found
            if child is not None and child.is_group and child.attribute_text("NX_class") == nx_class
        ]

    def attribute(self, name: str) -> Any:
        """Value of an attribute; None: it has none."""
        try:
            return self.item.attrs.get(name)
        except _DAMAGE as error:
            raise self.error(f"has an attribute {name!r} that cannot be read ({error})") from None

    def attribute_text(self, name: str) -> str:
        """Text of an attribute; empty: it has none."""
        return _text(self.attribute(name))

    def attribute_vector(self, name: str) -> Array | None:
        """Three finite numbers of an attribute; None: it has none."""
        value = self.attribute(name)
        if value is None:
            return None
        try:
            vector = np.asarray(value, dtype=np.float64).ravel()
        except (ValueError, TypeError):
            vector = np.empty(0)
        if vector.shape != (3,) or not np.isfinite(vector).all():
            raise self.error(
                f"has {name} = {value}, where three finite numbers are due: correct it"
            )
        return vector

    @property
    def text(self) -> str:
        """Text of a dataset."""
        return _text(self._read())

    @property
    def numbers(self) -> Array:
        """Finite numbers of a dataset, in its shape; a scalar is one of shape (1,)."""
        return self._finite(self._read())

    @property
    def first_row(self) -> Array:
        """Finite numbers of a dataset at the first of its slowest index."""
        return self._finite(self._read(0))

    def _finite(self, read: Any) -> Array:
        try:
            values = np.atleast_1d(np.asarray(read, dtype=np.float64))
        except (ValueError, TypeError):
            raise self.error("must hold numbers: correct it") from None
        if not values.size or not np.isfinite(values).all():
            raise self.error("must hold finite numbers: it has none, NaN or infinity; correct it")
        return values

    @property
    def number(self) -> float:
        """The only number of a dataset."""
        values = self.numbers
        if values.size != 1:
            raise self.error(f"must hold one number, it has {values.size}: correct it")
        return float(values.flat[0])

    def factor(self, units: dict[str, float], attribute: str = "units") -> float:
        """What its unit, one of those, is in metres or radians."""
        unit = self.attribute_text(attribute).strip()
        if unit.casefold() not in units:
            known = ", ".join(sorted(units))
            raise self.error(
                f"has {attribute} {unit!r}: one of {known} is needed; write it"
                if unit
                else f"has no attribute {attribute!r}: write the unit of its value"
            )
        return units[unit.casefold()]

    def read(self, where: Any) -> Any:
        """Values of a dataset at an index or slices, as h5py gives them."""
        if not self.is_dataset:
            raise self.error("must be a dataset, it is none: correct it")
        try:
            return self.item[where]
        except _DAMAGE as error:
            raise self.error(
                f"cannot be read ({error}): the file is damaged, or compressed by a filter that "
                "`pip install 'tiled_sim[hdf5]'` brings"
            ) from None

    def _read(self, *index: int) -> Any:
        """Values of a dataset that is small, all of them or those at an index."""
        if not self.is_dataset:
            raise self.error("must be a dataset, it is none: correct it")
        count = math.prod((self.item.shape or ())[len(index) :])
        if self.item.shape is None or not 0 < count <= MAX_VALUES:
            raise self.error(f"has {count} values, from 1 to {MAX_VALUES} are read: correct it")
        return self.read(index)


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[Hdf5Node]:
    """Open an HDF5 file to read its root.

    Raises
    ------
    UsageError : h5py is not installed
    InputFileError : the file is missing, unreadable, cut short, damaged or not HDF5
    """
    name = str(path)
    h5py = _h5py(name)
    check_regular_file(path)
    try:
        file = h5py.File(path, "r")
    except _DAMAGE as error:
        raise InputFileError(
            f"{name}: it cannot be read as HDF5 ({error}): it is cut short, damaged or of another "
            "kind; copy it again"
        ) from None
    with file:
        try:
            yield Hdf5Node(name, file)
        except (OSError, RuntimeError) as error:
            raise InputFileError(
                f"{name}: the HDF5 file is damaged ({error}): copy it again"
            ) from None


def _h5py(name: str) -> ModuleType:
    try:
        import h5py
    except ImportError:
        raise MissingExtraError("hdf5", f"{name}: an HDF5 file") from None
    with contextlib.suppress(ImportError):
        import hdf5plugin  # noqa: F401  the filters of detectors; few masks need them
    return h5py


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        value = value.flat[0] if value.size == 1 else ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""
