"""Which pixels of a panel are live."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

#: Bits of a mask; 0 is a live pixel.
MASKED, OUTSIDE_REGION = 1, 2


MaskSource = Callable[[int, slice, slice], npt.NDArray[np.uint8]]
