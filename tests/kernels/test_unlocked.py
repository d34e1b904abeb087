"""Compiled graphs, called while other threads of Python run."""

import threading

import pytest
import torch

from tiled_sim.kernels.packages import Graph, load

SWEEP = Graph("sweep", "square", "float64")


def arguments(blocks, steps):
    """Numbers for the sum over steps."""
    ones = {"dtype": torch.float64}
    return [
        *(torch.full((blocks, 256), 0.1, **ones) for _ in range(3)),
        torch.ones((steps, 9, 1, 1), **ones),
        torch.full((steps, 3, blocks, 1), 0.25, **ones),
        torch.ones((steps, 3, blocks, 1), dtype=torch.int32),
        torch.ones((steps, 1, 1), **ones),
        torch.ones(64, **ones),
        torch.full((3,), 3, dtype=torch.int32),
        torch.ones(8, **ones),
    ]


def test_other_threads_run_while_compiled_code_does():
    summed, given = load(SWEEP), arguments(512, 64)
    counted, seen = [0], []
    done = threading.Event()

    def compute():
        before = counted[0]
        summed(*given)
        seen.append(counted[0] - before)
        done.set()

    threading.Thread(target=compute).start()
    while not done.is_set():
        counted[0] += 1
    # at least 20 ms of a core: thousands, or those of a switch between threads or two
    assert seen[0] > 500


def test_threads_that_call_at_once_get_what_each_would_alone():
    summed = load(SWEEP)
    given = [arguments(blocks, 3) for blocks in range(2, 10)]
    alone = [summed(*each)[0] for each in given]
    together = [None] * len(given)

    def compute(number):
        for _ in range(20):
            together[number] = summed(*given[number])[0]

    threads = [threading.Thread(target=compute, args=(n,)) for n in range(len(given))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(one, other) for one, other in zip(alone, together, strict=True))


def test_tensors_that_are_too_few_are_refused():
    with pytest.raises(TypeError, match="10 tensors are needed, not 1"):
        load(SWEEP)(torch.zeros(3))
