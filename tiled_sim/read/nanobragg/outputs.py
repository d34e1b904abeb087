"""What a nanoBragg command line asks for besides the run: files, printed pixels, progress."""

from dataclasses import dataclass

from tiled_sim.errors import UsageError
from tiled_sim.io.camera import CameraHeader
from tiled_sim.io.file_names import require_ending
from tiled_sim.read.nanobragg.options import Given

#: What the C program adds to the pixels of its 16-bit images.
DEFAULT_OFFSET = 40.0

#: Options that do nothing without one of others.
_COMPANIONS = {
    "-scale": ("-intfile",),
    "-pgmscale": ("-pgmfile",),
    "-adc": ("-intfile", "-noisefile"),
}

#: Options that take others back.
_NEGATIONS = {"-noisefile": "-nonoise", "-pgmfile": "-nopgm"}

#: Formats of the files that options name.
_FORMATS = {
    "-floatfile": "raw numbers",
    "-intfile": "SMV",
    "-noisefile": "SMV",
    "-pgmfile": "PGM",
    "-dump": "raw numbers",
}

Pixel = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Outputs:
    """Everything that a nanoBragg command asks for besides the run.

    Parameters
    ----------
    float_image, integer_image, grey_image, count_image : of ``-floatfile``, ``-intfile``,
        ``-pgmfile`` and ``-noisefile``
    fdump : of ``-dump`` beside ``-hkl``
    scale, grey_scale : of ``-scale`` and ``-pgmscale`` [1/photon]; None: chosen from the image
    offset : of ``-adc``
    traced, printed : (slow, fast) of ``-trace_pixel`` and ``-printout_pixel``
    progress : of ``-progress`` and ``-noprogress``; None: not said
    camera : for the header of SMV images; None where none is asked for
    """

    float_image: str | None = None
    integer_image: str | None = None
    grey_image: str | None = None
    count_image: str | None = None
    fdump: str | None = None
    scale: float | None = None
    grey_scale: float | None = None
    offset: float = DEFAULT_OFFSET
    traced: Pixel | None = None
    printed: Pixel | None = None
    progress: bool | None = None
    camera: CameraHeader | None = None

    @property
    def files(self) -> dict[str, str]:
        """Every file to be written, by its option."""
        named = {
            "-floatfile": self.float_image,
            "-intfile": self.integer_image,
            "-pgmfile": self.grey_image,
            "-noisefile": self.count_image,
            "-dump": self.fdump,
        }
        return {option: path for option, path in named.items() if path is not None}

    @property
    def pixels(self) -> list[Pixel]:
        """(slow, fast) of the pixels whose scaling chain is wanted."""
        return [p for p in dict.fromkeys((self.traced, self.printed)) if p is not None]


def read_outputs(given: Given, *, c_compat: bool) -> Outputs:
    """What options ask to be written, printed or shown besides the run.

    Parameters
    ----------
    given : the options
    c_compat : let those go that would have no effect

    Raises
    ------
    UsageError
        for options that are malformed, have no effect without another, or name a file as that of
        another format
    """
    require_companions(given, c_compat=c_compat)
    progress = given.last_of("-progress", "-noprogress")
    offset = given.number("-adc")
    outputs = Outputs(
        float_image=given.text("-floatfile"),
        integer_image=given.text("-intfile"),
        grey_image=_unless_taken_back(given, "-pgmfile"),
        count_image=_unless_taken_back(given, "-noisefile"),
        fdump=given.text("-dump") if "-hkl" in given else None,
        scale=_positive(given.number("-scale")),
        grey_scale=_positive(given.number("-pgmscale")),
        offset=DEFAULT_OFFSET if offset is None else offset,
        traced=_pixel(given, "-trace_pixel"),
        printed=_swapped(_pixel(given, "-printout_pixel")),
        progress=None if progress is None else progress == "-progress",
    )
    for option, path in outputs.files.items():
        if not c_compat:  # the C program writes what it writes, whatever the name
            require_ending(option, path, _FORMATS[option])
    return outputs


def require_companions(given: Given, *, c_compat: bool) -> None:
    """Make sure that every option has what it belongs to.

    Parameters
    ----------
    given : the options
    c_compat : let those go that would have no effect

    Raises
    ------
    UsageError
        naming the option that is missing
    """
    for option, others in _COMPANIONS.items():
        if option in given and not given.any_of(*others) and not c_compat:
            raise UsageError(
                f"option {option} has no effect without {' or '.join(others)}. Leave it out, add "
                "the other, or say --c-compat"
            )
    for option, negation in _NEGATIONS.items():
        if option in given and given.last_of(option, negation) == negation and not c_compat:
            raise UsageError(
                f"{negation} takes back {option} {given.text(option)}. Leave one of them out, or "
                "say --c-compat to do as the C program does: the last one counts"
            )
    if "-printout" in given and "-printout_pixel" not in given:
        raise UsageError(
            "option -printout alone prints every pixel; name one by -printout_pixel FAST SLOW"
        )
    _require_random_misset(given, c_compat)


def random_misset(given: Given) -> bool:
    """Whether the last ``-misset`` is ``random``."""
    values = given.values("-misset")
    return values is not None and len(values) == 1


def _require_random_misset(given: Given, c_compat: bool) -> None:
    random = random_misset(given)
    if c_compat and (random or "-misset_seed" in given):
        raise UsageError(
            "-misset random and -misset_seed cannot be had with --c-compat: the C program turns "
            "by up to 90 radians, and takes -misset_seed for three angles. Give three angles"
        )
    if "-misset_seed" in given and not random:
        raise UsageError("option -misset_seed has no effect without -misset random. Leave it out")


def _unless_taken_back(given: Given, option: str) -> str | None:
    return given.text(option) if given.last_of(option, _NEGATIONS[option]) == option else None


def _positive(scale: float | None) -> float | None:
    """A scale; the C program chooses one in place of 0 and less."""
    return scale if scale is not None and scale > 0 else None


def _pixel(given: Given, option: str) -> Pixel | None:
    values = given.values(option)
    return None if values is None else (int(values[0]), int(values[1]))


def _swapped(pixel: Pixel | None) -> Pixel | None:
    return None if pixel is None else (pixel[1], pixel[0])
