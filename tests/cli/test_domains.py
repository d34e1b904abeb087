"""``tiled-sim domains``: what it writes reads back as the same image, to the last bit."""

import json

import numpy as np
import pytest

from tiled_sim.cli.main import main
from tiled_sim.model.experiment import Experiment

STILL = (
    "-default_F 40 -cell 70 80 90 75 85 95 -N 5 -distance 100 -pixel 0.7 -detpixels 16 "
    "-oversample 1 -phi 3 -osc 40 -phisteps 2"
)
KINDS = {
    "nanobragg": ["-mosaic", "1", "-mosaic_domains", "3"],
    "gaussian": ["--mosaic-kind", "gaussian", "-mosaic", "1", "-mosaic_domains", "3"],
    "anisotropic": ["--mosaic-angles", "1", "0", "3", "-mosaic_domains", "3"],
    "none": [],
}


@pytest.fixture
def tell(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        code = main([word for part in words for word in str(part).split()])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def image_of(tell, simulate, tmp_path):
    """Of the document that `config` prints of a command."""

    def image(words):
        code, output, complaint = tell("config", STILL, *words)
        assert (code, complaint) == (0, "")
        (tmp_path / "config.toml").write_text(output)
        return simulate(Experiment.from_toml(tmp_path / "config.toml")).image

    return image


@pytest.mark.parametrize("name", ["list.npz", "list.txt"])
@pytest.mark.parametrize("words", KINDS.values(), ids=KINDS)
def test_a_list_of_any_domains_reads_back_as_the_same_image(tell, image_of, words, name):
    code, _, complaint = tell("domains", STILL, *words, "--out", name)
    assert (code, complaint) == (0, "")
    image = image_of(words)
    assert image.max() > 0.0
    assert image_of(["--mosaic-file", name]).tobytes() == image.tobytes()


def test_the_file_holds_what_simtbx_takes(tell):
    assert tell("domains", STILL, *KINDS["nanobragg"], "--out", "list.npz")[0] == 0
    with np.load("list.npz") as arrays:
        assert arrays["rotations"].shape == (3, 3, 3)
        assert arrays["weights"].tolist() == [1.0, 1.0, 1.0]
        assert str(arrays["axes"]) == "laboratory"


def test_what_was_written_is_told(tell):
    code, output, _ = tell("domains", "--json", STILL, *KINDS["gaussian"], "--out", "list.txt")
    told = json.loads(output)
    assert code == 0
    assert (told["kind"], told["domains"], told["axes"]) == ("gaussian", 3, "crystal")
    assert 0.0 < told["rms_angle_deg"] <= told["largest_angle_deg"]


@pytest.mark.parametrize(
    ("words", "code", "fault"),
    [
        ([], 2, "give --out FILE.npz"),
        (["--out", "list.csv"], 2, "give --out FILE.npz"),
        (["--out", "there.txt"], 4, "exists already"),
        (["--out", "no/folder.txt"], 4, "cannot be written"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused(tell, tmp_path, words, code, fault):
    (tmp_path / "there.txt").write_text("mine")
    found, _, complaint = tell("domains", STILL, *words)
    assert found == code
    assert fault in complaint


def test_options_of_domains_beside_a_document_are_refused(tell, tmp_path):
    (tmp_path / "e.toml").write_text("")
    code, _, complaint = tell("domains", "e.toml", "--mosaic-angles", 1, 2, 3, "--out", "list.txt")
    assert code == 2
    assert "in a TOML file write `mosaic_kind`" in complaint
