"""CIF files of structure factors, of the PDB (mmCIF) or of small molecules, as MTZ."""

import re
from types import ModuleType
from typing import Any

import numpy as np

from tiled_sim.io.source_file import SourceFile

_BLOCK = re.compile(rb"(?:\s|#[^\n]*\n)*data_\S", re.IGNORECASE)
#: Rows that were not measured, or not used: their measured F counts for nothing.
_UNUSED = ("x", "<", "-", "h", "l")
#: Labels that gemmi gives to measured amplitudes.
_MEASURED = ("FP", "F(+)", "F(-)", "DP")
_AMPLITUDES = "FG"


def is_cif(content: bytes) -> bool:
    """Whether a file begins as a CIF does."""
    return _BLOCK.match(content.removeprefix(b"\xef\xbb\xbf")) is not None


def mtz_of_cif(gemmi: ModuleType, source: SourceFile, content: bytes) -> tuple[Any, list[str]]:
    """What a CIF lists as gemmi's MTZ, and notes on it.

    F of rows whose status says that they are not measured or not used is missing.

    Parameters
    ----------
    gemmi : the module
    source : the file
    content : its bytes, unpacked

    Raises
    ------
    InputFileError
        if it is no CIF, or not one of its blocks lists amplitudes, or several do
    """
    try:
        found = _blocks(gemmi, content.decode("utf-8-sig", "replace"))
        converter = gemmi.CifToMtz()
        listed = {block.block.name: converter.convert_block_to_mtz(block) for block in found}
    except (RuntimeError, ValueError, IndexError) as error:
        reason = str(error).replace("string:", "line ", 1)
        raise source.error(f"gemmi cannot read this CIF ({reason}): copy it again") from None
    if not listed:
        raise source.error("this CIF lists no structure factors (_refln): name another file")
    names = [name for name, mtz in listed.items() if _has_amplitudes(mtz)]
    if not names:
        columns = " ".join(tag for block in found for tag in block.column_labels()[3:])
        raise source.error(
            f"this CIF has no amplitudes, F, among its columns ({columns}): make F of intensities, "
            f"by `gemmi cif2mtz {source.name} I.mtz` and ctruncate"
        )
    if len(names) > 1:
        raise source.error(
            f"blocks {', '.join(names)} of this CIF all list amplitudes: write the one that is "
            f"meant into a file of its own, by `gemmi cif2mtz -b {names[0]} {source.name} F.mtz`"
        )
    (name,) = names
    if listed[name].spacegroup is None:
        raise source.error(
            "this CIF names no space group that gemmi knows, so its reflections cannot be expanded "
            "to P1: write it in, _symmetry.space_group_name_H-M 'P 21 21 21'"
        )
    (block,) = (one.block for one in found if one.block.name == name)
    notes = [f"block {name} of a CIF, whose labels are here those of an MTZ"]
    unused = _leave_out_unused(gemmi, block, listed[name])
    if unused:
        notes.append(
            f"the measured F of {unused} rows of status {' '.join(_UNUSED)} are left out, which "
            "were not measured or not used"
        )
    return listed[name], notes


def _blocks(gemmi: ModuleType, text: str) -> list[Any]:
    """Blocks that list structure factors, by the names of mmCIF or else of core CIF."""
    small = [
        gemmi.hkl_cif_as_refln_block(block)
        for block in gemmi.cif.read_string(text)
        if block.find_loop("_refln_index_h")
    ]
    # read again: gemmi takes the blocks out of a document that it makes these of
    blocks = gemmi.as_refln_blocks(gemmi.cif.read_string(text))
    return [block for block in blocks if block.default_loop] or small


def _has_amplitudes(mtz: Any) -> bool:
    return any(column.type in _AMPLITUDES for column in mtz.columns)


def _leave_out_unused(gemmi: ModuleType, block: Any, mtz: Any) -> int:
    """Make measured F of unused rows missing, and count the rows."""
    tag = "_refln.status" if block.find_loop("_refln.index_h") else "_refln_observed_status"
    status = [gemmi.cif.as_string(value) for value in block.find_values(tag)]
    unused = np.isin(status, _UNUSED)
    measured = [column for column in mtz.columns if column.label in _MEASURED]
    if not measured or not unused.any():
        return 0
    for column in measured:
        column.array[unused] = np.nan
    return int(unused.sum())
