"""What is handed over from Python in place of an experiment, or of the size of a tile."""

import pytest

from tiled_sim.errors import UsageError
from tiled_sim.model.experiment import Experiment
from tiled_sim.plan.prepare import prepare

LINE = "-default_F 10 -N 5 -cell 50 60 70 -pixel 1 -detpixels 64 -oversample 1"


@pytest.fixture(scope="module")
def experiment():
    return Experiment.from_nanobragg(LINE.split())


@pytest.mark.parametrize("thing", ["e.toml", None, {"beam": 1}])
def test_what_is_no_experiment_is_refused_with_how_to_make_one(thing):
    with pytest.raises(UsageError, match=r"make it by Experiment\.from_toml"):
        prepare(thing)


@pytest.mark.parametrize("tile", ["64x64", (64,), (64, 64, 64), ("64", "64"), (64.0, 64.0), 64.5])
def test_what_is_no_size_of_a_tile_is_refused(experiment, tile):
    with pytest.raises(UsageError, match=r"must be a whole number, or two \(slow, fast\)"):
        prepare(experiment, tile=tile)
