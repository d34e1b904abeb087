"""What DIALS makes of a file: asked of its own Python, which is the system's."""

import json
import os
import subprocess
from pathlib import Path

import pytest

_PYTHON = "/usr/bin/python3"


def dxtbx_reads(path, tmp_path):
    """What dxtbx finds in an image file; skips the test where there is no DIALS.

    Returns
    -------
    dictionary: ``panels`` with ``name``, ``origin``, ``fast``, ``slow`` [mm, dxtbx' frame],
    ``size`` (fast, slow), ``pixel`` [mm] and ``trusted``; how many ``experiments``; ``wavelength``
    [Å], ``s0``; ``axis``, ``oscillation`` [°] and ``images``, or None; ``sums`` and ``masked`` of
    every panel in every frame
    """
    import hdf5plugin

    program = Path(__file__).with_name("dxtbx_program.py")
    asked = subprocess.run([_PYTHON, "-c", "import dxtbx"], capture_output=True, check=False)
    if asked.returncode != 0:
        pytest.skip("needs DIALS: apt-get install --no-install-recommends dials")
    environment = {
        # Debian's DIALS has no filter for bitshuffle
        "HDF5_PLUGIN_PATH": hdf5plugin.PLUGIN_PATH,
        **{key: value for key, value in os.environ.items() if not key.startswith("PYTHON")},
    }
    found = tmp_path / "dxtbx.json"
    done = subprocess.run(
        [_PYTHON, str(program), str(path), str(found)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return json.loads(found.read_text())
