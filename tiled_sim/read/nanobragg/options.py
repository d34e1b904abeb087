"""The options of nanoBragg: their names, values and units, and the parser.

The table is the one place that says which options exist. An option is honoured, or refused with
the reason why it does nothing; an unknown one is refused with the nearest known name. The C program matches options
as substrings and ignores what it does not know.
"""

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tiled_sim.errors import UsageError
from tiled_sim.model.checks import LARGEST
from tiled_sim.model.settings import BEAM_SIZE, DOMAINS_OF_A_SPREAD, FLUENCE, MOSAIC_SEED
from tiled_sim.model.values import integer_in, number_in, shown
from tiled_sim.physics.constants import WATER_DENSITY, WATER_MOLAR_MASS


@dataclass(frozen=True, slots=True)
class Option:
    """One option of the C program.

    Parameters
    ----------
    name : with its dash
    arguments : kind of each value: ``float``, ``int``, ``path`` or ``word``
    unit : of the values, empty if they have none
    help : what it sets
    aliases : other spellings that mean the same
    optional : how many of the last arguments may be left out
    default : without the option; empty if there is nothing to say
    row : of docs/differences.md, where C is wrong and the default here is right; several by commas
    inert : why the C program reads it to no effect; refused unless ``--c-compat``
    """

    name: str
    arguments: tuple[str, ...] = ()
    unit: str = ""
    help: str = ""
    aliases: tuple[str, ...] = ()
    optional: int = 0
    default: str = ""
    row: str = ""
    inert: str = ""

    @property
    def largest(self) -> float:
        """Beyond this, either sign, no value makes sense."""
        return _LARGEST.get(self.unit, LARGEST)


#: By unit: a larger number is one in another unit, or a slip.
_LARGEST = {
    "Å": 1e6,
    "Å, °": 1e6,
    "µm": 1e9,
    "mm": 1e8,
    "m": 1e5,
    "°": 1e6,
    "mrad": 1e4,
    "%": 1e4,
    "eV": 1e9,
    "s": 1e12,
    "electron": 1e18,
    "g/cm³": 1e6,
    "g/mol": 1e9,
    "pixel": 1e9,
}
_LARGEST_INTEGER = 2**63 - 1

_FLOAT, _INT, _PATH, _VECTOR = ("float",), ("int",), ("path",), ("float",) * 3
_SIZE_HELP = "crystal size along {}; sets the number of cells to ceil(size/|{}|)"

