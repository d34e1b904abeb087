"""``tiled-sim submit --append``."""

import json

import pytest

from support.stores import shots_words
from tiled_sim.cli.main import main
from tiled_sim.run.run import Run

WORDS = " ".join(shots_words())


@pytest.fixture(scope="module")
def path(tmp_path_factory, address):
    """A run of two shots."""
    path = tmp_path_factory.mktemp("append") / "run.zarr"
    words = f"submit --out {path} {WORDS} --random-shots 2 --shots-seed 7 --cluster {address}"
    assert main([*words.split(), "--no-progress"]) == 0
    return path


def test_shots_are_added_to_a_run_and_computed(path, address, tmp_path, capsys):
    words = f"submit --append {path} --random-shots 2 --cluster {address} --json"
    assert main(words.split()) == 0
    assert json.loads(capsys.readouterr().out)["complete"]
    table = tmp_path / "more.csv"
    table.write_text("misset_x_deg,misset_y_deg,misset_z_deg\n1,2,3\n")
    words = f"submit --append {path} --shots {table} --cluster {address} --no-progress"
    assert main(words.split()) == 0
    assert len(Run(path).frames) == 5
    assert main(["verify", str(path)]) == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--random-shots 2 -lambda 1.2", "-lambda: what is simulated, and how, the run"),
        ("--random-shots 2 x.toml", "x.toml: what is simulated"),
        ("--random-shots 2 --kernel spots", "--kernel: what is simulated"),
        ("--random-shots 2 --noise", "--noise: what is simulated"),
        ("--random-shots 2 --tile 32", "--tile: what is simulated"),
        ("--random-shots 2 --frames 0:2", "--frames: what is simulated"),
        ("--random-shots 2 --out b.zarr", "--out makes a run, and --append adds to one"),
        ("", "which shots?"),
        ("--shots-seed 3", "has no effect without"),
        ("--random-shots 0", "must be a number from 1 to"),
        ("--shots nowhere.csv", "nowhere.csv: there is no such file"),
    ],
)
def test_what_says_another_experiment_than_the_runs_is_refused_by_name(path, words, told, capsys):
    before = Run(path).attributes
    assert main(["submit", "--append", str(path), *words.split()]) in (2, 3)
    assert told in capsys.readouterr().err
    assert Run(path).attributes == before


def test_a_run_that_is_not_there_is_told(tmp_path, capsys):
    assert main(["submit", "--append", str(tmp_path / "no.zarr"), "--random-shots", "2"]) != 0
    assert "no such run" in capsys.readouterr().err
