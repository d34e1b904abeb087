#!/usr/bin/env bash
# dask 2026.8.0, glibc 2.36: the nanny starts workers with MALLOC_TRIM_THRESHOLD_ (64 KiB), so that freed
# memory goes back. glibc takes any value of it, a large one too, as a word to leave its thresholds
# alone: that of mmap stays at 128 KiB and does not grow with what is freed, as it does otherwise.
# Every array beyond it is then mapped and unmapped, and each of its pages faults, each time it is
# made. Only MALLOC_MMAP_THRESHOLD_ beside it ends that.
set -euo pipefail
python3 -c 'import dask, distributed
print("dask", dask.__version__, dask.config.get("distributed.nanny.pre-spawn-environ"))' || true
cat > /tmp/faults$$.py <<'PYTHON'
import resource

import numpy as np

for _ in range(10):  # glibc learns
    np.ones(2**17)
before = resource.getrusage(resource.RUSAGE_SELF)
for _ in range(5000):
    np.ones(2**17)  # 1 MiB
after = resource.getrusage(resource.RUSAGE_SELF)
print(
    f"{(after.ru_minflt - before.ru_minflt) / 5000:.0f} page faults an array, "
    f"{after.ru_utime - before.ru_utime:.2f} s user, {after.ru_stime - before.ru_stime:.2f} s system"
)
PYTHON
trap 'rm -f /tmp/faults$$.py' EXIT
for words in A=B MALLOC_TRIM_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=268435456 \
    "MALLOC_TRIM_THRESHOLD_=268435456 MALLOC_MMAP_THRESHOLD_=2097152"; do
    echo "$words"
    # shellcheck disable=SC2086
    env $words python3 /tmp/faults$$.py
done
