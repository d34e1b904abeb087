"""Sixteen tilted panels: DIALS finds spots where geometry alone puts them."""

import numpy as np
import pytest

from support.corners import FOLDER, STORED, stored_corners
from support.dials_programs import dials, models, reflections, require_dials
from support.prediction import on_panels, rotation, still, turned_to
from tiled_sim.cluster.submit import submit
from tiled_sim.export.exporting import export_run
from tiled_sim.model.experiment import Experiment

pytestmark = pytest.mark.dials

NAMES = tuple(STORED["chips16"])
WAVELENGTH = 12.398419843320026 / 9.5
CELL = (70.0, 80.0, 90.0, 75.0, 85.0, 95.0)
SPINDLE = (0.6, 0.8, 0.0)
START, WIDTH = 40.0, 2.0
#: Of the crystal that turns, along each side, and the spread of its Gaussian spots [1/Å].
CELLS = 10
SPREAD = np.sqrt(0.63 / 4) / CELLS**3
#: Of the corner of the detector [Å].
DMIN = 2.0
_TOML = """
[beam]
fluence_photons_per_m2 = 5e28
[crystal]
cell_A = [70.0, 80.0, 90.0]
cell_angles_deg = [75.0, 85.0, 95.0]
misset_deg = [10.0, 20.0, 30.0]
cells = [{cells}, {cells}, {cells}]
shape = "gauss_star"
[detector]
geometry = "{geometry}"
[sampling]
oversample = 1
interpolate = false
[structure_factors]
hkl = "{hkl}"
default_F = 100.0
[background]
thickness_um = 0.02
area_um2 = 0.0004
[noise]
seed = 2
"""
_FRAMES = f"""
[frames]
spindle = {list(SPINDLE)}
start_deg = {START}
oscillation_deg = {WIDTH}
steps = 100
"""


def _simulated(folder, geometry, cells, frames=""):
    files = {"geometry": FOLDER / geometry, "hkl": FOLDER.parent / "p1.hkl"}
    text = _TOML.format(**files, cells=cells)
    (folder / "chips.toml").write_text(text + frames)
    run = submit(Experiment.from_toml(folder / "chips.toml"), folder / "run.zarr")
    export_run(run, folder / "chips.nxs", to="nxmx")
    export_run(run, folder / "truth.expt", to="expt")
    return run


def _spots(folder, telling):
    """Import the NXmx and find spots: panels, (fast, slow) of centroids, and which are certain.

    Certain are those of 1000 photons that no edge of a panel cuts.
    """
    dials(folder, "import", "chips.nxs", *telling)
    dials(folder, "find_spots", "imported.expt", "nproc=1")
    found = reflections(
        folder / "strong.refl", "panel", "xyzobs.px.value", "intensity.sum.value", "bbox"
    )
    left, right, top, bottom = found["bbox"][:, :4].T
    whole = (left > 0) & (top > 0) & (right < 256) & (bottom < 256)
    certain = whole & (found["intensity.sum.value"] > 1000)
    return found["panel"], found["xyzobs.px.value"][:, :2], certain


def _panels():
    """Corners of all panels, as another calculation has them, and their pixels."""
    return [(stored_corners("chips16", name), (256, 256)) for name in NAMES]


@pytest.fixture(scope="module")
def a():
    """Reciprocal vectors in columns [1/Å]: a* along x, b* in the xy plane, then turned."""
    edges, angles = np.array(CELL[:3]), np.radians(CELL[3:])
    metric = np.outer(edges, edges)
    for i, j, angle in ((1, 2, angles[0]), (0, 2, angles[1]), (0, 1, angles[2])):
        metric[i, j] = metric[j, i] = edges[i] * edges[j] * np.cos(angle)
    lying = np.linalg.cholesky(np.linalg.inv(metric)).T
    x, y, z = np.radians([10.0, 20.0, 30.0])
    about_x = [[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]]
    about_y = [[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]]
    about_z = [[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]]
    return np.array(about_z) @ about_y @ about_x @ lying


@pytest.fixture(scope="module", params=["nxmx", "expt"])
def telling(request):
    """What is told of the geometry beside the NXmx: nothing, or the list of the truth."""
    require_dials()
    return (
        ()
        if request.param == "nxmx"
        else (
            "reference_geometry=truth.expt",
            # it asks for the same trusted range, and that of an NXmx is otherwise in each version
            "check_reference_geometry=False",
        )
    )


@pytest.fixture(scope="module")
def folder_of_still(tmp_path_factory):
    require_dials()
    folder = tmp_path_factory.mktemp("still")
    _simulated(folder, "chips16.geom", 8)
    return folder


def _given(hkl):
    """F of reflections."""
    listed = np.loadtxt(FOLDER.parent / "p1.hkl")
    given = {tuple(row[:3].astype(int)): row[3] for row in listed}
    return np.array([given.get(tuple(index), 100.0) for index in hkl])


