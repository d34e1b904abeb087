"""The example of a Jungfrau 16M: its geometry is what its script writes, and it runs, cropped."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tiled_sim.cli.main import main
from tiled_sim.model.experiment import Experiment
from tiled_sim.plan.prepare import prepare
from tiled_sim.plan.workers import Workers
from tiled_sim.run.run import open_run

FOLDER = Path(__file__).parents[1] / "examples" / "jungfrau"
DOCUMENT = FOLDER / "jungfrau.toml"
MODULE = "p9"


def made(*modules):
    """The text that the script writes."""
    words = [sys.executable, FOLDER / "make_geometry.py", *modules]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def cropped(tmp_path_factory):
    """A run of one of the 32 modules."""
    folder = tmp_path_factory.mktemp("jungfrau")
    (folder / "jungfrau16m.geom").write_text(made(MODULE))
    text = DOCUMENT.read_text().replace("../2erl.hkl", str(FOLDER.parent / "2erl.hkl"))
    (folder / "jungfrau.toml").write_text(text)
    path = folder / "run.zarr"
    words = ["submit", str(folder / "jungfrau.toml"), "--out", str(path), "--no-progress"]
    assert main(words) == 0
    return path


def test_the_geometry_is_what_its_script_writes():
    assert made() == (FOLDER / "jungfrau16m.geom").read_text()


def test_the_whole_example_is_256_panels_in_few_tiles():
    prepared = prepare(Experiment.from_toml(DOCUMENT), workers=Workers(2))
    panels = prepared.experiment.detector.panels
    assert [panel.pixels for panel in panels] == [(254, 254)] * 256
    assert len({panel.group for panel in panels}) == 32
    assert len(prepared.plan.grid) <= 16


def test_the_cropped_example_shows_spots_and_the_ring_of_water(cropped):
    run = open_run(cropped)
    image, counts = np.asarray(run.image)[0], np.asarray(run.counts)[0]
    assert image.shape == (8, 254, 254)
    # a spot is far above what water makes of the pixels of its panel
    assert (image.max(axis=(1, 2)) > 5 * np.median(image, axis=(1, 2))).all()
    assert np.median(image) > 1
    assert counts.sum() == pytest.approx(image.sum(), rel=0.02)


def test_the_panels_of_the_cropped_example_are_those_of_the_whole(cropped):
    whole = {panel.name: panel for panel in Experiment.from_toml(DOCUMENT).detector.panels}
    panels = open_run(cropped).experiment.detector.panels
    assert panels == tuple(whole[f"{MODULE}a{chip}"] for chip in range(8))


def test_the_cropped_example_is_drawn_and_verified(cropped, tmp_path):
    picture = tmp_path / "jungfrau.png"
    assert main(["view", str(cropped), "--counts", "--out", str(picture)]) == 0
    assert picture.stat().st_size > 10_000
    assert main(["verify", str(cropped)]) == 0
