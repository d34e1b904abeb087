"""How fast something goes on, lately."""

#: What is called lately goes back at least so long [s], and at most twice.
_WINDOW = 30.0
#: It goes back for at least so many additions, so that slow tiles do not make the rate flicker.
_ADDITIONS = 4


class Meter:
    """Sums amounts, and tells how many there were a second since half a minute or so.

    All in a few numbers, whatever is added.

    Parameters
    ----------
    now : when the first amount began to be made [s]
    """

    __slots__ = ("_additions", "_began", "_mark", "_older", "total")

    def __init__(self, now: float) -> None:
        self.total = 0.0
        self._additions = 0
        self._began = now
        self._mark = self._older = (now, 0.0)

    def add(self, amount: float, now: float) -> None:
        """Add an amount."""
        self.total += amount
        self._additions += 1
        self._advance(now)

    def rate(self, now: float) -> float:
        """How much was added a second, lately [1/s]."""
        self._advance(now)
        since, then = self._older
        return (self.total - then) / (now - since) if now > since else 0.0

    def mean(self, now: float) -> float:
        """How much was added a second since the beginning [1/s]."""
        return self.total / (now - self._began) if now > self._began else 0.0

    def _advance(self, now: float) -> None:
        between = (now - self._began) / max(self._additions, 1)
        if now - self._mark[0] >= max(_WINDOW, _ADDITIONS * between):
            self._older, self._mark = self._mark, (now, self.total)
