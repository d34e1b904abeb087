"""Corners of panels as dxtbx has them, of all the geometries that are kept here."""

import numpy as np
import pytest

from support.corners import FOLDER, STORED, corners_of, stored_corners
from support.dials_programs import dials, models, require_dials
from support.exports import filled_run
from tiled_sim.export.exporting import export_run
from tiled_sim.export.recorded import record
from tiled_sim.io.dials_detector import TO_Z_ALONG_BEAM
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.readout import Noise

pytestmark = pytest.mark.dials


@pytest.mark.parametrize("to", ["nxmx", "expt"])
@pytest.mark.parametrize("name", ["chips16.geom", "chips16.expt", "chips16.nxs", "quirks.geom"])
def test_corners_of_an_export_are_where_they_were_simulated(tmp_path, name, to):
    require_dials()
    words = ["-default_F", "1", "-cell", "70", "80", "90", "90", "90", "90", "-N", "3"]
    made = Experiment.from_nanobragg(words, geometry=str(FOLDER / name), noise=Noise())
    run = filled_run(tmp_path / "run.zarr", made)
    out = tmp_path / ("imported.expt" if to == "expt" else "run.nxs")
    export_run(run, out, to=to)
    if to == "nxmx":
        dials(tmp_path, "import", "run.nxs")
    (found,) = models(tmp_path / "imported.expt")
    (one,) = record(made, range(1))
    detector = name.split(".")[0]
    assert len(found["panels"]) == len(one.geometry.panels) == len(STORED[detector])
    for panel, truth in zip(found["panels"], one.geometry.panels, strict=True):
        corners = np.array(panel["corners"]) @ TO_Z_ALONG_BEAM
        np.testing.assert_allclose(corners, corners_of(truth), rtol=0, atol=1e-6)
        stored = stored_corners(detector, truth.name)
        np.testing.assert_allclose(corners, stored, rtol=0, atol=1e-6)
