"""DIALS processes exported scans, blind, to the crystal and the camera that were simulated."""

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from support.dials_programs import dials, models, reflections, require_dials
from tiled_sim.cluster.submit import submit
from tiled_sim.export.exporting import export_run
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.readout import Noise

pytestmark = pytest.mark.dials

EXAMPLES = Path(__file__).parents[2] / "examples"
#: Where the images of a format are, and what DIALS imports of them.
FORMATS = {
    "nxmx": ("scan.nxs", "scan.nxs"),
    "cbf": ("cbf", "cbf/*.cbf"),
    "smv": ("smv", "smv/*.img"),
}
#: What undoes the correction for a sensor in an NXmx of a run without one.
NO_SENSOR = ("panel.thickness=1000", "panel.parallax_correction=False")
#: 7.5° hardly tell how detector and crystal are turned together about the beam against the axis: by
#: 0.1° moves a reflection by 0.001° and 0.007 pixel.
FIXED = "detector.fix=orientation"
_P1 = (
    "-cell 40 46 52 75 85 95 -misset 10 20 30 -lambda 1 -N 8 -gauss_xtal -fluence 1e28 "
    "-distance 105 -detpixels 768 -pixel 0.1 -Xbeam 37.13 -Ybeam 39.56 -polar 0.998 "
    "-oversample 1 -nointerpolate -phi 20 -osc 0.5 -phisteps 25 -water 0.03"
)


@dataclass(frozen=True)
class Case:
    """A crystal.

    Parameters
    ----------
    experiment : what is simulated
    group : what DIALS is told of its symmetry
    operators : how its axes may be chosen: whole-number matrices of determinant 1
    """

    experiment: Experiment
    group: str
    operators: tuple


def _c2():
    twofold = (np.eye(3), np.diag([-1, 1, -1]))
    made = Experiment.from_toml(EXAMPLES / "2erl_scan.toml")
    return Case(made, "C2", twofold)


def _p1(data):
    words = ["-hkl", str(data / "p1.hkl"), *_P1.split()]
    made = Experiment.from_nanobragg(words, noise=Noise(seed=3)).with_({"frames.count": 15})
    entries = itertools.product((-1, 0, 1), repeat=9)
    choices = (np.reshape(entry, (3, 3)) for entry in entries)
    return Case(made, "P1", tuple(one for one in choices if round(np.linalg.det(one)) == 1))


@dataclass(frozen=True)
class Processed:
    """A scan as DIALS has processed it.

    Parameters
    ----------
    case : the truth
    folder : where the files of DIALS are
    """

    case: Case
    folder: Path

    def on_panel(self, vectors):
        """Vectors (3, n) of the run's lab along fast, slow and normal of its panel."""
        (panel,) = self.case.experiment.detector.panels
        fast, slow = np.array(panel.fast_axis), np.array(panel.slow_axis)
        return np.array([fast, slow, np.cross(fast, slow)]) @ vectors

    @property
    def true_matrix(self):
        """Reciprocal vectors in columns at phi 0, on the panel [1/Å]."""
        return self.on_panel(np.linalg.inv(self.case.experiment.crystal.direct_vectors))

    def refined_matrix(self):
        """The same of DIALS, its axes chosen as the true ones; and what chose them."""
        (imported,), (refined,) = (
            models(self.folder / f"{name}.expt") for name in ("imported", "refined")
        )
        (panel,) = imported["panels"]
        axes = np.array([panel["fast"], panel["slow"], np.cross(panel["fast"], panel["slow"])])
        found = axes @ np.reshape(refined["A"], (3, 3))
        true = self.true_matrix
        choice = min(self.case.operators, key=lambda one: np.linalg.norm(found @ one - true))
        return found @ choice, choice


@pytest.fixture(scope="module", params=["2erl", "p1"])
def simulated(request, tmp_path_factory):
    """A crystal, and the run of its scan."""
    require_dials()
    case = _c2() if request.param == "2erl" else _p1(request.getfixturevalue("data"))
    return case, submit(case.experiment, tmp_path_factory.mktemp(request.param) / "run.zarr")


@pytest.fixture(scope="module", params=FORMATS)
def processed(request, simulated):
    """The scan in a format, refined."""
    case, run = simulated
    folder = run.path.with_name(request.param)
    folder.mkdir()
    out, images = FORMATS[request.param]
    export_run(run, folder / out, to=request.param)
    telling = NO_SENSOR if request.param == "nxmx" else ()
    dials(folder, "import", *sorted(folder.glob(images)), *telling)
    dials(folder, "find_spots", "imported.expt", "nproc=1")
    group = f"space_group={case.group}"
    dials(folder, "index", "imported.expt", "strong.refl", group, FIXED)
    dials(folder, "refine", "indexed.expt", "indexed.refl", "scan_varying=False", FIXED)
    return Processed(case, folder)


