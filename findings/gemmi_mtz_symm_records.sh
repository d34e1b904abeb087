#!/usr/bin/env bash
# gemmi 0.7.5 takes the space group of an MTZ from the name in SYMINF and does not look at the SYMM
# records, the operators that CCP4's own programs go by. The name does not tell the setting: CCP4
# wrote 'P 21' for any unique axis. A file of P 1 1 21 (unique axis c) whose name is 'P 21' is taken
# for P 1 21 1 (unique axis b), so that its reflections are expanded by another group's rotations.
# tiled_sim compares name and operators, and refuses files where they act differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q gemmi==0.7.5 numpy==2.4.6
cd "$folder"
env/bin/python - <<'PYTHON'
import gemmi
import numpy as np

mtz = gemmi.Mtz(with_base=True)
mtz.spacegroup = gemmi.find_spacegroup_by_name("P 1 1 21")
mtz.set_cell_for_all(gemmi.UnitCell(30, 40, 50, 90, 90, 100))
mtz.add_dataset("crystal")
mtz.add_column("F", "F")
mtz.set_data(np.array([[1, 2, 3, 100.0]], dtype=np.float32))
mtz.write_to_file("c.mtz")
content = open("c.mtz", "rb").read()
# the name as older programs of CCP4 write it, in the same number of bytes
content = content.replace(b"'P 1 1 21'", b"'P 21'    ")
open("c.mtz", "wb").write(content)
start = content.index(b"SYMM ")
operators = [content[at : at + 80].decode().strip() for at in (start, start + 80)]
read = gemmi.read_mtz_file("c.mtz")
print("gemmi", gemmi.__version__)
print("operators in the file:", operators)
print("space group as read:", read.spacegroup.xhm(), [op.triplet() for op in read.spacegroup.operations()])
assert operators[1].replace(" ", "").upper() == "SYMM-X,-Y,Z+1/2"
assert read.spacegroup.xhm() == "P 1 21 1"
PYTHON
