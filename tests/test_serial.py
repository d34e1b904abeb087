"""The example of serial crystallography: a shot has a pulse and an orientation of its own."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest

from tiled_sim.cli.main import main
from tiled_sim.model.experiment import Experiment
from tiled_sim.run.run import open_run

EXAMPLES = Path(__file__).parents[1] / "examples"
DOCUMENT = EXAMPLES / "serial" / "serial.toml"
#: What makes the example small: one of 32 modules, fewer shots, channels and domains.
SMALL = {
    '"../jungfrau/jungfrau16m.geom"': '"module.geom"',
    '"2erl.pdb"': f'"{EXAMPLES / "serial" / "2erl.pdb"}"',
    "random_shots = 1000": "random_shots = 3",
    "channels = 15": "channels = 5",
    "mosaic_domains = 20": "mosaic_domains = 4",
}


@pytest.fixture(scope="module")
def cropped(tmp_path_factory):
    """A run of a few shots on one module."""
    folder = tmp_path_factory.mktemp("serial")
    words = [sys.executable, EXAMPLES / "jungfrau" / "make_geometry.py", "p9"]
    made = subprocess.run(words, check=True, capture_output=True, text=True)
    (folder / "module.geom").write_text(made.stdout)
    text = DOCUMENT.read_text()
    for whole, small in SMALL.items():
        assert whole in text
        text = text.replace(whole, small)
    (folder / "serial.toml").write_text(text)
    path = folder / "run.zarr"
    words = ["submit", str(folder / "serial.toml"), "--out", str(path), "--no-progress"]
    assert main(words) == 0
    return path


def test_the_whole_example_is_1000_shots_of_16_megapixels():
    experiment = Experiment.from_toml(DOCUMENT)
    assert len(experiment.exposures) == 1000
    assert sum(np.prod(panel.pixels) for panel in experiment.detector.panels) == 16_516_096


def test_every_shot_has_its_spots_above_the_water(cropped):
    run = open_run(cropped)
    image, counts = np.asarray(run.image), np.asarray(run.counts)
    assert image.shape == (3, 8, 254, 254)
    assert (image.max(axis=(1, 2, 3)) > 20 * np.median(image, axis=(1, 2, 3))).all()
    assert np.median(image) > 1
    # crystals that stand apart light other pixels
    brightest = {int(frame.argmax()) for frame in image}
    assert len(brightest) == 3
    assert counts.sum() == pytest.approx(image.sum(), rel=0.02)


def test_every_shot_has_a_pulse_of_its_own(cropped):
    pulses = open_run(cropped).experiment.exposures.spectra
    assert pulses.shape == (3, 5)
    assert len(np.unique(pulses.round(6), axis=0)) == 3


def test_the_truth_of_the_shots_is_exported(cropped, tmp_path):
    out = tmp_path / "truth.parquet"
    assert main(["export", str(cropped), "--to", "shots", "--out", str(out)]) == 0
    told, known = pandas.read_parquet(out), open_run(cropped).frames
    assert len(told) == 3
    np.testing.assert_allclose(told["a_star_x_per_A"], known["a_star_x_per_A"], rtol=1e-12)


def test_the_cropped_example_is_exported_drawn_and_verified(cropped, tmp_path):
    for name, words in {"shots.nxs": ["--to", "nxmx"], "truth.expt": ["--to", "expt"]}.items():
        assert main(["export", str(cropped), *words, "--out", str(tmp_path / name)]) == 0
        assert (tmp_path / name).stat().st_size > 1000
    picture = tmp_path / "shot.png"
    words = ["view", str(cropped), "--counts", "--frame", "1", "--out", str(picture)]
    assert main(words) == 0
    assert picture.stat().st_size > 10_000
    assert main(["verify", str(cropped)]) == 0
