#!/usr/bin/env bash
# gemmi 0.7.5: as_refln_blocks(document) takes the blocks out of the document that it is given. Who
# looks at the document afterwards, for what else the file holds, finds no block and no error.
# tiled_sim looks first, or reads the text twice.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q gemmi==0.7.5
cd "$folder"
env/bin/python - <<'PYTHON'
import gemmi

CIF = """data_r
_cell.length_a 30
_cell.length_b 40
_cell.length_c 50
_cell.angle_alpha 90
_cell.angle_beta 90
_cell.angle_gamma 90
_symmetry.space_group_name_H-M 'P 21 21 21'
loop_
_refln.index_h
_refln.index_k
_refln.index_l
_refln.F_meas_au
1 2 3 10.0
"""
document = gemmi.cif.read_string(CIF)
before = len(document)
blocks = gemmi.as_refln_blocks(document)
print("gemmi", gemmi.__version__, "blocks before", before, "after", len(document), "made", len(blocks))
assert (before, len(document), len(blocks)) == (1, 0, 1)
PYTHON
