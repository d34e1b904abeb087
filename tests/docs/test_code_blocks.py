"""Code on the pages does what it says: it runs, or is parsed where it needs what is not here."""

import ast
import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from support.pages import DOCS, PAGES, ROOT, blocks_of, without_blocks
from tiled_sim.cli.main import main
from tiled_sim.model.experiment import Experiment

#: What a block may need, in the comment above it: <!-- needs DIALS -->.
NEEDS = {
    "a browser",
    "a GPU",
    "a network",
    "a run of yours",
    "a scheduler",
    "cctbx",
    "DIALS",
    "files of yours",
    "hours",
    "minutes",  # it runs with -m slow
    "pyFAI",
    "S3",
    "SLURM",
}
#: Everything else is a slip: `bash` for `sh`, or no language at all.
LANGUAGES = {"sh", "python", "toml", "json", "yaml", "text", "{toctree}", "{eval-rst}"}
#: Whose commands another test runs.
OF_THE_TUTORIAL = DOCS / "tutorial-structure-factors.md"
#: Pages whose commands begin with a run.
WITH_A_RUN = {"processing.md", "store.md"}
#: Tables of a document that those of a page take the place of.
DOCUMENT = {
    "beam": {"wavelength_A": 1.0, "fluence_photons_per_m2": 1e24},
    "crystal": {"cell_A": [70, 80, 90], "cell_angles_deg": [75, 85, 95], "cells": 5},
    "detector": {
        **{"pixels": [64, 64], "pixel_size_mm": 0.8, "distance_mm": 100},
        "beam_center_px": [32, 32],
    },
    "structure_factors": {"hkl": "examples/p1.hkl"},
}
#: And those of the run that some pages begin with: a short scan.
SCAN = {
    **DOCUMENT,
    "frames": {
        **{"spindle": [1, 0, 0], "start_deg": 10, "oscillation_deg": 0.5},
        **{"steps": 1, "count": 8},
    },
    "noise": {"seed": 7},
}
BLOCKS = [block for page in PAGES for block in blocks_of(page)]
_SHELL = re.compile(r"[|<>;&$`()*]")
_ASSIGNED = re.compile(r"[A-Z]\w*=")


def run_here(block):
    """Whether a block is one that runs, rather than is looked at."""
    return block.language in ("sh", "python", "toml") and not block.needs


RUNNING = sorted({b.page for b in BLOCKS if run_here(b)} - {OF_THE_TUTORIAL})
SLOW = [block for block in BLOCKS if block.needs == "minutes"]


def named(one):
    return one.name if isinstance(one, Path) else one.place


# Every block


@pytest.mark.parametrize("block", BLOCKS, ids=named)
def test_a_block_says_its_language_and_is_written_in_it(block):
    assert block.language in LANGUAGES, f"{block.place}: say which of {sorted(LANGUAGES)} it is"
    if block.language == "sh":
        done = subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True)
        assert done.returncode == 0, f"{block.place}: {done.stderr}"
    reader = {"python": ast.parse, "toml": tomllib.loads, "json": json.loads}
    reader |= {"yaml": yaml.safe_load}
    if block.language in reader:
        reader[block.language](block.text)


def test_what_a_block_needs_is_one_of_a_few_things():
    assert {block.needs for block in BLOCKS} - {""} <= NEEDS


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_commands_stand_in_blocks_with_fences(page):
    """Indented ones are neither run nor parsed; of the benchmarks' there are some."""
    indented = re.findall(r"(?m)^    (?:tiled-sim|dask|pip|import|from) .*$", without_blocks(page))
    of_benchmarks = page.name == "benchmarks.md"
    assert of_benchmarks or not indented, f"{page.name}: {indented}"


# Those that run


def furnish(folder, page):
    """Give the commands of a page what a checkout has where they run: the examples alone."""
    (folder / "examples").symlink_to(ROOT / "examples")
    if page.name in WITH_A_RUN:
        (folder / "scan.toml").write_text(told(SCAN))
        assert main(["submit", "--out", "run.zarr", "scan.toml", "--no-progress"]) == 0


