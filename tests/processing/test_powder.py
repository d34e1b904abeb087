"""A powder that pyFAI integrates by an exported geometry has its rings at the spacings of its cell."""

import numpy as np
import pytest

from support.small_camera import complete
from tiled_sim.export.exporting import export_run
from tiled_sim.model.experiment import Experiment

#: A cubic cell, whose nodes are far enough apart, in many orientations, on a tilted detector.
EDGE, WAVELENGTH, SIDE, DISTANCE = 40.0, 1.0, 0.2, 100.0
_POWDER = (
    f"-default_F 100 -cell {EDGE} -lambda {WAVELENGTH} -N 10 -gauss_xtal -fluence 1e26 "
    f"-mosaic 180 -mosaic_domains 3000 -distance {DISTANCE} -pixel {SIDE} -detpixels 300 "
    "-detector_rotx 4 -detector_roty -7 -Xbeam 21.3 -Ybeam 33.7 -oversample 1 -nointerpolate"
)


def test_rings_are_at_the_spacings_of_the_cell(tmp_path):
    pyfai = pytest.importorskip("pyFAI")
    run = complete(Experiment.from_nanobragg(_POWDER.split()), tmp_path / "run.zarr")
    export_run(run, tmp_path / "image.npy", to="npy")
    export_run(run, tmp_path / "a.poni", to="poni")
    camera = pyfai.load(str(tmp_path / "a.poni"))
    image = np.load(tmp_path / "image.npy").squeeze()
    found = camera.integrate1d(image, 6000, unit="r_mm", polarization_factor=0.0)
    print(found)
