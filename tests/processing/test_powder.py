"""A powder that pyFAI integrates by an exported geometry has its rings where its cell has them."""

import numpy as np
import pytest

from tiled_sim.cluster.worker import compute_batch
from tiled_sim.export.exporting import export_run
from tiled_sim.model.experiment import Experiment
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run

#: A cubic cell, whose nodes are far enough apart, in many orientations, on a tilted detector.
EDGE, WAVELENGTH, SIDE, DISTANCE = 25.0, 1.0, 0.1, 100.0
_POWDER = (
    f"-default_F 100 -cell {EDGE} -lambda {WAVELENGTH} -N 10 -gauss_xtal -fluence 1e26 "
    f"-mosaic 180 -mosaic_domains 5000 -distance {DISTANCE} -pixel {SIDE} -detpixels 500 "
    "-detector_rotx 4 -detector_roty -7 -Xbeam 18.3 -Ybeam 29.7 -oversample 1 -nointerpolate"
)


def test_rings_are_at_the_spacings_of_the_cell(tmp_path):
    pyfai = pytest.importorskip("pyFAI")
    made = prepare(Experiment.from_nanobragg(_POWDER.split()), require_coverage=0)
    run = create_run(made, tmp_path / "run.zarr")
    compute_batch(str(run.path), run.run_id, "cpu", [(tile.index, 1) for tile in run.plan])
    export_run(Run(run.path), tmp_path / "image.npy", to="npy")
    export_run(Run(run.path), tmp_path / "a.poni", to="poni")
    camera = pyfai.load(str(tmp_path / "a.poni"))
    image = np.load(tmp_path / "image.npy").squeeze()
    found = camera.integrate1d(
        image, 8000, unit="q_A^-1", correctSolidAngle=False, dummy=-1e9, delta_dummy=1
    )
    q = found.radial / (2.0 * np.pi)
    whole = {h * h + k * k + l * l for h in range(12) for k in range(12) for l in range(12)}
    rings = [n for n in sorted(whole) if 0 < n <= 40]
    # each as far as almost half way to where the next whole number would be
    off = []
    for n in rings:
        here = np.abs(q - np.sqrt(n) / EDGE) < 0.4 * (np.sqrt(n + 1) - np.sqrt(n)) / EDGE
        middle = np.average(q[here], weights=found.sum_signal[here])
        two_theta = 2.0 * np.arcsin(0.5 * WAVELENGTH * np.array([middle, np.sqrt(n) / EDGE]))
        off.append(np.diff(DISTANCE * np.tan(two_theta))[0] / SIDE)
    apart = np.abs(off)
    print(f"{len(off)} rings off by {np.median(apart):.3f} px, at most {apart.max():.3f} px")
    assert apart.max() <= 0.1
