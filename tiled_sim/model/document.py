"""The model as plain JSON values, and back."""

import dataclasses
import types
import typing

from tiled_sim.model.beam import Spectrum
from tiled_sim.model.checks import require
from tiled_sim.model.domains import ListedDomains
from tiled_sim.model.exposures import Listed, ListedFrom
from tiled_sim.physics.vectors import Vector

#: Fields of listed exposures that are no arrays; they are left out where they are as by default.
LISTED_PLAIN = ("spindle", "steps", "source")


def names_of_domains(crystal: int) -> tuple[str, str]:
    """Names of rotations and weights of listed domains among the arrays of an experiment.

    Parameters
    ----------
    crystal : number of the crystal whose they are; names count from 1, and leave 1 out
    """
    part = f"domains_{crystal + 1}" if crystal else "domains"
    return f"{part}/rotation", f"{part}/weight"


def to_plain(value: typing.Any) -> typing.Any:
    """A part of an experiment as plain JSON values; of its arrays, hash and length."""
    if isinstance(value, Spectrum):
        return {"sha256": value.sha256, "count": len(value)}
    if isinstance(value, ListedDomains):
        return {"sha256": value.sha256, "count": len(value), "axes": value.axes}
    if isinstance(value, Listed):
        return _listed(value)
    if dataclasses.is_dataclass(value):
        return {
            item.name: to_plain(getattr(value, item.name)) for item in dataclasses.fields(value)
        }
    if isinstance(value, tuple):
        return [to_plain(element) for element in value]
    return value


def _listed(listed: Listed) -> dict[str, typing.Any]:
    """Of each array its hash, and what is not an array."""
    arrays = {
        name: {"sha256": listed.hashes[name], "count": len(values)}
        for name, values in listed.columns.items()
    }
    others = {
        item.name: to_plain(getattr(listed, item.name))
        for item in dataclasses.fields(listed)
        if item.name in LISTED_PLAIN and getattr(listed, item.name) != item.default
    }
    return arrays | others


def from_plain(expected: typing.Any, value: typing.Any) -> typing.Any:
    """Turn plain JSON values back into the annotated type of a field."""
    if isinstance(value, Spectrum | Listed | ListedDomains):
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


def listed_from_plain(
    value: typing.Mapping[str, typing.Any], arrays: typing.Mapping[str, typing.Any]
) -> Listed:
    """Listed exposures from `to_plain` and their arrays by name.

    Raises
    ------
    KeyError, TypeError
        for a document that lacks or spoils a field
    """
    fields = {name: arrays[name] for name in value if name not in LISTED_PLAIN}
    if "spindle" in value:
        fields["spindle"] = from_plain(Vector, value["spindle"])
    if "steps" in value:
        fields["steps"] = value["steps"]
    if "source" in value:
        fields["source"] = from_plain(ListedFrom, value["source"])
    return Listed(**fields)


def domains_from_plain(
    crystal: typing.Mapping[str, typing.Any],
    arrays: typing.Mapping[str, typing.Any],
    number: int = 0,
) -> dict[str, typing.Any]:
    """The document of a crystal's mosaic domains, with what is listed in place of its hash.

    Parameters
    ----------
    crystal : document of the crystal
    arrays : of the experiment, by name
    number : of the crystal

    Raises
    ------
    ExperimentError
        for arrays that are not those whose hash the document has
    KeyError
        for a document that lacks a field
    """
    domains = dict(crystal["domains"])
    written = domains.get("listed")
    if written is not None:
        rotations, weights = (arrays[name] for name in names_of_domains(number))
        listed = ListedDomains(rotations, weights, written["axes"])
        require(
            listed.sha256 == written["sha256"],
            f"crystal.domains: the arrays have SHA-256 {listed.sha256}, written were those of "
            f"{written['sha256']}",
        )
        domains["listed"] = listed
    return domains
