"""The right to hand out the tiles of a run, as the store knows it: one has it, or nobody.

Whoever takes the run, and whoever has it and gives a sign of life, replaces what he found there by
a conditional write: of two who do so at once one is refused, and one who was taken for dead and
comes back finds out by his next sign of life.
"""

from tiled_sim.store.control import Control, Driver
from tiled_sim.store.objects import ChangedError, Version


class Tenure:
    """One driver's hold on a run; knows neither time nor threads.

    Parameters
    ----------
    control : of the run
    token : of the driver
    """

    def __init__(self, control: Control, token: str) -> None:
        self._control = control
        self._token = token
        self._version: Version | None = None

    def find(self) -> Driver | None:
        """The driver that is there, for whom `take` would take its place.

        Raises
        ------
        OSError
            that cannot be told
        """
        found = self._control.look()
        self._version = found.version
        return found.driver

    def take(self, driver: Driver) -> bool:
        """Take the run; False if something has happened since `find`, which is to be asked again.

        Raises
        ------
        OSError
            it cannot be written
        """
        try:
            self._version = self._control.write_driver(driver, self._version)
        except ChangedError:
            return False
        return True

    def say(self, driver: Driver) -> Driver | None:
        """Describe the driver that has taken the run; another, if that has taken it since.

        What is not there any more is written again: nobody has taken the run by removing that.

        Raises
        ------
        OSError
            it cannot be written
        """
        while not self.take(driver):
            # or this one has written more than it was told of
            other = self.find()
            if other is not None and other.token != self._token:
                return other
        return None
