"""Experiment lists of DIALS, made of that of 16 chips."""

import copy
import json

import numpy as np

from support.corners import FOLDER

#: From dxtbx's frame, in which light travels along -z, to that with z along the beam.
FROM_DXTBX = np.diag([-1.0, 1.0, -1.0])
#: Rows a, b, c in dxtbx's frame [Å].
DIRECT = np.array([[60.0, 5.0, 3.0], [-4.0, 70.0, 2.0], [1.0, -6.0, 80.0]])
#: Of a goniometer whose axes are none of the lab's.
FIXED = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
SETTING = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
GONIOMETER = {
    "rotation_axis": [0.6, 0.8, 0.0],
    "fixed_rotation": FIXED.ravel().tolist(),
    "setting_rotation": SETTING.ravel().tolist(),
}
SCAN = {"image_range": [5, 8], "batch_offset": 0, "oscillation": [10.0, 0.5]}


def crystal(direct=DIRECT, **more):
    """A crystal of rows a, b, c [Å]."""
    vectors = {f"real_space_{axis}": list(row) for axis, row in zip("abc", direct, strict=True)}
    return {"__id__": "crystal", "space_group_hall_symbol": " P 1", **vectors, **more}


def write_expt(path, *experiments, panels=16, sensors=None, **changes):
    """Write a list, an experiment for each dictionary of models (``crystal``, ``scan``, …).

    All share the detector and beam of the chips but where they have their own. ``changes`` are
    made in the beam of the chips. ``panels=1`` keeps its first chip, on the beam. ``sensors`` gives
    the first panels ``thickness`` [mm], ``mu`` [1/mm] and ``material``.
    """
    document = json.loads((FOLDER / "chips16.expt").read_text())
    (detector,) = document["detector"]
    if panels == 1:
        detector["panels"] = [{**detector["panels"][0], "origin": [0.0, 0.0, -70.0]}]
        del detector["hierarchy"]
    document["beam"][0] |= changes
    for panel, sensor in zip(detector["panels"], sensors or (), strict=False):
        panel.update(sensor)
    document["experiment"] = []
    for models in experiments:
        entry = {"__id__": "Experiment", "identifier": "", "beam": 0, "detector": 0}
        for kind, model in models.items():
            document[kind].append(copy.deepcopy(model))
            entry[kind] = len(document[kind]) - 1
        document["experiment"].append(entry)
    path.write_text(json.dumps(document))
    return path
