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
_MMAP = "MALLOC_MMAP_THRESHOLD_"
#: Of processes that we start, which find it in their environment.
ALLOCATOR_ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": str(_KEPT),
    _MMAP: str(_MAPPED),
    # one for all threads: each keeps some of what is freed, 5 MB a worker in all
    "MALLOC_ARENA_MAX": "1",
}
#: Parameter of mallopt, from malloc.h.
_M_MMAP_THRESHOLD = -3


def settle_allocator() -> None:
    """Have tensors of a worker process that others started come from the heap, as in ours.

    Once it is to compute, since most that it does before is dask's. What its user has set goes
    before; and a program that has a worker among its threads is left alone. C libraries other than
    glibc have no such threshold. What the nanny says of freed memory stays: that goes back, for a
    tenth of the time, because each thread that has an arena of its own would keep some more than
    the plan promises.
    """
    if not _is_of_nanny() or sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    if _MMAP not in os.environ and "malloc.mmap_threshold=" not in tunables:
        library.mallopt(_M_MMAP_THRESHOLD, _MAPPED)


def _is_of_nanny() -> bool:
    """Whether this process was started to be a worker, and is not a program with one in it."""
    from distributed import get_worker  # what starts workers looks in here before it is imported

    try:
        return get_worker().nanny is not None
    except ValueError:
        return False