OPTIONS: tuple[Option, ...] = (
    # input
    Option("-mat", _PATH, "", "MOSFLM orientation matrix (a*, b*, c* in columns, times λ)", ("-matrix",)),
    Option("-cell", _FLOAT * 6, "Å, °", "unit cell", optional=5, default="b, c: a; angles: 90"),
    Option("-hkl", _PATH, "", "structure factors, one `h k l F` a line", row="17"),
    Option("-default_F", _FLOAT, "electron", "F of every node that the file does not give", default="0"),
    Option("-dump", _PATH, "", "Fdump file: read without -hkl, written with -hkl", row="18"),
    Option("-mask", _PATH, "", "dead pixels, in SMV (zero is dead) or another format of masks; the header of an SMV or CBF image sets the geometry", row="23"),
    Option("-sourcefile", _PATH, "", "list of sources: X Y Z weight wavelength [m]", row="2, 4"),
    Option("-img", _PATH, "", "SMV or CBF image whose header alone is read; it sets the geometry, before that of -mask", row="23"),
    Option("-water", _FLOAT, "µm", "size of the droplet around the crystal: of water, or of the material of a table", default="0", row="20"),
    Option("-stol", _PATH, "", "amorphous material of -water: sin θ/λ [1/Å] and F of a molecule [electron] a line", row="20"),
    Option("-4stol", _PATH, "", "as -stol, the first column 4 sin θ/λ [1/Å]", row="20"),
    Option("-Q", _PATH, "", "as -stol, the first column 4π sin θ/λ [1/Å]", row="20"),
    Option("-stolout", _PATH, inert="the C program reads it and never writes the file"),
    # crystal
    Option("-N", _INT, "cells", "number of unit cells along each axis", default="1"),
    Option("-Na", _INT, "cells", "number of unit cells along a", default="1"),
    Option("-Nb", _INT, "cells", "number of unit cells along b", default="1"),
    Option("-Nc", _INT, "cells", "number of unit cells along c", default="1"),
    Option("-xtal_size", _FLOAT, "mm", "crystal size along a, b and c", ("-xtalsize", "-sample_size", "-samplesize"), row="25, 32"),
    Option("-xtal_x", _FLOAT, "mm", _SIZE_HELP.format("a", "a"), ("-xtal_thick", "-xtal_thickness", "-sample_x", "-sample_thick", "-sample_thickness"), row="32"),
    Option("-xtal_y", _FLOAT, "mm", _SIZE_HELP.format("b", "b"), ("-xtal_width", "-sample_y", "-sample_width", "-width"), row="25, 32"),
    Option("-xtal_z", _FLOAT, "mm", _SIZE_HELP.format("c", "c"), ("-xtal_height", "-sample_z", "-sample_height", "-height"), row="25, 32"),
    Option("-square_xtal", help="parallelepiped crystal", default="yes", row="34"),
    Option("-round_xtal", help="ellipsoidal crystal"),
    Option("-gauss_xtal", help="Gaussian spots"),
    Option("-tophat_spots", help="flat-topped spots", aliases=("-binary_spots",)),
    Option("-fudge", _FLOAT, "", "factor on the squared distance from a node (not square)", default="1"),
    Option("-mosaic", _FLOAT, "°", "mosaic spread", ("-mosaici", "-mosaicity", "-mosaic_spr", "-mosaic_spread"), default="0"),
    Option("-mosaic_domains", _INT, "", "number of mosaic domains", ("-mosaic_dom",), default=f"{DOMAINS_OF_A_SPREAD} with a spread, else 1"),
    Option("-mosaic_seed", _INT, "", "seed of the mosaic domains", default=str(MOSAIC_SEED)),
    Option("-misset", _VECTOR, "°", "crystal rotations about X, then Y, then Z; or `random`, uniform over all", default="0 0 0", row="12"),
    Option("-misset_seed", _INT, "", "seed of -misset random", default="-seed's, else 1", row="9"),
    Option("-density", _FLOAT, "g/cm³", "of the material of -water", ("-sample_density",), default=f"{WATER_DENSITY:g}", row="20"),
    Option("-MW", _FLOAT, "g/mol", "molar mass of the material of -water", ("-molecular_weight",), default=f"{WATER_MOLAR_MASS:g}", row="20"),
    # beam
    Option("-lambda", _FLOAT, "Å", "wavelength", ("-wave", "-wavelength"), default="1"),
    Option("-energy", _FLOAT, "eV", "photon energy; λ = 12398.42/E"),
    Option("-dispersion", _FLOAT, "%", "full spread of the wavelength", default="0"),
    Option("-dispsteps", _INT, "", "number of wavelengths", default="2 with a dispersion, else 1"),
    Option("-divergence", _FLOAT, "mrad", "full divergence, horizontal and vertical", default="0", row="13"),
    Option("-hdivrange", _FLOAT, "mrad", "full horizontal divergence", default="0", row="13"),
    Option("-vdivrange", _FLOAT, "mrad", "full vertical divergence", default="0", row="13"),
    Option("-hdivstep", _FLOAT, "mrad", "horizontal spacing of sources", default="from range and number", row="13"),
    Option("-vdivstep", _FLOAT, "mrad", "vertical spacing of sources", default="from range and number", row="13"),
    Option("-hdivsteps", _INT, "", "number of sources, horizontal", default="2 with a range, else 1", row="13"),
    Option("-vdivsteps", _INT, "", "number of sources, vertical", default="2 with a range, else 1", row="13"),
    Option("-divsteps", _INT, "", "number of sources, horizontal and vertical", default="2 with a range, else 1", row="13"),
    Option("-round_div", help="elliptical divergence", default="yes"),
    Option("-square_div", help="rectangular divergence"),
    Option("-polar", _FLOAT, "", "Kahn polarization factor", default="0", row="13"),
    Option("-nopolar", help="no polarization factor"),
    Option("-fluence", _FLOAT, "photons/m²", "incident fluence", default=f"{FLUENCE:g}".replace("e+", "e")),
    Option("-flux", _FLOAT, "photons/s", "with -exposure and -beamsize: fluence = flux·exposure/beamsize²", row="25"),
    Option("-exposure", _FLOAT, "s", "exposure time", default="1"),
    Option("-beamsize", _FLOAT, "mm", "beam size; a crystal or droplet beyond it needs --clip-to-beam or --no-clip-to-beam", default=f"{BEAM_SIZE:g}", row="25"),
    Option("-coherent", inert="the C program reads it and never uses it"),
    # detector
    Option("-pixel", _FLOAT, "mm", "pixel size", default="0.1"),
    Option("-detpixels", _INT, "", "pixels along each side", default="1024"),
    Option("-detpixels_f", _INT, "", "pixels along fast", ("-detpixels_x",), default="1024"),
    Option("-detpixels_s", _INT, "", "pixels along slow", ("-detpixels_y",), default="1024"),
    Option("-detsize", _FLOAT, "mm", "detector size", default="102.4"),
    Option("-detsize_f", _FLOAT, "mm", "detector size along fast", default="102.4"),
    Option("-detsize_s", _FLOAT, "mm", "detector size along slow", default="102.4"),
    Option("-distance", _FLOAT, "mm", "sample to detector along the beam", default="100"),
    Option("-close_distance", _FLOAT, "mm", "sample to the detector's plane", default="from -distance", row="36"),
    Option("-Xbeam", _FLOAT, "mm", "beam centre in the convention's X", default="the middle", row="6b"),
    Option("-Ybeam", _FLOAT, "mm", "beam centre in the convention's Y", default="the middle", row="6b"),
    Option("-Xclose", _FLOAT, "mm", "nearest point in the convention's X", default="the middle", row="6b"),
    Option("-Yclose", _FLOAT, "mm", "nearest point in the convention's Y", default="the middle", row="6b"),
    Option("-ORGX", _FLOAT, "pixel", "nearest point along fast, XDS", default="the middle", row="6b"),
    Option("-ORGY", _FLOAT, "pixel", "nearest point along slow, XDS", default="the middle", row="6b"),
    Option("-twotheta", _FLOAT, "°", "detector swing about the two-theta axis", default="0"),
    Option("-detector_rotx", _FLOAT, "°", "detector rotation about X", default="0"),
    Option("-detector_roty", _FLOAT, "°", "detector rotation about Y", default="0"),
    Option("-detector_rotz", _FLOAT, "°", "detector rotation about Z", default="0"),
    Option("-pivot", ("word",), "", "`sample` or `beam`: what detector rotations keep in place", default="the convention's", row="10"),
    Option("-mosflm", help="MOSFLM convention", default="yes"),
    Option("-xds", help="XDS convention"),
    Option("-adxv", help="ADXV convention"),
    Option("-denzo", help="DENZO convention"),
    Option("-dials", help="DIALS convention"),
    Option("-fdet_vector", _VECTOR, "", "fast axis", default="the convention's"),
    Option("-sdet_vector", _VECTOR, "", "slow axis", default="the convention's"),
    Option("-odet_vector", _VECTOR, "", "detector normal", default="the convention's"),
    Option("-beam_vector", _VECTOR, "", "beam direction", default="the convention's"),
    Option("-polar_vector", _VECTOR, "", "direction of the electric field", default="the convention's"),
    Option("-spindle_axis", _VECTOR, "", "axis of phi", default="the convention's"),
    Option("-twotheta_axis", _VECTOR, "", "axis of two-theta", default="the convention's", row="8"),
    Option("-pix0_vector", _VECTOR, "m", "sample to the corner of pixel (0,0), before rotations", default="from centre and distance", row="5"),
    Option("-pix0_vector_mm", _VECTOR, "mm", "as -pix0_vector", default="from centre and distance", row="5"),
    Option("-curved_det", help="every pixel at the same distance from the sample", row="33"),
    Option("-point_pixel", help="1/R² in place of the solid angle"),
    Option("-detector_abs", ("word",), "µm", "attenuation length of the sensor; `inf` or 0: there is no sensor", ("-detector_absorb",), default="the thickness", row="15"),
    Option("-detector_thick", _FLOAT, "µm", "thickness of the sensor; with 0 photons are caught at its surface", default="0", row="15"),
    Option("-detector_thicksteps", _INT, "", "layers of the sensor", ("-thicksteps",), default="2", row="15"),
    # sampling
    Option("-phi", _FLOAT, "°", "phi of the first step", default="0", row="1"),
    Option("-osc", _FLOAT, "°", "oscillation range", default="0", row="1"),
    Option("-phistep", _FLOAT, "°", "spacing of phi steps", default="from -osc and number", row="1"),
    Option("-phisteps", _INT, "", "number of phi steps", default="2 with -osc, else 1", row="1"),
    Option("-oversample", _INT, "", "subpixels along each side", default="from the crystal's size"),
    Option("-oversample_thick", help="absorption of each subpixel, not of the first", row="14"),
    Option("-oversample_polar", help="polarization factor of each subpixel, not of the first", row="14"),
    Option("-oversample_omega", help="solid angle of each subpixel, not of the first", row="14"),
    Option("-roi", _INT * 4, "pixel", "fast min, fast max, slow min, slow max, inclusive", default="all"),
    Option("-dmin", _FLOAT, "Å", "finest resolution computed", default="0"),
    Option("-interpolate", help="tricubic F between nodes", default="if Na, Nb or Nc ≤ 2", row="16, 32"),
    Option("-nointerpolate", help="F of the nearest node"),
    # output
    Option("-floatfile", _PATH, "", "also write the image as raw float32", ("-floatimage",)),
    Option("-intfile", _PATH, "", "also write the image as an SMV image of scaled whole numbers", ("-intimage",), row="39"),
    Option("-pgmfile", _PATH, "", "also write the image as a PGM image of 8-bit greys", ("-pgmimage",), row="21"),
    Option("-noisefile", _PATH, "", "also write the counts as an SMV image; asks for noise", ("-noiseimage",), row="31, 39, 40"),
    Option("-nonoise", help="no noise image; none is made unasked"),
    Option("-nopgm", help="no PGM image; none is made unasked"),
    Option("-scale", _FLOAT, "1/photon", "scale of -intfile", default="55000/brightest"),
    Option("-pgmscale", _FLOAT, "1/photon", "scale of -pgmfile", default="50/deviation", row="21"),
    Option("-adc", _FLOAT, "", "offset that -intfile and -noisefile add", default="40"),
    Option("-seed", _INT, "", "seed of the noise and of -misset random", default="1", row="40"),
    Option("-printout", help="print what -printout_pixel names; refused without it, as every pixel would be printed", row="41"),
    Option("-printout_pixel", _INT * 2, "pixel", "fast, slow: trace this pixel and print it after the run", row="41"),
    Option("-trace_pixel", _INT * 2, "pixel", "slow, fast: as --trace-pixel"),
    Option("-progress", help="show progress", default="on a terminal"),
    Option("-noprogress", help="show no progress"),
)  # fmt: skip

