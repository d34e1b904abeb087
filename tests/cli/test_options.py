"""The tables of options."""

import re
from pathlib import Path

import pytest

from tiled_sim.cli.options import option_table, options_page
from tiled_sim.io.mask_file import MASK_RULES
from tiled_sim.read.nanobragg.options import OPTIONS

DOCS = Path(__file__).parents[2] / "docs"
NUMBERS = {row.strip() for option in OPTIONS for row in option.row.split(",") if option.row}


def test_the_page_of_options_is_that_of_the_parser():
    assert (DOCS / "options.md").read_text() == options_page()


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_has_one_row_of_its_own(option):
    (row,) = re.findall(rf"^\| `{option.name}(?: [^`]*)?` \|.*$", options_page(), re.M)
    assert len(re.findall(r"(?<!\\)\|", row)) == 7
    assert (option.help or option.inert) in row.replace("\\|", "|")


@pytest.mark.parametrize("rule", MASK_RULES.values(), ids=MASK_RULES)
def test_every_format_of_masks_has_its_rule_on_the_page(rule):
    geometry = "yes" if rule.geometry else "no"
    assert f"| {rule.title} | {rule.dead} | {rule.array} | {geometry} |\n" in options_page()


@pytest.mark.parametrize("number", sorted(NUMBERS))
def test_every_difference_that_is_named_is_a_row_of_the_page_of_differences(number):
    page = (DOCS / "differences.md").read_text()
    assert re.search(rf"^\| {number} \|", page, re.M)


def test_the_help_has_defaults_and_units():
    assert (
        "-density N                         of the material of -water (1) [g/cm³]" in option_table()
    )
