"""The largest value of an export, and whether there are negative ones, as the sidecars say."""

from dataclasses import dataclass

from tiled_sim.export.selection import Selection


@dataclass(frozen=True, slots=True)
class Extremes:
    """Of the tiles that hold a selection; they may reach beyond it.

    Parameters
    ----------
    largest : value [ADU or photon]
    negative : number of values below 0
    """

    largest: float
    negative: int

    @classmethod
    def of(cls, selection: Selection) -> "Extremes":
        """Of a selection of which every tile is done."""
        largest, negative = 0.0, 0
        for tile in selection.tiles(selection.frames):
            sidecar = selection.run.sidecar(tile)
            found = None if sidecar is None else sidecar[selection.values]
            if found is not None:
                largest = max(largest, float(found["max"]))
                negative += found["negative"] if selection.counts else 0
        return cls(largest, negative)
