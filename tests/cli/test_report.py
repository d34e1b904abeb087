"""``tiled-sim report`` as its users meet it."""

import json

import pytest

from support.exports import TILTED, experiment_of, filled_run
from tiled_sim.cli.main import main

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "run.zarr"
    return filled_run(path, experiment_of(TILTED, frames=2))


def test_the_page_has_the_name_of_the_run_if_it_is_given_none(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["report", str(run.path)]) == 0
    assert capsys.readouterr().out == "run.html\n"
    assert "Picture of frame 0" in (tmp_path / "run.html").read_text(encoding="utf-8")


def test_scripts_are_told_which_frame_is_shown(run, tmp_path, capsys):
    path = tmp_path / "page.html"
    words = ["report", str(run.path), "--out", str(path), "--frame", "1", "--json"]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out) == {
        "run": str(run.path),
        "report": str(path),
        "frame": 1,
    }
    assert "Picture of frame 1" in path.read_text(encoding="utf-8")


def test_a_page_that_exists_and_a_frame_that_does_not_are_refused(run, tmp_path, capsys):
    path = tmp_path / "page.html"
    path.write_text("mine")
    assert main(["report", str(run.path), "--out", str(path)]) == 4
    assert main(["report", str(run.path), "--out", str(tmp_path / "b.html"), "--frame", "2"]) == 2
    told = capsys.readouterr().err
    assert "exists already" in told
    assert "--frame 2: the run has frames 0 to 1" in told
    assert list(tmp_path.iterdir()) == [path]