_BY_NAME = {name: option for option in OPTIONS for name in (option.name, *option.aliases)}

Value = float | int | str


@dataclass(frozen=True, slots=True)
class Given:
    """The options of one command line, in order; of a repeated option the last counts.

    Parameters
    ----------
    occurrences : name and values of each
    notes : on how values were read
    """

    occurrences: tuple[tuple[str, tuple[Value, ...]], ...]
    notes: tuple[str, ...] = ()

    def __contains__(self, name: str) -> bool:
        return any(given == name for given, _ in self.occurrences)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.occurrences)

    def values(self, name: str) -> tuple[Value, ...] | None:
        """Values of the last occurrence of an option, or None."""
        found = None
        for given, values in self.occurrences:
            if given == name:
                found = values
        return found

    def number(self, name: str) -> float | None:
        """The single number of an option, or None."""
        values = self.values(name)
        return None if values is None else float(values[0])

    def integer(self, name: str) -> int | None:
        """The single whole number of an option, or None."""
        values = self.values(name)
        return None if values is None else int(values[0])

    def text(self, name: str) -> str | None:
        """The single word or path of an option, or None."""
        values = self.values(name)
        return None if values is None else str(values[0])

    def vector(self, name: str) -> tuple[float, float, float] | None:
        """The three numbers of an option, or None."""
        values = self.values(name)
        if values is None:
            return None
        x, y, z = (float(value) for value in values)
        return x, y, z

    def any_of(self, *names: str) -> list[str]:
        """Those of the names that were given."""
        return [name for name in names if name in self]

    def with_values(self, values: Mapping[str, tuple[Value, ...]]) -> "Given":
        """The same with other values of some options, in place of any that were given."""
        others = tuple(one for one in self.occurrences if one[0] not in values)
        return replace(self, occurrences=(*others, *values.items()))

    def without(self, *names: str) -> "Given":
        """The same as if some options had not been given."""
        return replace(self, occurrences=tuple(o for o in self.occurrences if o[0] not in names))

    def last_of(self, *names: str) -> str | None:
        """Whichever of the names was given last, or None."""
        found = [name for name in self if name in names]
        return found[-1] if found else None


