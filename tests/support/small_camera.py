"""Runs that are exported, and what DIALS makes of the files."""

import dataclasses
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tiled_sim.cluster.worker import compute_batch
from tiled_sim.export.exporting import export_run
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.settings import BY_REFERENCE
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run

#: A small camera, off centre; what stands beside it says more.
CAMERA = (
    "-default_F 100 -cell 70 80 90 75 85 95 -misset 10 20 30 -lambda 1.1 -N 5 -distance 120 "
    "-detpixels_f 60 -detpixels_s 40 -pixel 0.2 -oversample 1"
)
SCAN = "-phi 5 -osc 0.5 -phisteps 2"
CENTRED = "-Xbeam 3.1 -Ybeam 4.77"
#: The same centre as the conventions count that count otherwise.
CLOSEST = "-ORGX 20.3 -ORGY 11.7"
#: Debian's, which has dxtbx where DIALS is installed.
_PYTHON = "/usr/bin/python3"
_READ = """
import json, sys
import numpy as np
from dxtbx.model.experiment_list import ExperimentListFactory
names, out = json.loads(sys.argv[1]), sys.argv[2]
if names[0].endswith(".expt"):
    images = sys.argv[3] == "with"
    found = ExperimentListFactory.from_json_file(names[0], check_format=images)
else:
    images, found = True, ExperimentListFactory.from_filenames(names)
told, pixels = [], []
for one in found:
    told.append({
        "panels": [
            {
                "name": panel.get_name(),
                "corners": [
                    panel.get_pixel_lab_coord((fast * size[0], slow * size[1]))
                    for fast, slow in ((0, 0), (1, 0), (0, 1))
                ],
                "beam": panel.get_beam_centre_px(one.beam.get_s0()),
                "distance": panel.get_directed_distance(),
                "pixel_size": panel.get_pixel_size(),
                "gain": panel.get_gain(),
                "pedestal": panel.get_pedestal(),
                "dead": [list(rectangle) for rectangle in panel.get_mask()],
            }
            for panel, size in ((panel, panel.get_image_size()) for panel in one.detector)
        ],
        "wavelength": one.beam.get_wavelength(),
        "to_source": one.beam.get_sample_to_source_direction(),
        "axis": one.goniometer.get_rotation_axis() if one.goniometer else None,
        "oscillation": one.scan.get_oscillation() if one.scan else None,
        "images": one.scan.get_image_range() if one.scan else None,
        "A": one.crystal.get_A() if one.crystal else None,
        "group": str(one.crystal.get_space_group().info()) if one.crystal else None,
    })
    if images:
        for number in range(len(one.imageset)):
            (raw,), (mask,) = one.imageset.get_raw_data(number), one.imageset.get_mask(number)
            pixels.append((raw.as_numpy_array(), mask.as_numpy_array()))
if pixels:
    np.savez(out, raw=[raw for raw, _ in pixels], mask=[mask for _, mask in pixels])
json.dump(told, open(out + ".json", "w"))
"""

_READ_XDS = """
import json, sys
import dxtbx
read = dxtbx.load(sys.argv[1])
panel = read.get_detector()[0]
size = panel.get_image_size()
print(json.dumps({
    "corners": [
        panel.get_pixel_lab_coord((fast * size[0], slow * size[1]))
        for fast, slow in ((0, 0), (1, 0), (0, 1))
    ],
    "axis": read.get_goniometer().get_rotation_axis(),
    "wavelength": read.get_beam().get_wavelength(),
    "oscillation": read.get_scan().get_oscillation(),
}))
"""


def experiment(words, *, frames=1, **fields):
    """Of nanoBragg's options, with so many frames and other fields."""
    made = Experiment.from_nanobragg(f"{CAMERA} {words}".split())
    exposures = dataclasses.replace(made.exposures, count=frames)
    return dataclasses.replace(made, exposures=exposures, **fields)


def complete(made, path, *, tile=(32, 32)):
    """A run of an experiment, all of it computed."""
    run = create_run(prepare(made, BY_REFERENCE, tile=tile, require_coverage=0), path)
    compute_batch(str(run.path), run.run_id, "cpu", [(tile.index, 1) for tile in run.plan])
    return Run(run.path)


def planned(made, path):
    """A run of an experiment of which nothing is computed."""
    return create_run(prepare(made, BY_REFERENCE, require_coverage=0), path)


def exported(run, path, to, **options):
    """The path of an export."""
    return export_run(run, path, to=to, **options).path


def read_by_dxtbx(names, folder, *, images=True):
    """What DIALS reads in images or in an experiment list: facts of each, pixels and masks.

    Parameters
    ----------
    names : of the images, or of one list
    folder : for what is passed on
    images : whether those of a list are read
    """
    out = Path(folder) / "read.npz"
    command = [_PYTHON, "-c", _READ, json.dumps([str(name) for name in names]), str(out)]
    done = subprocess.run(
        [*command, "with" if images else "without"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(out.with_name("read.npz.json").read_text())
    if not images:
        return told, None, None
    with np.load(out) as found:
        return told, found["raw"], found["mask"]


def read_xds_by_dxtbx(path):
    """What DIALS reads in an XDS.INP of one panel, turned so that the axis is x."""
    command = [_PYTHON, "-c", _READ_XDS, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def require_dxtbx():
    """Skip where DIALS is not installed."""
    if shutil.which("dials.import") is None:
        pytest.skip("needs DIALS: apt-get install --no-install-recommends dials")
