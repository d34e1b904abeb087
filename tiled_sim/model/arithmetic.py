"""Numbers that can be said and not computed with."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from tiled_sim.errors import ExperimentError


@contextmanager
def computable(what: str) -> Iterator[None]:
    """Refuse what overflows, or is divided by nothing, while an experiment is resolved.

    Parameters
    ----------
    what : is resolved, as the beginning of a sentence

    Raises
    ------
    ExperimentError
        in place of `ArithmeticError`
    """
    try:
        with np.errstate(over="raise", divide="raise", invalid="raise"):
            yield
    except ArithmeticError as error:
        raise ExperimentError(
            f"{what} a number is too large or too small to compute with ({error}); check its unit"
        ) from None
