"""NXmx as DIALS reads it."""

import numpy as np
import pytest

from support.dials import dxtbx_reads
from support.exports import TILTED, chips, experiment_of, filled_run, nexus_corners, shots
from support.panels import TOML
from tiled_sim.export.exporting import export_run
from tiled_sim.model.assembly import BeamFrame
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Rotation
from tiled_sim.model.readout import Noise

pytestmark = pytest.mark.dials

#: From NeXus' frame to that of dxtbx.
TO_DXTBX = np.array([-1, 1, -1])

KINDS = {
    "tilted": (lambda: experiment_of(TILTED, noise=Noise(saturation=1000)), None),
    "chips of NeXus": (lambda: chips(frames=3), None),
    "chips of CrystFEL": (lambda: chips(file="chips16.geom"), None),
    "chips of DIALS": (lambda: chips(file="chips16.expt"), None),
    "sizes": (lambda: Experiment.from_toml(TOML), (32, 32)),
    "stills": (lambda: experiment_of(TILTED, frames=3), None),
    "shots": (lambda: shots(3), None),
    "spectrum": (lambda: experiment_of(f"{TILTED} -dispersion 2 -dispsteps 3", frames=2), None),
}


@pytest.fixture(scope="module", params=KINDS)
def read(request, tmp_path_factory):
    """A run of each kind, and what dxtbx finds in its NXmx."""
    folder = tmp_path_factory.mktemp("dials")
    experiment, tile = KINDS[request.param]
    run = filled_run(folder / "r.zarr", experiment(), tile=tile)
    path = export_run(run, folder / "x.nxs", to="nxmx").path
    return run, dxtbx_reads(path, folder)


def test_every_corner_stands_where_ours_does(read):
    run, found = read
    ours = nexus_corners(run.experiment) * TO_DXTBX
    for panel, theirs, corners in zip(
        run.experiment.detector.panels, found["panels"], ours, strict=True
    ):
        origin, fast, slow = (np.array(theirs[key]) for key in ("origin", "fast", "slow"))
        width, height = theirs["pixel"]
        met = [origin, origin + panel.pixels[1] * width * fast]
        met.append(origin + panel.pixels[0] * height * slow)
        assert met == pytest.approx(corners, abs=1e-6)
        assert theirs["name"].endswith(f"/{panel.name}")
        assert theirs["size"][1] == panel.pixels[0]


def test_light_and_rotation_are_those_of_the_run(read):
    run, found = read
    beam, exposures = run.experiment.beam, run.experiment.exposures
    assert found["wavelength"] == pytest.approx(beam.wavelength, rel=1e-12)
    assert found["s0"] == pytest.approx([0, 0, -1 / beam.wavelength])
    if not isinstance(exposures, Rotation) or exposures.oscillation == 0.0:
        assert (found["axis"], found["oscillation"]) == (None, None)
        assert found["experiments"] == len(exposures)
        return
    frame = BeamFrame.of(run.experiment.detector, beam.direction)
    axis = frame.coordinates(np.array(exposures.spindle)) * TO_DXTBX
    assert found["axis"] == pytest.approx(axis, abs=1e-9)
    assert found["images"] == [1, len(exposures)]
    start, width = np.degrees([exposures.start, exposures.oscillation])
    assert found["oscillation"] == pytest.approx([start, width])


def test_the_pixels_of_every_panel_are_those_of_the_run(read):
    run, found = read
    whole = run.image if run.experiment.noise is None else run.counts
    for frame, sums in enumerate(found["sums"]):
        ours = whole.values[frame].sum(axis=(1, 2), dtype=np.float64)
        assert sums == pytest.approx(ours, rel=1e-6)


def test_the_pixels_that_are_masked_are_those_of_the_run(read):
    run, found = read
    # beside the mask, and pixels beyond those of a narrow panel, dxtbx leaves out overloads
    mask = run.mask.values != 0
    panels = run.experiment.detector.panels
    highest = found["panels"][0]["trusted"][1]
    for frame, masked in enumerate(found["masked"]):
        for number, (panel, count) in enumerate(zip(panels, masked, strict=True)):
            slow, fast = panel.pixels
            width = found["panels"][number]["size"][0]
            values = run.counts if run.experiment.noise else run.image
            over = values.values[frame, number, :slow, :fast] > highest
            dead = mask[number, :slow, :fast] | over
            assert count == dead.sum() + slow * (width - fast)


def test_a_pixel_that_reads_the_saturation_is_not_trusted(tmp_path):
    run = filled_run(tmp_path / "r.zarr", experiment_of(TILTED, noise=Noise(saturation=5)))
    path = export_run(run, tmp_path / "x.nxs", to="nxmx").path
    found = dxtbx_reads(path, tmp_path)
    # DIALS 3.12 takes the last value that is sound for the first that is not
    counts = run.counts.values
    assert found["masked"][0][0] in {int((counts >= first).sum()) for first in (4, 5)}
