"""Compiled graphs on disk: what names them, who builds them, and what a damaged one costs."""

import logging
import multiprocessing
import os
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest
import torch

from tiled_sim.errors import KernelError
from tiled_sim.kernels import packages
from tiled_sim.kernels.packages import Graph

SWEEP = Graph("sweep", "square", "float64")
#: Made sooner than the sum over steps, and as good for what does not look inside.
DIRECTIONS = Graph("directions")
#: Not behind the cache of `load`, which a test of another would answer.
load = packages.load.__wrapped__


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of one's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "tiled_sim" / "kernels"


# The name


@pytest.mark.parametrize(
    "other",
    [
        DIRECTIONS,
        Graph("sweep", "square", "mixed"),
        Graph("sweep", "round", "float64"),
        Graph("sweep", "gauss_star", "float64"),
    ],
)
def test_graphs_that_differ_have_packages_of_their_own(other):
    assert other.path != SWEEP.path


def test_the_name_tells_a_person_what_is_in_it():
    assert SWEEP.path.name.startswith("sweep-square-float64-")
    assert SWEEP.path.suffix == ".pt2"


CHANGES = {
    "the source of the graphs": (packages, "_SOURCES", ("another source",)),
    "torch": (torch, "__version__", "99.0"),
    "python": (packages.platform, "python_version", lambda: "4.0"),
    "the architecture": (packages.platform, "machine", lambda: "riscv64"),
    "the vector instructions": (torch.backends.cpu, "get_cpu_capability", lambda: "NONE"),
    "the cpu": (packages, "cpu_flags", lambda: "flags: fpu"),
    "inductor's settings": (packages, "_SETTINGS", {"size_asserts": True}),
}


@pytest.mark.parametrize(("owner", "name", "value"), CHANGES.values(), ids=CHANGES)
def test_the_name_changes_with_whatever_decides_what_is_in_it(monkeypatch, owner, name, value):
    before = SWEEP.path
    monkeypatch.setattr(owner, name, value)
    assert SWEEP.path != before


