#!/usr/bin/env bash
# dask 2026.8.0 on glibc 2.36: the nanny starts workers with MALLOC_TRIM_THRESHOLD_ (64 KiB), so that
# freed memory goes back. glibc takes any value of it, a large one too, as a word to leave all its
# thresholds alone: that of mmap stays at 128 KiB and does not grow with what is freed, as it does
# otherwise. Every array beyond it is then mapped and unmapped, and each of its pages faults, each time
# it is made. A larger MALLOC_TRIM_THRESHOLD_, which dask's documentation offers, does not help; only
# MALLOC_MMAP_THRESHOLD_ beside it does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q dask==2026.8.0 distributed==2026.8.0 numpy==2.4.6
cd "$folder"
cat > faults.py <<'PYTHON'
import resource

import numpy as np

for _ in range(10):  # glibc learns
    np.ones(2**17)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(1000):
    np.ones(2**17)  # 1 MiB
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) // 1000)
PYTHON
of_nanny=$(env/bin/python -c 'import dask, distributed
print(dask.config.get("distributed.nanny.pre-spawn-environ")["MALLOC_TRIM_THRESHOLD_"])')
plain=$(env/bin/python faults.py)
nanny=$(MALLOC_TRIM_THRESHOLD_=$of_nanny env/bin/python faults.py)
larger=$(MALLOC_TRIM_THRESHOLD_=268435456 env/bin/python faults.py)
both=$(MALLOC_TRIM_THRESHOLD_=268435456 MALLOC_MMAP_THRESHOLD_=2097152 env/bin/python faults.py)
echo "page faults of an array of 1 MiB: $plain; as in dask's workers (MALLOC_TRIM_THRESHOLD_=$of_nanny) $nanny"
echo "with a threshold of 256 MiB: $larger; with MALLOC_MMAP_THRESHOLD_ of 2 MiB, too: $both"
[ "$plain" -lt 10 ]
[ "$nanny" -gt 200 ]
[ "$larger" -gt 200 ]
[ "$both" -lt 10 ]
