"""The text of a CrystFEL geometry file: which key stands in which line, of which panel.

Written from CrystFEL's manual page ``crystfel_geometry(5)``. A key without a panel is a default: it
counts for the panels that are first mentioned after it.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tiled_sim.errors import InputFileError
from tiled_sim.io.geometry_panels import MAX_PANELS
from tiled_sim.io.source_file import SourceFile
from tiled_sim.model.values import shown

_MAX_BYTES = 2**28

#: Keys of the whole file.
_BEAM = ("photon_energy", "wavelength", "electron_voltage", "photon_energy_scale")
_SHIFTS = ("detector_shift_x", "detector_shift_y")
#: Keys of a panel, or defaults, that say where it is and which of its pixels live.
_PLACES = ("fs", "ss", "corner_x", "corner_y", "clen", "coffset", "res")
_RANGES = ("min_fs", "max_fs", "min_ss", "max_ss")
_DEAD = ("no_index", "mask_edge_pixels")
_MASK = re.compile(r"mask(?:[0-7]_(?:data|file|goodbits|badbits)|_file|_good|_bad)?")
_DIMENSION = re.compile(r"dim[0-9]{1,2}")
#: What does not concern a simulation, of this CrystFEL and of older ones.
_UNUSED_OF_FILE = (
    "bandwidth",
    "peak_list",
    "peak_list_type",
    "peak_info_location",
    "photon_energy_bandwidth",
)
_UNUSED_OF_PANEL = (
    "data",
    "adu_per_eV",
    "adu_per_photon",
    "max_adu",
    "flag_lessthan",
    "flag_morethan",
    "flag_equal",
    "saturation_map",
    "saturation_map_file",
    "badrow_direction",
    "peak_sep",
    "integr_radius",
    "clen_for_centering",
    "rail_direction",
)
_BAD = ("min_x", "max_x", "min_y", "max_y", *_RANGES, "panel")
_OF_FILE = (*_BEAM, *_SHIFTS, *_UNUSED_OF_FILE)
_OF_PANEL = (*_PLACES, *_RANGES, *_DEAD, *_UNUSED_OF_PANEL)
_GROUP = re.compile(r"(?:rigid_group_collection|rigid_group|group)_(?=.)")
_RESERVED = ("rigid_group", "group")


@dataclass(frozen=True, slots=True)
class Entry:
    """One ``key = value``, without the panel's name and the comment.

    Parameters
    ----------
    source : the file
    line : number, from 1
    key : without the panel's name
    value : as written, without blanks around it
    """

    source: SourceFile = field(repr=False)
    line: int
    key: str
    value: str

    def error(self, complaint: str) -> InputFileError:
        """Error to raise about this line; ``complaint`` ends in what to do."""
        return self.source.error(f"line {self.line} ({self.key} = {shown(self.value)}) {complaint}")


@dataclass(frozen=True, slots=True)
class Section:
    """A panel or a bad region: its keys, the last one of each, over the defaults it began with.

    Parameters
    ----------
    name : without a slash
    line : that mentions it first
    entries : by key
    """

    source: SourceFile = field(repr=False)
    name: str
    line: int
    entries: dict[str, Entry]

    def get(self, key: str) -> Entry | None:
        """The entry of a key; None without one."""
        return self.entries.get(key)

    def __getitem__(self, key: str) -> Entry:
        if key not in self.entries:
            raise self.error(f"has no {key}: add it; the file may be cut short")
        return self.entries[key]

    def error(self, complaint: str) -> InputFileError:
        """Error to raise about the whole section; ``complaint`` ends in what to do."""
        kind = "" if self.name.startswith("bad") else "panel "
        return self.source.error(f"line {self.line}: {kind}{self.name} {complaint}")


@dataclass(slots=True)
class GeometryText:
    """All that a file says, by what it says it of.

    Parameters
    ----------
    source : the file
    panels : in the order of their first mention
    bad : regions of bad pixels, likewise
    groups : entries whose keys begin with ``group_`` or ``rigid_group_``
    whole : keys of the whole file, all entries of each in their order
    defaults : every entry of a default, in its order; ``clen`` is one of them
    repeated : entries that replace another of the same panel, with another value
    complete : whether the last line ends as a line does
    """

    source: SourceFile
    panels: dict[str, Section] = field(default_factory=dict)
    bad: dict[str, Section] = field(default_factory=dict)
    groups: list[Entry] = field(default_factory=list)
    whole: dict[str, list[Entry]] = field(default_factory=dict)
    defaults: list[Entry] = field(default_factory=list)
    repeated: list[Entry] = field(default_factory=list)
    complete: bool = True

    def unused(self) -> dict[str, list[Entry]]:
        """Entries that do not concern a simulation, by key."""
        found: dict[int, Entry] = {}
        for panel in self.panels.values():
            for entry in panel.entries.values():
                if entry.key in _UNUSED_OF_PANEL or _DIMENSION.fullmatch(entry.key):
                    found[entry.line] = entry
        for key in _UNUSED_OF_FILE:
            found.update((entry.line, entry) for entry in self.whole.get(key, ()))
        by_key: dict[str, list[Entry]] = {}
        for _, entry in sorted(found.items()):
            by_key.setdefault(entry.key, []).append(entry)
        return by_key

    def idle(self) -> list[Entry]:
        """Defaults that stand after the first mention of the last panel, so that none has them."""
        last = max(panel.line for panel in self.panels.values())
        return [entry for entry in self.defaults if entry.line > last and entry.key != "clen"]


def is_crystfel(source: SourceFile) -> bool:
    """Whether a file, gzipped or not, has a line of any key that geometry files have."""
    content = source.unpacked(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES or b"\0" in content:
        return False
    for line in content.splitlines():
        statement, sign, _ = line.partition(b";")[0].partition(b"=")
        if sign and _is_known(statement.rpartition(b"/")[2].strip().decode("latin-1")):
            return True
    return False


def _is_known(key: str) -> bool:
    if key in (*_OF_FILE, *_OF_PANEL, *_BAD) or _GROUP.match(key):
        return True
    return any(one.fullmatch(key) for one in (_MASK, _DIMENSION))


def parse_geometry(source: SourceFile) -> GeometryText:
    """Sort the lines of a geometry file, gzipped or not, by panel.

    Raises
    ------
    InputFileError
        the file is not text; a line is not ``key = value`` of a known key; there is no panel, or
        more than `MAX_PANELS`
    """
    text = _decode(source)
    parsed = GeometryText(source, complete=text.endswith("\n"))
    defaults: dict[str, Entry] = {}
    for number, whole_key, value in _statements(source, text):
        name, slash, key = (part.strip() for part in whole_key.partition("/"))
        entry = Entry(source, number, key if slash else whole_key, value)
        if not slash:
            _take_without_panel(parsed, defaults, entry)
        elif name.startswith("bad"):
            _require_known(entry, _BAD, "a bad region")
            parsed.bad.setdefault(name, Section(source, name, number, {})).entries[key] = entry
        else:
            _take_of_panel(parsed, defaults, name, entry)
    if not parsed.panels:
        raise source.error(
            "it has no panel: a geometry file of CrystFEL has lines `panel/key = value`"
        )
    return parsed


def _decode(source: SourceFile) -> str:
    content = source.unpacked(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES or b"\0" in content:
        raise source.error(
            "it is not a geometry file of CrystFEL, which is a short text: name the .geom"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")  # only comments and names hold more than ASCII
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _statements(source: SourceFile, text: str) -> Iterator[tuple[int, str, str]]:
    """Line number from 1, key and value of each line that holds more than a comment."""
    for number, line in enumerate(text.split("\n"), start=1):
        statement = line.partition(";")[0].strip()
        if not statement:
            continue
        key, sign, value = (part.strip() for part in statement.partition("="))
        if not (sign and key and value):
            raise source.error(
                f"line {number} ({shown(statement)}) is not `key = value`: complete it, or begin "
                "it with ; if it is a comment; the file may be cut short"
            )
        yield number, key, value


def _take_without_panel(parsed: GeometryText, defaults: dict[str, Entry], entry: Entry) -> None:
    key = entry.key
    if _GROUP.match(key):
        parsed.groups.append(entry)
    elif key in _OF_FILE:
        parsed.whole.setdefault(key, []).append(entry)
    else:
        _require_known(entry, _OF_PANEL, "a geometry file", also=_OF_FILE)
        parsed.defaults.append(entry)
        defaults[key] = entry


def _take_of_panel(
    parsed: GeometryText, defaults: dict[str, Entry], name: str, entry: Entry
) -> None:
    if not name or name.startswith(_RESERVED):
        raise entry.error(
            f"is of {name!r}: a panel needs a name that begins with no word of groups"
        )
    if entry.key in _OF_FILE:
        raise entry.error("is of the whole file: write it without a panel's name")
    _require_known(entry, _OF_PANEL, "a panel")
    panel = parsed.panels.get(name)
    if panel is None:
        if len(parsed.panels) == MAX_PANELS:
            raise entry.error(
                f"begins panel number {MAX_PANELS + 1}: at most {MAX_PANELS} are read; name the "
                "right file"
            )
        panel = Section(entry.source, name, entry.line, dict(defaults))
        parsed.panels[name] = panel
    before = panel.get(entry.key)
    if before is not None and before.line > panel.line and before.value != entry.value:
        parsed.repeated.append(entry)
    panel.entries[entry.key] = entry


def _require_known(
    entry: Entry, keys: tuple[str, ...], what: str, also: tuple[str, ...] = ()
) -> None:
    """Refuse a key that is none of these; masks and dimensions are every panel's."""
    key = entry.key
    if key in keys or (
        keys is _OF_PANEL and (_MASK.fullmatch(key) or _DIMENSION.fullmatch(key) is not None)
    ):
        return
    same = [known for known in (*keys, *also) if known.lower() == key.lower()]
    near = same or difflib.get_close_matches(key, (*keys, *also), n=1)
    remedy = f"did you mean {near[0]}?" if near else "correct it, or begin the line with ;"
    raise entry.error(f"has a key that {what} does not have: {remedy}")
