"""Bitshuffle-LZ4 of HDF5 chunks, in pieces that several threads compress at once.

hdf5plugin brings the filter as a plugin of HDF5, with the interface that HDF5's manual describes
(``H5PLget_plugin_info`` and the structure ``H5Z_class2_t``). It is called here without HDF5, which
would hold its lock and allocate twice the chunk. A chunk is a header and blocks that know nothing
of each other, so that those of pieces of whole blocks follow one another; the bytes are the same.
"""

import ctypes
import functools
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import MissingExtraError

#: What the filter is called with: its version, the size of an element in place of None, blocks of a
#: size of its own choice, LZ4.
_OPTIONS = (0, 4, None, 0, 2)
_BLOCK_BYTES = 8192
_HEADER = struct.Struct(">QI")
#: Near the size of a core's own cache, and long enough for the call not to count [byte].
_PIECE = 1 << 20

_FILTER_CALL = ctypes.CFUNCTYPE(
    ctypes.c_size_t,
    ctypes.c_uint,
    ctypes.c_size_t,
    ctypes.POINTER(ctypes.c_uint),
    ctypes.c_size_t,
    ctypes.POINTER(ctypes.c_size_t),
    ctypes.POINTER(ctypes.c_void_p),
)


class _FilterClass(ctypes.Structure):
    """HDF5's H5Z_class2_t."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("id", ctypes.c_int),
        ("encoder_present", ctypes.c_uint),
        ("decoder_present", ctypes.c_uint),
        ("name", ctypes.c_char_p),
        ("can_apply", ctypes.c_void_p),
        ("set_local", ctypes.c_void_p),
        ("filter", _FILTER_CALL),
    )


class Compressor:
    """Compresses chunks as HDF5's filter 32008 with LZ4 does.

    Raises
    ------
    UsageError
        hdf5plugin is not installed, or has not this filter
    """

    def __init__(self) -> None:
        self._filter, self._c = _loaded()

    @staticmethod
    def pieces(chunk: npt.NDArray[np.generic]) -> Iterator[npt.NDArray[np.generic]]:
        """Parts of a contiguous chunk that can be compressed alone, in order."""
        flat = chunk.reshape(-1)
        count = max(1, _PIECE // _BLOCK_BYTES) * (_BLOCK_BYTES // chunk.itemsize)
        for start in range(0, flat.size, count):
            yield flat[start : start + count]

    def blocks_of(self, piece: npt.NDArray[np.generic]) -> bytes:
        """The compressed blocks of a piece, in any thread; the interpreter is free meanwhile."""
        size = piece.nbytes
        given = [piece.itemsize if option is None else option for option in _OPTIONS]
        options = (ctypes.c_uint * len(given))(*given)
        # the filter frees what it is given and gives what is to be freed
        buffer = ctypes.c_void_p(self._c.malloc(size))
        if not buffer:
            raise MemoryError
        try:
            ctypes.memmove(buffer, piece.ctypes.data, size)
            allocated = ctypes.c_size_t(size)
            length = self._filter(
                0, len(options), options, size, ctypes.byref(allocated), ctypes.byref(buffer)
            )
            if length < _HEADER.size:
                raise MemoryError  # the only thing that can fail
            assert buffer.value is not None
            return ctypes.string_at(buffer.value + _HEADER.size, length - _HEADER.size)
        finally:
            self._c.free(buffer)

    @staticmethod
    def joined(size: int, blocks: list[bytes]) -> bytes:
        """A chunk of so many bytes as HDF5 stores it, from the blocks of its `pieces`."""
        return b"".join([_HEADER.pack(size, _BLOCK_BYTES), *blocks])


@functools.cache
def _loaded() -> tuple[Callable[..., int], ctypes.CDLL]:
    """The filter's function, and the C library."""
    try:
        import hdf5plugin
    except ImportError:
        raise MissingExtraError("hdf5") from None
    if "HDF5_PLUGIN_PATH" in os.environ:
        # DIALS needs it set, and then HDF5 has loaded the filter unprepared: no dataset can be made
        hdf5plugin.register("bshuf", force=True)
    (path,) = Path(hdf5plugin.PLUGIN_PATH).glob("libh5bshuf.*")
    plugin = ctypes.CDLL(str(path))
    plugin.H5PLget_plugin_info.restype = ctypes.POINTER(_FilterClass)
    found = plugin.H5PLget_plugin_info().contents
    library = ctypes.CDLL(None)
    library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    library.free.restype, library.free.argtypes = None, [ctypes.c_void_p]
    return found.filter, library
