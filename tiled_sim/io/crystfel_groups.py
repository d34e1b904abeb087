"""Groups of panels in a CrystFEL geometry file: the path of the modules that hold each panel."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from tiled_sim.io.crystfel_text import Entry, GeometryText

_GROUP, _RIGID, _COLLECTION = "group_", "rigid_group_", "rigid_group_collection_"


@dataclass(frozen=True, slots=True)
class _Group:
    """A group by its key, the panels and groups in it, and those that it holds in the end."""

    entry: Entry
    groups: tuple[str, ...]
    panels: tuple[str, ...]


def group_paths(text: GeometryText) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """The groups that hold each panel, outermost first, and what is to be told of them.

    The groups of a panel are nested by what they hold: of two, the inner one holds no panel that
    the outer one does not. A rigid group that is in a collection has the collection's name before
    it. Where there are lines ``group_…``, those of ``rigid_group…`` do not count, as in CrystFEL.

    Returns
    -------
    by panel, for those in some group; and notes

    Raises
    ------
    InputFileError
        a member that is neither a panel nor a group, a group without members, groups that hold each
        other in a circle
    """
    modern = [entry for entry in text.groups if entry.key.startswith(_GROUP)]
    notes = []
    if modern and len(modern) < len(text.groups):
        notes.append("lines of rigid_group do not count beside those of group_")
    groups, collections = _resolve(text, modern or text.groups)
    order = _outermost_last(groups)
    paths, crossing = _nest(groups, order)
    if crossing:
        notes.append(
            f"groups that cross each other: {', '.join(sorted(crossing)[:5])} are left out of the "
            "paths of their panels"
        )
    labels: dict[str, list[str]] = {}
    for collection, members in collections.items():
        for member in members:
            labels.setdefault(member, []).append(_name(collection))
    named = {
        panel: tuple(word for key in path for word in (*labels.get(key, ()), _name(key)))
        for panel, path in paths.items()
    }
    return named, tuple(notes)


def _name(key: str) -> str:
    """Of a group, by its key."""
    for prefix in (_COLLECTION, _RIGID, _GROUP):
        if key.startswith(prefix):
            return key.removeprefix(prefix)
    return key


def _resolve(
    text: GeometryText, entries: list[Entry]
) -> tuple[dict[str, _Group], dict[str, list[str]]]:
    """Groups by key, and the groups of each collection."""
    last = {entry.key: entry for entry in entries}
    groups, collections = {}, {}
    for key, entry in last.items():
        members = [member for part in entry.value.split(",") if (member := part.strip())]
        if not members:
            raise entry.error("names no member: list panels or groups, separated by commas")
        if key.startswith(_COLLECTION):
            collections[key] = [_member(entry, f"{_RIGID}{member}", last) for member in members]
            continue
        prefix = _GROUP if key.startswith(_GROUP) else _RIGID
        panels = tuple(member for member in members if member in text.panels)
        groups[key] = _Group(
            entry,
            tuple(
                _member(entry, f"{prefix}{member}", last)
                for member in members
                if member not in text.panels
            ),
            panels,
        )
    return groups, collections


def _member(entry: Entry, key: str, known: Mapping[str, Entry]) -> str:
    if key not in known:
        raise entry.error(
            f"names {_name(key)!r}, which the file does not have: correct it; the file may be cut "
            "short"
        )
    return key


def _outermost_last(groups: dict[str, _Group]) -> list[str]:
    graph = {key: group.groups for key, group in groups.items()}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = error.args[1]
        raise groups[circle[0]].entry.error(
            f"closes a circle of groups, {' → '.join(map(_name, reversed(circle)))}: a group "
            "cannot hold itself"
        ) from None


def _nest(groups: dict[str, _Group], order: Iterable[str]) -> tuple[dict[str, list[str]], set[str]]:
    """Keys of the groups that hold each panel, outermost first, and names of those that cross."""
    held: dict[str, frozenset[str]] = {}
    for key in order:
        group = groups[key]
        held[key] = frozenset(group.panels).union(*(held[inner] for inner in group.groups))
    paths: dict[str, list[str]] = {}
    crossing: set[str] = set()
    outermost_first = list(reversed(held))
    # the sort keeps that order of two that hold the same panels
    for key in sorted(outermost_first, key=lambda key: len(held[key]), reverse=True):
        outer = {paths[panel][-1] if panel in paths else "" for panel in held[key]}
        if len(outer) > 1:
            crossing.add(_name(key))
            continue
        for panel in held[key]:
            paths.setdefault(panel, []).append(key)
    return paths, crossing
