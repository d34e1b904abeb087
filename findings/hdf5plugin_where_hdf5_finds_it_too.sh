#!/usr/bin/env bash
# hdf5plugin 7.1.0 cannot make a dataset where HDF5_PLUGIN_PATH names its own folder of plugins, as it
# does for programs that bring no filters, Debian's DIALS for one: on import it asks HDF5 whether the
# filter is there, HDF5 loads it from that folder, and the answer is yes; but a filter that HDF5 loaded
# has not been told where HDF5's functions are, and its callback fails: "Unable to synchronously create
# dataset (error during user callback)". Reading works. `hdf5plugin.register(…, force=True)` helps.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv v
v/bin/pip install -q h5py==3.16.0 hdf5plugin==7.1.0
cat >make.py <<'PYTHON'
import sys

import h5py
import hdf5plugin

if "force" in sys.argv:
    hdf5plugin.register("bshuf", force=True)
with h5py.File("x.h5", "w") as file:
    try:
        how = {"chunks": (64, 64), **hdf5plugin.Bitshuffle(cname="lz4")}
        file.create_dataset("d", (64, 64), "i4", **how)
        print("made")
    except ValueError as error:
        print(error)
PYTHON
path=$(v/bin/python -c "import hdf5plugin; print(hdf5plugin.PLUGIN_PATH)")
alone=$(v/bin/python make.py)
named=$(HDF5_PLUGIN_PATH=$path v/bin/python make.py)
forced=$(HDF5_PLUGIN_PATH=$path v/bin/python make.py force)
printf '%s\n' "alone: $alone" "HDF5_PLUGIN_PATH is set: $named" "registered by force: $forced"
[ "$alone" = made ]
[ "$named" = "Unable to synchronously create dataset (error during user callback)" ]
[ "$forced" = made ]
