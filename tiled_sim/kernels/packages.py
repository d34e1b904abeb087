"""Compiled graphs on disk: built once per user, machine and version, loaded in a second."""

import functools
import hashlib
import inspect
import logging
import os
import platform
import shutil
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from filelock import FileLock
from torch import Tensor

from tiled_sim.errors import KernelError
from tiled_sim.kernels import graphs
from tiled_sim.kernels.blocks import LANES
from tiled_sim.kernels.unlocked import Compiled, open_package
from tiled_sim.physics import structure_factor

logger = logging.getLogger(__name__)

#: Inductor's settings that fuse the whole graph into one loop: h, k, l are not to be stored, and
#: the table's indices are clamped already (a quarter of the time). Threads are those of the tiles:
#: a package must not depend on how many the process that built it had.
_SETTINGS = {
    "size_asserts": False,
    "realize_opcount_threshold": 100_000,
    "realize_reads_threshold": 100_000,
    "realize_acc_reads_threshold": 100_000,
    "assert_indirect_indexing": False,
    "cpp.threads": 1,
}
#: What is compiled, and how; read now, for a file may change while the process runs.
_SOURCES = tuple(
    inspect.getsource(module) for module in (graphs, structure_factor, sys.modules[__name__])
)


@dataclass(frozen=True, slots=True)
class Graph:
    """One graph to compile.

    Parameters
    ----------
    kind : ``directions`` or ``sweep``
    shape, precision, interpolate : of the crystal, the sum and F, for ``sweep``
    """

    kind: str
    shape: str = "any"
    precision: str = "float64"
    interpolate: bool = False

    def module(self) -> torch.nn.Module:
        """The graph, not compiled."""
        if self.kind == "directions":
            return graphs.Directions()
        return graphs.Sweep(self.shape, self.precision, self.interpolate)

    @property
    def name(self) -> str:
        """Of what is in it."""
        names = (self.kind, self.shape, self.precision, "tricubic" if self.interpolate else "")
        return "-".join(filter(None, names))

    @property
    def path(self) -> Path:
        """Where the package lies or will lie: keyed by all that decides what is in it."""
        facts = (
            self.name,
            torch.__version__,
            platform.python_version(),
            platform.machine(),
            torch.backends.cpu.get_cpu_capability(),
            cpu_flags(),
            sorted(_SETTINGS.items()),
            LANES,
            _SOURCES,
        )
        key = hashlib.sha256(repr(facts).encode()).hexdigest()[:24]
        return cache_folder() / f"{self.name}-{key}.pt2"

    def make(self, path: Path) -> None:
        """Compile it into a file."""
        _compile(self, path)


class Package(Protocol):
    """What is compiled on the user's machine and kept in the cache."""

    @property
    def name(self) -> str:
        """For the user."""

    @property
    def path(self) -> Path:
        """Where it lies or will lie: keyed by all that decides what is in it."""

    def make(self, path: Path) -> None:
        """Compile it into a file.

        Raises
        ------
        Exception
            if the compiler fails, whatever that raises
        """


@functools.cache
def cpu_flags() -> str:
    """What this CPU can do; packages are made for it (-march=native) and crash on a lesser one."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


def cache_folder() -> Path:
    """Folder of the compiled graphs, under the user's cache."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "tiled_sim" / "kernels"


def compiler() -> str:
    """The C++ compiler, which is the one that inductor calls."""
    return os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")


def has_compiler() -> bool:
    """Whether the C++ compiler is there."""
    return shutil.which(compiler()) is not None


def obstacle_to_build() -> str:
    """Why nothing can be compiled here; empty if something can."""
    if not has_compiler():
        return "no C++ compiler is installed (g++ or clang++)"
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return f"the cache folder {cache_folder()} cannot be made ({error.strerror})"
    if not os.access(cache_folder(), os.W_OK):
        return f"the cache folder {cache_folder()} cannot be written"
    return ""


def is_built(package: Package) -> bool:
    """Whether a package is in the cache."""
    return os.path.isfile(package.path)  # False, too, where it cannot be looked at


def build(package: Package) -> None:
    """Compile into the cache, unless it is there; a graph in half a minute, C++ in two seconds.

    Processes that build at once wait for one of them. A package is complete when it has its name.

    Raises
    ------
    KernelError
        if the compiler fails, whatever it says
    """
    path = package.path
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        if path.is_file():
            return
        logger.info("compiling %s", path.name)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            made = Path(folder) / f"made{path.suffix}"
            try:
                package.make(made)
            except Exception as error:
                logger.info("compiling %s", path.name, exc_info=True)
                reason = str(error).strip().partition("\n")[0] or type(error).__name__
                raise KernelError(
                    f"the compiled kernel cannot be made here ({package.name}: {reason}); "
                    "--kernel reference needs no compiler"
                ) from error
            made.replace(path)


@functools.lru_cache(maxsize=16)
def load(graph: Graph) -> Compiled:
    """The compiled graph; built first if it is not in the cache or the cache is damaged.

    It takes tensors and returns a list of tensors. As many threads as there are cores may call it
    at once.
    """
    build(graph)
    threads = os.cpu_count() or 1
    try:
        return open_package(graph.path, threads)
    except Exception as error:  # whatever torch raises of a damaged package
        logger.warning("%s cannot be loaded (%s); compiling it again", graph.path.name, error)
        graph.path.unlink(missing_ok=True)
        build(graph)
        return open_package(graph.path, threads)


def _compile(graph: Graph, path: Path) -> None:
    arguments, free = _example(graph)
    program = torch.export.export(graph.module(), arguments, dynamic_shapes=free)
    known = {key: value for key, value in _SETTINGS.items() if hasattr(torch._inductor.config, key)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, of its own parts
        torch._inductor.aoti_compile_and_package(
            program, package_path=str(path), inductor_configs=known
        )


def _example(graph: Graph) -> tuple[tuple[Tensor, ...], tuple[Any, ...]]:
    """Arguments to trace a graph with, and which of their sizes are free."""
    blocks = torch.export.Dim("blocks", min=2, max=1 << 20)
    if graph.kind == "directions":
        # of their own each: the same tensor twice would be traced as one argument
        columns = (torch.zeros((8, 1), dtype=torch.float64) for _ in range(5))
        subpixel, beam = (torch.ones(n, dtype=torch.float64) for n in (3, 12))
        panels = torch.ones((8, 13), dtype=torch.float64)
        free_blocks = ({0: blocks},) * 5 + (None, {0: blocks}, None)
        return (*columns, subpixel, panels, beam), free_blocks
    steps = torch.export.Dim("steps", min=2, max=1 << 16)
    nodes = torch.export.Dim("nodes", min=2, max=1 << 30)
    dtype = graphs.PRECISIONS[graph.precision]
    pixels = torch.zeros((8, LANES), dtype=torch.float64)
    arguments = (
        *(pixels.clone() for _ in range(3)),
        torch.ones((4, 9, 1, 1), dtype=torch.float64),
        torch.full((4, 3, 8, 1), 0.25, dtype=torch.float64),
        torch.ones((4, 3, 8, 1), dtype=torch.int32),
        torch.ones((4, 1, 1), dtype=dtype),
        torch.ones(64, dtype=dtype),
        torch.full((3,), 3, dtype=torch.int32),
        torch.ones(8, dtype=torch.float64),
    )
    per_step = {0: steps, 2: blocks}
    free = (
        *({0: blocks},) * 3,
        {0: steps},
        per_step,
        per_step,
        {0: steps},
        {0: nodes},
        None,
        None,
    )
    return arguments, free
