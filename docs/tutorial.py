"""Run the commands of the tutorial, and put what they print into its page.

    python docs/tutorial.py FOLDER

FOLDER holds `data/pilatus6m` and `golden/pilatus6m.npz`. The page is its own template: every block
``sh`` is run in one temporary folder, in order, and the block ``text`` after it becomes what it
printed, with its exit code unless that is 0.
"""

import os
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path

PAGE = Path(__file__).with_name("tutorial-structure-factors.md")
#: What lies in the temporary folder, and where in the folder of the data it comes from.
FILES = {
    "A.mat": "data/pilatus6m/A.mat",
    "scaled.hkl": "data/pilatus6m/scaled.hkl",
    "stub.hkl": "data/pilatus6m/stub.hkl",
    "c/Fdump.bin": "data/pilatus6m/Fdump.bin",
    "c/trace.log": "data/pilatus6m/c_trace_slow685_fast1039.log",
    "c/images.npz": "golden/pilatus6m.npz",
}
WIDTH = 100

_BLOCK = re.compile(r"^```sh\n(.*?)^```\n(\n```text\n.*?^```\n)?", re.MULTILINE | re.DOTALL)
#: What differs from run to run.
_VOLATILE = (
    (re.compile(r"\brun [0-9a-f]{32}\b"), "run …"),
    (re.compile(r"^(time      |dashboard ).*$", re.MULTILINE), r"\1…"),
    # of a file of computed values, whose last bits are the machine's
    (re.compile(r"(bright\.npz.* sha256 )[0-9a-f]{64}"), r"\1…"),
)


def main(data: Path) -> None:
    """Make the page anew.

    Parameters
    ----------
    data : the folder with the files
    """
    missing = [path for path in FILES.values() if not (data / path).is_file()]
    if missing:
        sys.exit(f"{data} lacks {', '.join(missing)}; the page is left as it is")
    with tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(filled(PAGE.read_text(), shell(data, Path(folder))))


def filled(page: str, run: Callable[[str], str]) -> str:
    """Fill in what the commands of a page print.

    Parameters
    ----------
    page : markdown
    run : commands to what they print

    Raises
    ------
    ValueError
        for commands that print something where the page has no block for it
    """

    def fill(block: re.Match[str]) -> str:
        commands, shown = block.groups()
        printed = run(commands)
        if printed and shown is None:
            raise ValueError(f"the page does not show what these print:\n{commands}{printed}")
        output = "" if shown is None else f"\n```text\n{printed}```\n"
        return f"```sh\n{commands}```\n{output}"

    return _BLOCK.sub(fill, page)


def shell(data: Path, folder: Path) -> Callable[[str], str]:
    """What runs commands in a folder where the files of the tutorial lie.

    Parameters
    ----------
    data : the folder with the files
    folder : empty
    """
    for name, source in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(data.resolve() / source)
    # `python` and `tiled-sim` are those of the interpreter that runs this
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def run(commands: str) -> str:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", commands],
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        ending = f"exit code {done.returncode}\n" if done.returncode else ""
        return _told(done.stdout) + ending

    return run


def _told(output: str) -> str:
    """Without what differs from run to run, and no wider than a page."""
    for pattern, replacement in _VOLATILE:
        output = pattern.sub(replacement, output)
    return "".join(f"{_folded(line)}\n" for line in output.splitlines())


def _folded(line: str) -> str:
    """A line of prose in several, below what follows its label; rows of tables as they are."""
    label = re.match(r" *(\w+ {2,})?", line)
    indent = label.end() if label else 0
    if len(line) <= WIDTH or "  " in line[indent:]:
        return line
    return textwrap.fill(
        line,
        WIDTH,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
