"""Short runs that are many: what they wait for is compiled once that is worth it."""

import multiprocessing

import pytest

from tiled_sim.errors import KernelError
from tiled_sim.kernels import packages, subpixels, waited
from tiled_sim.kernels.bragg.loops import LIBRARY
from tiled_sim.kernels.compiled import packages_of
from tiled_sim.model.settings import Settings
from tiled_sim.plan import choice
from tiled_sim.plan.choice import choose_kernel
from tiled_sim.plan.prepare import prepare
from tiled_sim.simulation.images import simulate

GRAPHS = ("float64", "mixed")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache of one's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "tiled_sim" / "kernels"


@pytest.fixture(autouse=True)
def round_costs(monkeypatch):
    """Costs that make the predictions easy to work out; a job takes 9 s or 1 s, by two graphs."""
    pixels = 96 * 96
    # as where there are no long vectors: the loop in C++ is compiled at once
    monkeypatch.setattr(subpixels, "has_wide_vectors", lambda: False)
    monkeypatch.setattr(choice, "_REFERENCE_EVALUATION", {"square": 9.0 / pixels})
    monkeypatch.setattr(choice, "_REFERENCE_SUBPIXEL", 0.0)
    monkeypatch.setattr(choice, "_REFERENCE_PIXEL", 0.0)
    monkeypatch.setattr(choice, "_COMPILED_PIXEL", 0.0)
    compiled = {
        "float64": {"square": 1.0 / pixels, "gauss_star": 1.0 / pixels},
        "mixed": {"square": 0.5 / pixels},
    }
    monkeypatch.setattr(choice, "_COMPILED_EVALUATION", compiled)
    monkeypatch.setattr(choice, "_COMPILED_SUBPIXEL", 0.0)
    monkeypatch.setattr(choice, "_LOADING", 0.0)
    monkeypatch.setattr(choice, "_BUILDING", {False: 10.0})


@pytest.fixture
def compiler(monkeypatch):
    """Takes the place of torch's: names of the graphs that it was to compile."""
    names = []

    def compile_(graph, path):
        names.append(graph.name)
        path.write_text("no package")

    monkeypatch.setattr(packages, "_compile", compile_)
    return names


def run(job, settings=Settings(), **options):  # noqa: B008 - frozen
    """The kernel of a run, from which on it is computed."""
    return prepare(job, settings, compiling=lambda: None, **options).plan.settings.kernel


def test_the_same_run_again_and_again_does_not_stay_on_the_reference_kernel(still, compiler):
    # two graphs are 20 s, and a run saves 8
    assert [run(still()) for _ in range(4)] == ["reference", "reference", "compiled", "compiled"]
    assert len(compiler) == 2


def test_what_is_waited_for_counts_for_each_precision_alone(still, compiler):
    mixed = Settings(precision="mixed")
    run(still(), mixed)
    run(still(), mixed)
    sums = [waited.seconds_waited(packages_of(still(), each)[1]) for each in GRAPHS]
    assert sums == [0.0, pytest.approx(8.5)]


def test_planning_alone_waits_for_nothing(still, cache):
    for _ in range(9):
        assert prepare(still()).plan.settings.kernel == "reference"
    assert not list(cache.glob("*.waited"))


def test_a_kernel_that_is_asked_for_waits_for_nothing(still, cache):
    run(still(), Settings("reference"))
    assert not list(cache.glob("*.waited"))


def test_where_spots_can_be_followed_their_loops_are_waited_for(still, monkeypatch):
    monkeypatch.setattr(choice, "_REFERENCE_EVALUATION", {"gauss_star": 1.5 / 96**2})
    spots = still("-gauss_xtal", "-N", 30)
    assert run(spots) == "reference"
    assert waited.seconds_waited(LIBRARY) == pytest.approx(1.5)
    assert run(spots) == "spots"


def test_square_crystals_wait_for_no_spots(still):
    run(still("-square_xtal"))
    assert waited.seconds_waited(LIBRARY) == 0.0


def test_a_compiler_that_fails_is_not_tried_in_every_run(still, monkeypatch, caplog):
    tried = []

    def fail(graph, path):
        tried.append(graph)
        raise OSError("cc1plus: killed")

    monkeypatch.setattr(packages, "_compile", fail)
    assert {run(still()) for _ in range(6)} == {"reference"}
    assert len(tried) == 2
    with pytest.raises(KernelError, match="cc1plus: killed"):
        run(still(), Settings("compiled"))


def test_where_nothing_can_be_compiled_nothing_is_waited_for(still, cache, tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("CXX", raising=False)
    assert {run(still()) for _ in range(4)} == {"reference"}
    assert not list(cache.glob("*.waited"))


def test_a_cache_that_is_a_file_hinders_no_run(still, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert simulate(still()).max() > 0
    waited.add_wait(LIBRARY, 1.0)
    waited.forget_wait(LIBRARY)
    assert waited.seconds_waited(LIBRARY) == 0.0


def test_processes_that_wait_at_once_are_all_counted():
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=waited.add_wait, args=(LIBRARY, 0.25)) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert waited.seconds_waited(LIBRARY) == 2.0


def test_a_run_adds_no_more_than_a_compilation_could_take():
    waited.add_wait(LIBRARY, 1e12)
    assert waited.seconds_waited(LIBRARY) < 1000


def test_choosing_reads_what_was_waited(still):
    asked = Settings()
    for graph in packages_of(still(), "float64"):
        waited.add_wait(graph, 9.0)
    assert choose_kernel(still(), asked, device="cpu", cores=1).kernel == "compiled"
    assert choose_kernel(still(), asked, device="cpu", cores=8).kernel == "reference"
