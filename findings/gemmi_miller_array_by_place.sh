#!/usr/bin/env bash
# gemmi 0.7.5: Mtz.make_miller_array() is the first three columns of an MTZ, whatever they are. The
# format names columns and gives them types, and H, K, L need not come first: of a file with the
# columns F H K L the indices are F, H, K. tiled_sim looks for the three columns of type H.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q gemmi==0.7.5 numpy==2.4.6
cd "$folder"
env/bin/python - <<'PYTHON'
import gemmi
import numpy as np

mtz = gemmi.Mtz(with_base=False)
mtz.spacegroup = gemmi.find_spacegroup_by_name("P 1 21 1")
mtz.set_cell_for_all(gemmi.UnitCell(30, 40, 50, 90, 100, 90))
mtz.add_dataset("crystal")
for label, kind in (("F", "F"), ("H", "H"), ("K", "H"), ("L", "H")):
    mtz.add_column(label, kind)
mtz.set_data(np.array([[100.0, 1, 2, 3]], dtype=np.float32))
mtz.write_to_file("f.mtz")
read = gemmi.read_mtz_file("f.mtz")
print("gemmi", gemmi.__version__, [(column.label, column.type) for column in read.columns])
print("indices", read.make_miller_array().tolist())
assert read.make_miller_array().tolist() == [[100, 1, 2]]
PYTHON
