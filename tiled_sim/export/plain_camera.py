"""One flat panel across the beam, fast to the right and slow down: all that headers can say."""

from dataclasses import dataclass

import numpy as np

from tiled_sim.errors import UsageError
from tiled_sim.export.one_panel import require_one_panel
from tiled_sim.export.recorded import image_number, record, require_flat
from tiled_sim.export.selection import Selection
from tiled_sim.model.recorded import Scan
from tiled_sim.physics.constants import RADIAN

#: Of unit vectors that are said to be the same.
_SAME = 1e-6
_INSTEAD = "export with --to nxmx"


@dataclass(frozen=True, slots=True)
class PlainCamera:
    """What the header of an image says of the camera.

    Parameters
    ----------
    pixels : (slow, fast)
    pixel_size : (slow, fast) [m]
    beam : (slow, fast) of the direct beam from the outer corner of pixel (0, 0) [pixel]
    distance : along the beam, to the panel [m]
    wavelength : [Å]
    scan : about the axis along fast; of stills the width is 0
    """

    pixels: tuple[int, int]
    pixel_size: tuple[float, float]
    beam: tuple[float, float]
    distance: float
    wavelength: float
    scan: Scan

    @classmethod
    def of(cls, selection: Selection, to: str) -> "PlainCamera":
        """That of a selection.

        Parameters
        ----------
        selection : frames and panels
        to : name of the format

        Raises
        ------
        UsageError
            for what it cannot say, with a format that can
        """
        require_one_panel(selection, to)
        require_flat(selection.experiment, to)
        one = record(selection.run.experiment, selection.frames, selection.panels)[0]
        (panel,) = one.geometry.panels
        along, fast, slow = (
            np.array(vector)
            for vector in (one.geometry.light.direction, panel.fast_axis, panel.slow_axis)
        )
        axis = None if one.goniometer is None else np.array(one.goniometer.axis)
        normal = np.cross(fast, slow)
        faults = {
            "the panel is a mirror image (fast × slow points at the sample, as in the convention "
            "ADXV)": float(normal @ along) < 0.0,
            "the panel is not square to the beam": bool(np.abs(normal - along).max() > _SAME),
            "the crystal turns about another axis than fast, right-handed": axis is not None
            and bool(np.abs(axis - fast).max() > _SAME),
        }
        for fault, is_there in faults.items():
            if is_there:
                raise UsageError(f"--to {to}: {fault}, which its header cannot say: {_INSTEAD}")
        origin, (height, width) = np.array(panel.origin), panel.pixel_size
        return cls(
            pixels=panel.pixels,
            pixel_size=panel.pixel_size,
            beam=(-float(origin @ slow) / height, -float(origin @ fast) / width),
            distance=float(origin @ along),
            wavelength=one.geometry.light.wavelength[0],
            scan=one.scan
            or Scan(
                start=selection.experiment.exposures[selection.frames.start].angles[0],
                width=0.0,
                count=len(selection.frames),
                first_image=image_number(selection.frames.start),
            ),
        )

    def angles(self, image: int) -> tuple[float, float]:
        """Start and width of an image by its number [°]."""
        start = self.scan.start + (image - self.scan.first_image) * self.scan.width
        return start * RADIAN, self.scan.width * RADIAN
