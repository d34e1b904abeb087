"""Runs that are looked at."""

import pytest

from support.panels import panels_run
from support.viewing import computed_run
from tiled_sim.model.experiment import Experiment


@pytest.fixture(scope="session")
def panels(tmp_path_factory):
    """A finished run of five panels, two frames and noise."""
    return panels_run(tmp_path_factory.mktemp("panels") / "panels.zarr")


@pytest.fixture(scope="session")
def whole_panels(data, tmp_path_factory):
    """The same panels and noise, each in a tile of the run whole."""
    experiment = Experiment.from_toml(data / "panels.toml")
    path = tmp_path_factory.mktemp("whole") / "whole.zarr"
    return computed_run(experiment, path, tile=(64, 64))


@pytest.fixture(scope="session")
def wide(still, tmp_path_factory):
    """A finished run of one panel of 600 × 600 pixels, which has a level."""
    experiment = still("-detpixels", 600, "-pixel", 0.05)
    return computed_run(experiment, tmp_path_factory.mktemp("wide") / "wide.zarr")


@pytest.fixture(scope="session")
def stronger(still, tmp_path_factory):
    """The same with twice the light."""
    experiment = still("-detpixels", 600, "-pixel", 0.05, "-fluence", 2e24)
    return computed_run(experiment, tmp_path_factory.mktemp("stronger") / "stronger.zarr")
