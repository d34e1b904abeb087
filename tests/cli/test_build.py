"""``tiled-sim build``: everything is compiled beforehand."""

import json

import pytest

from tiled_sim.cli.main import main
from tiled_sim.kernels import everything, packages
from tiled_sim.kernels.bragg.loops import LIBRARY
from tiled_sim.kernels.compiled import packages_of


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache of one's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tiled_sim" / "kernels"


@pytest.fixture
def compiler(monkeypatch):
    """Takes the place of torch's, which takes minutes."""
    monkeypatch.setattr(packages, "_compile", lambda graph, path: path.write_text(graph.name))


def test_everything_is_compiled_and_told_with_its_time(cache, compiler, capsys):
    assert main(["build"]) == 0
    *lines, where = capsys.readouterr().out.splitlines()
    assert len(lines) == len(everything.EVERYTHING)
    assert all(" compiled in " in line and line.endswith(" s") for line in lines)
    assert where == f"in {cache}"
    assert all(map(packages.is_built, everything.EVERYTHING))


def test_what_is_there_stays_and_is_told(compiler, capsys):
    packages.build(LIBRARY)
    assert main(["build", "--json"]) == 0
    first, *others = json.loads(capsys.readouterr().out)["kernels"]
    assert first == {"name": "spots", "seconds": None}
    assert all(other["seconds"] is not None for other in others)


@pytest.mark.parametrize("shape", ["square", "round", "gauss", "tophat"])
@pytest.mark.parametrize("options", [(), ("-interpolate",)])
@pytest.mark.parametrize("precision", ["float64", "mixed"])
def test_everything_is_all_that_an_experiment_may_need(still, shape, options, precision):
    spots = "spots" if shape == "tophat" else "xtal"
    experiment = still(f"-{shape}_{spots}", *options)
    assert set(packages_of(experiment, precision)) <= set(everything.EVERYTHING)


def test_without_a_compiler_one_sentence_says_so(tmp_path, monkeypatch, capsys):
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("CXX", raising=False)
    assert main(["build"]) == 1
    complaint = capsys.readouterr().err
    assert complaint == (
        "tiled-sim: spots cannot be compiled: no C++ compiler is installed (g++ or clang++); runs "
        "whose kernel is not compiled take the reference kernel, which needs no compiler\n"
    )


def test_where_all_is_there_no_compiler_is_needed(tmp_path, monkeypatch, compiler, capsys):
    main(["build"])
    capsys.readouterr()
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("CXX", raising=False)
    assert main(["build"]) == 0
    *lines, _ = capsys.readouterr().out.splitlines()
    assert {line.split()[1] for line in lines} == {"there"}