def _cell(matrix):
    """Edges [Å] and angles [°] of reciprocal vectors in columns."""
    rows = np.linalg.inv(matrix)
    edges = np.linalg.norm(rows, axis=1)
    cosines = [rows[i] @ rows[j] / (edges[i] * edges[j]) for i, j in ((1, 2), (0, 2), (0, 1))]
    return edges, np.degrees(np.arccos(cosines))


def test_a_scan_is_processed_to_the_truth(processed):
    experiment = processed.case.experiment
    (panel,) = experiment.detector.panels
    found, _ = processed.refined_matrix()
    true = processed.true_matrix
    (edges, angles), (true_edges, true_angles) = _cell(found), _cell(true)
    left, _, right = np.linalg.svd(found @ np.linalg.inv(true))
    turned = np.degrees(np.arccos(min(1.0, 0.5 * (np.trace(left @ right) - 1.0))))
    (refined,) = models(processed.folder / "refined.expt")
    (told,) = refined["panels"]
    origin, side = np.array(panel.origin), panel.pixel_size[0]
    distance = abs(origin @ np.array(panel.normal))
    beam = [-origin @ np.array(axis) / side for axis in (panel.fast_axis, panel.slow_axis)]
    strong = reflections(processed.folder / "indexed.refl", "indexed")["indexed"]
    fitted = reflections(
        processed.folder / "refined.refl",
        *("xyzobs.px.value", "xyzcal.px", "used_in_refinement"),
    )
    apart = (fitted["xyzobs.px.value"] - fitted["xyzcal.px"])[fitted["used_in_refinement"]]
    x, y, _ = np.sqrt((apart**2).mean(axis=0))
    off_beam = np.hypot(*np.subtract(told["beam"], beam))
    off_distance = told["distance"] / (1e3 * distance) - 1.0
    print(
        f"{len(strong)} spots, {100 * strong.mean():.1f} % indexed, cell {np.round(edges, 4)} "
        f"{np.round(angles, 4)}, turned by {turned:.4f}°, beam {off_beam:.4f} px, distance "
        f"{100 * off_distance:.4f} %, RMSD {x:.4f} {y:.4f} px",
    )
    assert len(strong) > 300
    assert strong.mean() >= 0.95
    np.testing.assert_allclose(edges, true_edges, rtol=1e-3)
    np.testing.assert_allclose(angles, true_angles, rtol=0, atol=0.1)
    assert turned < 0.05
    assert off_beam < 0.2
    assert abs(off_distance) < 1e-3
    assert max(x, y) <= 0.15


def test_integrated_intensities_are_f_squared(processed):
    if processed.case.group == "P1":
        pytest.skip("one crystal will do, and that of real structure factors is it")
    folder = processed.folder
    dials(folder, "integrate", "refined.expt", "refined.refl", "nproc=1")
    dials(folder, "scale", "integrated.expt", "integrated.refl")
    table = reflections(
        folder / "scaled.refl",
        *("miller_index", "intensity.scale.value", "inverse_scale_factor", "scaled"),
        *("intensity.sum.value", "intensity.sum.variance", "lp", "qe", "partiality", "bbox"),
        "xyzcal.px",
    )
    _, choice = processed.refined_matrix()
    hkl = np.rint(table["miller_index"] @ np.linalg.inv(choice).T).astype(int)
    listed = np.loadtxt(EXAMPLES / "2erl.hkl")
    given = {tuple(row[:3].astype(int)): row[3] ** 2 for row in listed}
    due = np.array([given.get(tuple(index), np.nan) for index in hkl])
    scaled = table["scaled"] & np.isfinite(due)
    found = table["intensity.scale.value"] / table["inverse_scale_factor"]
    correlation = np.corrcoef(found[scaled], due[scaled])[0, 1]
    # those that are seen whole, by their photons alone
    photons = table["intensity.sum.value"]
    within = (table["bbox"][:, 4] > 0) & (table["bbox"][:, 5] < 15) & (table["partiality"] > 0.99)
    certain = photons > 20 * np.sqrt(table["intensity.sum.variance"])
    whole = scaled & within & certain
    ratio = (photons * table["lp"] / table.get("qe", 1.0) / due)[whole]
    ratio /= np.median(ratio)
    length = np.linalg.norm(hkl[whole] @ processed.true_matrix.T, axis=1)
    fine = length > np.median(length)
    trend = np.median(ratio[fine]) / np.median(ratio[~fine]) - 1.0
    print(
        f"{scaled.sum()} scaled, correlation with F² {correlation:.5f}; {whole.sum()} whole: "
        f"deviation {100 * ratio.std():.2f} %, fine to coarse {100 * trend:.2f} %",
    )
    assert scaled.sum() > 300
    assert correlation >= 0.99
    assert whole.sum() > 50
    assert abs(trend) < 0.02
