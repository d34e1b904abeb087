"""Loops in C++: built where they are needed, once, and what a failure says."""

import ctypes
import dataclasses

import pytest

from tiled_sim.errors import KernelError
from tiled_sim.kernels import library
from tiled_sim.kernels.bragg.loops import LIBRARY
from tiled_sim.kernels.packages import has_compiler, is_built

#: Not behind the cache of `load`, which a test of another would answer.
load = library.load.__wrapped__
needs_compiler = pytest.mark.skipif(not has_compiler(), reason="no C++ compiler is installed")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache of one's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "tiled_sim" / "kernels"


@needs_compiler
def test_a_library_is_built_when_it_is_first_loaded():
    assert not is_built(LIBRARY)
    assert isinstance(load(LIBRARY), ctypes.CDLL)
    assert is_built(LIBRARY)


@needs_compiler
def test_a_library_that_is_built_needs_no_compiler(monkeypatch):
    load(LIBRARY)
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert load(LIBRARY).follow_spots


def test_what_the_compiler_says_is_told(monkeypatch, tmp_path, cache):
    broken = tmp_path / "compiler"
    said = "In file:\nspots.cpp:1: fatal error: no space left\n    1 | text\n      | ^~~~"
    broken.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CXX", str(broken))
    with pytest.raises(KernelError, match=r"\(spots: .*no space left\).* needs no compiler"):
        load(LIBRARY)
    assert not is_built(LIBRARY)
    assert [path.suffix for path in cache.iterdir()] == [".lock"]


def test_a_compiler_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(KernelError, match="no-such-compiler"):
        load(LIBRARY)


def test_the_name_tells_a_person_what_is_in_it():
    assert LIBRARY.path.name.startswith("spots-")


CHANGES = {
    "the flags": ("_FLAGS", ("-O1",)),
    "the cpu": ("cpu_flags", lambda: "flags: fpu"),
    "the architecture": ("platform.machine", lambda: "riscv64"),
}


@pytest.mark.parametrize(("name", "value"), CHANGES.values(), ids=CHANGES)
def test_the_name_changes_with_whatever_decides_what_is_in_it(monkeypatch, name, value):
    before = LIBRARY.path
    monkeypatch.setattr(f"tiled_sim.kernels.library.{name}", value)
    assert LIBRARY.path != before


def test_the_name_changes_with_the_source():
    other = dataclasses.replace(LIBRARY, name="amorphous")
    assert other.path.name.partition("-")[2] != LIBRARY.path.name.partition("-")[2]
