#!/usr/bin/env bash
# gemmi 0.7.5 reads a PDB file without a complaint whose columns of numbers hold none: letters are 0,
# so that the atom moves to a plane through the origin; a blank occupancy is 0, so that it is gone;
# a blank B is 0, and 20 where the line ends before it. In mmCIF a B of ? is 20, too; only a
# coordinate there becomes NaN.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q gemmi==0.7.5
"$folder/env/bin/python" - <<'PYTHON'
import gemmi

LINE = "ATOM      1  C   ASP A   1      11.000  12.000  13.000  1.00 39.79           C"


def atom(line):
    found = gemmi.read_pdb_string(line + "\n")[0][0][0][0]
    print(f"{line[30:66]!r:40} x {found.pos.x:g} occupancy {found.occ:g} B {found.b_iso:g}")
    return found


assert atom(LINE).pos.x == 11
assert atom(LINE.replace("  11.000", "    abcd")).pos.x == 0
assert atom(LINE.replace("  1.00", "      ")).occ == 0
assert atom(LINE.replace(" 39.79", "      ")).b_iso == 0
assert atom(LINE[:54]).b_iso == 20
PYTHON
