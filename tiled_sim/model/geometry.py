"""A detector as a file or a name tells it, before it is turned into a run's lab frame."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tiled_sim.model.detector import Panel
from tiled_sim.physics.vectors import Vector

#: What a detector is read from, for whoever names something else.
GEOMETRY_FORMATS = (
    "CrystFEL .geom, DIALS .expt, NXmx or Eiger HDF5, or the header of an SMV or CBF image"
)


@dataclass(frozen=True, slots=True)
class Light:
    """The incident beam of a geometry file.

    Parameters
    ----------
    wavelength : of each source [Å]; one, or those of a spectrum; empty: the file does not say
    weight : of each source; only the ratios count
    direction : unit vector along which the light travels
    polarization_axis : unit vector along which the electric field is strongest; None: not said
    polarization : Kahn's factor, 1 is fully polarized; None: not said
    """

    wavelength: tuple[float, ...] = ()
    weight: tuple[float, ...] = ()
    direction: Vector = (0.0, 0.0, 1.0)
    polarization_axis: Vector | None = None
    polarization: float | None = None


@dataclass(frozen=True, slots=True)
class StatedSensor:
    """The sensor of a panel in a geometry file.

    Parameters
    ----------
    thickness : [m]
    attenuation_length : at the wavelength of the file [m]; None: not said
    material : as the file names it; empty: not said
    """

    thickness: float
    attenuation_length: float | None = None
    material: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """Panels and light in the frame with z along the beam, y up, x left looking downstream.

    Parameters
    ----------
    panels : in the order in which the file, or its data, has them
    light : what the file says of the beam
    dead : of each panel, bool (slow, fast), True where a pixel is dead; None: every pixel lives
    sensors : of each panel; None: the file does not say
    notes : what was read and does not concern a simulation, and what was assumed, for the user
    """

    panels: tuple[Panel, ...]
    light: Light = Light()
    dead: tuple[npt.NDArray[np.bool_] | None, ...] = ()
    sensors: tuple[StatedSensor | None, ...] = ()
    notes: tuple[str, ...] = field(default=())
