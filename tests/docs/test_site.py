"""The site is built from the pages without a warning."""

import importlib.util
import subprocess
import sys

import pytest

from support.pages import DOCS, ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of a built site."""
    folder = tmp_path_factory.mktemp("site")
    words = ["-m", "sphinx", "-q", "-W", "--keep-going", "-d", folder / "state", DOCS]
    built = subprocess.run(
        [sys.executable, *words, folder / "html"], cwd=ROOT, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    return folder / "html"


def test_every_page_is_built_with_links_to_pages_and_not_to_markdown(site):
    for page in DOCS.glob("*.md"):
        html = (site / f"{page.stem}.html").read_text()
        assert 'class="sidebar-tree"' in html
        assert '.md"' not in html, page.name


def test_the_reference_says_what_docstrings_say(site):
    page = (site / "api.html").read_text()
    assert 'id="tiled_sim.simulate"' in page
    assert "what to simulate" in page
    assert 'id="tiled_sim.Run.assembled"' in page
    assert page.count("<strong>Parameters</strong>") == 0  # no section that was not understood


def test_two_dashes_of_options_stay_two(site):
    assert "–" not in (site / "commands.html").read_text().partition("<main")[2]


# Docstrings


@pytest.fixture(scope="module")
def converted():
    found = importlib.util.spec_from_file_location("docstrings", DOCS / "extensions/docstrings.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module.converted


def test_sections_become_fields(converted):
    lines = """\
What it is.

Parameters
----------
a, b : of both,
    and more
c

Returns
-------
float32 (slow, fast)

Raises
------
UsageError
    for nonsense
""".splitlines()
    assert [line for line in converted(lines) if line] == [
        "What it is.",
        ":param a: of both,",
        "    and more",
        ":param b: of both,",
        "    and more",
        ":param c: ",
        ":returns: float32 (slow, fast)",
        ":raises UsageError: for nonsense",
    ]
