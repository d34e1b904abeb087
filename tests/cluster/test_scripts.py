"""Scripts of users that start worker processes."""

import subprocess
import sys
from pathlib import Path

import pytest

import tiled_sim as ts

ROOT = Path(ts.__file__).parents[1]
SCRIPT = """\
import tiled_sim as ts

STILL = (
    "-default_F 100 -cell 70 80 90 75 85 95 -lambda 1 -N 5 -distance 100 -detpixels 64 "
    "-pixel 0.4 -oversample 1"
)
"""
MAIN = """\
def main():
    experiment = ts.Experiment.from_nanobragg(STILL.split())
    print(ts.submit(experiment, "run.zarr", cluster="{cluster}", kernel="reference"))
"""


@pytest.fixture
def script(tmp_path):
    """Run a script as a user does; what became of it."""

    def run(text, name="script.py"):
        (tmp_path / "script.py").write_text(text)
        return subprocess.run(
            [sys.executable, name],
            input=text,
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(Path.home())},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def test_a_script_without_a_guard_is_told_what_to_write(script, tmp_path):
    done = script(SCRIPT + MAIN.format(cluster="local:2") + "\n\nmain()\n")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "script.py, line 12, starts worker processes" in last
    assert 'put what it does under `if __name__ == "__main__":`' in last
    assert "Nanny" not in done.stderr
    assert done.stderr.count("Traceback") == 1  # Python's own, of the script
    assert not (tmp_path / "run.zarr").exists()


@pytest.mark.parametrize(
    "ending", ['if __name__ == "__main__":\n    main()\n', "if '__main__' == __name__: main()\n"]
)
def test_a_script_with_a_guard_is_computed(script, ending):
    done = script(f"{SCRIPT}{MAIN.format(cluster='local:2')}\n\n{ending}")
    assert done.returncode == 0, done.stderr
    assert "1 of 1 tiles are done" in done.stdout


def test_a_short_run_which_needs_no_processes_needs_no_guard(script):
    done = script(SCRIPT + MAIN.format(cluster="local") + "\n\nmain()\n")
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout
        == "<Run run.zarr: 1 x 1 x 64 x 64 (frame x panel x slow x fast); 1 of 1 tiles are done>\n"
    )


def test_a_script_on_standard_input_is_told_to_be_a_file(script, tmp_path):
    guarded = (
        SCRIPT + MAIN.format(cluster="local:2") + '\n\nif __name__ == "__main__":\n    main()\n'
    )
    done = script(guarded, "-")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("write it into a file, and run that")
    assert "Nanny" not in done.stderr
    assert not (tmp_path / "run.zarr").exists()
