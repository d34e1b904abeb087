"""What experiments and runs show of themselves in a notebook."""

import sys

import numpy as np
import pytest

from support.exports import TILTED, chips, experiment_of, filled_run
from support.html import Page
from tiled_sim.model.readout import Noise
from tiled_sim.report import notebook
from tiled_sim.run.run import Run

pyplot = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of three frames with noise, the first of which is not done."""
    experiment = experiment_of(TILTED, frames=3, noise=Noise())
    path = tmp_path_factory.mktemp("shown") / "run.zarr"
    return filled_run(path, experiment, tile=(64, 64), undone=(0,))


@pytest.fixture(autouse=True)
def _no_figures():
    yield
    pyplot.close("all")


def test_an_experiment_shows_its_parameters_with_their_units(run):
    found = Page(run.experiment._repr_html_())
    assert found.rows("Experiment")["wavelength"] == ["1.3", "Å"]
    assert found.rows("Experiment")["unit cells along a, b, c"] == ["5 5 5", ""]
    assert found.rows("Noise")["gain"] == ["1", "ADU/photon"]
    assert {one["scope"] for one in found.all("th")} == {"row", "col"}


def test_a_run_shows_how_far_it_is_and_a_frame_that_is_done(run):
    found = Page(run._repr_html_())
    assert "2 of 3 tiles are done" in found.text
    (image,) = found.all("img")
    assert image["src"].startswith("data:image/png;base64,")
    assert "frame 1" in image["alt"]


def test_a_run_without_a_tile_shows_no_picture(tmp_path):
    run = filled_run(tmp_path / "run.zarr", experiment_of(TILTED), undone=(0,))
    found = Page(run._repr_html_())
    assert "0 of 1 tiles" in found.text
    assert found.all("img") == []


def test_without_matplotlib_a_run_says_what_brings_its_picture(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    found = Page(run._repr_html_())
    assert "pip install 'tiled_sim[view]'" in found.text
    assert found.rows("Experiment")["frames"] == ["3", ""]


def test_large_frames_are_not_drawn_unasked(run, monkeypatch):
    monkeypatch.setattr(notebook, "_MOST_PIXELS", 100)
    assert "run.plot() draws one" in Page(run._repr_html_()).text


def test_a_run_whose_state_cannot_be_read_is_shown_by_what_is_known(tmp_path):
    run = filled_run(tmp_path / "run.zarr", experiment_of(TILTED))
    sidecar = next((run.path / "traces").rglob("*.json"))
    sidecar.unlink()
    sidecar.mkdir()
    assert "its state cannot be read" in Page(Run(run.path)._repr_html_()).text


def drawn(axes):
    """The image on axes, where nothing is masked."""
    return np.ma.filled(axes.images[-1].get_array(), np.nan)


def test_a_plot_is_kept_by_pyplot_and_shows_the_frame(run):
    axes = run.plot(1)
    assert pyplot.fignum_exists(axes.figure.number)
    image = run.image.values[1, 0]
    assert np.nanmax(drawn(axes)) == image.max()


def test_a_plot_of_counts_shows_whole_numbers(run):
    shown = drawn(run.plot(1, counts=True))
    assert np.nanmax(shown) == run.counts.values[1, 0].max()


def test_a_plot_of_one_panel_shows_its_own_pixels(tmp_path):
    run = filled_run(tmp_path / "run.zarr", chips(frames=1))
    pixels = run.experiment.detector.panels[3].pixels
    assert drawn(run.plot(panel=3)).shape == pixels
    assert len(pyplot.get_fignums()) == 1
