"""Threads that compute tiles in this process, one a core."""

import contextvars
import os
import signal
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from numbers import Integral
from threading import Barrier, Event
from types import TracebackType
from typing import Any, TypeVar

import torch

from tiled_sim.errors import UsageError
from tiled_sim.kernels.devices import TILES_ON_A_GPU, one_torch_thread

T = TypeVar("T")


def threads_on(device: torch.device, cores: int | None) -> int:
    """How many tiles are computed at a time on a device.

    Parameters
    ----------
    device : of the tiles
    cores : that may be used; None: all that this process has

    Raises
    ------
    UsageError
        for what is no number of cores
    """
    wrong = not isinstance(cores, Integral) or isinstance(cores, bool) or cores < 1
    if cores is not None and wrong:
        raise UsageError(f"cores={cores!r} must be a whole number of 1 or more, or None: all")
    if device.type != "cpu":
        return TILES_ON_A_GPU
    return _cores_of_this_process() if cores is None else cores


def _cores_of_this_process() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _StoppedError(Exception):
    """Ends the work of a thread whose result nobody waits for."""


class Cores:
    """Threads for tiles, each of which uses one thread of torch, until the end of a block.

    What they have begun when the block ends is given up at its next step.

    Parameters
    ----------
    number : of them; with one, everything is done in this thread
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self._pool: ThreadPoolExecutor | None = None
        self._stopped = Event()

    def __enter__(self) -> "Cores":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def start(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        """Have a thread work on something, before what is started later."""
        if self._pool is None:
            self._pool = _pool_of(self.number)
        # what the caller has set of numpy's warnings, say, holds there, too
        return self._pool.submit(contextvars.copy_context().run, work, *arguments)

    @staticmethod
    def result_of(started: Future[T]) -> T:
        """What came of something that was started, when it is there."""
        while not started.done():
            # Ctrl-C that comes just before a lock is waited for does not end that wait
            wait([started], timeout=1.0)
        return started.result()

    def go_on(self, evaluations: int) -> None:
        """Told how far work is; ends it where the block has ended."""
        if self._stopped.is_set():
            raise _StoppedError


def _pool_of(number: int) -> ThreadPoolExecutor:
    """Threads which have one thread of torch; those that others start have as many as before."""
    pool = ThreadPoolExecutor(number, thread_name_prefix="tiled_sim")
    ready = Barrier(number + 1)

    def begin() -> None:
        # Ctrl-C wakes the thread that waits for the image, not one of these
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        torch.get_num_threads()  # a thread takes its number, for good, when it first asks
        ready.wait()

    try:
        with one_torch_thread():
            for _ in range(number):
                pool.submit(begin)
            ready.wait()
    except BaseException:  # of Ctrl-C, or where there can be no more threads
        ready.abort()
        pool.shutdown()
        raise
    return pool
