"""How the crystal of an experiment list stands and turns in the lab."""

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
