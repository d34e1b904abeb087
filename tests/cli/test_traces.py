"""``tiled-sim traces`` as its users meet it."""

import json

import pandas
import pytest

from support.exports import TILTED, experiment_of, filled_run
from tiled_sim.cli.main import main
from tiled_sim.run.sidecar_table import COLUMNS


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of eight tiles, one of which is not done."""
    path = tmp_path_factory.mktemp("traces") / "run.zarr"
    return filled_run(path, experiment_of(TILTED, frames=2), tile=(32, 32), undone=(3,))


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_the_table_is_that_of_python(run, kind, tmp_path, capsys):
    path = tmp_path / "table"
    assert main(["traces", str(run.path), f"--{kind}", str(path)]) == 0
    assert capsys.readouterr().out.startswith(f"{path}\nnote      7 of 8 tiles are done")
    due = run.sidecar_table()
    if kind == "parquet":
        pandas.testing.assert_frame_equal(pandas.read_parquet(path), due)
    else:
        kinds = {name: kind for name, kind in COLUMNS.items() if name != "start"}
        found = pandas.read_csv(path, parse_dates=["start"], dtype=kinds)
        pandas.testing.assert_frame_equal(found, due)


def test_scripts_are_told_how_many_rows_there_are(run, tmp_path, capsys):
    words = ["traces", str(run.path), "--csv", str(tmp_path / "table.csv"), "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["rows"], told["tiles"]) == (7, 8)


def test_a_table_is_never_overwritten(run, tmp_path, capsys):
    path = tmp_path / "table.csv"
    path.write_text("mine")
    assert main(["traces", str(run.path), "--csv", str(path)]) == 4
    assert "exists already" in capsys.readouterr().err
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_needed(run, capsys):
    assert main(["traces", str(run.path)]) == 2
    assert "--parquet FILE or --csv FILE is missing" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_told(run, tmp_path, capsys):
    assert main(["traces", str(run.path), "--csv", str(tmp_path / "none" / "table.csv")]) == 4
    assert "cannot be written" in capsys.readouterr().err
