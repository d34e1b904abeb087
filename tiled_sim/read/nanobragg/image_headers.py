"""Values that the headers of ``-mask`` and ``-img`` give in place of options."""

from dataclasses import dataclass

from tiled_sim.errors import ExperimentError, InputFileError
from tiled_sim.io.image_header import ImageHeader
from tiled_sim.io.mask_file import read_image_header, read_mask
from tiled_sim.model.detector import MaskFile
from tiled_sim.read.nanobragg.conflicts import Conflicts
from tiled_sim.read.nanobragg.options import Given


@dataclass(frozen=True, slots=True)
class ImageHeaders:
    """The headers that a command line names; where both say a value, that of ``-img`` counts.

    Parameters
    ----------
    mask : of the file of ``-mask``
    image : of the image of ``-img``
    mask_file : that of ``-mask``
    """

    mask: ImageHeader | None = None
    image: ImageHeader | None = None
    mask_file: MaskFile | None = None

    def number(self, key: str) -> float | None:
        """A value as a number, or None if no header says it."""
        header = self.saying(key)
        return None if header is None else header.number(key)

    def positive(self, key: str, option: str) -> float | None:
        """A value that must be positive, or None if no header says it.

        Raises
        ------
        InputFileError
            if it is not; ``option`` says it otherwise
        """
        header = self.saying(key)
        value = None if header is None else header.number(key)
        if header is not None and value is not None and value <= 0:
            raise InputFileError(f"{header.where(key)} must be positive; {option} overrides it")
        return value

    def saying(self, *keys: str) -> ImageHeader | None:
        """The header whose value of one of the keys counts, or None if no header says any."""
        for header in (self.image, self.mask):
            if header is not None and any(key in header for key in keys):
                return header
        return None

    def named(self, key: str) -> str:
        """The option whose header says a key: ``-img`` or ``-mask``."""
        return "-img" if self.saying(key) is self.image else "-mask"

    def missing(self, what: str, default: str, conflicts: Conflicts) -> None:
        """Note that no header says what it might, so that a default stands in its place.

        Parameters
        ----------
        what : is not said
        default : that is taken, and the option that gives another
        conflicts : told of it, if there are headers at all
        """
        files = [f"{o} {h.path}" for o, h in (("-img", self.image), ("-mask", self.mask)) if h]
        if files:
            say = "say" if len(files) > 1 else "says"
            conflicts.note(f"{' and '.join(files)} {say} no {what}: {default}")


def read_image_headers(given: Given, conflicts: Conflicts) -> ImageHeaders:
    """Read the headers of the images that the options name, and look at the mask.

    Raises
    ------
    InputFileError
        if a file cannot be read, or is of no format that is known
    ExperimentError
        if the two images are not of one size
    """
    mask_name, image_name = given.text("-mask"), given.text("-img")
    image = None if image_name is None else read_image_header(image_name)
    if mask_name is None:
        return ImageHeaders(None, image)
    found = read_mask(mask_name)
    mask = found.header
    conflicts.note(found.note)
    if image is not None:
        if mask.shape != image.shape:
            raise ExperimentError(
                f"-mask {mask.path} has {_by(mask.shape)} pixels (slow x fast), "
                f"-img {image.path} {_by(image.shape)}; name images of one detector"
            )
        conflicts.note(f"where both headers say a value, -img {image.path} beats -mask {mask.path}")
    return ImageHeaders(mask, image, MaskFile(mask_name, found.sha256))


def _by(shape: tuple[int, int]) -> str:
    return " x ".join(map(str, shape))
