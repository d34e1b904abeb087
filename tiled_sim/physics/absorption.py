"""Absorption in the sensor of a detector."""

from torch import Tensor, exp


def absorbed(front: float, back: float, attenuation_length: float, obliquity: Tensor) -> Tensor:
    """Share of the photons that is absorbed between two depths (Lambert and Beer).

    Parameters
    ----------
    front, back : depths below the surface [m]
    attenuation_length : path that lets 1/e of the photons through [m]
    obliquity : cosine of the angle between ray and normal, which makes the path longer
    """
    per_depth = -1.0 / (attenuation_length * obliquity)
    return exp(front * per_depth) - exp(back * per_depth)
