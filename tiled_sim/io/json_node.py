"""JSON of others: a value with its place in the file, which every complaint names."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tiled_sim.errors import InputFileError
from tiled_sim.io.regular_file import check_regular_file
from tiled_sim.physics.vectors import Array

MAX_BYTES = 2**31
"""Largest file: 10⁵ indexed stills with detectors of their own hundreds of panels."""

_LARGEST = 1e15


@dataclass(frozen=True, slots=True)
class JsonNode:
    """A value of a JSON file.

    Parameters
    ----------
    file : as the user named it
    path : place of the value, like ``detector[0].panels[3]``; empty: the whole file
    value : what json made of it
    """

    file: str
    path: str
    value: Any

    def error(self, complaint: str) -> InputFileError:
        """Error to raise about this value; ``complaint`` ends in what to do."""
        return InputFileError(f"{self.file}: {self.path or 'the file'} {complaint}")

    def __contains__(self, key: str) -> bool:
        """Whether an object has a key with a value other than null."""
        return self._object().get(key) is not None

    def __getitem__(self, key: str) -> "JsonNode":
        """The value under a key of an object."""
        values = self._object()
        if key not in values:
            raise self.error(f"has no {key!r}: it is damaged or of another kind; write it again")
        return JsonNode(self.file, f"{self.path}.{key}" if self.path else key, values[key])

    def elements(self) -> list["JsonNode"]:
        """The values of a list."""
        if not isinstance(self.value, list):
            raise self.error(f"must be a list, it is {_kind(self.value)}: correct it")
        return [
            JsonNode(self.file, f"{self.path}[{number}]", value)
            for number, value in enumerate(self.value)
        ]

    @property
    def text(self) -> str:
        """A string."""
        if not isinstance(self.value, str):
            raise self.error(f"must be a string, it is {_kind(self.value)}: correct it")
        return self.value

    @property
    def number(self) -> float:
        """A finite number."""
        if not isinstance(self.value, int | float) or isinstance(self.value, bool):
            raise self.error(f"must be a number, it is {_kind(self.value)}: correct it")
        # compared before it is made a float: a whole number may be too large for one
        if not -_LARGEST < self.value < _LARGEST:
            shown = str(self.value)[:24]
            raise self.error(f"= {shown} must be a finite number within ±{_LARGEST:g}: correct it")
        return float(self.value)

    @property
    def whole(self) -> int:
        """A whole number."""
        number = self.number
        if number != math.floor(number):
            raise self.error(f"= {number} must be a whole number: correct it")
        return int(number)

    def numbers(self, count: int) -> Array:
        """That many finite numbers, (count,)."""
        found = [node.number for node in self.elements()]
        if len(found) != count:
            raise self.error(f"must hold {count} numbers, it has {len(found)}: correct it")
        return np.array(found)

    def direction(self) -> Array:
        """Three numbers that are not all 0, scaled to length 1."""
        vector = self.numbers(3)
        length = float(np.linalg.norm(vector))
        if length == 0.0:
            raise self.error("is a zero vector and has no direction: correct it")
        return vector / length

    def _object(self) -> Mapping[str, Any]:
        if not isinstance(self.value, dict):
            raise self.error(f"must be an object, it is {_kind(self.value)}: correct it")
        return self.value


def read_json(path: str | Path) -> JsonNode:
    """Read a JSON file.

    Raises
    ------
    InputFileError : missing, unreadable, too large, cut short, or not JSON
    """
    name = str(path)
    if check_regular_file(path) > MAX_BYTES:
        raise InputFileError(f"{name}: it is larger than {MAX_BYTES} bytes: split it")
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputFileError(
            f"{name}: it cannot be read ({error.strerror}): check its rights"
        ) from None
    try:
        return JsonNode(name, "", json.loads(content))
    except json.JSONDecodeError as error:
        raise InputFileError(
            f"{name}: line {error.lineno}, column {error.colno}: not JSON ({error.msg}): it is "
            "cut short or damaged; copy it again"
        ) from None
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise InputFileError(f"{name}: not JSON ({error}): name another file") from None


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "a string", bool: "a truth value"}
    return kinds.get(type(value), "null" if value is None else "a number")
