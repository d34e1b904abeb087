"""``run.assembled()``: every pixel where it is seen along the beam, read when it is asked for."""

import dataclasses
import pickle

import numpy as np
import pytest

from support.panels import centre_of, panels_run
from tiled_sim.cluster.worker import compute_batch
from tiled_sim.errors import StoreError
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return panels_run(tmp_path_factory.mktemp("panels") / "run.zarr")


@pytest.fixture(scope="module")
def part(tmp_path_factory):
    """A run of which two panels are done."""
    return panels_run(tmp_path_factory.mktemp("part") / "run.zarr", panels=(1, 4))


def alone(run, panel):
    """Pixels of a panel that no other hides, as slow and fast."""
    slow, fast = run.experiment.detector.panels[panel].pixels
    every = [(s, f) for s in range(0, slow, 3) for f in range(0, fast, 3)]
    return [(s, f) for s, f in every if panel != 4 or centre_of(run, 4, s, f)[0] < -13]


@pytest.mark.parametrize("panel", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("frame", [0, 1])
def test_a_pixel_is_where_its_centre_is_seen_along_the_beam(run, panel, frame):
    assembled, image = run.assembled()[frame].compute(), run.image[frame, panel].values
    mask = run.mask[panel].values
    step = abs(float(assembled.x[1] - assembled.x[0]))
    looked_at = 0
    for slow, fast in alone(run, panel):
        x, y, _ = centre_of(run, panel, slow, fast)
        at = assembled.sel(x=x, y=y, method="nearest")
        # its centre lies in this cell, whose own centre may lie on the pixel beside it
        assert max(abs(float(at.x) - x), abs(float(at.y) - y)) <= step / 2 + 1e-9
        near = image[max(slow - 1, 0) : slow + 2, max(fast - 1, 0) : fast + 2]
        if mask[slow, fast] == 0 and panel in (0, 4):
            assert float(at) == image[slow, fast]
        elif mask[slow, fast] == 0 and not np.isnan(float(at)):
            assert float(at) in near
        looked_at += mask[slow, fast] == 0
    assert looked_at > 30


def test_every_value_is_one_of_the_image(run):
    image = run.image[0].values
    found = run.assembled()[0].values
    assert np.isin(found[~np.isnan(found)], image).all()
    assert (~np.isnan(found)).sum() > 20_000


def test_there_is_nothing_in_gaps_and_at_masked_pixels(run):
    assembled = run.assembled()[0].compute()
    assert np.isnan(assembled.sel(x=1.6, y=5.0, method="nearest"))  # between left and right
    for slow, there in ((1, False), (3, True), (46, True), (48, False)):
        x, y, _ = centre_of(run, 0, slow, 20)
        assert np.isnan(float(assembled.sel(x=x, y=y, method="nearest"))) != there


def test_there_is_nothing_where_nothing_was_computed_yet(part):
    assembled = part.assembled()[1].compute()
    for panel, done in ((0, False), (1, True), (2, False), (3, False), (4, True)):
        x, y, _ = centre_of(part, panel, 5, 10)
        value = float(assembled.sel(x=x, y=y, method="nearest"))
        assert np.isnan(value) != done, panel


def test_the_counts_are_assembled_as_the_photons_are(run):
    photons, counts = run.assembled()[0].values, run.assembled(counts=True)[0]
    assert counts.attrs["units"] == "ADU"
    np.testing.assert_array_equal(np.isnan(counts.values), np.isnan(photons))
    x, y, _ = centre_of(run, 0, 20, 20)
    found = float(counts.sel(x=x, y=y, method="nearest"))
    assert found == float(run.counts[0, 0, 20, 20])


def test_without_noise_there_are_no_counts_to_assemble(still, tmp_path):
    run = create_run(prepare(still("-detpixels", 16)), tmp_path / "run.zarr")
    with pytest.raises(StoreError, match="has no counts"):
        run.assembled(counts=True)


def test_coordinates_are_in_mm_with_x_to_the_left_and_y_up(run):
    assembled = run.assembled()
    assert assembled.dims == ("frame", "y", "x")
    assert (np.diff(assembled.x) < 0).all()
    assert (np.diff(assembled.y) < 0).all()
    assert float(assembled.x[0]) == pytest.approx(20 - 0.075)
    assert assembled.x.attrs["units"] == assembled.y.attrs["units"] == "mm"
    assert assembled.attrs["axes"] == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize(
    "key",
    [
        (0, slice(10, 60), slice(20, 90)),
        (slice(None), 33, slice(None)),
        (1, slice(100, 20, -7), slice(None, None, 3)),
        (slice(0, 2), slice(50, 51), 70),
        (0, [3, 60, 5], slice(5, 80)),
        (0, slice(5, 5), slice(0, 10)),
    ],
)
def test_a_part_is_what_it_is_in_the_whole(run, key):
    assembled = run.assembled()
    np.testing.assert_array_equal(assembled[key].values, assembled.values[key])


def test_panels_that_are_not_asked_for_are_not_read(still, tmp_path):
    experiment = still("-xds", "-detpixels", 32, "-default_F", 5)
    (panel,) = experiment.detector.panels
    x, y, z = panel.origin
    panels = panel, dataclasses.replace(panel, origin=(x + 0.42, y, z), name="far")
    detector = dataclasses.replace(experiment.detector, panels=panels)
    experiment = dataclasses.replace(experiment, detector=detector)
    run = create_run(prepare(experiment, tile=(32, 32)), tmp_path / "run.zarr")
    for tile in run.plan:
        compute_batch(str(run.path), run.run_id, "cpu", [(tile.index, 1)])
    (tmp_path / "run.zarr/0/image/c/0/0/0/0").write_bytes(b"damage")
    damaged = Run(run.path).assembled()[0]
    np.testing.assert_array_equal(damaged[:, -32:].values, run.image[0, 1].values)
    with pytest.raises(StoreError, match="verify"):
        damaged[:, :32].compute()


def test_it_is_read_in_chunks_that_other_processes_can_take(run):
    assembled = run.assembled()
    assert assembled.chunks[0] == (1, 1)
    again = pickle.loads(pickle.dumps(assembled))
    np.testing.assert_array_equal(again.values, assembled.values)


@pytest.mark.parametrize(
    ("convention", "stored"),
    [("-mosflm", np.array), ("-xds", np.array), ("-dials", np.array), ("-adxv", np.fliplr)],
)
def test_a_single_flat_panel_is_as_stored_but_for_a_mirrored_convention(
    still, tmp_path, convention, stored
):
    experiment = still(convention, "-detpixels_s", 24, "-detpixels_f", 40)
    run = create_run(prepare(experiment), tmp_path / "run.zarr")
    for tile in run.plan:
        compute_batch(str(run.path), run.run_id, "cpu", [(tile.index, 1)])
    run = Run(run.path)
    np.testing.assert_array_equal(run.assembled()[0].values, stored(run.image[0, 0].values))
