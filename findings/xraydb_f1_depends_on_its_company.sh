#!/usr/bin/env bash
# xraydb 4.5.8: f1_chantler puts a spline through the points of the table that lie around all energies
# of one call. So f' at an energy depends, by 1e-3 electrons at the edge of iron, on which others are
# asked for with it: ask for one at a time where numbers have to be the same. Beyond the table it is a
# ValueError of max(), and of an element that it does not have an IndexError.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q xraydb==4.5.8
"$folder/env/bin/python" - <<'PYTHON'
import numpy as np
import xraydb

alone = float(xraydb.f1_chantler("Fe", 7112.0))
beside = float(xraydb.f1_chantler("Fe", np.array([6900.0, 7112.0]))[1])
print(f"f' of Fe at 7112 eV: {alone!r} alone, {beside!r} beside 6900 eV")
assert 1e-3 < abs(alone - beside) < 1e-2
for element, energy, expected in (("Fe", 0.5, ValueError), ("Pu", 1e4, IndexError)):
    try:
        xraydb.f1_chantler(element, energy)
    except expected as error:
        print(f"{element} at {energy:g} eV: {type(error).__name__}: {error}")
    else:
        raise SystemExit("no error")
PYTHON
