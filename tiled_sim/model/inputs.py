"""What a simulation needs beside the experiment: arrays of files, by name, with their hashes."""

from dataclasses import dataclass

from tiled_sim.model.amorphous import AmorphousTable
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.mask import Mask
from tiled_sim.model.structure_factors import StructureFactors


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """Arrays that an experiment names, loaded.

    Parameters
    ----------
    mask : of the panels
    factors : grid of structure factors; None: the experiment's ``default_F`` everywhere
    amorphous : table of the background; None: there is none
    """

    mask: Mask
    factors: StructureFactors | None = None
    amorphous: AmorphousTable | None = None

    @property
    def hashes(self) -> dict[str, str | None]:
        """SHA-256 of the content of each; None of what is not there."""
        return {
            "structure_factors": None if self.factors is None else self.factors.sha256,
            "mask": self.mask.sha256,
            "background": None if self.amorphous is None else self.amorphous.sha256,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """An experiment whose inputs are loaded already, from a run, whatever became of its files.

    Parameters
    ----------
    experiment : what to simulate
    inputs : of it
    """

    experiment: Experiment
    inputs: Inputs
