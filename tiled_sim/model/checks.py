"""What every noun refuses: values that are not finite, not unit vectors, not possible."""

import dataclasses
import math
import typing

import numpy as np

from tiled_sim.errors import ExperimentError
from tiled_sim.physics.vectors import Vector

#: The fourth power of it is still a number.
LARGEST = 1e75
#: Metadata of a field that does not decide the image: where a file lies, a name, notes.
UNHASHED = {"hashed": False}


def require(condition: bool, message: str) -> None:
    """Refuse what must not be, by `ExperimentError`."""
    if not condition:
        raise ExperimentError(message)


def require_unit(vector: Vector, name: str) -> None:
    """Refuse a vector whose length is not 1."""
    length = math.sqrt(sum(component**2 for component in vector))
    require(
        abs(length - 1.0) < 1e-9, f"{name} = {vector} must be a unit vector, its length is {length}"
    )


def require_finite(instance: typing.Any, name: str) -> None:
    """Refuse a dataclass that holds infinities, NaN, or numbers too large to compute with."""
    for item in dataclasses.fields(instance):
        value = getattr(instance, item.name)
        for number in value if isinstance(value, tuple) else (value,):
            # numpy's, too
            if isinstance(number, float | np.floating):
                require(math.isfinite(number), f"{name}.{item.name} = {value} must be finite")
                require(
                    abs(float(number)) <= LARGEST,
                    f"{name}.{item.name} = {value} is too large to compute with (more than "
                    f"{LARGEST:g}); check its unit",
                )


def require_within(value: float, name: str, least: float, most: float, unit: str = "") -> None:
    """Refuse a number that no experiment has, and NaN.

    Parameters
    ----------
    value : in the unit
    name : of it, for the message
    least, most : that are let through
    unit : for the message
    """
    ending = f" {unit}" if unit else ""
    require(
        least <= value <= most,
        f"{name} = {value:g}{ending} must lie between {least:g} and {most:g}{ending}; check its "
        "unit",
    )


def require_count(value: int, name: str, most: int, why: str = "") -> None:
    """Refuse what there cannot be so few, or so many, of.

    Parameters
    ----------
    value : that is asked for
    name : of it, for the message
    most : that are allowed
    why : not more, as the end of a sentence
    """
    require(value >= 1, f"{name} = {value} must be at least 1")
    require(value <= most, f"{name} = {value} is more than the {most} that are allowed{why}")


def make_floats(instance: typing.Any) -> None:
    """Turn whole numbers that people give for real ones into those: 3 and 3.0 hash alike."""
    for name, kind in typing.get_type_hints(type(instance)).items():
        if kind is float:
            object.__setattr__(instance, name, float(getattr(instance, name)))
