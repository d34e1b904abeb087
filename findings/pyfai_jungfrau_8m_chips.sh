#!/usr/bin/env bash
# pyFAI 2026.9.0: of the 128 chips of the Jungfrau 8M, which all have 256 x 256 pixels, eight lose a
# row or a column to its mask: the corners of the chips are counted from 1 there. 2319036 pixels are
# masked where 2316988 are no chip's. tiled_sim's own table of detectors has the chips whole.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q pyFAI==2026.9.0 scipy
"$folder/env/bin/python" - <<'PYTHON'
from collections import Counter

import pyFAI
from pyFAI.detectors import detector_factory
from scipy.ndimage import find_objects, label

detector = detector_factory("Jungfrau 8M")
mask = detector.calc_mask()
chips, count = label(mask == 0)
sizes = Counter(tuple(side.stop - side.start for side in chip) for chip in find_objects(chips))
print("pyFAI", pyFAI.version, detector.max_shape, "masked", int(mask.sum()))
print(count, "chips of (slow, fast) pixels:", dict(sizes))
assert sizes == {(256, 256): 120, (256, 255): 4, (255, 256): 4}
assert int(mask.sum()) == 2319036
assert mask.size - 128 * 256 * 256 == 2316988
PYTHON
