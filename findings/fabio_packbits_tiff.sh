#!/usr/bin/env bash
# fabio 2026.6.0 reads a TIFF that is compressed by PackBits as if it were not compressed: the codes
# of the compression come out as pixels, and the last pixels are lost. There is no error; a line
# "Bogus StripByteCounts information" goes to the log, which most programs do not show. Pillow reads
# the same file rightly. PackBits is one of the two compressions that every reader of baseline TIFF
# is to know; detector software writes masks with it. tiled_sim refuses such a mask by name.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q fabio==2026.6.0 numpy==2.4.6 pillow==12.3.0
cd "$folder"
env/bin/python - <<'PYTHON'
import fabio
import numpy as np
from PIL import Image

pixels = np.arange(100, 112, dtype="u1").reshape(2, 6)
Image.fromarray(pixels).save("packed.tif", compression="packbits")
by_fabio = fabio.open("packed.tif").data
by_pillow = np.array(Image.open("packed.tif"))
print("fabio", fabio.version, by_fabio.tolist())
print("Pillow", by_pillow.tolist())
assert np.array_equal(by_pillow, pixels)
assert by_fabio.tolist() == [[5, 100, 101, 102, 103, 104], [105, 5, 106, 107, 108, 109]]
PYTHON
