"""What every noun refuses: values that are not finite, not unit vectors, not possible."""

import dataclasses
import math
import typing

from tiled_sim.errors import ExperimentError
from tiled_sim.physics.vectors import Vector

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
    """Refuse a dataclass that holds infinities or NaN."""
    for item in dataclasses.fields(instance):
        value = getattr(instance, item.name)
        numbers = value if isinstance(value, tuple) else (value,)
        for number in numbers:
            if isinstance(number, float):
                require(math.isfinite(number), f"{name}.{item.name} = {value} must be finite")


def make_floats(instance: typing.Any) -> None:
    """Turn whole numbers that people give for real ones into those: 3 and 3.0 hash alike."""
    for name, kind in typing.get_type_hints(type(instance)).items():
        if kind is float:
            object.__setattr__(instance, name, float(getattr(instance, name)))
