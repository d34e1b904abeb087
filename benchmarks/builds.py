"""Two builds of tiled_sim side by side: this checkout, and a commit in an environment of its own."""

import contextlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from cases import DATA, ROOT
from filelock import FileLock

_INSIDE = Path(__file__).parent / "inside.py"


class BuildError(Exception):
    """A build that cannot be had, or that does not do what it was asked."""


@dataclass(frozen=True)
class Build:
    """A tiled_sim and the Python that runs it.

    Parameters
    ----------
    name : for tables
    python : the interpreter
    home : folder that its tiled_sim lies in
    path : what the interpreter needs in PYTHONPATH; empty where tiled_sim is installed
    """

    name: str
    python: Path
    home: Path
    path: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of its processes: one thread each, no GPU, no other tiled_sim."""
        return {
            **os.environ,
            "PYTHONPATH": self.path,
            "PYTHONSAFEPATH": "1",
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
        }

    def submit(
        self, out: Path, kernel: str, words: list[str], *, folder: Path = DATA, cluster: str
    ) -> subprocess.Popen[bytes]:
        """Start `tiled-sim submit` with a ``KERNEL PRECISION``; `finished` waits for it."""
        name, precision = kernel.split()
        command = [self.python, "-m", "tiled_sim", "submit", "--out", out, "--no-progress"]
        chosen = ["--kernel", name, "--precision", precision, "--cluster", cluster]
        return subprocess.Popen(
            [*command, *chosen, *words],
            cwd=folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )


def finished(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process.

    Raises
    ------
    BuildError
        with the last line of what it said, if it failed
    """
    _, said = process.communicate()
    if process.returncode:
        raise BuildError(_last_line(said.decode()) or f"exit code {process.returncode}")


class Inside(contextlib.AbstractContextManager):
    """A process of a build that simulates what it is asked, until the end of the block.

    Parameters
    ----------
    build : whose
    core : that it keeps to; None: any
    """

    def __init__(self, build: Build, core: int | None = None) -> None:
        self.build = build
        self._process = subprocess.Popen(
            [build.python, _INSIDE, *([] if core is None else [str(core)])],
            cwd=DATA,
            env=build.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.versions = self.answer()
        found = Path(self.versions.pop("tiled_sim"))
        if not found.is_relative_to(build.home):
            self.__exit__()
            raise BuildError(f"{build.name} should be in {build.home} and is {found}")

    def ask(self, **request: Any) -> None:
        """Send what it is to simulate."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """What it says of it; ``error`` if it could not."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BuildError(f"{self.build.name} died with exit code {self._process.wait()}")
        return json.loads(line)

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def this_checkout() -> Build:
    """The files as they are now, run by this interpreter."""
    name = _git("describe", "--always", "--dirty", "--exclude", "*").decode().strip()
    return Build(name, Path(sys.executable), ROOT, str(ROOT))


def of_commit(name: str) -> Build:
    """A commit, installed with its own constraints; made at the first call, kept in the user's cache.

    Raises
    ------
    BuildError
        if there is no such commit, or it cannot be installed
    """
    commit = _git("rev-parse", "--verify", f"{name}^{{commit}}").decode().strip()
    home = _cache_folder() / f"{commit}-{platform.python_version()}"
    home.parent.mkdir(parents=True, exist_ok=True)
    whole = home / "installed"
    with FileLock(f"{home}.lock"):
        if not whole.is_file():
            shutil.rmtree(home, ignore_errors=True)
            print(f"installing {commit[:7]} into {home}, once", file=sys.stderr)
            _install(commit, home)
            whole.touch()
    return Build(commit[:7], home / "bin" / "python", home)


def _cache_folder() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "tiled_sim" / "builds"


def _install(commit: str, home: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=BytesIO(_git("archive", commit))) as archive:
            archive.extractall(folder, filter="data")
        for command in (
            [sys.executable, "-m", "venv", home],
            [home / "bin" / "python", "-m", "pip", "install", "-q", "-c", "constraints.txt", "."],
        ):
            _run(command, cwd=folder, env=environment)


def _git(*words: str) -> bytes:
    return _run(["git", "-C", ROOT, *words])


def _run(command: list[str | Path], **options: Any) -> bytes:
    done = subprocess.run(command, check=False, capture_output=True, **options)
    if done.returncode:
        told = " ".join(str(word) for word in command)
        raise BuildError(f"`{told}` failed: {_last_line(done.stderr.decode())}")
    return done.stdout


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]