@pytest.fixture(scope="module")
def folder_of_rotation(tmp_path_factory):
    require_dials()
    folder = tmp_path_factory.mktemp("rotation")
    _simulated(folder, "chips16.expt", CELLS, _FRAMES)
    return folder


def _held_against(predicted, whole, found, due):
    """Assert that spots are where they are predicted, and those that must be seen are there.

    Parameters
    ----------
    predicted : directions that may be seen
    whole : which of them are not cut off by the end of the frame, which moves a spot, as others
        near it do
    found : panels, (fast, slow) of spots, and which are certain
    due : which of the directions must be seen, if they meet a panel
    """
    panels, places, certain = found
    on, at = on_panels(predicted, _panels())
    apart = np.linalg.norm(at[:, None] - at, axis=2) + np.diag(np.full(len(at), np.inf))
    whole = whole & ~((apart < 10) & (on[:, None] == on)).any(axis=1)
    due = due & whole & (at > 8).all(axis=1) & (at < 248).all(axis=1)

    def nearest(place, panel):
        here = np.flatnonzero(on == panel)
        apart = np.linalg.norm(at[here] - place, axis=1)
        return here[apart.argmin()], apart.min()

    rows, off = np.array(
        [nearest(*spot) for spot in zip(places[certain], panels[certain], strict=True)]
    ).T
    of_whole = whole[rows.astype(int)]
    seen = np.array(
        [
            np.linalg.norm(places[panels == panel] - place, axis=1).min(initial=np.inf)
            for panel, place in zip(on[due], at[due], strict=True)
        ]
    )
    print(
        f"{len(panels)} spots, {of_whole.sum()} certain, whole and alone, on "
        f"{len(set(panels[certain][of_whole]))} panels: off by {np.median(off[of_whole]):.3f} px, "
        f"at most {off[of_whole].max():.3f}; {(off > 3).sum()} of {(~of_whole).sum()} "
        f"others by more than 3; {(seen <= 0.3).sum()} of {len(seen)} that are due "
        f"are seen, on {len(set(on[due]))} panels"
    )
    assert of_whole.sum() > 100
    assert off[of_whole].max() <= 0.3
    # nodes near the spindle may touch the sphere for long without going through it
    assert (off > 3).sum() <= 0.03 * len(off)
    assert len(set(on[due])) > 10
    assert (seen <= 0.3).all()


def test_spots_of_a_still_are_where_they_are_predicted(folder_of_still, telling, a):
    found = _spots(folder_of_still, telling)
    hkl, directions, off_sphere = still(a, WAVELENGTH, DMIN)
    near = np.abs(off_sphere) < 4e-3
    due = (np.abs(off_sphere) < 5e-4) & (_given(hkl) > 60)
    _held_against(directions[near], np.full(near.sum(), True), found, due[near])


def test_a_still_is_indexed_with_the_true_cell(folder_of_still, telling):
    _spots(folder_of_still, telling)
    known = (f"unit_cell={','.join(map(str, CELL))}", "space_group=P1")
    # its own indexer of stills asks for a part of cctbx that Debian leaves out
    how = ("stills.indexer=sequences", "detector.fix=all")
    dials(folder_of_still, "index", "imported.expt", "strong.refl", *known, *how)
    (indexed,) = models(folder_of_still / "indexed.expt")
    rows = np.linalg.inv(np.reshape(indexed["A"], (3, 3)))
    edges = np.linalg.norm(rows, axis=1)
    cosines = [rows[i] @ rows[j] / (edges[i] * edges[j]) for i, j in ((1, 2), (0, 2), (0, 1))]
    angles = np.degrees(np.arccos(cosines))
    taken = reflections(folder_of_still / "indexed.refl", "indexed")["indexed"]
    print(f"{100 * taken.mean():.1f} % of {len(taken)} indexed, {edges.round(3)} {angles.round(3)}")
    assert taken.mean() >= 0.95
    # a still tells little of the edge along the beam: DIALS says 89.77(14) Å
    np.testing.assert_allclose(edges, CELL[:3], rtol=5e-3)
    np.testing.assert_allclose(angles, CELL[3:], rtol=0, atol=0.2)


def test_spots_of_a_rotation_are_where_they_are_predicted(folder_of_rotation, telling, a):
    found = _spots(folder_of_rotation, telling)
    hkl, directions, phi, speed = rotation(a, WAVELENGTH, SPINDLE, DMIN)
    since = (np.degrees(phi) - START + 180.0) % 360.0 - 180.0
    # how far beyond the ends of the frame its node meets the sphere [1/Å]; negative: within
    beyond = np.radians(np.abs(since - 0.5 * WIDTH) - 0.5 * WIDTH) * speed
    near, whole = beyond < 7 * SPREAD, beyond < -2.5 * SPREAD
    # what is cut off is seen about where it is at that end
    ends = np.radians(START + np.clip(since, 0.0, WIDTH))
    at_ends = turned_to(a, hkl, SPINDLE, ends, WAVELENGTH)
    directions = np.where(whole[:, None], directions, at_ends)
    _held_against(directions[near], whole[near], found, (_given(hkl) > 60)[near])