def parse(tokens: Sequence[str], *, c_compat: bool) -> Given:
    """Parse a nanoBragg command line (without the program's name).

    Parameters
    ----------
    tokens : the words of the command line, each its own
    c_compat : let options through that the C program reads to no effect

    Raises
    ------
    UsageError
        for an unknown, refused or malformed option, naming it and what to do; for a text in
        place of words
    """
    if isinstance(tokens, str):
        raise UsageError(
            "options are a list of words, and this is one text: split it, by shlex.split"
        )
    words = [str(token) for token in tokens]
    occurrences: list[tuple[str, tuple[Value, ...]]] = []
    notes: list[str] = []
    position = 0
    while position < len(words):
        option = _lookup(words[position])
        _refuse(option, words[position], c_compat)
        reading = _Reading(option, words[position], c_compat, notes)
        values = reading.values(words[position + 1 :])
        if not option.inert:
            occurrences.append((option.name, values))
        position += 1 + len(values)
    return Given(tuple(occurrences), tuple(notes))


def _lookup(word: str) -> Option:
    if word in _BY_NAME:
        return _BY_NAME[word]
    if not word.startswith("-") or _is_number(word):
        raise UsageError(
            f"unexpected word {word!r}: a nanoBragg option begins with a dash, "
            "and an option before it takes fewer values than were given"
        )
    nearest = difflib.get_close_matches(word, _BY_NAME, n=2, cutoff=0.6)
    hint = f"; did you mean {' or '.join(nearest)}?" if nearest else ""
    raise UsageError(
        f"unknown option {word}{hint} (the C program would ignore it without a word; "
        "`tiled-sim submit --help` lists all)"
    )


