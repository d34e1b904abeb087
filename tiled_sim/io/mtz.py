"""MTZ, the CCP4 suite's binary table of reflections: amplitudes of an asymmetric unit."""

import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import MissingExtraError, UsageError
from tiled_sim.io.source_file import (
    MAX_BYTES,
    MAX_INDEX,
    SourceFile,
    grid_shape,
    oversized,
    read_source,
)
from tiled_sim.model.structure_factors import StructureFactors

_AMPLITUDE = "F"
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
    """Read the amplitudes [electron] of an MTZ, gzipped or not, for the whole sphere.

    The reflections are expanded to P1 by the space group of the file, Friedel mates included.
    Nodes that the file does not list, or lists without a finite F, are not given. Of equivalent
    reflections with F of their own each keeps its own.

    Parameters
    ----------
    path : file
    column : label of the amplitudes; None: the only column of amplitudes (type F)

    Raises
    ------
    InputFileError : the file cannot be read, is not a merged MTZ with a space group, has no F
        under this label, lists a reflection twice, or needs more than MAX_NODES nodes
    UsageError : several columns could be meant and none is named; gemmi is not installed
    """
    gemmi = _gemmi()
    source = read_source(path)
    mtz = _parse(gemmi, source)
    label = _label(source, mtz, column)
    hkl, F = _listed(source, mtz, label)
    finite = np.isfinite(F)
    listed = len(F)
    hkl, F = hkl[finite], F[finite]
    if not len(F):
        raise source.error(f"column {label} holds no finite F: name another column")
    minimum, amplitude, given = _expanded(source, hkl, F, _rotations(gemmi, mtz))
    notes = [
        f"column {label}, {listed} reflections, expanded by {mtz.spacegroup.xhm()} to "
        f"{np.count_nonzero(given)} in P1",
        _SCALE_NOTE,
    ]
    if listed > len(F):
        notes.append(f"{listed - len(F)} reflections without a finite F are not given")
    return StructureFactors(
        amplitude=amplitude,
        given=given,
        minimum=minimum,
        provenance=source.provenance(
            "mtz",
            count=int(np.count_nonzero(given)),
            negative=int(np.count_nonzero(amplitude < 0)),
            zero=int(np.count_nonzero(given & (amplitude == 0))),
            notes=tuple(notes),
        ),
    )


def _gemmi() -> ModuleType:
    try:
        import gemmi
    except ImportError:
        raise MissingExtraError("mtz", "an MTZ") from None
    return gemmi


def _parse(gemmi: ModuleType, source: SourceFile) -> Any:
    """The file as gemmi reads it: from a copy, since it takes a name, and must see these bytes."""
    remedy = "an HKL list is read with -hkl, an Fdump with --fdump"
    content = source.unpacked(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise source.error(f"it unpacks to more than {MAX_BYTES} bytes: {remedy}")
    if not content.startswith(_MAGIC):
        raise source.error(f"it does not begin as an MTZ does: {remedy}")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.mtz"
        copy.write_bytes(content)
        try:
            mtz = gemmi.read_mtz_file(str(copy))
        except (RuntimeError, ValueError, MemoryError) as error:
            reason = str(error).replace(str(copy), source.name)
            raise source.error(f"gemmi cannot read it ({reason}): copy it again") from None
    if len(mtz.batches):
        raise source.error(
            "it is not merged (it has batches): merge it to one F a reflection, by aimless, say"
        )
    if mtz.spacegroup is None:
        raise source.error(
            f"its space group {mtz.spacegroup_name!r} is unknown, so its reflections cannot be "
            "expanded to P1: set it, by `gemmi mtz2mtz` or CAD"
        )
    return mtz


def _label(source: SourceFile, mtz: Any, asked: str | None) -> str:
    """The one column of amplitudes that is meant."""
    labels = [column.label for column in mtz.columns if column.type == _AMPLITUDE]
    listed = ", ".join(labels) or "none"
    if asked is None and len(labels) > 1:
        raise UsageError(
            f"{source.name} has several columns of amplitudes ({listed}): name one, "
            f"--mtz {source.name}:{labels[0]}, in TOML mtz_column = {labels[0]!r}"
        )
    if asked is None and not labels:
        others = ", ".join(f"{column.label} ({column.type})" for column in mtz.columns)
        raise source.error(
            f"it has no column of amplitudes (type F), only {others}: make F of intensities first"
        )
    label = labels[0] if asked is None else asked
    if labels.count(label) != 1:
        how = "several columns" if label in labels else "no column"
        raise source.error(
            f"{how} of amplitudes (type F) under the label {label!r}; there are: {listed}"
        )
    return label


def _listed(
    source: SourceFile, mtz: Any, label: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Indices (n, 3) and F (n,) [electron] of every row; NaN where the file marks F as missing."""
    hkl = np.array(mtz.make_miller_array(), dtype=np.int64)
    column = next(c for c in mtz.columns if (c.label, c.type) == (label, _AMPLITUDE))
    F = np.array(column.array, dtype=np.float64)
    F[np.equal(F, mtz.valm)] = np.nan
    if not len(F):
        raise source.error("it lists no reflections: name another file")
    distinct, count = np.unique(hkl, axis=0, return_counts=True)
    if len(distinct) < len(hkl):
        twice = " ".join(map(str, distinct[np.argmax(count)]))
        raise source.error(f"it lists the reflection {twice} more than once: merge it first")
    if np.abs(hkl).max() > MAX_INDEX:
        raise source.error(f"it lists an index beyond ±{MAX_INDEX}: it is damaged; copy it again")
    return hkl, F


def _rotations(gemmi: ModuleType, mtz: Any) -> list[npt.NDArray[np.int64]]:
    """Matrices R of the space group, and -R: hkl · R is equivalent to hkl.

    Translations turn phases alone, and the centring adds no other R.
    """
    found = {
        tuple(np.array(operation.rot).ravel() // gemmi.Op.DEN)
        for operation in mtz.spacegroup.operations().sym_ops
    }
    proper = [np.array(matrix, dtype=np.int64).reshape(3, 3) for matrix in sorted(found)]
    return proper + [-matrix for matrix in proper]


def _expanded(
    source: SourceFile,
    hkl: npt.NDArray[np.int64],
    F: npt.NDArray[np.float64],
    rotations: list[npt.NDArray[np.int64]],
) -> tuple[tuple[int, int, int], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Smallest h, k, l, amplitudes and given nodes of the grid that spans all equivalents."""
    images = [hkl @ rotation for rotation in rotations]
    minimum = np.min([image.min(axis=0) for image in images], axis=0).tolist()
    maximum = np.max([image.max(axis=0) for image in images], axis=0).tolist()
    if complaint := oversized(minimum, maximum):
        raise source.error(f"{complaint}: it is damaged, or cut its resolution")
    shape = grid_shape(minimum, maximum)
    amplitude, given = np.zeros(shape), np.zeros(shape, dtype=bool)
    # what the file lists comes last, over what would follow from its equivalents
    for image in [*images, hkl]:
        node = tuple((image - minimum).T)
        amplitude[node] = F
        given[node] = True
    return (minimum[0], minimum[1], minimum[2]), amplitude, given
