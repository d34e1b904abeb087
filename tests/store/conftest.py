"""What the tests of the run store share."""

import pytest

from support.stores import create


@pytest.fixture
def store(tmp_path):
    """Of two panels, with nothing computed."""
    return create(tmp_path / "run.zarr")
