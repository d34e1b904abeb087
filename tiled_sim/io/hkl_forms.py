"""Lists of reflections in other forms than ``h k l F``, known by their content.

Amplitudes are read. Of intensities the error names the commands that make amplitudes of them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import InputFileError
from tiled_sim.io.source_file import MAX_INDEX, SourceFile
from tiled_sim.io.text_table import Table, line_error, lines_of, number, without_comment

_TRUNCATE = "ctruncate -mtzin I.mtz -mtzout F.mtz -colin '/*/*/[IMEAN,SIGIMEAN]'"
_THEN = "and read it with --mtz F.mtz in place of -hkl"
_INDEX = re.compile(r" *[+-]?[0-9]+")
#: Fortran's fixed columns of SHELX: h, k, l and F or F².
_FIELDS = (slice(0, 4), slice(4, 8), slice(8, 12), slice(12, 20))
_SIGMA = slice(20, 28)
_CNS = re.compile(
    rb"INDE\w*\s+([-+]?\d+)\s+([-+]?\d+)\s+([-+]?\d+)(.*?)(?=\bINDE|\Z)", re.IGNORECASE | re.DOTALL
)
_CNS_VALUE = re.compile(rb"(\w+)\s*=\s*([-+0-9.ED]+)", re.IGNORECASE)
#: What CNS and X-PLOR call measured amplitudes, and measured intensities.
_CNS_AMPLITUDES, _CNS_INTENSITIES = (b"FOBS", b"F"), (b"IOBS", b"I")
#: How far into a file its form shows.
_HEAD = 2**16


@dataclass(frozen=True, slots=True)
class Listed:
    """Reflections of a list in another form.

    Parameters
    ----------
    values : (reflection, 4) h, k, l and F [electron]
    lines : number, from 1, of the line of each
    note : what the form is
    """

    values: npt.NDArray[np.float64]
    lines: npt.NDArray[np.int64]
    note: str

    def line(self, row: int) -> int:
        """Number, from 1, of the line that holds a row, counted from 0."""
        return int(self.lines[row])


def titled(source: SourceFile, text: bytes) -> Listed | None:
    """Reflections of a list that says at its head what it is; None if it does not.

    Raises
    ------
    InputFileError
        if it holds no amplitudes, or is read by another option; names the commands
    """
    head = text[:_HEAD].removeprefix(b"\xef\xbb\xbf").lstrip()
    first = head.split(b"\n", 1)[0].strip().decode(errors="replace")
    if first.startswith(("!FORMAT=XDS_ASCII", "!OUTPUT_FILE=INTEGRATE.HKL")):
        raise _xds(source, merged="MERGE=TRUE" in first)
    if first.startswith("CrystFEL stream format"):
        raise source.error(
            "it is a stream of CrystFEL, a list of single measurements: merge it with partialator, "
            "and make amplitudes of its list"
        )
    words = first.split()
    if first.startswith("CrystFEL reflection list") or words[:4] == ["h", "k", "l", "I"]:
        return _crystfel(source, text)
    if re.search(rb"(?m)^data_\S", head):
        raise _cif(source, text)
    if re.match(rb"(?i)(NREF|ANOM|DECL|INDE|\{)", head) and _CNS.search(text):
        return _cns(source, text)
    if _is_scalepack(head):
        raise source.error(
            "it is a file of SCALEPACK, which holds intensities: make amplitudes, by "
            f"`scalepack2mtz hklin {source.name} hklout I.mtz` and `{_TRUNCATE}`, {_THEN}"
        )
    return None


def closed(source: SourceFile, text: bytes, table: Table) -> Listed | None:
    """Reflections up to the closing line 0 0 0 of SHELX; None of a list that has none.

    In a list that is sorted throughout, F(0 0 0) = 0 in the middle has its place, and closes
    nothing.

    Parameters
    ----------
    source, text : the file
    table : its lines ``h k l F``
    """
    zero = np.flatnonzero((table.values == 0).all(axis=1))
    if not zero.size or (zero[0] < len(table.values) - 1 and _is_sorted(table.values[:, :3])):
        return None
    listed = fixed_columns(source, text)
    return listed if listed is not None and "closed" in listed.note else None


def fixed_columns(source: SourceFile, text: bytes) -> Listed | None:
    """Reflections of a file in the fixed columns of SHELX; None if they are none.

    The columns may run into each other. What follows a closing line 0 0 0 is not read.

    Raises
    ------
    InputFileError
        if there are standard deviations: such a file does not say whether it holds F or F²
    """
    rows, lines, closing, behind, has_sigma = [], [], 0, 0, False
    for line_number, raw in enumerate(lines_of(text), start=1):
        line = raw.rstrip()
        if closing or not line:
            behind += bool(line)
            continue
        row = _fixed(line)
        if row is None:
            return None
        if not any(row[:3]):
            closing = line_number
            continue
        has_sigma = has_sigma or len(line) > _SIGMA.start
        rows.append(row)
        lines.append(line_number)
    if not rows:
        return None
    if has_sigma:
        raise _shelx(source, negative=any(row[3] < 0 for row in rows))
    note = "fixed columns of SHELX (3I4, F8.2), read as F (HKLF 3), no equivalents made"
    if closing:
        note += f"; closed by 0 0 0 in line {closing}"
        note += f", what follows is not read ({behind} lines)" if behind else ""
    return Listed(np.array(rows), np.array(lines), note)


def refused(source: SourceFile, text: bytes, error: InputFileError) -> InputFileError:
    """Error about a list that is none of ``h k l F``: what suits its columns, else as it stands.

    Parameters
    ----------
    source, text : the file
    error : what is wrong with it as a list ``h k l F``
    """
    _, first = next(_content(text), (0, ""))
    columns = first.split(",") if "," in first else first.split()
    if any(column.strip() and number(column.strip()) is None for column in columns):
        return error
    if "," in first and 5 <= len(columns) <= 9:
        return source.error(
            "its columns are separated by commas, as XDSCONV writes them for CCP4: make an MTZ of "
            "it, by `f2mtz hklout F.mtz < F2MTZ.INP` (XDSCONV has written F2MTZ.INP beside it; it "
            f"must have made F, not I: OUTPUT_FILE={source.name} CCP4), {_THEN}"
        )
    if len(columns) == 7:
        return source.error(
            "it has 7 columns, as Precognition writes h k l F(+) sigma F(-) sigma. If these they "
            "are, write both mates of those measured, and their equivalents: awk "
            "'$5 > 0 {print $1, $2, $3, $4} $7 > 0 {print -$1, -$2, -$3, $6}' OLD > NEW (or make "
            "an MTZ by reciprocalspaceship's read_precognition, and read it with --mtz). If "
            "column 4 is F and the rest something else, cut it: "
            "awk '{print $1, $2, $3, $4}' OLD > NEW"
        )
    return error


def _content(text: bytes) -> Iterator[tuple[int, str]]:
    for line_number, line in enumerate(lines_of(text), start=1):
        content = without_comment(line).strip()
        if content:
            yield line_number, content


def _fixed(line: str) -> tuple[float, float, float, float] | None:
    """A line of SHELX; None if it is not laid out so."""
    h, k, l, value = (line[field] for field in _FIELDS)
    if len(value) != 8 or not all(_INDEX.fullmatch(index) for index in (h, k, l)):
        return None
    amplitude, sigma = number(value.lstrip()), line[_SIGMA].lstrip()
    if amplitude is None or not np.isfinite(amplitude) or (sigma and number(sigma) is None):
        return None
    return float(h), float(k), float(l), amplitude


def _is_sorted(hkl: npt.NDArray[np.float64]) -> bool:
    """Whether reflections go up or down throughout, whichever index changes slowest."""
    ahead = np.arange(len(hkl))
    orders = (np.lexsort(keys) for keys in permutations(hkl.T))
    return any((order == ahead).all() or (order[::-1] == ahead).all() for order in orders)


def _shelx(source: SourceFile, *, negative: bool) -> InputFileError:
    keeps = (
        "holds intensities (some are negative): HKLF 4"
        if negative
        else "does not say whether it holds intensities (HKLF 4) or amplitudes (HKLF 3)"
    )
    amplitudes = "" if negative else f"Of HKLF 3, keep F: cut -c1-20 {source.name} > NEW. "
    return source.error(
        f"it is in the fixed columns of SHELX, and {keeps}. {amplitudes}Of HKLF 4, make "
        f"amplitudes: `phenix.reflection_file_converter {source.name}=hklf4 --unit_cell=… "
        "--space_group=… --massage_intensities --write_mtz_amplitudes --mtz_root_label=F "
        f"--mtz=F.mtz`, {_THEN}"
    )


def _xds(source: SourceFile, *, merged: bool) -> InputFileError:
    kind = "merged" if merged else "unmerged"
    return source.error(
        f"it is a file of XDS, which holds {kind} intensities: make amplitudes, by XDSCONV (in "
        f"XDSCONV.INP: INPUT_FILE={source.name} and OUTPUT_FILE=F.hkl CCP4) and "
        f"`f2mtz hklout F.mtz < F2MTZ.INP`, {_THEN}"
    )


def _is_scalepack(head: bytes) -> bool:
    lines = head.split(b"\n", 3)
    return bool(
        len(lines) > 3
        and lines[0].strip() == b"1"
        and re.fullmatch(rb"\s*-\d+\s*", lines[1])
        and re.fullmatch(rb"(\s+[\d.]+){6}\s+[A-Za-z]\S*\s*", lines[2])
    )


def _cif(source: SourceFile, text: bytes) -> InputFileError:
    if re.search(rb"(?m)^\s*_refln[._]", text):
        return source.error(
            f"it is a CIF of structure factors: read it with --mtz {source.name} in place of -hkl"
        )
    return source.error(
        "it is a CIF without a list of structure factors (_refln): name that, with --mtz"
    )


def _crystfel(source: SourceFile, text: bytes) -> Listed:
    """Amplitudes of a list of CrystFEL, whose columns its heading names."""
    rows, lines, symmetry = [], [], "POINTGROUP"
    names: list[str] = []
    for line_number, line in _content(text):
        words = line.split()
        if words[0] == "Symmetry:":
            symmetry = line.partition(":")[2].strip()
        elif words[:3] == ["h", "k", "l"]:
            names = words
            if names[3:4] not in (["F"], ["|F|"]):
                break
        elif line.startswith("End of reflections"):
            break
        elif names:
            values = [number(word) for word in words[:4]]
            if len(values) < 4 or None in values:
                complaint = "is not a reflection, `h k l F …`: correct it"
                raise line_error(source, line_number, line, complaint)
            rows.append(values)
            lines.append(line_number)
    if not rows:
        raise source.error(
            "it is a list of CrystFEL, which holds merged intensities: make amplitudes, by "
            f"`get_hkl -i {source.name} -y {symmetry} -p CELLFILE --output-format=mtz -o I.mtz` "
            f"and `{_TRUNCATE}` (`mtzdmp I.mtz` tells its labels), {_THEN}"
        )
    note = f"a list of CrystFEL with amplitudes (symmetry {symmetry}), no equivalents made"
    return _sound(source, Listed(np.array(rows, dtype=np.float64), np.array(lines), note))


def _cns(source: SourceFile, text: bytes) -> Listed:
    """Amplitudes of a file of CNS or X-PLOR, as XDSCONV writes it."""
    rows, lines, wanted = [], [], b""
    line_number, seen = 1, 0
    for found in _CNS.finditer(text):
        line_number += text.count(b"\n", seen, found.start())
        seen = found.start()
        values = {name.upper(): value for name, value in _CNS_VALUE.findall(found[4])}
        wanted = wanted or next((name for name in _CNS_AMPLITUDES if name in values), b"")
        if not wanted and any(name in values for name in _CNS_INTENSITIES):
            raise source.error(
                "it is a file of CNS that holds intensities: make amplitudes; of XDS by XDSCONV, "
                f"OUTPUT_FILE={source.name} CNS"
            )
        value = number(values.get(wanted, b"").decode())
        if value is None or not np.isfinite(value):
            line = text[found.start() : found.end()].split(b"\n", 1)[0].decode()
            complaint = f"has no number for {(wanted or b'FOBS').decode()}: correct it"
            raise line_error(source, line_number, line, complaint)
        rows.append([*map(float, found.groups()[:3]), value])
        lines.append(line_number)
    note = f"a file of CNS, {wanted.decode()}; no equivalents made"
    return _sound(source, Listed(np.array(rows), np.array(lines), note))


def _sound(source: SourceFile, listed: Listed) -> Listed:
    """The reflections, known to have whole h, k, l in bounds and finite F."""
    hkl = listed.values[:, :3]
    sound = (hkl == np.rint(hkl)) & (np.abs(hkl) <= MAX_INDEX)
    wrong = ~(sound.all(axis=1) & np.isfinite(listed.values[:, 3]))
    if wrong.any():
        raise source.error(
            f"line {listed.line(int(np.argmax(wrong)))} is not a reflection with whole h k l "
            f"within ±{MAX_INDEX} and a finite F: correct it"
        )
    return listed
