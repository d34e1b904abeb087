"""Packages of inductor, called so that other threads of Python run meanwhile.

torch's own loader keeps the interpreter's lock while compiled code runs, so that two threads take
as long as one. The code itself knows nothing of Python: it is called here through its C interface
(torch/csrc/inductor/aoti_runtime/interface.h) by ctypes, which gives the lock away.
"""

import ctypes
import tempfile
import zipfile
from collections.abc import Callable
from ctypes import byref, c_char_p, c_size_t, c_void_p, py_object
from pathlib import Path

import torch
from torch import Tensor

Compiled = Callable[..., list[Tensor]]

_pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
_pointer_of.restype, _pointer_of.argtypes = c_void_p, [py_object, c_char_p]
_capsule_of = ctypes.pythonapi.PyCapsule_New
_capsule_of.restype, _capsule_of.argtypes = py_object, [c_void_p, c_char_p, c_void_p]


def open_package(path: Path, threads: int) -> Compiled:
    """The compiled graph of a package: takes tensors and returns a list of tensors.

    Parameters
    ----------
    path : of the package, a zip file
    threads : that may call it at once

    Raises
    ------
    OSError, zipfile.BadZipFile
        if it is damaged, which is seen before any of its code is run
    """
    model = _Model(_library_of(path), threads)

    def run(*tensors: Tensor) -> list[Tensor]:
        # the compiled code trusts the strides that it was traced with
        return model([tensor.contiguous() for tensor in tensors])

    return run


def _library_of(path: Path) -> ctypes.CDLL:
    """The library in a package; the system keeps what it has opened when the file is gone."""
    with zipfile.ZipFile(path) as package, tempfile.TemporaryDirectory() as folder:
        names = [name for name in package.namelist() if name.endswith(".so")]
        if len(names) != 1:
            raise OSError(f"{len(names)} libraries are in it")
        return ctypes.CDLL(package.extract(names[0], folder))  # by its checksum


class _Model:
    """Compiled code for so many threads."""

    def __init__(self, library: ctypes.CDLL, threads: int) -> None:
        self._library = library
        self._model = c_void_p()
        create = library.AOTInductorModelContainerCreateWithDevice
        _require(create(byref(self._model), c_size_t(threads), b"cpu", None))
        inputs, outputs = c_size_t(), c_size_t()
        _require(library.AOTInductorModelContainerGetNumInputs(self._model, byref(inputs)))
        _require(library.AOTInductorModelContainerGetNumOutputs(self._model, byref(outputs)))
        self._inputs, self._outputs = inputs.value, c_void_p * outputs.value
        self._run = library.AOTInductorModelContainerRun
        self._run.argtypes = [c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p, c_void_p]

    def __call__(self, tensors: list[Tensor]) -> list[Tensor]:
        if len(tensors) != self._inputs:  # which would end the process
            raise TypeError(f"{self._inputs} tensors are needed, not {len(tensors)}")
        capsules = torch._C._aoti.unsafe_alloc_void_ptrs_from_tensors(tensors)
        pointers = (c_void_p * len(capsules))(*(_pointer_of(each, None) for each in capsules))
        results = self._outputs()
        # it takes the pointers, and gives those of what it made
        every = (pointers, len(pointers), results, len(results))
        _require(self._run(self._model, *every, None, None))
        made = [_capsule_of(pointer, None, None) for pointer in results]
        return list(torch._C._aoti.alloc_tensors_by_stealing_from_void_ptrs(made))


def _require(failed: int) -> None:
    """Whatever failed is told on standard error by the code itself."""
    if failed:
        raise RuntimeError("compiled code failed, and has said why")
