"""MTZ, the CCP4 suite's binary table of reflections: amplitudes of an asymmetric unit."""

import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tiled_sim.io.equivalents import Indices, Rows, Values, centric, expanded
from tiled_sim.io.mtz_columns import AmplitudeSet, choose_amplitudes, index_columns
from tiled_sim.io.mtz_symmetry import is_whole, space_group_of
from tiled_sim.io.refln_cif import is_cif, mtz_of_cif
from tiled_sim.io.source_file import (
    MAX_BYTES,
    MAX_INDEX,
    SourceFile,
    read_source,
)
from tiled_sim.io.space_group import gemmi_for, misfit, of_space_group, rotations_of
from tiled_sim.model.structure_factors import Cell, StructureFactors
from tiled_sim.physics.cell import cell_volume

#: Equivalent rows contradict each other where their F differ by more than this share of the larger.
AGREEMENT = 1e-3
#: And by more than this share of the largest F of the file: sums in float32 leave so much of
#: reflections that are nearly extinct.
_NEGLIGIBLE = 1e-5

_MAGIC = b"MTZ "
_SCALE_NOTE = "its amplitudes are taken as electrons: an MTZ does not say its scale"


def split_column(text: str) -> tuple[str, str | None]:
    """File and column label of ``FILE`` or ``FILE:LABEL``.

    A file that exists under the whole text is that file; a label holds no ``/``.
    """
    path, colon, label = text.rpartition(":")
    if not colon or not path or not label or "/" in label or Path(text).exists():
        return text, None
    return path, label


def read_mtz(path: str | Path, column: str | None = None) -> StructureFactors:
    """Read the amplitudes [electron] of an MTZ or CIF, gzipped or not, for the whole sphere.

    The reflections are expanded to P1 by the space group of the file. The equivalents of a row by
    a rotation have its F. Their Friedel mates have it, too, unless the file says their own: in
    rows of their own, in a column F(-) beside F(+), or as F with F(+) - F(-) (type D). Nodes that
    the file does not list, or lists without a finite F, are not given.

    Parameters
    ----------
    path : file
    column : label of the amplitudes, that of either column of a pair; None: the only ones, those
        of maps left aside. Columns of a CIF have the labels that gemmi gives them in an MTZ: FP
        for _refln.F_meas_au, FC for F_calc, F(+) and F(-) for pdbx_F_plus and pdbx_F_minus

    Raises
    ------
    InputFileError : the file cannot be read, is not a merged MTZ with a space group, has no F
        under this label, lists a reflection twice or two equivalents with different F, or needs
        more than MAX_NODES nodes
    UsageError : several columns could be meant and none is named; gemmi is not installed
    """
    gemmi = gemmi_for("an MTZ")
    source = read_source(path)
    mtz, form = _parse(gemmi, source)
    columns = list(mtz.columns)
    amplitudes = choose_amplitudes(source, columns, column)
    cell, wavelength = _cell(mtz, columns[amplitudes.plus])
    if cell is not None and (wrong := misfit(mtz.spacegroup, cell)):
        raise source.error(f"{wrong}: correct the one that is wrong, cell or group")
    hkl = _listed(source, mtz)
    rotations = rotations_of(mtz.spacegroup)
    rows, notes = _values(source, mtz, amplitudes, hkl, rotations)
    _refuse_contradiction(source, mtz, rows, rotations)
    minimum, amplitude, given = expanded(source, rows, rotations)
    name = mtz.spacegroup.xhm()
    plural = "s" if len(amplitudes.labels) > 1 else ""
    notes = [
        f"column{plural} {amplitudes.name}, {len(hkl)} reflections, expanded by {name} to "
        f"{np.count_nonzero(given)} in P1",
        *form,
        *notes,
        _SCALE_NOTE,
    ]
    if wavelength is not None:
        notes.append(f"measured or computed at {wavelength:.6g} Å, as it says")
    factors = StructureFactors(
        amplitude=amplitude,
        given=given,
        minimum=minimum,
        provenance=source.provenance(
            "mtz",
            count=int(np.count_nonzero(given)),
            negative=int(np.count_nonzero(amplitude < 0)),
            zero=int(np.count_nonzero(given & (amplitude == 0))),
            notes=tuple(notes),
            cell=cell,
            wavelength=wavelength,
        ),
    )
    return of_space_group(factors, mtz.spacegroup)


