"""``tiled-sim convert`` as its users meet it."""

import json
import shutil

import pytest

from tiled_sim.cli.main import main

SECOND = "f00000/p000/r0001c0000"


@pytest.fixture
def tell(capsys):
    """Run a command line in this process; its exit code, output and complaint."""

    def run(*words):
        code = main([str(word) for word in words])
        output, complaint = capsys.readouterr()
        return code, output, complaint

    return run


@pytest.fixture
def old(data, tmp_path):
    """Path of a copy of a run of format 1 with two tiles."""
    return shutil.copytree(data / "run_format1.zarr", tmp_path / "old.zarr")


def test_a_converted_run_is_verified(tell, old, tmp_path):
    new = tmp_path / "new.zarr"
    assert tell("convert", old, new) == (0, f"{new}: 2 of 2 tiles, as they were\n", "")
    assert tell("verify", new)[0] == 0


def test_of_an_unfinished_run_resume_is_named(tell, old, tmp_path):
    (old / f"traces/{SECOND}.json").unlink()
    code, output, _ = tell("convert", old, tmp_path / "new.zarr")
    assert code == 0
    assert "1 of 2 tiles" in output
    assert f"`tiled-sim resume {tmp_path / 'new.zarr'}`" in output


def test_a_tile_that_is_left_out_is_named(tell, old, tmp_path):
    shards = old / "0/image/c/0/0"
    shutil.copy(shards / "0/0", shards / "1/0")
    _, output, _ = tell("convert", old, tmp_path / "new.zarr")
    assert f"{SECOND}: left out" in output


def test_scripts_are_told_in_json(tell, old, tmp_path):
    _, output, _ = tell("convert", old, tmp_path / "new.zarr", "--json")
    told = json.loads(output)
    assert (told["run"], told["tiles"], told["kept"], told["left"]) == (
        str(tmp_path / "new.zarr"),
        2,
        2,
        [],
    )


def test_resume_of_an_old_run_names_convert(tell, old):
    code, output, complaint = tell("resume", old)
    assert (code, output) == (4, "")
    assert f"`tiled-sim convert {old} NEW.zarr`" in complaint


def test_a_run_that_exists_is_not_overwritten(tell, old, tmp_path):
    code, _, complaint = tell("convert", old, old)
    assert code == 4
    assert "exists" in complaint


@pytest.mark.parametrize("verb", ["status", "verify"])
def test_an_old_run_is_told_of_as_it_is(tell, data, verb):
    assert tell(verb, data / "run_format1.zarr")[0] == 0


def test_an_old_run_is_viewed(tell, data, tmp_path):
    assert tell("view", data / "run_format1.zarr", "--out", tmp_path / "old.png")[0] == 0
    assert (tmp_path / "old.png").stat().st_size > 1000


def test_an_old_run_is_compared(tell, data):
    code, output, _ = tell("compare", data / "run_format1.zarr", data / "run_format2.zarr")
    assert code == 0
    assert "largest |B - A|                  0 " in output


def test_an_old_run_is_traced(tell, data):
    code, output, _ = tell("trace", data / "run_format1.zarr", "--pixel", "20", "30")
    assert code == 0
    assert "the same to the last bit" in output
