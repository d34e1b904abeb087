#!/usr/bin/env bash
# torch 2.13.0: a compiled package (torch._inductor.aoti_compile_and_package, aoti_load_package) keeps
# the interpreter's lock for as long as it runs, though nothing of Python is in it: meanwhile no other
# thread of the process gets a turn. torch's own operations give the lock away. So threads that are to
# run packages on several cores run one after the other, and a scheduler's or worker's event loop in
# the same process stands still for as long as a call takes. It takes a call of the package that is
# not through Python's binding, or processes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install -q torch==2.13.0 numpy==2.3.5 setuptools==80.9.0
export TORCHINDUCTOR_CACHE_DIR="$folder/cache" OMP_NUM_THREADS=1
venv/bin/python - <<'PYTHON'
import threading
import time

import torch


class Busy(torch.nn.Module):
    """Enough sines to take a while, in one loop."""

    def forward(self, x):
        for _ in range(40):
            x = torch.sin(x) + 1.0
        return x


def turns(work):
    """Seconds that work takes, and how often a thread beside it got to sleep for a millisecond."""
    count, over = 0, threading.Event()

    def beside():
        nonlocal count
        while not over.is_set():
            time.sleep(0.001)
            count += 1

    thread = threading.Thread(target=beside)
    thread.start()
    time.sleep(0.05)
    before, began = count, time.monotonic()
    work()
    took, after = time.monotonic() - began, count
    over.set()
    thread.join()
    return took, after - before


torch.set_num_threads(1)
print("torch", torch.__version__)
x = torch.rand(4_000_000, dtype=torch.float64)
with torch.no_grad():
    path = torch._inductor.aoti_compile_and_package(
        torch.export.export(Busy(), (x,)), package_path="busy.pt2"
    )
    package = torch._inductor.aoti_load_package(path)
    package(x), torch.sin(x)  # once to warm up
    seconds, got = turns(lambda: package(x))
    one = torch.rand(100_000_000, dtype=torch.float64)
    eager_seconds, eager = turns(lambda: torch.sin(one))
print(f"the package took {seconds:.2f} s, a thread beside it got {got} turns of 1 ms")
print(f"torch.sin took {eager_seconds:.2f} s, a thread beside it got {eager} turns")
assert seconds > 0.2, "too short to tell"
assert got <= 3
assert eager > 30
PYTHON
