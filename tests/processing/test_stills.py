"""Stills of crystals in random orientations: DIALS indexes them, one by one, as they stand."""

import itertools

import numpy as np
import pytest

from support.corners import FOLDER
from support.dials_programs import dials, models, reflections, require_dials
from tiled_sim.cluster.submit import submit
from tiled_sim.export.exporting import export_run
from tiled_sim.model.assembly import BeamFrame
from tiled_sim.model.experiment import Experiment

pytestmark = pytest.mark.dials

SHOTS = 50
#: Of a shot that must be indexed.
FEWEST = 30
#: From NeXus' frame to that of dxtbx.
TO_DXTBX = np.array([-1, 1, -1])
_TOML = f"""
[beam]
fluence_photons_per_m2 = 1e28
[crystal]
cell_A = [70.0, 80.0, 90.0]
cell_angles_deg = [75.0, 85.0, 95.0]
cells = [18, 16, 14]
shape = "gauss_hkl"
mosaic_kind = "gaussian"
mosaic_spread_deg = 0.03
mosaic_domains = 10
[detector]
geometry = "{FOLDER / "chips16.geom"}"
[frames]
random_shots = {SHOTS}
shots_seed = 5
[sampling]
oversample = 1
interpolate = false
[structure_factors]
hkl = "{FOLDER.parent / "p1.hkl"}"
[background]
thickness_um = 0.02
area_um2 = 0.002
[noise]
seed = 2
"""
#: What a user knows: the cell. Debian's DIALS lacks a part of its own indexer of stills.
_KNOWN = (
    *("unit_cell=70.0,80.0,90.0,75.0,85.0,95.0", "space_group=P1"),
    *("indexing.method=real_space_grid_search", "stills.indexer=sequences"),
    *("joint_indexing=False", "detector.fix=all", "beam.fix=all", "indexing.nproc=2"),
)
#: Refined freely, the cell goes as far as a still leaves it, and the crystal turns with it, by 0.2°
#: at most. Fixed, it has the angles of the grid that the search went through.
_HELD = """
refinement.parameterisation.crystal.unit_cell.restraints.tie_to_target {
  values = 70 80 90 75 85 95
  sigmas = 0.01 0.01 0.01 0.01 0.01 0.01
}
"""


@pytest.fixture(scope="module")
def indexed(tmp_path_factory):
    """The run, the number of spots of each frame, and the crystal that was found in it."""
    require_dials()
    folder = tmp_path_factory.mktemp("stills")
    (folder / "stills.toml").write_text(_TOML)
    run = submit(Experiment.from_toml(folder / "stills.toml"), folder / "run.zarr")
    export_run(run, folder / "stills.nxs", to="nxmx")
    dials(folder, "import", "stills.nxs")
    dials(folder, "find_spots", "imported.expt", "nproc=2")
    (folder / "cell.phil").write_text(_HELD)
    dials(folder, "index", "imported.expt", "strong.refl", "cell.phil", *_KNOWN, timeout=1800)
    # every image is an experiment of its own, in the order of the frames
    images = reflections(folder / "strong.refl", "id")["id"]
    return run, np.bincount(images, minlength=SHOTS), models(folder / "indexed.expt")


def _truth(run):
    """a*, b*, c* of every frame in columns, in the frame of dxtbx, (frames, 3, 3) [1/Å]."""
    experiment = run.experiment
    frame = BeamFrame.of(experiment.detector, experiment.beam.direction)
    rows = [[frame.coordinates(row) * TO_DXTBX for row in a] for a in run.frames["A"]]
    return np.array(rows).transpose(0, 2, 1)


def _choices():
    """Ways to choose the axes of a cell of P 1 anew, by small whole numbers, (ways, 3, 3)."""
    ways = np.array(list(itertools.product((-1, 0, 1), repeat=9))).reshape(-1, 3, 3)
    return ways[np.round(np.linalg.det(ways)) == 1]


def _same_axes(found, true):
    """A cell of P 1 with its axes chosen as the true ones."""
    able = found @ _choices()
    return able[np.linalg.norm(able - true, axis=(1, 2)).argmin()]


def _quantiles(values):
    return np.quantile(values, (0.5, 0.9, 0.98, 1.0), method="lower").round(4).tolist()


def test_stills_in_random_orientations_are_indexed_as_they_stand(indexed):
    run, spots, crystals = indexed
    true, turned, apart = _truth(run), np.full(SHOTS, np.inf), np.full(SHOTS, np.inf)
    for crystal in crystals:
        image = crystal["image"]
        found = _same_axes(np.reshape(crystal["A"], (3, 3)), true[image])
        left, _, right = np.linalg.svd(found @ np.linalg.inv(true[image]))
        cosine = 0.5 * (np.trace(left @ right) - 1.0)
        turned[image] = np.degrees(np.arccos(min(1.0, cosine)))
        # metric tensors of the cells, which do not know how a crystal is turned
        metrics = [each.T @ each for each in (found, true[image])]
        apart[image] = np.linalg.norm(metrics[0] - metrics[1]) / np.linalg.norm(metrics[1])
    due = spots >= FEWEST
    print(
        f"{spots.min()} to {spots.max()} spots, {due.sum()} stills with {FEWEST} and more; "
        f"{np.isfinite(turned).sum()} indexed, turned by {_quantiles(turned)}°, cells off by "
        f"{_quantiles(apart)} (median, 90 %, 98 %, most)"
    )
    assert due.sum() >= 0.8 * SHOTS
    assert ((turned[due] <= 0.1) & (apart[due] <= 0.02)).mean() >= 0.9
