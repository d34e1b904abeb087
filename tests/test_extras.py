"""Extras: named in one place, and what is said where one is missing."""

import re
import tomllib
from pathlib import Path

import pytest

from tiled_sim.errors import EXTRAS, MissingExtraError

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())


def test_the_extras_are_those_that_can_be_installed():
    declared = {
        name: tuple(re.split("[<>=; ]", requirement)[0] for requirement in requirements)
        for name, requirements in PROJECT["project"]["optional-dependencies"].items()
        if name not in ("docs", "test")  # for who works on the program
    }
    assert declared == {name: packages for name, (packages, _) in EXTRAS.items()}


@pytest.mark.parametrize("extra", EXTRAS)
def test_a_missing_extra_is_told_with_the_command_that_installs_it(extra):
    error = MissingExtraError(extra)
    assert f"pip install 'tiled_sim[{extra}]'" in str(error)
    assert error.exit_code == 2
