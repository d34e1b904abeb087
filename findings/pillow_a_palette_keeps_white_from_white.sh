#!/usr/bin/env bash
# Pillow 13.0.0: Image.quantize(palette=…) without dithering does not give a colour that is in the
# palette to itself. White is given to the grey of 250, though 255 stands beside it: colours are
# looked up in a cache of a few bits a channel, which holds what is nearest to the middle of a box.
# Colours of a palette that are closer than a box change places.
# printed: 250 -> 250, 255 -> 250
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q numpy==2.4.6 pillow==13.0.0
"$folder/env/bin/python" - <<'PYTHON'
import numpy as np
from PIL import Image

greys = np.linspace(0, 255, 48).round().astype(np.uint8)
palette = Image.new("P", (1, 1))
palette.putpalette(greys[:, None].repeat(3, axis=1).tobytes())
given = {}
for exact in greys[-2:].tolist():
    image = Image.new("RGB", (1, 1), (exact,) * 3)
    few = image.quantize(palette=palette, dither=Image.Dither.NONE)
    given[exact] = few.convert("RGB").getpixel((0, 0))[0]
    print(exact, "->", given[exact])
assert given == {250: 250, 255: 250}
PYTHON