def _refuse(option: Option, word: str, c_compat: bool) -> None:
    if option.inert and not c_compat:
        raise UsageError(
            f"option {word} has no effect: {option.inert}. Leave it out, or say --c-compat"
        )


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads the values of one option.

    Parameters
    ----------
    option : of the table
    word : as it is spelt
    c_compat : read numbers that count something as C does, which cuts what follows the point off
    notes : on how values were read are added here
    """

    option: Option
    word: str
    c_compat: bool
    notes: list[str]

    def values(self, following: Sequence[str]) -> tuple[Value, ...]:
        """Read as many of the words that follow as belong to the option."""
        option = self.option
        if option.name == "-misset" and following and "rand" in following[0]:
            return (following[0],)
        required = len(option.arguments) - option.optional
        values: list[Value] = []
        for kind in option.arguments:
            if len(values) == len(following):
                break
            text = following[len(values)]
            if len(values) >= required and text.startswith("-"):
                break
            if text in _BY_NAME or (text.startswith("--") and kind != "path"):
                break
            values.append(self._value(kind, text))
        if len(values) < required:
            unit = f" [{option.unit}]" if option.unit else ""
            raise UsageError(
                f"option {self.word} needs {required} value{'s' * (required > 1)}{unit}, found "
                f"{len(values)}"
            )
        return tuple(values)

    def _value(self, kind: str, text: str) -> Value:
        if kind in ("path", "word"):
            if not text:
                raise UsageError(f"option {self.word} needs a {kind}, found an empty word")
            return text
        whole = integer_in(text) if kind == "int" else None
        number = number_in(text) if whole is None else whole
        if number is None:
            raise self._wrong(text, "is not a number")
        if not -math.inf < number < math.inf:
            raise self._wrong(text, "is not a finite number")
        if kind == "int":
            return self._integer(text, number)
        unit, largest = self.option.unit, self.option.largest
        if abs(number) > largest:
            raise self._wrong(
                text,
                f"is more than any experiment has, {largest:g}{f' {unit}' if unit else ''}; check "
                "its unit",
            )
        return float(number)

    def _integer(self, text: str, number: float) -> int:
        whole = int(number)
        if number != whole:
            if not self.c_compat:
                raise self._wrong(
                    text, f"is not a whole number (the C program takes {whole}); say which is meant"
                )
            self.notes.append(f"as C: {self.word} {text} is read as {whole}")
        if abs(whole) > _LARGEST_INTEGER:
            raise self._wrong(text, f"is more than {_LARGEST_INTEGER}")
        return whole

    def _wrong(self, text: str, how: str) -> UsageError:
        return UsageError(f"option {self.word}: {shown(text)} {how}")
