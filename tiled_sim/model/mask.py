"""Which pixels of a panel are live."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

#: Bits of a mask; 0 is a live pixel. Where a panel is smaller than the largest there is no pixel.
MASKED, OUTSIDE_REGION, NO_PIXEL = 1, 2, 4


MaskSource = Callable[[int, slice, slice], npt.NDArray[np.uint8]]
