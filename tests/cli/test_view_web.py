"""``tiled-sim view --web`` and ``--static`` from the command line."""

import json
import signal
import socket
import subprocess
import sys

import pytest

from support.viewing import computed_run, document
from tiled_sim.cli.main import main


@pytest.fixture(scope="module")
def run(still, tmp_path_factory):
    return computed_run(still(), tmp_path_factory.mktemp("view") / "a.zarr")


@pytest.fixture
def refused(capsys):
    """Run a command line that must fail; its complaint."""

    def run_(*words, code=2):
        assert main([str(word) for word in words]) == code
        output, complaint = capsys.readouterr()
        assert output == ""
        return complaint

    return run_


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--web", "--static", "OUT"], "give one of them"),
        (["--web", "--out", "a.png"], "--out is for a picture"),
        (["--web", "--panel", "0"], "--panel is for a picture"),
        (["--static", "OUT", "--panel-names"], "--panel-names is for a picture"),
        (["--static", "OUT", "--port", "1"], "--port is for --web"),
        (["--port", "1"], "--port is for --web"),
        (["--against", "b.zarr"], "--against is for --web and --static"),
        (["--web", "--port", "70000"], "up to 65535"),
        (["--web", "--frame", "1"], "frames 0 to 0"),
        (["--web", "--counts"], "has no counts"),
    ],
)
def test_what_does_not_go_together_is_refused(refused, run, words, told):
    assert told in refused("view", run.path, *words)


def test_a_port_that_is_taken_is_named(refused, run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"--port {port} cannot be listened on" in refused(
            "view", run.path, "--web", "--port", port
        )


def test_the_address_is_told_and_an_interrupt_ends_it(run, closed_port):
    words = ["view", str(run.path), "--web", "--port", str(closed_port), "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "tiled_sim", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        told = json.loads(process.stdout.readline())
        assert told["port"] == closed_port
        assert document(f"{told['url']}data/0/run.json")["run_id"] == run.run_id
        process.send_signal(signal.SIGINT)
        output, complaint = process.communicate(timeout=20)
    assert (process.returncode, output, complaint) == (0, "", "")


def test_a_folder_is_written_and_named(run, tmp_path, capsys):
    assert main(["view", str(run.path), "--static", str(tmp_path / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["folder"] == str(tmp_path / "out")
    assert (tmp_path / "out/index.html").is_file()
