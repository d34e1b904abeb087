#!/usr/bin/env bash
# DIALS 3.12.1 does not hold the cell that it is told where dials.index has crystal.fix=cell and
# indexing.method=real_space_grid_search: that looks for vectors as long as the edges of the cell in the
# directions of a grid of 0.02 rad, and makes the first cell of them, whose angles are off by the grid.
# They are what is fixed, here 75.66 84.63 94.35 for 75 85 95, and the crystal is turned with them. A
# restraint holds the cell, tie_to_target, in a file: as two words of the command line its values and
# its sigmas are two restraints, half a one each, and every candidate is dropped with "object of type
# 'NoneType' has no len()".
# DIALS is in no index of Python packages: this takes that of Debian 12.
set -euo pipefail
version=3.12.1+dfsg3-5
if [ "$(dpkg-query -W -f '${Version}' dials 2>/dev/null)" != "$version" ]; then
    echo "first: apt-get install --no-install-recommends dials=$version" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
/usr/bin/python3 - <<'PYTHON'
import numpy as np
from cctbx import uctbx
from dials.array_family import flex
from dxtbx.format.FormatCBFMini import FormatCBFMini
from dxtbx.model import BeamFactory, DetectorFactory
from scipy.spatial.transform import Rotation

beam = BeamFactory.simple(1.3)
middle = (100.0, 100.0)
detector = DetectorFactory.simple(
    "PAD", 150.0, middle, "+x", "-y", (0.1, 0.1), (2000, 2000), (-1, 60000)
)
detector[0].set_thickness(0.0)
empty = flex.int(flex.grid(2000, 2000), 0)
FormatCBFMini.as_file(detector, beam, None, None, empty, "still_1.cbf")

cell = uctbx.unit_cell((70, 80, 90, 75, 85, 95))
inverse = np.reshape(cell.fractionalization_matrix(), (3, 3))  # rows a*, b*, c*
a = Rotation.from_euler("xyz", (20, 30, 40), degrees=True).as_matrix() @ inverse.T
hkl = np.stack(np.meshgrid(*[np.arange(-25, 26)] * 3, indexing="ij"), -1).reshape(-1, 3)
s0 = np.array(beam.get_s0())
s1 = s0 + hkl @ a.T
off = np.abs(np.linalg.norm(s1, axis=1) - np.linalg.norm(s0))
s1 = s1[(off < 4e-4) & (np.abs(hkl).sum(1) > 0)]
spots = []
for each in s1:
    try:
        x, y = detector[0].get_ray_intersection_px(tuple(each))
    except RuntimeError:
        continue
    if 0 < x < 2000 and 0 < y < 2000:
        spots.append((x, y, 0.5))
count = len(spots)
table = flex.reflection_table()
table["xyzobs.px.value"] = flex.vec3_double(spots)
table["xyzobs.px.variance"] = flex.vec3_double(count, (0.01, 0.01, 0.1))
table["intensity.sum.value"] = flex.double(count, 1000)
table["intensity.sum.variance"] = flex.double(count, 1000)
table["bbox"] = flex.int6([(int(x), int(x) + 1, int(y), int(y) + 1, 0, 1) for x, y, _ in spots])
table["panel"] = flex.size_t(count, 0)
table["id"] = flex.int(count, 0)
table["flags"] = flex.size_t(count, 32)
table.as_file("strong.refl")
print(count, "spots of a crystal of 70 80 90 75 85 95")
PYTHON
dials.import still_1.cbf > import.log
cat > cell.phil <<'PHIL'
refinement.parameterisation.crystal.unit_cell.restraints.tie_to_target {
  values = 70 80 90 75 85 95
  sigmas = 0.01 0.01 0.01 0.01 0.01 0.01
}
PHIL
for held in crystal.fix=cell cell.phil; do
    dials.index imported.expt strong.refl unit_cell=70,80,90,75,85,95 space_group=P1 "$held" \
        indexing.method=real_space_grid_search stills.indexer=sequences \
        detector.fix=all beam.fix=all > index.log 2>&1 || { tail -5 index.log; exit 1; }
    echo "$held: $(grep 'Unit cell:' index.log | tail -1)"
done
