"""What is simulated: the resolved experiment, and the readers that make one."""

from tiled_sim.experiment.model import (
    Beam,
    Crystal,
    Detector,
    Experiment,
    Frames,
    MaskFile,
    Noise,
    Panel,
    PointSpread,
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
    "Noise",
    "Panel",
    "PointSpread",
    "Region",
    "Sampling",
    "Source",
    "StructureFactorSource",
]
