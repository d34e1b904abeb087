"""The pages: every one is found, every link leads somewhere, and names are those of the code."""

import importlib
import re

import pytest

import tiled_sim
from support.pages import DOCS, PAGES, ROOT, blocks_of, without_blocks
from tiled_sim.cli.commands import commands_page
from tiled_sim.cli.main import VERBS
from tiled_sim.cluster.page.plugin import NAME

INDEX = DOCS / "index.md"
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^(#{1,6}) +(.+?)\s*$", re.MULTILINE)
_MODULE = re.compile(r"\btiled_sim(?:\.[a-z_]+)*\.\w+")
#: Names of attributes and files of a run.
_OF_A_RUN = {"tiled_sim.experiment", "tiled_sim.json", "tiled_sim.toml"}


def named(page):
    return page.name


def prose(page):
    """A page's text without code."""
    return re.sub(r"`[^`\n]*`", "`x`", without_blocks(page))


def anchors_of(page):
    """Anchors of headings, as GitHub and MyST make them."""
    found: list[str] = []
    for _, title in _HEADING.findall(without_blocks(page)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).replace("`", "").replace("\\", "")
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        again = sum(1 for one in found if re.fullmatch(rf"{re.escape(slug)}(-\d+)?", one))
        found.append(f"{slug}-{again}" if again else slug)
    return set(found)


def in_toctrees():
    """Names of the pages that stand in a table of contents of the index."""
    trees = [block.text for block in blocks_of(INDEX) if block.language == "{toctree}"]
    return [line for tree in trees for line in tree.split() if not line.startswith(":")]


def test_every_page_stands_in_the_table_of_contents():
    pages = {page.stem for page in DOCS.glob("*.md")} - {"index"}
    lost = sorted(pages - set(in_toctrees()))
    assert not lost, (
        f"docs/{lost[0]}.md stands in no table of contents: name it in one of the toctrees of "
        "docs/index.md, under the caption where a reader would look for it"
    )


def test_the_readme_leads_to_every_beginning():
    links = set(_LINK.findall(prose(ROOT / "README.md")))
    beginnings = {f"docs/{page.name}" for page in DOCS.glob("quickstart-*.md")}
    assert len(beginnings) == 4
    assert beginnings | {"docs/concepts.md", "docs/commands.md", "docs/options.md"} <= links


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_to_pages_and_headings_that_are_there(page):
    broken = []
    for link in _LINK.findall(prose(page)):
        if link.startswith(("http:", "https:", "mailto:")):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        if not target.exists():
            broken.append(f"{link}: there is no such file")
        elif anchor and anchor not in anchors_of(target):
            broken.append(f"{link}: {target.name} has no such heading")
    assert not broken, f"{page.name}: {broken}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_names_of_the_package_are_there(page):
    missing = [
        name for name in set(_MODULE.findall(page.read_text())) - _OF_A_RUN if not found(name)
    ]
    assert not missing, f"{page.name}: {missing}"


def found(name):
    """Whether a dotted name is a module of ours, or something in one."""
    module, _, last = name.rpartition(".")
    try:
        importlib.import_module(name)
    except ImportError:
        try:
            return hasattr(importlib.import_module(module), last)
        except ImportError:
            return False
    return True


@pytest.mark.parametrize("page", ["README.md", "docs/page.md"])
def test_the_tab_of_the_dashboard_is_named_as_dask_shows_it(page):
    """Its template writes the last part of the address with a capital at each word."""
    assert f"*{NAME.title()}*" in (ROOT / page).read_text()


def test_the_readme_tells_every_verb():
    told = set(re.findall(r"`([a-z]+)`", (ROOT / "README.md").read_text()))
    assert set(VERBS) <= told


def test_the_readme_has_both_commands_in_a_block_each():
    for marker in ("<!-- run command -->", "<!-- test command -->"):
        after = (ROOT / "README.md").read_text().partition(marker)[2]
        assert after.startswith("\n```sh\n")
        assert len(after.partition("```\n")[0].strip().splitlines()) == 2  # the fence, one command


# Commands


def test_the_page_of_commands_is_that_of_the_parsers():
    """Made anew by the command that it names."""
    assert (DOCS / "commands.md").read_text() == commands_page()


def test_every_option_of_every_verb_is_told():
    page = commands_page()
    for verb in VERBS:
        parser = importlib.import_module(f"tiled_sim.cli.{verb}").parser()
        assert f"\n## {verb}\n" in page
        for action in parser._actions:
            for option in action.option_strings:
                assert f"`{option}" in page, f"{verb} {option}"


def test_options_that_verbs_have_in_common_stand_once():
    page = commands_page()
    assert page.count("| `--space-group NAME` |") == 1
    assert page.count("| `--cluster WHERE` |") == 1


def test_what_is_public_stands_in_the_reference():
    page = (DOCS / "api.md").read_text()
    for name in tiled_sim.__all__:
        assert re.search(rf"^\.\. auto\w+:: (tiled_sim\.)?{name}$", page, re.MULTILINE), name
