"""DIALS as a user runs it, and what it found as plain arrays."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

#: Debian's, which has dxtbx where DIALS is installed.
PYTHON = "/usr/bin/python3"
_MODELS = """
import json, sys
from dxtbx.model.experiment_list import ExperimentListFactory
told = []
for one in ExperimentListFactory.from_json_file(sys.argv[1], check_format=False):
    s0 = one.beam.get_s0()
    told.append({
        "panels": [
            {
                "fast": panel.get_fast_axis(),
                "slow": panel.get_slow_axis(),
                "origin": panel.get_origin(),
                "corners": [
                    panel.get_pixel_lab_coord((fast * size[0], slow * size[1]))
                    for fast, slow in ((0, 0), (1, 0), (0, 1))
                ],
                "beam": panel.get_beam_centre_px(s0),
                "distance": panel.get_directed_distance(),
            }
            for panel, size in ((panel, panel.get_image_size()) for panel in one.detector)
        ],
        "s0": s0,
        "axis": one.goniometer.get_rotation_axis() if one.goniometer else None,
        "oscillation": one.scan.get_oscillation() if one.scan else None,
        "A": one.crystal.get_A() if one.crystal else None,
        "image": one.imageset.indices()[0] if one.imageset else None,
    })
json.dump(told, sys.stdout)
"""
_REFLECTIONS = """
import sys
import numpy as np
from dials.array_family import flex
table = flex.reflection_table.from_file(sys.argv[1])
found = {}
for name in sys.argv[3:]:
    if name in table.flags.names:
        found[name] = table.get_flags(table.flags.names[name]).as_numpy_array()
    elif name in table:
        values = table[name]
        found[name] = np.array(values) if len(values) else np.zeros(0)
np.savez(sys.argv[2], **found)
"""


def require_dials():
    """Skip where DIALS is not installed."""
    if not Path("/usr/bin/dials.import").is_file():
        pytest.skip("needs DIALS: apt-get install --no-install-recommends dials")


def _environment():
    """With the filters of HDF5 that Debian does not have."""
    import hdf5plugin

    return {**os.environ, "HDF5_PLUGIN_PATH": hdf5plugin.PLUGIN_PATH}


def dials(folder, program, *words, timeout=600):
    """Run ``dials.PROGRAM WORDS`` in a folder, for so many seconds at most; what it said."""
    command = [shutil.which(f"dials.{program}", path="/usr/bin"), *map(str, words)]
    done = subprocess.run(
        command, cwd=folder, env=_environment(), capture_output=True, text=True, timeout=timeout
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-3000:]
    return said


def _by_python(program, *words):
    done = subprocess.run(
        [PYTHON, "-c", program, *map(str, words)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def models(file):
    """What an experiment list says of each experiment: see ``_MODELS``."""
    return json.loads(_by_python(_MODELS, file))


def reflections(file, *names):
    """Columns and flags of a table of reflections, an array each."""
    out = Path(file).with_suffix(".npz")
    _by_python(_REFLECTIONS, file, out, *names)
    with np.load(out) as found:
        return dict(found)
