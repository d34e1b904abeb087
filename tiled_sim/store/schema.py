"""Documents held against a JSON Schema: the keywords that ours use, and no others."""

import re
from collections.abc import Callable, Mapping
from typing import Any

#: The first fault of a value, after the place of it that is wrong: ``/image/sum is … and no
#: number``; empty if there is none.
Check = Callable[[Any], str]

_ANNOTATIONS = {"$schema", "$id", "$defs", "title", "description"}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "object": (dict,),
    "array": (list,),
    "boolean": (bool,),
    "null": (type(None),),
    "number": (int, float),
    "integer": (int,),
}
_SHOWN = 60


def check_of(schema: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> Check:
    """What tells the first fault of a document, as ``json`` decodes it.

    Parameters
    ----------
    schema : JSON Schema, draft 2020-12
    root : that its ``$ref`` look into; None: itself

    Raises
    ------
    ValueError
        for a keyword that is not known here
    """
    root = schema if root is None else root
    unknown = schema.keys() - _ANNOTATIONS - _MAKERS.keys() - _OF_OBJECTS
    if unknown:
        raise ValueError(f"no check is made for {', '.join(sorted(unknown))}")
    checks = [make(schema[word], root) for word, make in _MAKERS.items() if word in schema]
    if schema.keys() & _OF_OBJECTS:
        checks.append(_object(schema, root))
    if len(checks) == 1:
        return checks[0]

    def fault(value: Any) -> str:
        for check in checks:
            if found := check(value):
                return found
        return ""

    return fault


def _type(types: str | list[str], _: Any) -> Check:
    names = [types] if isinstance(types, str) else types
    kinds = {kind for name in names for kind in _TYPES[name]}
    wanted = " or ".join(names)
    # exact: a bool is an int to isinstance
    return lambda value: "" if type(value) in kinds else f" is {_shown(value)} and no {wanted}"


def _const(constant: Any, _: Any) -> Check:
    return lambda value: "" if value == constant else f" is {_shown(value)} instead of {constant!r}"


def _enum(values: list[Any], _: Any) -> Check:
    return lambda value: "" if value in values else f" is {_shown(value)} and none of {values}"


def _minimum(least: float, _: Any) -> Check:
    return lambda value: "" if value >= least else f" is {_shown(value)}"


def _pattern(pattern: str, _: Any) -> Check:
    search = re.compile(pattern).search
    return lambda value: "" if search(value) else f" is {_shown(value)}"


def _fewest(least: int, _: Any) -> Check:
    return lambda value: "" if len(value) >= least else " is too short"


def _most(most: int, _: Any) -> Check:
    return lambda value: "" if len(value) <= most else " is too long"


def _items(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Check:
    check = check_of(schema, root)

    def fault(value: Any) -> str:
        for number, item in enumerate(value):
            if found := check(item):
                return f"/{number}{found}"
        return ""

    return fault


def _object(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Check:
    """Fields that must be, those that may be, and those that are not named."""
    checks = {name: check_of(part, root) for name, part in schema.get("properties", {}).items()}
    required = schema.get("required", ())
    others = schema.get("additionalProperties", True)
    of_others = (
        (lambda _: "") if others is True else None if others is False else check_of(others, root)
    )

    def fault(value: Any) -> str:
        if type(value) is not dict:
            return ""  # such as null, where that may be
        for name in required:
            if name not in value:
                return f" lacks {name!r}"
        for name, part in value.items():
            check = checks.get(name, of_others)
            if check is None:
                return f" has unknown {name!r}"
            if found := check(part):
                return f"/{name}{found}"
        return ""

    return fault


def _any_of(schemas: list[Mapping[str, Any]], root: Mapping[str, Any]) -> Check:
    checks = [check_of(one, root) for one in schemas]

    def fault(value: Any) -> str:
        found = ""
        for check in checks:
            told = check(value)
            if not told:
                return ""
            found = found or told
        return found

    return fault


def _reference(path: str, root: Mapping[str, Any]) -> Check:
    """What is defined elsewhere, perhaps in its own terms: looked up when it is first needed."""
    made: list[Check] = []

    def fault(value: Any) -> str:
        if not made:
            made.append(check_of(root["$defs"][path.removeprefix("#/$defs/")], root))
        return made[0](value)

    return fault


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


#: In this order: what is of the right type has a length, say.
_MAKERS: dict[str, Callable[[Any, Mapping[str, Any]], Check]] = {
    "type": _type,
    "$ref": _reference,
    "anyOf": _any_of,
    "oneOf": _any_of,
    "const": _const,
    "enum": _enum,
    "minimum": _minimum,
    "pattern": _pattern,
    "minLength": _fewest,
    "minItems": _fewest,
    "maxItems": _most,
    "items": _items,
}
_OF_OBJECTS = {"properties", "required", "additionalProperties"}