def read_mtz_cell(path: str | Path, column: str | None = None) -> Cell | None:
    """The cell of the dataset that the amplitudes of an MTZ are of; None if it names none.

    Parameters and errors are those of `read_mtz`.
    """
    source = read_source(path)
    mtz, _ = _parse(gemmi_for("an MTZ"), source)
    columns = list(mtz.columns)
    return _cell(mtz, columns[choose_amplitudes(source, columns, column).plus])[0]


def _parse(gemmi: ModuleType, source: SourceFile) -> tuple[Any, list[str]]:
    """The file as gemmi reads it, and notes on its form."""
    remedy = "an HKL list is read with -hkl, an Fdump with --fdump"
    content = source.unpacked(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise source.error(f"it unpacks to more than {MAX_BYTES} bytes: {remedy}")
    if is_cif(content):
        mtz, notes = mtz_of_cif(gemmi, source, content)
    elif content.startswith(_MAGIC):
        mtz, notes = _of_mtz(gemmi, source, content), []
    else:
        raise source.error(f"it does not begin as an MTZ does: {remedy}")
    if len(mtz.batches):
        raise source.error(
            "it is not merged (it has batches): merge it to one F a reflection, by aimless, say"
        )
    return mtz, notes


def _of_mtz(gemmi: ModuleType, source: SourceFile, content: bytes) -> Any:
    """An MTZ read from a copy, since gemmi takes a name, and must see these bytes."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.mtz"
        copy.write_bytes(content)
        try:
            mtz = gemmi.read_mtz_file(str(copy))
        except (RuntimeError, ValueError, MemoryError) as error:
            reason = str(error).replace(str(copy), source.name)
            raise source.error(f"gemmi cannot read it ({reason}): copy it again") from None
    if not is_whole(content):
        raise source.error("its header has no end: it is cut short; copy it again")
    mtz.spacegroup = space_group_of(gemmi, source, content, mtz)
    return mtz


def _listed(source: SourceFile, mtz: Any) -> Indices:
    """Indices (n, 3) of every row."""
    columns = list(mtz.columns)
    # by their columns: gemmi's own make_miller_array takes the first three, whatever they are
    places = index_columns(source, columns)
    values = np.column_stack([np.array(columns[place].array) for place in places])
    if not len(values):
        raise source.error("it lists no reflections: name another file")
    hkl = np.rint(values)
    if not np.isfinite(values).all() or np.any(hkl != values):
        raise source.error("h, k, l of a row are not whole numbers: it is damaged; copy it again")
    if np.abs(hkl).max() > MAX_INDEX:
        raise source.error(f"it lists an index beyond ±{MAX_INDEX}: it is damaged; copy it again")
    hkl = hkl.astype(np.int64)
    distinct, count = np.unique(hkl, axis=0, return_counts=True)
    if len(distinct) < len(hkl):
        twice = _spelt(distinct[np.argmax(count)])
        raise source.error(f"it lists the reflection {twice} more than once: merge it first")
    return hkl


def _column(mtz: Any, place: int) -> Values:
    """Values of a column; NaN where the file marks them as missing."""
    values = np.array(list(mtz.columns)[place].array, dtype=np.float64)
    values[np.equal(values, mtz.valm) | ~np.isfinite(values)] = np.nan
    return values


def _values(
    source: SourceFile,
    mtz: Any,
    amplitudes: AmplitudeSet,
    hkl: Indices,
    rotations: Indices,
) -> tuple[Rows, list[str]]:
    """F of each reflection that has its own, and notes on how they came about."""
    row = np.arange(len(hkl))
    F = _column(mtz, amplitudes.plus)
    if amplitudes.minus is not None:
        rows, notes = _of_pairs(Rows(hkl, F, row), _column(mtz, amplitudes.minus), rotations)
    elif amplitudes.difference is not None:
        difference = _column(mtz, amplitudes.difference)
        rows, notes = _of_differences(Rows(hkl, F, row), difference, rotations)
    else:
        rows, notes = _finite(Rows(hkl, F, row)), []
    if not len(rows.F):
        raise source.error(f"column {amplitudes.name} holds no finite F: name another column")
    lost = len(hkl) - len(np.unique(rows.row))
    if lost:
        notes.append(f"{lost} reflections without a finite F are not given")
    return rows, notes


def _finite(rows: Rows) -> Rows:
    kept = np.isfinite(rows.F)
    return Rows(rows.hkl[kept], rows.F[kept], rows.row[kept])


def _of_pairs(plus: Rows, F_minus: Values, rotations: Indices) -> tuple[Rows, list[str]]:
    """F(+) of h and F(-) of -h; of centric reflections, where both are the same F, their mean."""
    F_plus, is_centric = plus.F, centric(plus.hkl, rotations)
    notes = [f"F(+) is that of h k l, F(-) that of -h -k -l; {is_centric.sum()} are centric"]
    both = np.isfinite(F_plus) & np.isfinite(F_minus)
    differ = int(np.count_nonzero(both & is_centric & (F_plus != F_minus)))
    if differ:
        notes.append(f"{differ} centric reflections with an F(-) other than F(+) have their mean")
    single = int(np.count_nonzero(~is_centric & (np.isfinite(F_plus) != np.isfinite(F_minus))))
    if single:
        notes.append(f"{single} acentric reflections have one of F(+) and F(-), for both mates")
    mean = np.where(both, (F_plus + F_minus) / 2, np.where(np.isfinite(F_plus), F_plus, F_minus))
    first = Rows(plus.hkl, np.where(is_centric, mean, F_plus), plus.row)
    second = Rows(-plus.hkl, np.where(is_centric, np.nan, F_minus), plus.row)
    return _finite(_joined(first, second)), notes


def _of_differences(mean: Rows, difference: Values, rotations: Indices) -> tuple[Rows, list[str]]:
    """F + D/2 of h and F - D/2 of -h; F of both where D is missing or h is centric."""
    half = np.where(centric(mean.hkl, rotations), np.nan, difference / 2)
    apart = np.isfinite(half)
    notes = [
        f"{np.count_nonzero(apart)} reflections have both mates, F + D/2 and F - D/2; the others "
        "have no difference or are centric"
    ]
    first = Rows(mean.hkl, np.where(apart, mean.F + half, mean.F), mean.row)
    second = Rows(-mean.hkl, np.where(apart, mean.F - half, np.nan), mean.row)
    return _finite(_joined(first, second)), notes


def _joined(first: Rows, second: Rows) -> Rows:
    return Rows(
        np.concatenate([first.hkl, second.hkl]),
        np.concatenate([first.F, second.F]),
        np.concatenate([first.row, second.row]),
    )


def _refuse_contradiction(source: SourceFile, mtz: Any, rows: Rows, rotations: Indices) -> None:
    """Raise if two entries are equivalent by a rotation and have different F."""
    orbit = _orbit_keys(rows.hkl, rotations)
    order = np.lexsort((rows.F, orbit))
    orbit, F = orbit[order], rows.F[order]
    starts = np.flatnonzero(np.r_[True, orbit[1:] != orbit[:-1]])
    ends = np.r_[starts[1:], len(orbit)] - 1
    least, most = F[starts], F[ends]
    largest = np.maximum(np.abs(least), np.abs(most))
    apart = most - least > np.maximum(AGREEMENT * largest, _NEGLIGIBLE * np.abs(F).max())
    if not apart.any():
        return
    which = np.flatnonzero(apart)[0]
    pair = sorted((order[starts[which]], order[ends[which]]), key=lambda one: rows.row[one])
    told = " and ".join(
        f"{_spelt(rows.hkl[one])} (row {rows.row[one] + 1}) with F = {rows.F[one]:.6g}"
        for one in pair
    )
    raise source.error(
        f"{told} are equivalent in {mtz.spacegroup.xhm()} and contradict each other "
        f"({np.count_nonzero(apart)} sets of equivalents do): merge them, or set the space group "
        "in which they were merged"
    )


def _orbit_keys(hkl: Indices, rotations: Indices) -> Indices:
    """A number for each reflection, the same for its equivalents by rotation alone."""
    images = (hkl @ rotation + MAX_INDEX * 4 for rotation in rotations)
    keys = (((image[:, 0] << 40) + (image[:, 1] << 20)) + image[:, 2] for image in images)
    return np.max(list(keys), axis=0)


def _cell(mtz: Any, column: Any) -> tuple[Cell | None, float | None]:
    """Cell [Å, °] and wavelength [Å] of a column's dataset, as far as the file says them."""
    own = [dataset for dataset in mtz.datasets if dataset.id == column.dataset_id]
    wavelength = own[0].wavelength if own else 0.0
    for cell in (*(dataset.cell for dataset in own), mtz.cell):
        a, b, c, alpha, beta, gamma = (float(value) for value in cell.parameters)
        angles = np.radians([alpha, beta, gamma])
        exists = min(a, b, c) > 1.0 and angles.min() > 0 and angles.max() < np.pi
        if exists and cell_volume(np.array([a, b, c]), angles) > 0:
            return (a, b, c, alpha, beta, gamma), wavelength if wavelength > 0 else None
    return None, wavelength if wavelength > 0 else None


def _spelt(hkl: Indices) -> str:
    return " ".join(map(str, hkl.tolist()))