def simple_commands(text):
    """Words of every command, if all are tiled-sim's and take little of the shell; else None."""
    values, commands = {}, []
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if len(words) == 1 and _ASSIGNED.match(words[0]):
            name, _, value = words[0].partition("=")
            values[f"${name}"] = value.split()
        elif words:
            commands.append([part for word in words for part in values.get(word, [word])])
    plain = not any(_SHELL.search(word) for words in commands for word in said(words))
    return commands if plain and all(words[0] == "tiled-sim" for words in commands) else None


def said(words):
    """The words of a command without the file that takes what it prints, and its arrow."""
    return words[:-2] if words[-2:-1] == [">"] else words


def run_sh(block):
    """What the commands of a block print."""
    commands = simple_commands(block.text)
    if commands is None:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.text],
            **{"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT},
            env={**os.environ, "PATH": path},
            timeout=600,
        )
        assert done.returncode == 0, f"{block.place}: {done.stdout}"
        return done.stdout
    told = io.StringIO()
    with contextlib.redirect_stderr(told):
        for words in commands:
            into = io.StringIO() if words != said(words) else told
            with contextlib.redirect_stdout(into):
                code = main(said(words)[1:])
            assert code == 0, f"{block.place}: {shlex.join(words)}: {told.getvalue()}"
            if into is not told:
                Path(words[-1]).write_text(into.getvalue())
    return told.getvalue()


def run_toml(block):
    """Read the tables as those of an experiment."""
    tables = tomllib.loads(block.text)
    others = {name: table for name, table in DOCUMENT.items() if name not in tables}
    Path("document.toml").write_text(f"{block.text}\n{told(others)}")
    Experiment.from_toml("document.toml")


def told(tables):
    """Tables as TOML, whose numbers, texts and lists are written as JSON's are."""
    return "".join(
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
        for name, table in tables.items()
    )


def assert_shown(shown, printed):
    """Hold a sample of output against what is printed: … stands for anything."""
    wanted = ""
    for line in shown.text.splitlines():
        wanted += ".*" if line.strip() == "…" else re.escape(line).replace("…", "[^\n]*") + "\n"
    assert re.search(wanted, printed, re.DOTALL), f"{shown.place} shows\n{shown.text}\n{printed}"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


@pytest.mark.parametrize("page", RUNNING, ids=named)
def test_blocks_of_a_page_run_one_after_the_other(page, here):
    furnish(here, page)
    names = {"__name__": "__main__"}
    blocks = blocks_of(page)
    for block, after in zip(blocks, [*blocks[1:], None], strict=True):
        if not run_here(block):
            continue
        printed = None
        if block.language == "sh":
            printed = run_sh(block)
        elif block.language == "toml":
            run_toml(block)
        else:
            stream = io.StringIO()
            with contextlib.redirect_stdout(stream):
                exec(compile(block.text, block.place, "exec"), names)
            printed = stream.getvalue()
        if printed is not None and after and after.language == "text" and after.follows:
            assert_shown(after, printed)


@pytest.mark.slow
@pytest.mark.parametrize("block", SLOW, ids=named)
def test_blocks_that_take_minutes_run(block, here):
    furnish(here, block.page)
    if block.language == "sh":
        run_sh(block)
    else:
        exec(compile(block.text, block.place, "exec"), {"__name__": "__main__"})


# The checks themselves


def test_a_sample_that_is_of_another_day_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```sh\ntiled-sim --version\n```\n\n```text\ntime … s\n…\nkernel two\n```\n")
    _, shown = blocks_of(page)
    assert shown.follows
    assert_shown(shown, "time 1.2 s\nanything\nat all\nkernel two\n")
    with pytest.raises(AssertionError, match=r"page\.md:5 shows"):
        assert_shown(shown, "time 1.2 s\nkernel one\n")


def test_commands_that_need_a_shell_are_told_from_those_that_do_not():
    assert simple_commands("tiled-sim plan a.toml # what\ntiled-sim view \\\n  a\n") == [
        ["tiled-sim", "plan", "a.toml"],
        ["tiled-sim", "view", "a"],
    ]
    assert simple_commands('A="-N 5"\ntiled-sim plan $A\n') == [["tiled-sim", "plan", "-N", "5"]]
    assert said(["tiled-sim", "config", ">", "a.toml"]) == ["tiled-sim", "config"]
    for text in ("tiled-sim plan a | head", "tiled-sim plan $A", "cat a", "tiled-sim view *"):
        assert simple_commands(text) is None
