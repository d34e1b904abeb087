"""Runs that are looked at."""

import pytest

from support.panels import panels_run
from support.viewing import computed_run


@pytest.fixture(scope="session")
def panels(tmp_path_factory):
    """A finished run of five panels, two frames and noise."""
    return panels_run(tmp_path_factory.mktemp("panels") / "panels.zarr")


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
