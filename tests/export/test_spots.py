"""Reflections on the detector as a table."""

import numpy as np
import pandas
import pytest

from tiled_sim.cluster.submit import submit
from tiled_sim.errors import TileError, UsageError
from tiled_sim.export.exporting import export_run
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.readout import Noise
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run

WORDS = (
    "-cell 40 50 60 90 90 90 -lambda 1 -distance 100 -detpixels 128 -pixel 0.8 -oversample 1 "
    "-default_F 100"
)


def made(folder, words, **own):
    experiment = Experiment.from_nanobragg(f"{WORDS} {words}".split(), **own)
    run = submit(experiment, folder / "run.zarr", kernel="reference")
    export_run(run, folder / "spots.parquet", to="spots")
    return run, pandas.read_parquet(folder / "spots.parquet")


@pytest.mark.parametrize(
    "words",
    [
        "-N 3",
        "-N 6 -mosaic 1 -mosaic_domains 5 -osc 1 -phisteps 2 -dispersion 2 -dispsteps 3 -dmin 2",
        "-N 6 -detector_abs 100 -detector_thick 300 -detector_thicksteps 2 -oversample 2",
    ],
)
def test_photons_of_all_reflections_are_those_of_the_image(tmp_path, words):
    run, spots = made(tmp_path, f"{words} -gauss_xtal -fluence 1e26", random_shots=2)
    image = run.image.values
    for frame in range(2):
        lit = image[frame][image[frame] >= 0.01].sum(dtype=np.float64)
        found = spots[spots.frame == frame].photons.sum()
        assert found == pytest.approx(lit, rel=2e-3)
        assert len(spots[spots.frame == frame]) > 10


def test_reflections_of_several_crystals_are_told_apart(tmp_path):
    words = "-N 3 -gauss_xtal -fluence 1e26"
    run, spots = made(tmp_path, words, twins=[(10, 20, 30, 0.5)])
    image = run.image.values
    lit = image[image >= 0.01].sum(dtype=np.float64)
    photons = spots.groupby("crystal").photons.sum()
    assert list(photons.index) == [1, 2]
    assert photons.sum() == pytest.approx(lit, rel=2e-3)
    assert 0.2 < photons[2] / photons[1] < 0.8


def test_bright_reflections_stand_where_the_lattice_puts_them(tmp_path):
    # of crystals of 15 cells on pixels of 0.8 mm a spot is one pixel or two
    run, spots = made(tmp_path, "-N 15 -gauss_xtal -fluence 1e28 -oversample 4", random_shots=2)
    (panel,) = run.experiment.detector.panels
    s0 = np.array(run.experiment.beam.direction) / run.experiment.beam.wavelength
    checked = 0
    for frame, a in enumerate(run.frames.A):
        some = spots[(spots.frame == frame) & (spots.photons > 1.0)]
        some = some[np.any(some[["h", "k", "l"]] != 0, axis=1)]
        out = some[["h", "k", "l"]].to_numpy() @ a + s0
        origin, normal = np.array(panel.origin), np.array(panel.normal)
        at = out * (origin @ normal / (out @ normal))[:, None] - origin
        due = np.stack([at @ panel.slow_axis, at @ panel.fast_axis], axis=1) / 8e-4
        off = np.abs(due - some[["slow", "fast"]].to_numpy())
        assert off.max() < 1.0
        checked += len(some)
    assert checked > 20


def test_a_run_with_counts_has_the_reflections_of_its_photons(tmp_path):
    words = "-N 5 -gauss_xtal -fluence 1e25"
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    _, plain = made(tmp_path / "a", words)
    _, counted = made(tmp_path / "b", words, noise=Noise(seed=1, gain=3.0))
    pandas.testing.assert_frame_equal(plain, counted)
    assert list(plain) == ["frame", "panel", "h", "k", "l", "slow", "fast", "photons"]


def test_a_frame_of_a_run_in_python_is_that_part_of_the_table(tmp_path):
    run, spots = made(tmp_path, "-N 3 -gauss_xtal -fluence 1e26", random_shots=2)
    due = spots[spots.frame == 1].reset_index(drop=True)
    pandas.testing.assert_frame_equal(run.spots(1), due)
    pandas.testing.assert_frame_equal(run.spots(), spots)


def test_reflections_of_a_frame_that_is_not_computed_are_refused(tmp_path):
    experiment = Experiment.from_nanobragg(f"{WORDS} -N 3".split(), random_shots=2)
    run = create_run(prepare(experiment), tmp_path / "run.zarr")
    with pytest.raises(TileError, match="are not computed"):
        run.spots(1)
    with pytest.raises(UsageError, match="frames"):
        run.spots(2)
