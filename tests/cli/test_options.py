"""The tables of options."""

from pathlib import Path

from tiled_sim.cli.options import markdown_table

README = Path(__file__).parents[2] / "README.md"


def test_the_table_of_the_readme_is_that_of_the_parser():
    assert f"\n{markdown_table()}\n\n" in README.read_text() + "\n"