def test_every_process_gives_a_graph_the_same_name():
    script = (
        "import torch; torch.set_num_threads(2); "
        "from tiled_sim.kernels.packages import Graph; "
        "print(Graph('sweep', 'square', 'float64').path)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    told = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == str(SWEEP.path)


def test_the_cache_lies_where_xdg_cache_home_says(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert SWEEP.path.parent == tmp_path / "tiled_sim" / "kernels"


@pytest.mark.parametrize("value", [None, ""])
def test_the_cache_lies_in_the_user_s_home_otherwise(tmp_path, monkeypatch, value):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if value is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert SWEEP.path.parent == tmp_path / ".cache" / "tiled_sim" / "kernels"


# Compilers


@pytest.fixture
def only(tmp_path, monkeypatch):
    """A PATH on which nothing is but executables of these names."""

    def make(*names):
        for name in names:
            (tmp_path / name).touch(mode=0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.delenv("CXX", raising=False)
        monkeypatch.setattr(packages.sys, "platform", "linux")

    return make


@pytest.mark.parametrize(
    ("names", "there"), [(["g++"], True), ([], False), (["gcc", "clang++", "cc"], False)]
)
def test_the_compiler_is_the_one_that_inductor_calls(only, names, there):
    only(*names)
    assert packages.has_compiler() is there


@pytest.mark.parametrize(("named", "there"), [("clang++", True), ("g++-99", False)])
def test_the_compiler_is_the_one_that_cxx_names(only, monkeypatch, named, there):
    only("g++", "clang++")
    monkeypatch.setenv("CXX", named)
    assert packages.has_compiler() is there


# Building, with a compiler that writes a word


class Compiler:
    """Takes the place of torch's: writes what it is told, and counts."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds
        self.runs = 0

    def __call__(self, graph, path):
        self.runs += 1
        path.write_text("half of it")
        time.sleep(self.seconds)
        path.write_text("good")


@pytest.fixture
def compiler(cache, monkeypatch):
    made = Compiler()
    monkeypatch.setattr(packages, "_compile", made)
    return made


@pytest.fixture
def opened(monkeypatch):
    """Opens what `Compiler` writes, and nothing else."""

    def open_(path, threads):
        if path.read_text() != "good":
            raise RuntimeError("not a package")
        return lambda *tensors: [path]

    monkeypatch.setattr(packages, "open_package", open_)


def test_a_graph_is_built_when_its_package_is_there(compiler):
    assert not packages.is_built(SWEEP)
    packages.build(SWEEP)
    assert packages.is_built(SWEEP)
    assert SWEEP.path.read_text() == "good"


def test_a_graph_that_is_built_is_not_built_again(compiler):
    packages.build(SWEEP)
    packages.build(SWEEP)
    assert compiler.runs == 1


def test_a_compiler_that_fails_leaves_no_package(cache, monkeypatch):
    def fail(graph, path):
        path.write_text("half of it")
        raise RuntimeError("cc1plus: out of memory")

    monkeypatch.setattr(packages, "_compile", fail)
    with pytest.raises(KernelError, match="out of memory"):
        packages.build(SWEEP)
    assert [path.name for path in cache.iterdir()] == [f"{SWEEP.path.name}.lock"]


def test_a_package_has_no_name_before_it_is_whole(compiler):
    compiler.seconds = 0.2
    thread = threading.Thread(target=packages.build, args=(SWEEP,))
    thread.start()
    while thread.is_alive():
        assert not SWEEP.path.exists() or SWEEP.path.read_text() == "good"
    assert SWEEP.path.read_text() == "good"


def test_threads_that_build_at_once_wait_for_one_of_them(compiler):
    compiler.seconds = 0.2
    threads = [threading.Thread(target=packages.build, args=(SWEEP,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert compiler.runs == 1


def test_a_graph_that_is_not_built_is_built_by_loading_it(compiler, opened):
    assert load(SWEEP)() == [SWEEP.path]
    assert compiler.runs == 1


def test_a_package_that_cannot_be_opened_is_built_again(compiler, opened):
    packages.build(SWEEP)
    SWEEP.path.write_text("rotten")
    load(SWEEP)
    assert (compiler.runs, SWEEP.path.read_text()) == (2, "good")


def test_the_user_is_told_of_a_package_that_cannot_be_opened(compiler, opened, caplog):
    packages.build(SWEEP)
    SWEEP.path.write_text("rotten")
    with caplog.at_level(logging.WARNING):
        load(SWEEP)
    assert f"{SWEEP.path.name} cannot be loaded (not a package)" in caplog.text


def test_a_package_is_built_again_but_once(compiler, monkeypatch):
    def refuse(path, threads):
        raise RuntimeError("not a package")

    monkeypatch.setattr(packages, "open_package", refuse)
    with pytest.raises(RuntimeError, match="not a package"):
        load(SWEEP)
    assert compiler.runs == 2


# Real packages


def arguments(graph, blocks=3, steps=5):
    """Numbers for a graph, none of them in the order of memory that it was traced with."""
    generator = torch.Generator().manual_seed(20260101)

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    if graph.kind == "directions":
        return [*normal(5, blocks, 1), normal(3), normal(blocks, 13), normal(12)]
    return [
        *normal(3, blocks, 256),
        normal(steps, 9, 1, 1),
        0.3 * normal(steps, 3, blocks, 1),
        torch.randint(0, 3, (steps, 3, blocks, 1), generator=generator, dtype=torch.int32),
        normal(steps, 1, 1).abs(),
        normal(64).square(),
        torch.full((3,), 3, dtype=torch.int32),
        torch.tensor([5.0, 6.0, 7.0, 1.0, 0.0, 0.0, 0.0, 1.0], dtype=torch.float64),
    ]


def strided(tensor):
    """The same numbers, every second place in memory and the axes the other way round."""
    turned = tensor.permute(*reversed(range(tensor.dim())))
    spread = torch.empty((*turned.shape, 2), dtype=tensor.dtype)
    spread[..., 0] = turned
    spread[..., 1] = 77
    return spread[..., 0].permute(*reversed(range(tensor.dim())))


def eager(graph, tensors):
    result = graph.module()(*tensors)
    return list(result) if isinstance(result, tuple) else [result]


@pytest.mark.parametrize("graph", [DIRECTIONS, SWEEP], ids=lambda graph: graph.kind)
def test_tensors_of_any_strides_give_the_right_answer(graph):
    tensors = arguments(graph)
    twisted = [strided(tensor) for tensor in tensors]
    assert not any(tensor.is_contiguous() for tensor in twisted if tensor.numel() > 1)
    torch.testing.assert_close(
        packages.load(graph)(*twisted), eager(graph, tensors), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize(("blocks", "steps"), [(2, 2), (2, 64), (257, 3)])
def test_any_number_of_blocks_and_steps_gives_the_right_answer(blocks, steps):
    tensors = arguments(SWEEP, blocks, steps)
    torch.testing.assert_close(
        packages.load(SWEEP)(*tensors), eager(SWEEP, tensors), rtol=1e-12, atol=1e-12
    )


def changed(path, kind):
    """Damage a package as disks, full file systems and careless people do."""
    whole = path.read_bytes()
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "half":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "another file":
        path.write_text("This is no package.")
    else:
        with zipfile.ZipFile(path) as package:
            (code,) = (part for part in package.infolist() if part.filename.endswith(".so"))
        place = code.header_offset + code.file_size // 2
        flipped = bytes(byte ^ 0xFF for byte in whole[place : place + 4096])
        path.write_bytes(whole[:place] + flipped + whole[place + 4096 :])


DAMAGE = ["empty", "half", "another file", "flipped bits"]


@pytest.fixture
def damaged(tmp_path, monkeypatch, request):
    """A damaged copy of a package, in a cache of one's own."""
    packages.build(DIRECTIONS)
    good = DIRECTIONS.path.read_bytes()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    DIRECTIONS.path.parent.mkdir(parents=True)
    DIRECTIONS.path.write_bytes(good)
    changed(DIRECTIONS.path, request.param)
    return DIRECTIONS


@pytest.mark.parametrize("damaged", DAMAGE, indirect=True)
def test_a_damaged_package_is_not_opened(damaged):
    with pytest.raises((OSError, zipfile.BadZipFile)):
        packages.open_package(damaged.path, 1)


@pytest.mark.slow
@pytest.mark.parametrize("damaged", ["half", "flipped bits"], indirect=True)
def test_a_damaged_package_is_compiled_again(damaged):
    tensors = arguments(damaged)
    torch.testing.assert_close(load(damaged)(*tensors), eager(damaged, tensors))


def build_in_a_process(started, threads):
    torch.set_num_threads(threads)
    started.wait()
    packages.build(DIRECTIONS)


@pytest.fixture(scope="module")
def built_by_two(tmp_path_factory):
    """A cache in which two processes, of one and two threads, built a graph at once."""
    home = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(home))
        context = multiprocessing.get_context("spawn")
        started = context.Barrier(2)
        processes = [
            context.Process(target=build_in_a_process, args=(started, threads))
            for threads in (2, 1)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        yield home, [process.exitcode for process in processes]


@pytest.mark.slow
def test_processes_that_build_at_once_both_end_well(built_by_two):
    assert built_by_two[1] == [0, 0]


@pytest.mark.slow
def test_processes_that_build_at_once_leave_one_good_package(built_by_two, monkeypatch):
    home, _ = built_by_two
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    assert [path.name for path in DIRECTIONS.path.parent.glob("*.pt2")] == [DIRECTIONS.path.name]
    tensors = arguments(DIRECTIONS)
    torch.testing.assert_close(
        packages.open_package(DIRECTIONS.path, 1)(*tensors), eager(DIRECTIONS, tensors)
    )


def code_of(path: Path) -> str:
    """The C++ that a package was made from."""
    with zipfile.ZipFile(path) as package:
        sources = [name for name in package.namelist() if name.endswith(".cpp")]
        return "".join(package.read(name).decode() for name in sources)


@pytest.mark.slow
def test_a_package_has_no_threads_of_its_own_whoever_builds_it(cache):
    # tiles are what runs side by side; a second layer of threads makes them wait for each other
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        packages.build(SWEEP)
    finally:
        torch.set_num_threads(threads)
    code = code_of(SWEEP.path)
    assert "AOTInductorModel" in code
    assert "#pragma omp parallel" not in code


@pytest.mark.slow
def test_a_graph_can_be_built_in_the_middle_of_a_tile(cache):
    # `simulate` loads what nobody built before it, in a thread, with gradients switched off
    failed = []

    def compute():
        with torch.inference_mode():
            try:
                load(DIRECTIONS)
            except BaseException as error:
                failed.append(error)

    thread = threading.Thread(target=compute)
    thread.start()
    thread.join()
    assert failed == []
