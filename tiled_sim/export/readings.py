"""What exported values mean to a program that processes them: gain, offset, what can be trusted."""

from dataclasses import dataclass

from tiled_sim.export.selection import Selection
from tiled_sim.physics.noise import LARGEST_COUNT


@dataclass(frozen=True, slots=True)
class Readings:
    """Of the values of a selection.

    Parameters
    ----------
    gain : of a photon [ADU]
    offset : of no photon [ADU]
    saturation : the smallest value that says no more than that there were many
    """

    gain: float
    offset: float
    saturation: int

    @classmethod
    def of(cls, selection: Selection, most: int = LARGEST_COUNT) -> "Readings":
        """Of counts as the noise makes them, or of photons.

        Parameters
        ----------
        selection : whose values they are
        most : the largest value that the format holds
        """
        noise = selection.experiment.noise
        if noise is None or not selection.counts:
            return cls(1.0, 0.0, most)
        return cls(noise.gain, noise.offset, min(noise.saturation, most))

    def offset_left_out(self, what: str) -> tuple[str, ...]:
        """A note that a file has no word for the offset, if there is one.

        Parameters
        ----------
        what : the file or the format
        """
        if not self.offset:
            return ()
        return (f"the counts have an offset of {self.offset:g} ADU, which {what} cannot say",)

    @property
    def lowest(self) -> float:
        """Below the least whole number to be trusted, which is 0.

        Between two, so that it does not matter whether a program takes limits for included.
        """
        return -0.5

    @property
    def highest(self) -> float:
        """Above the largest whole number to be trusted."""
        return self.saturation - 0.5
