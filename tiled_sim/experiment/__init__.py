"""What is simulated: the resolved experiment, and the readers that make one."""

from tiled_sim.experiment.model import (
    Beam,
    Crystal,
    Detector,
    Experiment,
    Frames,
    MaskFile,
    Panel,
    Region,
    Sampling,
    Source,
    StructureFactorSource,
)

__all__ = [
    "Beam",
    "Crystal",
    "Detector",
    "Experiment",
    "Frames",
    "MaskFile",
    "Panel",
    "Region",
    "Sampling",
    "Source",
    "StructureFactorSource",
]
