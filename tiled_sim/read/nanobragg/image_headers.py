"""Values that the headers of ``-mask`` and ``-img`` give in place of options."""

from dataclasses import dataclass

from tiled_sim.errors import ExperimentError
from tiled_sim.io.smv import SmvHeader, read_smv_header
from tiled_sim.read.nanobragg.conflicts import Conflicts
from tiled_sim.read.nanobragg.options import Given


@dataclass(frozen=True, slots=True)
class ImageHeaders:
    """The headers that a command line names; where both say a value, that of ``-img`` counts.

    Parameters
    ----------
    mask : of the image of ``-mask``
    image : of the image of ``-img``
    """

    mask: SmvHeader | None = None
    image: SmvHeader | None = None

    def number(self, key: str) -> float | None:
        """A value as a number, or None if no header says it."""
        header = self.saying(key)
        return None if header is None else header.number(key)

    def saying(self, key: str) -> SmvHeader | None:
        """The header whose value of a key counts, or None if no header says it."""
        for header in (self.image, self.mask):
            if header is not None and key in header.header:
                return header
        return None

    def named(self, key: str) -> str:
        """The option whose header says a key: ``-img`` or ``-mask``."""
        return "-img" if self.saying(key) is self.image else "-mask"


def read_image_headers(given: Given, conflicts: Conflicts) -> ImageHeaders:
    """Read the headers of the images that the options name.

    Raises
    ------
    InputFileError
        if an image cannot be read or is not SMV
    ExperimentError
        if the two images are not of one size
    """
    mask, image = (
        None if path is None else read_smv_header(path)
        for path in (given.text("-mask"), given.text("-img"))
    )
    if mask is not None and image is not None:
        if mask.shape != image.shape:
            raise ExperimentError(
                f"-mask {mask.path} has {_by(mask.shape)} pixels (slow x fast), "
                f"-img {image.path} {_by(image.shape)}; name images of one detector"
            )
        conflicts.note(f"where both headers say a value, -img {image.path} beats -mask {mask.path}")
    return ImageHeaders(mask, image)


def _by(shape: tuple[int, int]) -> str:
    return " x ".join(map(str, shape))
