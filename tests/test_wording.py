"""Errors name parameters to whoever calls from Python, and options to whoever writes a command."""

import ast
import re
from pathlib import Path

import pytest

import tiled_sim
from tiled_sim.cli.main import main
from tiled_sim.errors import UsageError, written
from tiled_sim.wording import in_python, on_command_line

PACKAGE = Path(tiled_sim.__file__).parent
#: Options of other programs.
OTHERS = {"--headless", "--test-only", "--noheader", "--format", "--jobs", "--me"}


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("--tile: 20 pixels", "tile: 20 pixels"),
        ("--tile 512 fits", "tile=512 fits"),
        ("--kernel reference decides", "kernel='reference' decides"),
        ("--kernel 'x' must be", "kernel='x' must be"),
        ("--negligible 1e-09 is", "negligible=1e-09 is"),
        ("--trace-pixel 5 -6 lies", "trace_pixels=(5, -6) lies"),
        ("--require-coverage FRACTION changes", "require_coverage=FRACTION changes"),
        ("--mtz FILE[:LABEL], or", "mtz=FILE[:LABEL], or"),
        ("name another --out, or", "name another path, or"),
        ("say --c-compat to", "say c_compat=True to"),
        ("--no-clip-to-beam for all", "clip_to_beam=False for all"),
        ("--cluster local:2 ends", "cluster='local:2' ends"),
        ("--mtz /a/b.mtz:F wins", "mtz='/a/b.mtz:F' wins"),
        ("-hkl FILE is nanoBragg's", "-hkl FILE is nanoBragg's"),
        ("`tiled-sim submit --out RUN.zarr` does", "`tiled-sim submit --out RUN.zarr` does"),
    ],
)
def test_an_option_becomes_the_parameter(message, said):
    assert in_python(message) == said
    assert in_python(said) == said


def test_an_error_speaks_to_where_it_is_told():
    error = UsageError("--tile 20 is not a multiple of 16")
    assert str(error) == "tile=20 is not a multiple of 16"
    with on_command_line():
        assert str(error) == "--tile 20 is not a multiple of 16"
    assert str(error) == "tile=20 is not a multiple of 16"
    assert written(error) == "--tile 20 is not a multiple of 16"


def texts_of(module):
    """Every text of a module but those that document it."""
    documents = {
        id(node.body[0].value)
        for node in ast.walk(module)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(module):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and id(node) not in documents:
            yield text


@pytest.mark.parametrize(
    "file",
    [file for file in PACKAGE.rglob("*.py") if "cli" not in file.parts],
    ids=lambda file: str(file.relative_to(PACKAGE)),
)
def test_no_message_of_a_module_keeps_an_option_in_python(file):
    for text in texts_of(ast.parse(file.read_text())):
        said = re.sub("`[^`]*`?", "", in_python(text))  # the rest of a command may be a variable
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", said)) <= OTHERS, text


def test_every_verb_that_a_page_writes_is_one(capsys):
    assert main(["--help"]) == 0
    verbs = set(re.findall(r"^  ([a-z]+) ", capsys.readouterr().out.split("exit codes")[0], re.M))
    root = PACKAGE.parent
    pages = [root / "README.md", *(root / "docs").glob("*.md")]
    written = {
        (page.name, verb)
        for page in pages
        for verb in re.findall(r"(?:^|`|\$ )(?:\s*)tiled-sim ([a-z]+)", page.read_text(), re.M)
    }
    assert len(written) > 30
    assert {(page, verb) for page, verb in written if verb not in verbs} == set()
