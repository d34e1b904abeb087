"""Structure factor of an amorphous material against sin θ/λ."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class AmorphousTable:
    """F of one molecule in the material, at points between which it is interpolated.

    Parameters
    ----------
    stol : sin θ/λ, increasing, float64 (points,) [1/Å]
    F : float64 (points,) [electron]

    Raises
    ------
    ValueError
        arrays that do not belong together
    """

    stol: npt.NDArray[np.float64]
    F: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.stol.shape != self.F.shape or self.stol.ndim != 1 or len(self.stol) < 2:
            raise ValueError(f"stol {self.stol.shape} and F {self.F.shape} are no table")
        if not (np.isfinite(self.stol).all() and np.isfinite(self.F).all()):
            raise ValueError("a point is not finite")
        if not (np.diff(self.stol) > 0).all():
            raise ValueError("stol does not increase")

    @cached_property
    def sha256(self) -> str:
        """Hash of the content."""
        rows = np.ascontiguousarray(np.stack([self.stol, self.F]), dtype="<f8")
        return hashlib.sha256(rows.tobytes()).hexdigest()
