"""Where Triton runs: on the GPU, or else under its CPU interpreter; or only compiles.

Triton decides once in a process whether it interprets, when it is imported, and torch imports it
at will: so the interpreter has a process of its own.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest
import torch


@pytest.fixture(scope="module")
def call():
    """Call something where Triton runs: here with a GPU, else in a process that interprets."""
    if torch.cuda.is_available():
        yield lambda function, *arguments: function(*arguments)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, torch.set_num_threads, (1,)) as pool:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TRITON_INTERPRET", "1")
            pool.submit(int).result()
        yield lambda function, *arguments: pool.submit(function, *arguments).result()


@pytest.fixture
def for_h100(monkeypatch, tmp_path):
    """Compile whatever would be launched for an H100, and launch nothing: [what was compiled]."""
    from triton.backends.compiler import GPUTarget
    from triton.runtime import driver
    from triton.runtime.jit import JITFunction

    class H100:
        def get_current_target(self):
            return GPUTarget("cuda", 90, 32)

        def get_current_device(self):
            return 0

        def get_current_stream(self, device):
            return 0

    compiled, run = [], JITFunction.run

    def compile_only(function, *arguments, **options):
        compiled.append(run(function, *arguments, **{**options, "warmup": True}))

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(JITFunction, "run", compile_only)
    monkeypatch.setattr(driver, "_active", H100())
    return compiled
