"""Nodes of the reciprocal lattice that a space group forbids: F = 0 there by symmetry."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: Translations are whole numbers of this part of a cell edge, which every space group's are.
PER_EDGE = 24

Rotation = tuple[tuple[int, ...], ...]
Translation = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Absences:
    """The rule by which centring, screws and glides extinguish reflections.

    The operation x → R·x + t takes F(h) to F(h·R) exp(-2πi h·t): where h·R = h and h·t is no whole
    number, F can only be 0.

    Parameters
    ----------
    space_group : name, ``C 1 2 1``
    rotations : R of each operation that extinguishes anything, the identity for a centring
    translations : t of each [1/24 of a cell edge]
    """

    space_group: str
    rotations: tuple[Rotation, ...]
    translations: tuple[Translation, ...]

    @classmethod
    def of(
        cls,
        space_group: str,
        rotations: Sequence[Rotation],
        translations: Sequence[Translation],
    ) -> "Absences | None":
        """Of all operations of a group, those that extinguish something; None if none does."""
        pairs = [
            (rotation, translation)
            for rotation, translation in zip(rotations, translations, strict=True)
            if _extinguishes(rotation, translation)
        ]
        if not pairs:
            return None
        return cls(space_group, tuple(one for one, _ in pairs), tuple(one for _, one in pairs))

    @property
    def sha256(self) -> str:
        """Hash of the operations; not of the name."""
        return hashlib.sha256(repr((self.rotations, self.translations)).encode()).hexdigest()

    def forbid(self, hkl: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Whether each of the nodes hkl, int (…, 3), is forbidden."""
        return self._forbid(hkl[..., 0], hkl[..., 1], hkl[..., 2])

    def on_grid(
        self, minimum: tuple[int, int, int], shape: tuple[int, ...]
    ) -> npt.NDArray[np.bool_]:
        """The forbidden nodes of a grid, bool (h, k, l), from its smallest indices on."""
        axes = [np.arange(low, low + side) for low, side in zip(minimum, shape, strict=True)]
        found = np.empty(shape, dtype=bool)
        k, l = axes[1][:, None], axes[2][None, :]
        # a sheet at a time: all of them at once would take many times the grid's own memory
        for sheet, h in zip(found, axes[0], strict=True):
            sheet[:] = self._forbid(h, k, l)
        return found

    def _forbid(self, *indices: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Of h, k, l, each an array or a number."""
        hkl = tuple(np.asarray(index) for index in indices)
        found = np.zeros(np.broadcast_shapes(*(index.shape for index in hkl)), dtype=bool)
        for rotation, translation in zip(self.rotations, self.translations, strict=True):
            lost = _dot(hkl, translation) % PER_EDGE != 0
            for axis in range(3):
                column = [rotation[row][axis] - (row == axis) for row in range(3)]
                if any(column):
                    lost = lost & (_dot(hkl, column) == 0)
            found |= lost
        return found


def _dot(hkl: tuple[npt.NDArray[np.int64], ...], vector: Sequence[int]) -> npt.NDArray[np.int64]:
    return np.asarray(sum(index * number for index, number in zip(hkl, vector, strict=True)))


def _extinguishes(rotation: Rotation, translation: Translation) -> bool:
    """Whether an operation moves along its own axis or plane, as a rotation or mirror does not.

    Applied as often as gives the identity, it is a translation: of this only whole periods are
    felt by the nodes that it leaves in place.
    """
    matrix, step = np.array(rotation), np.array(translation)
    power, moved = matrix, step
    while not np.array_equal(power, np.eye(3, dtype=int)):
        moved = matrix @ moved + step
        power = matrix @ power
    return bool(moved.any())
