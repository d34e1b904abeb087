#!/usr/bin/env bash
# To DIALS 3.12.1 every NXmx has a sensor: thickness 0 is an assertion, and from the thickness and the
# material it computes which share of photons is seen. Of 1 nm, written where a simulation catches all
# photons at the panel's plane, that share is 1/cos of the angle times 9e-6 of silicon at 1.3 Å, and
# dials.scale and dials.export divide by it: intensities at 2theta 30° are 13 % too small beside those
# at 0. A thickness of 1 m has a share of 1, but moves every spot by its parallax. What says neither:
# dials.import FILE panel.thickness=1000 panel.parallax_correction=False (of each panel, by panel.id).
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
cat > write.py <<'PYTHON'
import sys

import h5py
import numpy as np


def group(parent, name, nx_class):
    made = parent.create_group(name)
    made.attrs["NX_class"] = nx_class
    return made


def axis(parent, name, value, vector, carrier):
    made = parent.create_dataset(name, data=value)
    made.attrs.update(units="mm", vector=vector, depends_on=carrier)
    made.attrs["transformation_type"] = "translation"
    return made


with h5py.File(sys.argv[1], "w", libver="latest") as file:
    entry = group(file, "entry", "NXentry")
    entry["definition"] = "NXmx"
    data = group(entry, "data", "NXdata")
    data.attrs["signal"] = "data"
    data["data"] = np.zeros((3, 1000, 1000), np.int32)
    group(entry, "sample", "NXsample")["depends_on"] = "."
    instrument = group(entry, "instrument", "NXinstrument")
    beam = group(instrument, "beam", "NXbeam")
    beam["incident_wavelength"] = 1.3
    beam["incident_wavelength"].attrs["units"] = "angstrom"
    detector = group(instrument, "detector", "NXdetector")
    detector["sensor_material"] = "Si"
    detector["sensor_thickness"] = float(sys.argv[2])
    detector["sensor_thickness"].attrs["units"] = "mm"
    z = axis(group(detector, "axes", "NXtransformations"), "z", 100.0, (0, 0, 1), ".")
    module = group(detector, "module", "NXdetector_module")
    module["data_origin"], module["data_size"] = (0, 0), (1000, 1000)
    axis(module, "fast_pixel_direction", 0.1, (-1, 0, 0), z.name)
    axis(module, "slow_pixel_direction", 0.1, (0, -1, 0), z.name)
PYTHON
cat > read.py <<'PYTHON'
import math
import sys

from dials.array_family import flex
from dxtbx.model.experiment_list import ExperimentListFactory

one = ExperimentListFactory.from_json_file(sys.argv[1])[0]
angles = [math.radians(angle) for angle in (0, 15, 30)]
table = flex.reflection_table()
length = 1.0 / one.beam.get_wavelength()
table["s1"] = flex.vec3_double(
    [(length * math.sin(angle), 0.0, -length * math.cos(angle)) for angle in angles]
)
table["id"] = flex.int(3, 0)
table["panel"] = flex.size_t(3, 0)
table.compute_corrections(ExperimentListFactory.from_json_file(sys.argv[1]))
shares = list(table["qe"])
x, _ = one.detector[0].millimeter_to_pixel((100.0 * math.tan(angles[2]), 0.0))
print(
    f"{sys.argv[2]:32}: shares at 2theta 0, 15, 30 deg", *(f"{share:.4g}" for share in shares),
    f"ratio {shares[2] / shares[0]:.4f}; 30 deg at pixel {x:.3f} of {1000 * math.tan(angles[2]):.3f}",
)
PYTHON
{
for thickness in 1e-6 1000; do
    /usr/bin/python3 write.py x.nxs "$thickness"
    dials.import x.nxs output.experiments=x.expt > /dev/null
    /usr/bin/python3 read.py x.expt "thickness $thickness mm"
    rm x.expt
done
/usr/bin/python3 write.py x.nxs 1e-6
dials.import x.nxs output.experiments=x.expt panel.thickness=1000 panel.parallax_correction=False \
    > /dev/null
/usr/bin/python3 read.py x.expt "1e-6 mm, imported as above"
} | tee told
[ "$(grep -o 'ratio [0-9.]*' told | tr '\n' ' ')" = "ratio 1.1547 ratio 1.0000 ratio 1.0000 " ]
/usr/bin/python3 write.py y.nxs 0
dials.import y.nxs output.experiments=y.expt > refused 2>&1 || true
grep -m1 "DXTBX_ASSERT(t0 > 0) failure" refused
