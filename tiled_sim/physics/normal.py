"""Gaussian deviates: the inverse of the normal distribution, one uniform number to each.

The approximation is Wichura's PPND16 (Applied Statistics algorithm 241, 1988), within 1e-16 of
the inverse. But for the tails it is arithmetic alone, which rounds the same on every machine.
"""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_CENTRE, _TAIL, _FAR_TAIL = 0.425, 1.6, 5.0
#: Coefficients of numerator and denominator, highest power first.
_NEAR = (
    (
        *(2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4),
        *(4.5921953931549871457e4, 1.3731693765509461125e4, 1.9715909503065514427e3),
        *(1.3314166789178437745e2, 3.3871328727963666080e0),
    ),
    (
        *(5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4),
        *(2.1213794301586595867e4, 5.3941960214247511077e3, 6.8718700749205790830e2),
        *(4.2313330701600911252e1, 1.0),
    ),
)
_FAR = (
    (
        *(7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1),
        *(1.27045825245236838258e0, 3.64784832476320460504e0, 5.76949722146069140550e0),
        *(4.63033784615654529590e0, 1.42343711074968357734e0),
    ),
    (
        *(1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2),
        *(1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940e0),
        *(2.05319162663775882187e0, 1.0),
    ),
)
_FARTHEST = (
    (
        *(2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3),
        *(2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e0),
        *(5.46378491116411436990e0, 6.65790464350110377720e0),
    ),
    (
        *(2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5),
        *(7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1),
        *(5.99832206555887937690e-1, 1.0),
    ),
)


def normal_quantile(probability: Array) -> Array:
    """The deviate below which a standard normal one falls with this probability.

    Parameters
    ----------
    probability : float64 (n,), between 0 and 1, neither included
    """
    offset = probability - 0.5
    deviate = offset * _ratio(_NEAR, _CENTRE**2 - offset * offset)
    outer = np.flatnonzero(np.abs(offset) > _CENTRE)
    tail = np.minimum(probability[outer], 1.0 - probability[outer])
    root = np.sqrt(-np.log(tail))
    far = np.where(
        root <= _FAR_TAIL, _ratio(_FAR, root - _TAIL), _ratio(_FARTHEST, root - _FAR_TAIL)
    )
    deviate[outer] = np.copysign(far, offset[outer])
    return deviate


def _ratio(polynomials: tuple[tuple[float, ...], tuple[float, ...]], x: Array) -> Array:
    numerator, denominator = (_polynomial(coefficients, x) for coefficients in polynomials)
    return numerator / denominator


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    value = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value *= x
        value += coefficient
    return value
