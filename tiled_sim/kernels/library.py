"""Loops in C++ that ship as source: compiled once per user, machine and version."""

import ctypes
import functools
import hashlib
import logging
import platform
import subprocess
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from tiled_sim.kernels.packages import build, cache_folder, compiler, cpu_flags

logger = logging.getLogger(__name__)

#: Vectors are written out, so that the compiler's freedom to fuse a product and a sum is the same
#: for every pixel; nothing here asks for the errors of floating point.
_FLAGS = (
    "-O3",
    "-march=native",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-std=c++17",
    "-shared",
    "-fPIC",
    "-Wno-psabi",
)


@dataclass(frozen=True, slots=True)
class Library:
    """A file in `tiled_sim.kernels.cpp` to compile.

    Parameters
    ----------
    name : of the file, without its ending
    contracts : whether the compiler may fuse a product and a sum
    """

    name: str
    contracts: bool = True

    @property
    def source(self) -> str:
        """The text, after that of what all share."""
        return "\n".join(map(_text_of, ("vectors.h", f"{self.name}.cpp")))

    @property
    def _flags(self) -> tuple[str, ...]:
        return *_FLAGS, f"-ffp-contract={'fast' if self.contracts else 'off'}"

    @property
    def path(self) -> Path:
        """Where the library lies or will lie: keyed by all that decides what is in it."""
        machine = platform.machine(), platform.system(), cpu_flags()
        # the representation of a long text takes half a millisecond
        facts = hashlib.sha256(self.source.encode()).hexdigest(), self._flags, *machine
        key = hashlib.sha256(repr(facts).encode()).hexdigest()[:24]
        return cache_folder() / f"{self.name}-{key}.so"

    def make(self, path: Path) -> None:
        """Compile it into a file."""
        source = path.with_suffix(".cpp")
        source.write_text(self.source, encoding="utf-8")
        done = subprocess.run(
            [compiler(), *self._flags, str(source), "-o", str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            # after the error some lines point at its place in the text
            errors = [line for line in lines if "error: " in line]
            raise OSError((errors or lines[-1:] or [f"{compiler()} failed"])[0])


@functools.cache
def _text_of(file: str) -> str:
    """Read once: every image asks whether its loops are compiled."""
    folder = resources.files("tiled_sim.kernels.cpp")
    return folder.joinpath(file).read_text(encoding="utf-8")


@functools.lru_cache(maxsize=4)
def load(library: Library) -> ctypes.CDLL:
    """The library; built first if it is not in the cache.

    Its functions may be called by several threads at once, and let others run.

    Raises
    ------
    KernelError
        if it cannot be compiled
    """
    build(library)
    return ctypes.CDLL(str(library.path))
