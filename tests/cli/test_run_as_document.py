"""A run in place of a document: its experiment, with all that it was made with."""

import shutil

import pytest

from tiled_sim.cli.main import main
from tiled_sim.run.run import Run

CRYSTAL = (
    "-cell 70 80 90 75 85 95 -misset 10 20 30 -lambda 1 -N 5 -distance 100 -detpixels 48 -pixel 0.5"
)
SHOTS = "--random-shots 3 --noise --noise-seed 4"


@pytest.fixture(scope="module")
def there(data, tmp_path_factory):
    """A folder with a run of three shots with noise, whose list of F is gone."""
    folder = tmp_path_factory.mktemp("there")
    listed = shutil.copy(data / "p1.hkl", folder / "list.hkl")
    words = ["--kernel", "reference", "-hkl", str(listed), *CRYSTAL.split(), *SHOTS.split()]
    assert main(["submit", "--no-progress", "--out", str(folder / "run.zarr"), *words]) == 0
    (folder / "list.hkl").unlink()
    return folder


@pytest.fixture
def here(there, monkeypatch):
    monkeypatch.chdir(there)
    return there


def test_its_experiment_is_submitted_again_with_what_the_store_keeps(here, tmp_path):
    new = tmp_path / "new.zarr"
    words = ["submit", "run.zarr", "--out", new, "--kernel", "reference", "--no-progress"]
    assert main([*map(str, words)]) == 0
    before, after = Run(here / "run.zarr"), Run(new)
    assert after.hashes == before.hashes
    assert after.run_id != before.run_id
    assert after.image.values.tobytes() == before.image.values.tobytes()
    assert after.counts.values.tobytes() == before.counts.values.tobytes()


def test_it_is_planned(here, capsys):
    assert main(["plan", "run.zarr"]) == 0
    told = capsys.readouterr().out
    assert "3 x 1 x 48 x 48" in told
    assert "list.hkl (hkl, " in told


def test_its_configuration_is_that_of_the_run(here, capsys):
    assert main(["config", "run.zarr", "--json"]) == 0
    assert Run(here / "run.zarr").experiment.sha256 in capsys.readouterr().out


def test_other_options_of_an_experiment_are_refused_beside_it_with_the_way_out(here, capsys):
    for more in (["-lambda", "2"], ["--noise"], ["--random-shots", "4"]):
        assert main(["plan", "run.zarr", *more]) == 2
        assert "`tiled-sim config run.zarr > NEW.toml`" in capsys.readouterr().err


def test_a_folder_that_is_no_run_is_told(here, tmp_path, capsys):
    assert main(["plan", str(tmp_path)]) == 4
    assert "no run" in capsys.readouterr().err


def test_a_probe_of_it_looks_for_the_files_that_it_names(here, capsys):
    assert main(["probe", "run.zarr"]) == 12
    assert "list.hkl" in capsys.readouterr().out
