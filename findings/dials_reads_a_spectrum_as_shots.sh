#!/usr/bin/env bash
# DIALS 3.12.1 reads the spectrum of an NXmx, incident_wavelength as an array with
# incident_wavelength_weights as the definition has it, as one wavelength a frame: frame n of a series
# of stills gets the nth wavelength of the spectrum, without a word. A number with the attribute
# `variant`, which names the spectrum, is read as that number.
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
import h5py
import numpy as np
from dxtbx.model.experiment_list import ExperimentListFactory


def group(parent, name, nx_class):
    made = parent.create_group(name)
    made.attrs["NX_class"] = nx_class
    return made


def axis(parent, name, value, vector, carrier):
    made = parent.create_dataset(name, data=value)
    made.attrs.update(units="mm", vector=vector, depends_on=carrier)
    made.attrs["transformation_type"] = "translation"
    return made


def write(path, spectrum):
    with h5py.File(path, "w", libver="latest") as file:
        entry = group(file, "entry", "NXentry")
        entry["definition"] = "NXmx"
        data = group(entry, "data", "NXdata")
        data.attrs["signal"] = "data"
        data["data"] = np.zeros((3, 4, 5), np.int32)
        group(entry, "sample", "NXsample")["depends_on"] = "."
        instrument = group(entry, "instrument", "NXinstrument")
        beam = group(instrument, "beam", "NXbeam")
        spectrum(beam)
        detector = group(instrument, "detector", "NXdetector")
        detector["sensor_material"] = "Si"
        detector["sensor_thickness"] = 0.3
        detector["sensor_thickness"].attrs["units"] = "mm"
        z = axis(group(detector, "axes", "NXtransformations"), "z", 100.0, (0, 0, 1), ".")
        module = group(detector, "module", "NXdetector_module")
        module["data_origin"], module["data_size"] = (0, 0), (4, 5)
        axis(module, "fast_pixel_direction", 0.1, (-1, 0, 0), z.name)
        axis(module, "slow_pixel_direction", 0.1, (0, -1, 0), z.name)


def as_defined(beam):
    beam["incident_wavelength"] = (1.29, 1.30, 1.31)
    beam["incident_wavelength"].attrs["units"] = "angstrom"
    beam["incident_wavelength_weights"] = (0.2, 0.6, 0.2)


def as_variant(beam):
    beam["incident_wavelength"] = 1.30
    beam["incident_wavelength"].attrs["units"] = "angstrom"
    beam["incident_wavelength"].attrs["variant"] = "incident_wavelength_1Dspectrum"
    beam["incident_wavelength_1Dspectrum"] = (1.29, 1.30, 1.31)
    beam["incident_wavelength_1Dspectrum"].attrs["units"] = "angstrom"
    beam["incident_wavelength_1Dspectrum_weights"] = (0.2, 0.6, 0.2)


due = {"array with weights": [1.29, 1.30, 1.31], "number with a variant": [1.30, 1.30, 1.30]}
for name, spectrum in (("array with weights", as_defined), ("number with a variant", as_variant)):
    write("x.nxs", spectrum)
    found = ExperimentListFactory.from_filenames(["x.nxs"])
    waves = [one.imageset.get_beam(0).get_wavelength() for one in found]
    print(f"{name:22}: wavelengths of the frames {waves}")
    assert [round(wave, 9) for wave in waves] == due[name]
PYTHON
