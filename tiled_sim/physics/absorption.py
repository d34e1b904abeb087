"""Absorption in the sensor of a detector."""

from torch import Tensor, exp, expm1, where

#: Of the path through a layer over the attenuation length: what absorbs less is so thin that the
#: difference of two exponentials, each near the other, would be rounding noise.
_THIN = 1e-6


def absorbed(
    front: float, back: float, attenuation_length: float | Tensor, obliquity: Tensor
) -> Tensor:
    """Share of the photons that is absorbed between two depths (Lambert and Beer).

    Parameters
    ----------
    front, back : depths below the surface [m]
    attenuation_length : path that lets 1/e of the photons through [m]
    obliquity : cosine of the angle between ray and normal, which makes the path longer
    """
    per_depth = -1.0 / (attenuation_length * obliquity)
    reaching = exp(front * per_depth)
    path = (back - front) * per_depth
    return where(path > -_THIN, -expm1(path) * reaching, reaching - exp(back * per_depth))
