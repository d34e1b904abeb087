"""Where two documents differ."""

from typing import Any


def first_difference(here: Any, there: Any, name: str = "experiment") -> tuple[str, Any, Any]:
    """Name and both values of the first field in which two documents differ.

    Parameters
    ----------
    here, there : plain JSON values that are not equal
    name : of both
    """
    if isinstance(here, dict) and isinstance(there, dict):
        for key in [*here, *(key for key in there if key not in here)]:
            if here.get(key) != there.get(key):
                return first_difference(here.get(key), there.get(key), f"{name}.{key}")
    if isinstance(here, list) and isinstance(there, list) and len(here) == len(there):
        for number, (one, other) in enumerate(zip(here, there, strict=True)):
            if one != other:
                return first_difference(one, other, f"{name}[{number}]")
    return name.removeprefix("experiment."), here, there
