"""How many evaluations of a tile are behind its kernels."""

from tiled_sim.kernels.kernel import Progress


class Behind:
    """Adds up what kernels tell of evaluations that are behind them.

    Parameters
    ----------
    progress : told the number of all
    """

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._before = self._now = 0

    def more(self, evaluations: int) -> None:
        """So many more of the blocks that are worked on."""
        self._now += evaluations
        self._tell()

    def again(self) -> None:
        """The blocks are worked on once more."""
        self._now = 0

    def done(self, evaluations: int) -> None:
        """The blocks are done, with so many."""
        self._before += evaluations
        self._now = 0
        self._tell()

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self._before + self._now)
