"""How the C library's allocator is to treat what tensors take and give back, in each worker.

Dask's nanny starts workers with ``MALLOC_TRIM_THRESHOLD_`` at 64 KiB. glibc takes any value of it
as a word to leave its other thresholds alone, so that every tensor beyond 128 KiB is mapped,
cleared page by page and unmapped each time that it is made: three times the time of a run.
"""

import ctypes
import os
import sys

#: Freed memory that a worker process keeps [bytes]. Dask's 64 KiB makes every tensor a system
#: call: 76 against 53 ns an evaluation, and 300 where tensors reach the threshold of mmap.
_KEPT = 1 << 28
#: Pieces of so much and more are mapped one by one, and cleared page by page [bytes]. Where the
#: figure above is given and this one is not, glibc stays with 128 KiB, which is less than the
#: tensors of 256 blocks take: 33 ms in place of 8 for a tile of 2048². Images and grids stay above
#: it: in the heap they leave gaps, 17 MB a worker.
_MAPPED = 1 << 20
_TRIM, _MMAP = "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"
#: Of processes that we start, which find it in their environment.
ALLOCATOR_ENVIRONMENT = {
    _TRIM: str(_KEPT),
    _MMAP: str(_MAPPED),
    # one for all threads: each keeps some of what is freed, 5 MB a worker in all
    "MALLOC_ARENA_MAX": "1",
}
#: What dask's nanny sets when nobody has set anything.
_OF_NANNY = str(1 << 16)
#: Parameters of mallopt, from malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def settle_allocator() -> None:
    """Have the allocator of a worker process that others started as in those that we start.

    Once it is to compute, since most that it does before is dask's. What its user has set goes
    before; and a program that has a worker among its threads is left alone. C libraries other than
    glibc have no such thresholds.
    """
    if not _is_of_nanny() or sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    if _MMAP not in os.environ and "malloc.mmap_threshold=" not in tunables:
        library.mallopt(_M_MMAP_THRESHOLD, _MAPPED)
    if os.environ.get(_TRIM, _OF_NANNY) == _OF_NANNY and "malloc.trim_threshold=" not in tunables:
        library.mallopt(_M_TRIM_THRESHOLD, _KEPT)


def _is_of_nanny() -> bool:
    """Whether this process was started to be a worker, and is not a program with one in it."""
    from distributed import get_worker  # what starts workers looks in here before it is imported

    try:
        return get_worker().nanny is not None
    except ValueError:
        return False
