"""An experiment as a file records it: detector and beam, goniometer, scan and crystal.

All vectors are in one frame: z along the beam, y up, x left looking downstream.
"""

from dataclasses import dataclass, replace

import numpy as np

from tiled_sim.model.geometry import Geometry
from tiled_sim.physics.vectors import Array, Vector, about_axis, as_tuple


@dataclass(frozen=True, slots=True, eq=False)
class Goniometer:
    """The axis that turns during a scan, between axes that stand still.

    Parameters
    ----------
    axis : unit vector of the right-handed rotation, with the axes that carry it at zero
    fixed_rotation : of the axes that it carries, (3, 3)
    setting_rotation : of the axes that carry it, (3, 3)
    """

    axis: Vector
    fixed_rotation: Array
    setting_rotation: Array

    @property
    def spindle(self) -> Vector:
        """The axis as the axes that carry it hold it, a unit vector."""
        return as_tuple(self.setting_rotation @ np.array(self.axis))

    def rotation(self, angle: float) -> Array:
        """What turns a crystal as it is recorded into the lab at an angle [rad], (3, 3)."""
        return self.setting_rotation @ about_axis(self.axis, angle) @ self.fixed_rotation


@dataclass(frozen=True, slots=True)
class Scan:
    """Images that follow each other about the goniometer's axis.

    Parameters
    ----------
    start : angle at the beginning of the first image [rad]
    width : from one image to the next [rad]; 0: stills
    count : number of images
    first_image : the number that the first has in its file's name
    """

    start: float
    width: float
    count: int
    first_image: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class IndexedCrystal:
    """A crystal as indexing found it, before the goniometer turns it.

    Parameters
    ----------
    direct_vectors : rows a, b, c [Å], (3, 3)
    reciprocal_at_scan_points : rows a*, b*, c* [1/Å] at the beginning of every image and at the
        end of the last, (images + 1, 3, 3); None: the crystal is the same throughout
    space_group : Hall symbol
    mosaicity : standard deviation of orientations about the scan's axis [rad]; None: not said
    half_mosaicity : half the full spread of orientations [rad]; None: not said
    domain_size : of mosaic domains [Å]; None: not said
    """

    direct_vectors: Array
    reciprocal_at_scan_points: Array | None = None
    space_group: str = ""
    mosaicity: float | None = None
    half_mosaicity: float | None = None
    domain_size: float | None = None

    @property
    def reciprocal_vectors(self) -> Array:
        """Rows a*, b*, c* [1/Å], (3, 3)."""
        return np.asarray(np.linalg.inv(self.direct_vectors).T, dtype=np.float64)

    def turned(self, turn: Array) -> "IndexedCrystal":
        """The crystal after a rotation (3, 3)."""
        scanned = self.reciprocal_at_scan_points
        return replace(
            self,
            direct_vectors=self.direct_vectors @ turn.T,
            reciprocal_at_scan_points=None if scanned is None else scanned @ turn.T,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Stills:
    """In what the stills of one list differ.

    Parameters
    ----------
    direct_vectors : rows a, b, c of each [Å], (stills, 3, 3)
    wavelengths : of each [Å], (stills,); None: they are the same
    """

    direct_vectors: Array
    wavelengths: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RecordedExperiment:
    """One experiment of a file; those of one file may share everything but the crystal.

    Parameters
    ----------
    geometry : detector and beam, with notes of this experiment
    goniometer : None: the crystal stands still as it is recorded
    scan : None: a still
    crystal : None: not indexed
    identifier : what the file calls it
    stills : where those of a whole list are one experiment; None: it is one of the file
    """

    geometry: Geometry
    goniometer: Goniometer | None = None
    scan: Scan | None = None
    crystal: IndexedCrystal | None = None
    identifier: str = ""
    stills: Stills | None = None

    def crystal_at_zero(self) -> IndexedCrystal | None:
        """The crystal where the scan's axis is at 0, as the goniometer holds it; None: none.

        What was refined at scan points is left: it is the one crystal of the whole scan.
        """
        if self.crystal is None or self.goniometer is None:
            return self.crystal
        return self.crystal.turned(self.goniometer.rotation(0.0))
