#!/usr/bin/env bash
# torch 2.13.0 (CPU build with MKL): torch.sqrt, and x ** 0.5, do not round as IEEE 754 asks, which
# numpy, C and Fortran do. Of uniform doubles 1.4 % are off by the last bit, of floats 20 %; whether a
# tensor is contiguous, or holds a single number, changes nothing. The same line through torch.compile
# is exact: the processor's instruction takes the place of MKL's function. So an eager reference and
# its compiled kernel cannot be held to the same bits where a length is taken, nor can either side of
# a port from C, unless the square root is taken by numpy or in compiled code.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install -q torch==2.13.0 numpy==2.3.5 setuptools==80.9.0
export TORCHINDUCTOR_CACHE_DIR="$folder/cache"
venv/bin/python - <<'PYTHON'
import shutil

import numpy as np
import torch

print("torch", torch.__version__, "with MKL:", torch.backends.mkl.is_available())
if not torch.backends.mkl.is_available():
    raise SystemExit("this build has no MKL; the finding is of builds that have")

count = 200_000
x = torch.rand(count, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
spaced = torch.empty(2 * count, dtype=torch.float64)[::2]
spaced.copy_(x)


def wrong(ours, numbers):
    """Share of roots that are not the nearest of their type."""
    exact = np.sqrt(numbers.numpy())
    off = ours.numpy() != exact
    assert np.all(np.abs(ours.numpy() - exact) <= np.spacing(exact))  # one unit in the last place
    return off.mean()


shares = {
    "sqrt": wrong(torch.sqrt(x), x),
    "** 0.5": wrong(x**0.5, x),
    "sqrt, not contiguous": wrong(torch.sqrt(spaced), x),
    "sqrt, one at a time": wrong(torch.stack([v.sqrt() for v in x[:20_000]]), x[:20_000]),
    "sqrt, float32": wrong(torch.sqrt(x.float()), x.float()),
}
if shutil.which("g++"):
    shares["sqrt, compiled"] = wrong(torch.compile(torch.sqrt)(x), x)
for name, share in shares.items():
    print(f"{name:24s}{100 * share:8.3f} % are not the nearest number")

assert 0.005 < shares["sqrt"] < 0.03
assert shares["sqrt"] == shares["** 0.5"] == shares["sqrt, not contiguous"]
assert 0.1 < shares["sqrt, float32"] < 0.3
assert shares.get("sqrt, compiled", 0) == 0
PYTHON
