"""Looking up the structure factor of an amorphous material."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

#: Of a point so far beyond the table that it has no weight [1/Å].
_FAR = 1e12


class AmorphousFactor:
    """F of one molecule between the points of a table, on one device.

    Between four points it is the cubic through them (Lagrange), as in the C suite's nonBragg; in
    the first and the last interval the parabola through three. Before the first point it is
    constant.

    Parameters
    ----------
    stol : sin θ/λ, increasing (points,) [1/Å]
    F : (points,) [electron]
    device : where the table lives
    """

    def __init__(
        self, stol: npt.NDArray[np.float64], F: npt.NDArray[np.float64], device: torch.device
    ) -> None:
        padded = np.concatenate([[-_FAR], stol, [_FAR]])
        self._stol = torch.from_numpy(padded).to(device)
        self._F = torch.from_numpy(np.pad(F, 1, mode="edge")).to(device)

    def at(self, stol: Tensor) -> Tensor:
        """F at each sin θ/λ up to the last of the table [electron]."""
        points = len(self._stol)
        inside = stol.clamp(float(self._stol[1]), float(self._stol[points - 2]))
        above = torch.searchsorted(self._stol, inside, right=True)
        start = above.clamp(2, points - 2) - 2
        x = [self._stol[start + n] for n in range(4)]
        F = torch.zeros_like(inside)
        for n in range(4):
            weight = torch.ones_like(inside)
            for other in range(4):
                if other != n:
                    weight = weight * ((inside - x[other]) / (x[n] - x[other]))
            F += weight * self._F[start + n]
        return F
