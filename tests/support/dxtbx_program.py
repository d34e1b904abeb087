"""Run by DIALS' own Python: what dxtbx finds in an image file, as JSON."""

import json
import sys

import numpy as np
from dxtbx.model.experiment_list import ExperimentListFactory

path, answer = sys.argv[1:]
(experiment, *others) = ExperimentListFactory.from_filenames([path])
images = experiment.imageset
frames = range(len(images))
if others:  # stills come as an experiment each
    frames = range(1)


def sums(frame):
    return [float(np.sum(one.as_numpy_array(), dtype=float)) for one in images.get_raw_data(frame)]


def masked(frame):
    return [int((~one.as_numpy_array()).sum()) for one in images.get_mask(frame)]


document = {
    "panels": [
        {
            "name": panel.get_name(),
            "origin": panel.get_origin(),
            "fast": panel.get_fast_axis(),
            "slow": panel.get_slow_axis(),
            "size": panel.get_image_size(),
            "pixel": panel.get_pixel_size(),
            "trusted": panel.get_trusted_range(),
        }
        for panel in experiment.detector
    ],
    "experiments": 1 + len(others),
    "wavelength": experiment.beam.get_wavelength(),
    "s0": experiment.beam.get_s0(),
    "axis": experiment.goniometer and experiment.goniometer.get_rotation_axis(),
    "oscillation": experiment.scan and experiment.scan.get_oscillation(),
    "images": experiment.scan and experiment.scan.get_image_range(),
    "sums": [sums(frame) for frame in frames],
    "masked": [masked(frame) for frame in frames],
}
with open(answer, "w") as file:
    json.dump(document, file)
