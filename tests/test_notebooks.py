"""Notebooks of the examples run, and show what is committed with them."""

import copy
import os
import re
import shutil
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
pytest.importorskip("matplotlib")

EXAMPLES = Path(__file__).parents[1] / "examples"
_NUMBER = re.compile(r"-?\d+\.?\d*(?:e[-+]\d+)?")


def printed(notebook):
    """What each cell of code prints or shows as text, but for pictures, with four digits."""
    for cell in notebook.cells:
        shown = []
        for output in cell.get("outputs", ()):
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            shown.append(_NUMBER.sub(lambda number: f"{float(number[0]):.4g}", text))
        yield "".join(shown)


@pytest.fixture(scope="module")
def committed():
    return nbformat.read(EXAMPLES / "spots.ipynb", as_version=4)


@pytest.fixture(scope="module")
def executed(committed, tmp_path_factory):
    """The notebook, executed where its files lie."""
    folder = tmp_path_factory.mktemp("notebook")
    for name in ("2erl.toml", "2erl.hkl"):
        shutil.copy(EXAMPLES / name, folder)
    notebook = copy.deepcopy(committed)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("IPYTHONDIR", str(folder / "ipython"))
        # the package that is tested, wherever the kernel would find another
        environment.setenv("PYTHONPATH", str(EXAMPLES.parent), prepend=os.pathsep)
        resources = {"metadata": {"path": str(folder)}}
        nbclient.NotebookClient(notebook, timeout=300, resources=resources).execute()
    return notebook


def test_the_notebook_shows_what_is_committed_with_it(committed, executed):
    for due, found in zip(printed(committed), printed(executed), strict=True):
        assert found == due


def test_integrated_intensities_are_those_of_the_kinematic_theory(executed):
    text = "".join(printed(executed))
    (count,) = re.findall(r"(\d+) reflections are whole", text)
    (mean,) = re.findall(r"mean of photons / theory: +(\S+)", text)
    (worst,) = re.findall(r"all reflections within: +(\S+)", text)
    assert int(count) > 100
    assert float(mean) == pytest.approx(1, abs=1e-4)
    assert float(worst) < 1e-3


def test_the_notebook_names_no_folder_of_a_machine_and_has_its_pictures(committed):
    text = (EXAMPLES / "spots.ipynb").read_text(encoding="utf-8")
    assert not re.search(r"/(?:tmp|home|root|work|Users)/", text)
    assert text.count('"image/png"') == 2
    assert all(cell.get("execution_count", 1) is not None for cell in committed.cells)
