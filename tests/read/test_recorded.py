"""How the crystal of an experiment list stands and turns in the lab."""

import dataclasses

import numpy as np
import pytest

from support.expt import (
    DIRECT,
    FIXED,
    FROM_DXTBX,
    GONIOMETER,
    SCAN,
    SETTING,
    crystal,
    write_expt,
)
from tiled_sim.model.experiment import Experiment
from tiled_sim.physics.vectors import about_axis
from tiled_sim.read.geometry import read_recorded
from tiled_sim.read.recorded import crystal_of, sweep_of

TURN = about_axis((0.0, 0.6, 0.8), 0.7)
#: Panel, fast and slow [pixel] and image, counted from 0 on, of some of the 408 reflections that
#: DIALS 3.12.1 predicts for the scan below (ScanStaticReflectionPredictor).
PREDICTED = [
    (5, 135.508, 231.941, 4.015),
    (5, 165.792, 229.851, 4.459),
    (5, 226.078, 201.290, 4.779),
    (5, 136.791, 111.859, 5.358),
    (5, 16.334, 143.807, 5.551),
    (5, 195.640, 85.461, 6.093),
    (5, 224.847, 61.207, 6.590),
    (5, 44.224, 190.481, 7.098),
    (5, 165.105, 157.785, 7.656),
    (10, 151.820, 138.693, 4.997),
    (10, 49.639, 97.950, 6.960),
]


@pytest.fixture
def swept(tmp_path):
    """The crystal and sweep of a goniometer and a scan, in the lab."""

    def read(goniometer=GONIOMETER, scan=SCAN):
        models = {"crystal": crystal(), "goniometer": goniometer, "scan": scan}
        given = {kind: model for kind, model in models.items() if model is not None}
        recorded = read_recorded(str(write_expt(tmp_path / "a.expt", given)))
        return crystal_of(recorded, TURN), sweep_of(recorded, TURN)

    return read


def test_the_crystal_stands_in_every_image_where_dials_has_it(swept):
    found, sweep = swept()
    for image in range(SCAN["image_range"][1] - SCAN["image_range"][0] + 1):
        angle = np.radians(10.0 + 0.5 * image)
        # dxtbx: S R(phi) F U B, light along -z
        held = SETTING @ about_axis(GONIOMETER["rotation_axis"], angle) @ FIXED
        expected = DIRECT @ (TURN @ FROM_DXTBX @ held).T
        turned = about_axis(sweep.spindle, sweep.start + image * sweep.oscillation)
        np.testing.assert_allclose(found.direct_vectors @ turned.T, expected, atol=1e-12)
    assert sweep.count == 4


def test_a_scan_that_turns_backwards_turns_forwards_about_the_other_end_of_the_axis(swept):
    found, sweep = swept(scan={**SCAN, "oscillation": [10.0, -0.5]})
    held = SETTING @ about_axis(GONIOMETER["rotation_axis"], np.radians(10.0 - 3 * 0.5)) @ FIXED
    turned = about_axis(sweep.spindle, sweep.start + 3 * sweep.oscillation)
    expected = DIRECT @ (TURN @ FROM_DXTBX @ held).T
    np.testing.assert_allclose(found.direct_vectors @ turned.T, expected, atol=1e-12)
    assert sweep.oscillation > 0.0


def test_a_goniometer_without_a_scan_says_the_spindle_alone(swept):
    _, sweep = swept(scan=None)
    assert (sweep.start, sweep.oscillation, sweep.count) == (None, None, None)


def test_a_scan_of_stills_says_how_many_and_no_angles(swept):
    _, sweep = swept(scan={**SCAN, "oscillation": [0.0, 0.0]})
    assert (sweep.start, sweep.oscillation, sweep.count) == (None, None, 4)


def test_without_a_goniometer_nothing_turns(swept):
    found, sweep = swept(goniometer=None)
    np.testing.assert_allclose(found.direct_vectors, DIRECT @ (TURN @ FROM_DXTBX).T, atol=1e-12)
    assert sweep is None


def test_what_is_refined_at_scan_points_is_left_and_told(tmp_path):
    A = np.linalg.inv(DIRECT @ about_axis((0.0, 0.0, 1.0), 0.01).T).ravel().tolist()
    models = {"goniometer": GONIOMETER, "scan": SCAN}
    words = ["-default_F", "1", "-N", "3"]
    one, refined = (
        Experiment.from_nanobragg(words, geometry=write_expt(tmp_path / "a.expt", some))
        for some in (
            {"crystal": crystal(), **models},
            {"crystal": crystal(A_at_scan_points=[A] * 5), **models},
        )
    )
    assert refined.crystal == one.crystal
    told = [note for note in refined.notes if "at 5 scan points is left" in note]
    assert len(told) == 1
    assert not any("scan points" in note for note in one.notes)


def test_spots_of_a_scan_fall_where_dials_predicts_them(tmp_path, simulate):
    models = {"crystal": crystal(), "goniometer": GONIOMETER, "scan": SCAN}
    experiment = Experiment.from_nanobragg(
        ["-default_F", "100", "-N", "12", "-gauss_xtal", "-oversample", "1", "-phisteps", "40"],
        geometry=write_expt(tmp_path / "a.expt", models),
    )
    panels = tuple(experiment.detector.panels[number] for number in (5, 10))
    detector = dataclasses.replace(experiment.detector, panels=panels)
    experiment = dataclasses.replace(experiment, detector=detector)
    image = simulate(experiment, kernel="spots", negligible=1e-9).image.astype(np.float64)
    for panel, fast, slow, number in PREDICTED:
        rows, columns = (slice(int(at) - 8, int(at) + 9) for at in (slow, fast))
        spot = image[:, (5, 10).index(panel), rows, columns]
        weight, (images, down, right) = spot.sum(), np.indices(spot.shape)
        assert weight > 1e3
        assert (spot * right).sum() / weight == pytest.approx(fast - columns.start - 0.5, abs=0.3)
        assert (spot * down).sum() / weight == pytest.approx(slow - rows.start - 0.5, abs=0.3)
        # of one image or two, counted from the fifth on
        assert (spot * images).sum() / weight == pytest.approx(number - 4.5, abs=0.55)
