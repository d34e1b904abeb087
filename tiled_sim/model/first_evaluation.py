"""Where the C program's loops begin, as far as ``--c-compat`` must know."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FirstEvaluation:
    """Where the C program's loops evaluate something for the first time on a panel.

    Parameters
    ----------
    slow, fast : the pixel
    subpixel : slow · oversample + fast, within the pixel
    source : index
    """

    slow: int
    fast: int
    subpixel: int
    source: int
