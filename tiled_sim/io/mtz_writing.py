"""Structure factors of a model as MTZ: those of the asymmetric unit, and the space group."""

from pathlib import Path

import numpy as np

from tiled_sim.io.new_file import write_new
from tiled_sim.io.space_group import find_space_group, gemmi_for
from tiled_sim.model.structure_factors import StructureFactors
from tiled_sim.physics.constants import HC_EV_ANGSTROM

#: Of a line of an MTZ's history.
_LONGEST = 80


def write_mtz(path: str | Path, factors: StructureFactors) -> None:
    """Write calculated F [electron] as a merged MTZ: F, or F(+) and F(-) where mates may differ.

    Parameters
    ----------
    path : file to make
    factors : of a model

    Raises
    ------
    StoreError : the file exists already or cannot be written; there is then no new file
    UsageError : gemmi is not installed
    """
    gemmi = gemmi_for("an MTZ")
    found = factors.provenance
    computed, cell, name = found.computed, found.cell, found.space_group
    if computed is None or cell is None or name is None:
        raise ValueError("an MTZ is written of F that were calculated from a model")
    mtz = gemmi.Mtz(with_base=True)
    mtz.title = f"F of {Path(found.path).name}"[:70]
    mtz.spacegroup = find_space_group(name)
    mtz.set_cell_for_all(gemmi.UnitCell(*cell))
    dataset = mtz.add_dataset("calculated")
    dataset.wavelength = 0.0 if computed.energy is None else HC_EV_ANGSTROM / computed.energy
    hkl = gemmi.make_miller_array(mtz.cell, mtz.spacegroup, computed.dmin)
    labels = {"F": "F"} if computed.anomalous is None else {"F(+)": "G", "F(-)": "G"}
    columns = [np.asarray(hkl, dtype=np.float32)]
    for (label, kind), sign in zip(labels.items(), (1, -1), strict=False):
        mtz.add_column(label, kind)
        node = tuple((sign * np.asarray(hkl, dtype=np.int64) - factors.minimum).T)
        columns.append(factors.amplitude[node].astype(np.float32)[:, None])
    mtz.set_data(np.concatenate(columns, axis=1))
    mtz.history = [line[:_LONGEST] for line in (f"SHA-256 {found.sha256}", *found.notes)]
    write_new(path, (mtz.write_to_bytes(),))
