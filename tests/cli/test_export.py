"""``tiled-sim export``: what a user types, and what comes of it."""

import json
import signal
import subprocess
import sys
import time

import h5py
import hdf5plugin  # noqa: F401  the filter
import numpy as np
import pytest

from support.exports import TILTED, chips, experiment_of, filled_run
from tiled_sim.cli.main import main
from tiled_sim.model.readout import Noise


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Sixteen panels, four frames, with counts."""
    return filled_run(tmp_path_factory.mktemp("run") / "r.zarr", chips(frames=4))


@pytest.fixture
def tell(capsys):
    """Run a command: its exit code, standard output, standard error."""

    def told(*words):
        code = main([str(word) for word in words])
        caught = capsys.readouterr()
        return code, caught.out, caught.err

    return told


def test_a_run_becomes_an_nxmx(run, tmp_path, tell):
    code, output, complaint = tell(
        "export", run.path, "--to", "nxmx", "--out", tmp_path / "x.nxs", "--no-progress"
    )
    path, *notes = output.splitlines()
    assert (code, path, complaint) == (0, str(tmp_path / "x.nxs"), "")
    assert all(note.startswith("note      ") for note in notes)
    with h5py.File(tmp_path / "x.nxs") as file:
        assert file["entry/data/data"].shape == (4, 16 * 256, 256)


def test_frames_panels_and_values_are_chosen(run, tmp_path, tell):
    words = ("--frames", "1:3", "--panels", "m1a7,0", "--image", "--json")
    code, output, _ = tell("export", run.path, "--to", "nxmx", "--out", tmp_path / "x.nxs", *words)
    document = json.loads(output)
    assert code == 0
    (note,) = document.pop("notes")
    assert "dials.import" in note
    assert document == {
        "run": str(run.path),
        "format": "nxmx",
        "path": str(tmp_path / "x.nxs"),
        "frames": [1, 3],
        "panels": [15, 0],
        "values": "image",
    }
    with h5py.File(tmp_path / "x.nxs") as file:
        whole = run.image.values[1:3, [15, 0]].reshape(2, 512, 256)
        assert np.array_equal(file["entry/data/data"][...], whole)


@pytest.mark.parametrize(
    ("frames", "meant"), [("2:", [2, 4]), (":1", [0, 1]), (":", [0, 4]), ("3:4", [3, 4])]
)
def test_the_first_and_the_last_frame_need_not_be_named(run, tmp_path, tell, frames, meant):
    words = ("--frames", frames, "--panels", "0", "--json")
    _, output, _ = tell("export", run.path, "--to", "nxmx", "--out", tmp_path / "x.nxs", *words)
    assert json.loads(output)["frames"] == meant


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["--frames", "0:9"], 2, "--frames 0:9 is no part of 0:4"),
        (["--frames", "2:2"], 2, "--frames 2:2 is no part of 0:4"),
        (["--frames", "5"], 2, "'5' is not A:B"),
        (["--frames", "-1:3"], 2, "--frames"),
        (["--panels", "m1a7,m9"], 2, "--panels 'm9': no panel has this name"),
        (["--panels", "3,3"], 2, "each of them once"),
        (["--panels", ""], 2, "--panels"),
        (["--counts", "--image"], 2, "not allowed with"),
        (["--to", "nxm"], 2, "did you mean nxmx?"),
    ],
)
def test_what_cannot_be_had_is_told(run, tmp_path, tell, words, code, complaint):
    given = ["--to", "nxmx", *words] if "--to" not in words else words
    found, output, told = tell("export", run.path, "--out", tmp_path / "x.nxs", *given)
    assert (found, output) == (code, "")
    assert complaint in told
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_counts_has_none_to_export(tmp_path, tell):
    run = filled_run(tmp_path / "r.zarr", experiment_of(TILTED))
    words = ("--to", "nxmx", "--out", tmp_path / "x.nxs", "--counts")
    code, _, told = tell("export", run.path, *words)
    assert code == 2
    assert "it was made without noise" in told


def test_a_run_that_is_half_done_is_refused_with_what_can_be_done(tmp_path, tell):
    run = filled_run(
        tmp_path / "r.zarr", experiment_of(TILTED, frames=3), tile=(48, 32), undone=[2, 5]
    )
    code, _, told = tell("export", run.path, "--to", "nxmx", "--out", tmp_path / "x.nxs")
    assert code == 5
    assert "2 of the 6 tiles to export are not computed" in told
    assert f"`tiled-sim resume {run.path}` computes them; --frames 0:1 are complete" in told


def test_nothing_is_overwritten(run, tmp_path, tell):
    (tmp_path / "x.nxs").write_text("mine")
    code, _, told = tell("export", run.path, "--to", "nxmx", "--out", tmp_path / "x.nxs")
    assert code == 4
    assert "exists already" in told
    assert (tmp_path / "x.nxs").read_text() == "mine"


def test_a_folder_that_is_not_there_is_told(run, tmp_path, tell):
    code, _, told = tell("export", run.path, "--to", "nxmx", "--out", tmp_path / "no" / "x.nxs")
    assert code == 4
    assert "cannot be made: No such file or directory" in told


def test_what_is_killed_leaves_nothing_that_looks_finished_and_goes_on(tmp_path, tell):
    run = filled_run(
        tmp_path / "r.zarr",
        experiment_of(TILTED.replace("60", "600"), frames=40, noise=Noise()),
    )
    out = tmp_path / "out"
    out.mkdir()
    words = ["export", str(run.path), "--to", "nxmx", "--out", str(out / "x.nxs"), "--no-progress"]
    # two frames a file, so that there is something to keep
    code = (
        "import sys; from tiled_sim.export import nxmx_data; nxmx_data._MOST_FRAMES = 2\n"
        "from tiled_sim.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, *words])
    partial = out / "x.nxs.partial"
    deadline = time.monotonic() + 60
    while len(list(partial.glob("x_0*.h5"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert [one.name for one in out.iterdir()] == ["x.nxs.partial"]
    kept = {one.name: one.stat().st_mtime_ns for one in partial.glob("x_0*.h5")}
    done = subprocess.run([sys.executable, "-c", code, *words], check=False)
    assert done.returncode == 0
    names = sorted(one.name for one in out.iterdir())
    assert names == ["x.nxs", *(f"x_{number:06d}.h5" for number in range(1, 21))]
    first = next(iter(sorted(kept)))
    assert (out / first).stat().st_mtime_ns == kept[first]
    with h5py.File(out / "x.nxs") as file:
        assert np.array_equal(file["entry/data/data"][...], run.counts.values[:, 0])


@pytest.mark.parametrize(
    ("out", "code", "complaint"),
    [
        ("s3://bucket/x.nxs", 2, "--out s3://…: exports are made on a disk"),
        ("", 4, "has no name that could be made"),
        ("/", 4, "has no name that could be made"),
    ],
)
def test_where_nothing_can_be_made_is_told(run, tmp_path, monkeypatch, tell, out, code, complaint):
    monkeypatch.chdir(tmp_path)
    found, _, told = tell("export", run.path, "--to", "nxmx", "--out", out)
    assert (found, list(tmp_path.iterdir())) == (code, [])
    assert complaint in told


@pytest.mark.parametrize(
    "words",
    [
        ("export", "--to", "npy", "--out", "x.npy"),
        ("view", "--out", "x.png"),
        ("view", "--static", "x"),
        ("report", "--out", "x.html"),
        ("traces", "--csv", "x.csv"),
    ],
    ids=" ".join,
)
def test_nothing_is_made_inside_the_run(run, tell, words):
    before = sorted(run.path.rglob("*"))
    verb, *options, name = words
    code, _, told = tell(verb, run.path, *options, run.path / "0" / name)
    assert code == 2
    assert f"{options[-1]} {run.path / '0' / name} is inside the run" in told
    assert sorted(run.path.rglob("*")) == before


def test_a_format_in_capitals_is_known(run, tmp_path, tell):
    _, _, told = tell("export", run.path, "--to", "NXMX", "--out", tmp_path / "x.nxs")
    assert "did you mean nxmx?" in told


def test_who_closed_standard_output_gets_the_export(run, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["export", str(run.path), "--to", "geom", "--out", str(tmp_path / "x.geom")]) == 0
    assert (tmp_path / "x.geom").exists()


def test_what_is_done_is_told_as_done_where_standard_output_is_full(
    run, tmp_path, monkeypatch, capsys
):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        words = ["export", str(run.path), "--to", "geom", "--out", str(tmp_path / "x.geom")]
        assert main(words) == 4
    assert (tmp_path / "x.geom").exists()
    assert "done, but standard output does not take it: No space left" in capsys.readouterr().err
