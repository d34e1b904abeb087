"""The page of the tutorial, and what fills it."""

import importlib.util
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "docs" / "tutorial.py"
_NUMBER = re.compile(r"(?<![\w.])-?\d+\.\d+(?:e[-+]\d+)?(?![\w.])")


@pytest.fixture(scope="module")
def tutorial():
    """The module, which belongs to no package."""
    found = importlib.util.spec_from_file_location("tutorial", SOURCE)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.fixture
def shell(tutorial, shared, tmp_path):
    """What runs commands where the files of the page lie."""
    return tutorial.shell(shared, tmp_path)


def rounded(page):
    """A page with its fractions in five digits and differences of rounding as 0."""

    def told(number):
        value = float(number[0])
        return f"{value:.5g}" if abs(value) > 1e-7 else "0"

    return _NUMBER.sub(told, page)


def test_commands_print_what_the_page_shows_of_stub_and_no_file(tutorial, shell):
    beginning, _, _ = tutorial.PAGE.read_text().partition("## 3.")
    assert rounded(tutorial.filled(beginning, shell)) == rounded(beginning)


@pytest.mark.slow
def test_commands_print_what_the_page_shows(tutorial, shell):
    page = tutorial.PAGE.read_text()
    assert rounded(tutorial.filled(page, shell)) == rounded(page)


def test_the_page_names_no_folder_of_a_machine(tutorial):
    assert not re.search(r"(?<!\S)/\w", tutorial.PAGE.read_text())


def test_what_a_command_prints_takes_the_place_of_what_stood_there(tutorial):
    page = "A\n\n```sh\none\ntwo\n```\n\n```text\nold\n```\n\nB\n\n```text\nkept\n```\n"
    told = tutorial.filled(page, lambda commands: f"<{commands.split()}>\n")
    assert told == page.replace("old", "<['one', 'two']>")


def test_a_command_that_prints_what_the_page_does_not_show_is_an_error(tutorial):
    with pytest.raises(ValueError, match="does not show what these print:\none\nlost"):
        tutorial.filled("```sh\none\n```\n\nB\n", lambda commands: "lost\n")


def test_exit_codes_complaints_and_what_varies_are_told_alike_every_time(tutorial, tmp_path):
    run = tutorial.shell(tmp_path, tmp_path / "here")
    words = "word " * 30
    told = run(
        f"echo 'time      1.3 s'; echo run {'0f' * 16} >&2; echo 'note  {words}'; false | cat"
    )
    assert told.splitlines() == [
        "time      …",
        "run …",
        "note  " + " ".join(["word"] * 19),
        "      " + " ".join(["word"] * 11),
        "exit code 1",
    ]
