"""The model as plain JSON values, and back."""

import dataclasses
import types
import typing

from tiled_sim.model.beam import Spectrum
from tiled_sim.model.exposures import Listed


def to_plain(value: typing.Any) -> typing.Any:
    """A part of an experiment as plain JSON values; of its arrays, hash and length."""
    if isinstance(value, Spectrum):
        return {"sha256": value.sha256, "count": len(value)}
    if isinstance(value, Listed):
        return {"orientation": {"sha256": value.sha256, "count": len(value)}}
    if dataclasses.is_dataclass(value):
        return {
            item.name: to_plain(getattr(value, item.name)) for item in dataclasses.fields(value)
        }
    if isinstance(value, tuple):
        return [to_plain(element) for element in value]
    return value


def from_plain(expected: typing.Any, value: typing.Any) -> typing.Any:
    """Turn plain JSON values back into the annotated type of a field."""
    if isinstance(value, Spectrum | Listed):
        return value
    if dataclasses.is_dataclass(expected):
        hints = typing.get_type_hints(expected)
        arguments = {key: from_plain(hints[key], item) for key, item in value.items()}
        return typing.cast(typing.Any, expected)(**arguments)
    origin = typing.get_origin(expected)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        # what is listed comes as it is
        apart = (type(None), Listed)
        (inner,) = (choice for choice in typing.get_args(expected) if choice not in apart)
        return from_plain(inner, value)
    if origin is tuple:
        element = typing.get_args(expected)[0]
        return tuple(from_plain(element, item) for item in value)
    return float(value) if expected is float else value
