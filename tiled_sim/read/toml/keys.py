"""The keys of a TOML experiment: their values, units, defaults and meaning.

The table is the one place that says which keys there are; ``docs/experiment.md`` is made from it. A
quantity with a unit carries it in its key, in any spelling that its unit has: ``distance_mm`` or
``distance_m``. Fields of the dataclasses in `model` have their unit there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tiled_sim.model.background import ABSCISSAS, Background
from tiled_sim.model.bandwidth import BANDWIDTH_SHAPES, CHANNELS, SPECTRUM_SEED
from tiled_sim.model.beam import Beam, Spectrum
from tiled_sim.model.calculation import SOLVENT_B, SOLVENT_K
from tiled_sim.model.crystal import SHAPES, Crystal
from tiled_sim.model.detector import DeadPixels, Detector, Panel, Sensor
from tiled_sim.model.diffuse import DIFFUSE_REACH, Diffuse
from tiled_sim.model.domains import KINDS
from tiled_sim.model.exposures import Rotation
from tiled_sim.model.readout import POINT_SPREADS, Noise, PointSpread
from tiled_sim.model.sampling import Sampling
from tiled_sim.model.settings import DOMAINS_OF_A_SPREAD, MOSAIC_SEED, SHOTS_SEED
from tiled_sim.model.units import (
    ANGLE,
    ATOMIC,
    ENERGY,
    FLUX,
    LENGTH,
    PIXELS,
    PLAIN,
    SPREAD,
    TIME,
    Unit,
    units_of,
)
from tiled_sim.physics.constants import WATER_DENSITY, WATER_MOLAR_MASS

NUMBER = "a finite number"
TWO_NUMBERS = "2 finite numbers in brackets"
ONE_OR_TWO_NUMBERS = "a finite number, or 2 in brackets"
VECTOR = "3 finite numbers in brackets"
ONE_OR_THREE_NUMBERS = "a finite number, or 3 in brackets"
INTEGER = "a whole number"
TWO_INTEGERS = "2 whole numbers in brackets"
ONE_OR_TWO_INTEGERS = "a whole number, or 2 in brackets"
ONE_OR_THREE_NUMBERS = "a finite number, or 3 in brackets"
ONE_OR_THREE_INTEGERS = "a whole number, or 3 in brackets"
FLAG = "true or false"
TEXT = "a text in quotes"
TEXTS = "texts in brackets"
FILE = "the name of a file in quotes"
TABLE = "a table of keys and values"
TABLES = "a list of tables"
NUMBER_A_FRAME = "a list of finite numbers, one for each frame"
PAIRS = "a list of pairs of wavelength [Å] and length [m]"
NINE_A_FRAME = "a list of nine finite numbers for each frame"
_COUNTED = Noise()
#: What users say; the unit inside is the first of each.
_USUAL: tuple[tuple[Unit, str], ...] = ((LENGTH, "mm"), (ANGLE, "deg"))


@dataclass(frozen=True, slots=True)
class Key:
    """One quantity that a table of the document may give.

    Parameters
    ----------
    name : without its unit
    value : what it must be, as complaints have it
    help : what it sets
    default : without the key; empty: it stays unsaid
    options : what says the same on a command line: words of nanoBragg, or ours
    unit : None: that of the field of this name
    usual : the suffix that people write; empty: the usual one of its unit
    """

    name: str
    value: str
    help: str
    default: str = ""
    options: str = ""
    unit: Unit | None = None
    usual: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the document.

    Parameters
    ----------
    path : the names that lead to it; none: above all tables
    about : what it says as a whole
    keys : that it may have
    model : whose fields some of them are; None: no one's
    listed : whether there may be several, ``[[…]]``
    """

    path: tuple[str, ...]
    about: str
    keys: tuple[Key, ...]
    model: Any = None
    listed: bool = False

    @property
    def title(self) -> str:
        """As it stands in a document."""
        name = ".".join(self.path)
        return f"[[{name}]]" if self.listed else f"[{name}]"

    @property
    def units(self) -> dict[str, Unit]:
        """Every quantity, in its order, with its unit."""
        fields = {} if self.model is None else units_of(self.model)
        return {
            key.name: fields.get(key.name, PLAIN) if key.unit is None else key.unit
            for key in self.keys
        }

    def usual_spelling(self, key: Key) -> str:
        """The key as people write it."""
        unit = self.units[key.name]
        if not unit:
            return key.name
        usual = next((suffix for of, suffix in _USUAL if of is unit), next(iter(unit)))
        return f"{key.name}_{key.usual or usual}"


_REGION = (
    Key("slow", TWO_INTEGERS, "first row, and the one after the last", "all rows", "-roi"),
    Key("fast", TWO_INTEGERS, "first column, and the one after the last", "all columns", "-roi"),
)
#: What a panel has wherever it is said.
_MASKED = (
    Key("region", TABLE, "the only pixels that are computed", "all", "-roi"),
    Key("mask", FILE, "dead pixels, in any of the [formats of masks](options.md#masks)", "none are dead", "-mask"),
    Key("mask_sha256", TEXT, "SHA-256 of the mask's bytes: another file is refused", "that of the file"),
    Key("name", TEXT, "for people, and for `--panel`", "its number, or as the file has it"),
    Key("group", TEXTS, "names of the modules that hold it, outermost first", "none, or as the file has it"),
)  # fmt: skip
_SENSOR = (
    Key("material", TEXT, "Si, CdTe, GaAs, Ge, CsI or Gd2O2S, whose attenuation length at every wavelength of the beam is taken from the tables of xraydb", "not said, or as the file of `geometry` has it", "--sensor"),
    Key("thickness", NUMBER, "of the slab", "needed, unless the file of `geometry` has it", "-detector_thick --sensor", usual="um"),
    Key("attenuation_length", NUMBER, "depth that lets 1/e of the photons through", "needed, unless `material` or the file of `geometry` tells it", "-detector_abs", usual="um"),
    Key("layers", INTEGER, "number of layers", "1", "-detector_thicksteps"),
    Key("attenuation_table", PAIRS, "attenuation lengths at several wavelengths, beside that at the beam's", "of a `material` as its tables have it, else one length for all"),
)  # fmt: skip
_PIXELS = (
    Key("pixels", TWO_INTEGERS, "number of pixels, slow and fast", "needed, unless said elsewhere", "-detpixels -detpixels_s -detpixels_f"),
    Key("pixel_size", ONE_OR_TWO_NUMBERS, "side of a pixel, or sides along slow and fast", "needed, unless said elsewhere", "-pixel", LENGTH),
)  # fmt: skip

SECTIONS: tuple[Section, ...] = (
    Section(
        (),
        "",
        (
            Key("c_compat", FLAG, "replay what the C program does wrong where that is defined ([differences.md](differences.md))", "false", "--c-compat"),
            Key("allow_upstream", FLAG, "light of sources may travel against the beam, and panels stand upstream", "false", "--allow-upstream"),
            Key("beam", TABLE, "the light: `[beam]`", "needed"),
            Key("crystal", TABLE, "`[crystal]`", "needed, unless `[[crystals]]` has it"),
            Key("crystals", TABLES, "further crystals in the same image, by the keys of `[crystal]`: `[[crystals]]`; one without a cell, matrix or vectors is the first, turned by `misset`, but for what else it says; without `[crystal]` the first of them is that ([domains.md](domains.md#several-crystals))", "none", "--twin"),
            Key("detector", TABLE, "`[detector]`", "needed"),
            Key("sampling", TABLE, "how finely a pixel is summed: `[sampling]`", "as its keys say"),
            Key("frames", TABLE, "images, and how the crystal turns: `[frames]`", "one still"),
            Key("structure_factors", TABLE, "`[structure_factors]`", "needed"),
            Key("background", TABLE, "scattering of amorphous material: `[background]`", "none"),
            Key("noise", TABLE, "photons are counted, too: `[noise]`", "they are not"),
        ),
    ),
    Section(
        ("beam",),
        "The light. The laboratory has +Y up and, unless `direction` says otherwise, the beam along +Z.",
        (
            Key("direction", VECTOR, "along which the light travels; of any length", "[0, 0, 1]", "-beam_vector"),
            Key("wavelength", NUMBER, "wavelength", "that of `geometry` or the mean of `spectrum_file`; else this or `energy` is needed", "-lambda"),
            Key("energy", NUMBER, "photon energy, in place of the wavelength", "", "-energy", ENERGY),
            Key("fluence", NUMBER, "photons through an area, for one frame", "this, or flux, exposure and beam size are needed", "-fluence"),
            Key("flux", NUMBER, "with `exposure` and `beam_size`: fluence = flux · exposure / beam_size²", "", "-flux", FLUX),
            Key("exposure", NUMBER, "time of one frame", "", "-exposure", TIME),
            Key("beam_size", NUMBER, "side of the square that the photons go through", "", "-beamsize", LENGTH),
            Key("polarization", 'a finite number, or "off"', "Kahn's factor: 0 unpolarized, 1 along the axis; off: no polarization factor", "0", "-polar -nopolar"),
            Key("polarization_axis", VECTOR, "direction of the electric field; of any length", "the horizontal: the part of +X across the beam, or +Z's if that is along X", "-polar_vector"),
            Key("sources", TABLES, "the sources one by one: `[[beam.sources]]`; of many, lines of X Y Z weight wavelength [m] as one text", "one source", "-sourcefile"),
            Key("source_file", FILE, "the sources from a file with lines of X Y Z weight wavelength [m]", "one source", "-sourcefile"),
            Key("spectrum_file", FILE, "wavelengths: energy [eV] or wavelength [Å], and weight, in each line, or HDF5, `FILE:DATASET` ([spectra.md](spectra.md))", "one wavelength", "--spectrum"),
            Key("spectrum", TABLE, "the wavelengths by numbers, or how a spectrum is summed in channels: `[beam.spectrum]`", "one wavelength, or every line of the spectrum", "--bandwidth --spectrum-channels"),
            Key("dispersion", NUMBER, "full spread of the wavelength; needs its steps", "0", "-dispersion", SPREAD),
            Key("dispersion_steps", INTEGER, "number of wavelengths", "", "-dispsteps"),
            Key("divergence", TWO_NUMBERS, "full divergence, horizontal and vertical; needs its steps", "[0, 0]", "-divergence -hdivrange -vdivrange", ANGLE, "mrad"),
            Key("divergence_steps", ONE_OR_TWO_INTEGERS, "number of directions, horizontal and vertical, or both", "", "-divsteps -hdivsteps -vdivsteps"),
            Key("divergence_shape", TEXT, "round or square: which of the directions count", "round", "-round_div -square_div"),
        ),
        Beam,
    ),
    Section(
        ("beam", "sources"),
        "One direction and wavelength of the light.",
        (
            Key("incident", VECTOR, "along which the light travels; of any length", "`direction`"),
            Key("wavelength", NUMBER, "wavelength", "that of the beam"),
            Key("energy", NUMBER, "photon energy, in place of the wavelength", "", unit=ENERGY),
            Key("weight", NUMBER, "relative to the other sources; only the ratios count", "1"),
        ),
        Spectrum,
        listed=True,
    ),
    Section(
        ("beam", "spectrum"),
        "A spectrum by numbers about the wavelength of the beam ([spectra.md](spectra.md)); or beside a spectrum of a file `channels` alone.",
        (
            Key("shape", TEXT, f"{', '.join(BANDWIDTH_SHAPES[:-1])} or {BANDWIDTH_SHAPES[-1]}", "needed with a bandwidth", "--bandwidth-shape"),
            Key("bandwidth", NUMBER, "full width at half maximum, of the photon energy", "", "--bandwidth", SPREAD),
            Key("bandwidth_eV", NUMBER, "the same in eV", "", "--bandwidth", PLAIN),
            Key("channels", INTEGER, "how many channels of energy the spectrum is cut into, or its lines summed in", f"{CHANNELS} with a bandwidth; every line of a file", "--spectrum-channels"),
            Key("duration", NUMBER, "of a SASE pulse, full width at half maximum", "needed for sase", "--pulse-duration", TIME, "fs"),
            Key("seed", INTEGER, "of a SASE pulse", f"{SPECTRUM_SEED}", "--spectrum-seed"),
        ),
    ),
    Section(
        ("crystal",),
        "Cell and orientation are those of `cell` or `matrix`, turned by `misset`, or of vectors; a file of `geometry` may have the crystal, one of structure factors the cell.",
        (
            *(Key(name, VECTOR, "cell vector as it stands at phi = 0", "from a\\*, b\\*, c\\*", "-mat") for name in "abc"),
            *(Key(f"{name}_star", VECTOR, "reciprocal vector as it stands at phi = 0", "from a, b, c", "-mat") for name in "abc"),
            Key("cell", VECTOR, "lengths of a, b, c; a\\* lies along +X, b\\* in the plane of X and Y", "the crystal of `geometry`, or the cell of the file of structure factors", "-cell", ATOMIC),
            Key("cell_angles", VECTOR, "α, β, γ", "", "-cell", ANGLE),
            Key("misset", VECTOR, "turns about X, then Y, then Z of the laboratory", "[0, 0, 0]", "-misset", ANGLE),
            Key("matrix", FILE, "MOSFLM orientation matrix: a\\*, b\\*, c\\* in columns, times the wavelength", "", "-mat"),
            Key("cells", ONE_OR_THREE_INTEGERS, "number of unit cells along a, b, c, or along each", "needed", "-N -Na -Nb -Nc"),
            Key("shape", TEXT, f"of the crystal: {', '.join(SHAPES[:-1])} or {SHAPES[-1]}; gauss_star and tophat are nanoBragg's Gaussian and flat-topped spots, which go by the distance in 1/Å times the number of all cells, those with _hkl simtbx's, which go by h, k, l times the cells along each axis", "square", "-square_xtal -round_xtal -gauss_xtal -tophat_spots"),
            Key("fudge", NUMBER, "factor on the squared distance from a node (not square)", "1", "-fudge"),
            Key("mosaic_kind", TEXT, f"how the orientations of the mosaic domains are had: {', '.join(KINDS[:-1])} or {KINDS[-1]} ([domains.md](domains.md))", "anisotropic with three spreads, listed with a list; else nanobragg", "--mosaic-kind"),
            Key("mosaic_spread", ONE_OR_THREE_NUMBERS, "of nanobragg the half-width of the cap of orientations, of gaussian the standard deviation of the angle, of anisotropic those about a\\*, b\\*, c\\*", "0", "-mosaic --mosaic-angles", ANGLE),
            Key("mosaic_domains", INTEGER, "number of mosaic domains", f"{DOMAINS_OF_A_SPREAD} with a spread, else 1", "-mosaic_domains"),
            Key("mosaic_seed", INTEGER, "of nanoBragg's generator of domains, or of the counters of the other kinds", str(MOSAIC_SEED), "-mosaic_seed"),
            Key("mosaic_file", FILE, "listed domains: rotation matrices and weights ([domains.md](domains.md))", "", "--mosaic-file"),
            Key("mosaic_rotations", TEXT, "the same in the document: lines as of such a file"),
            Key("diffuse", TABLE, "its atoms are displaced: `[crystal.diffuse]`", "they scatter into the reflections alone", "--diffuse-gamma --diffuse-sigma"),
            Key("share", NUMBER, "what its photons are multiplied by: with several crystals the image is the sum of what each makes alone, times its share", "1", "--twin"),
        ),
        Crystal,
    ),
    Section(
        ("crystal", "diffuse"),
        "Diffuse scattering by displacements that are correlated over a length ([diffuse.md](diffuse.md)); three values are along a, across, and along c\\*.",
        (
            Key("gamma", ONE_OR_THREE_NUMBERS, "length over which correlations fall to 1/e", "needed", "--diffuse-gamma"),
            Key("sigma", ONE_OR_THREE_NUMBERS, "root mean square displacement along an axis", "needed", "--diffuse-sigma"),
            Key("reach", INTEGER, "nodes each way of the nearest whose halos are summed", f"{DIFFUSE_REACH}", "--diffuse-reach"),
        ),
        Diffuse,
    ),
    Section(
        ("detector",),
        "The panels are listed as `[[detector.panels]]`, or those of `geometry` or `model`, or a single one that the keys here place; it is perpendicular to the beam unless its axes are given.",
        (
            Key("panels", TABLES, "the panels one by one: `[[detector.panels]]`", "", "-pix0_vector -fdet_vector -sdet_vector"),
            Key("geometry", FILE, "the panels of a geometry file ([geometry.md](geometry.md))", "", "--geometry"),
            Key("experiment", f'{INTEGER}, or "all"', "which experiment of a `.expt` of `geometry`, from 0; all: a frame of each", "0", "--experiment"),
            Key("model", TEXT, "the panels of a detector by its name (`tiled-sim geometry --list`)", "", "--detector"),
            *_PIXELS,
            Key("distance", NUMBER, "from the sample along the beam to the panel, or to the panels of `model`; of `geometry`, what a file without a distance lacks", "needed where nothing else places the panel", "-distance", LENGTH),
            Key("beam_center", TWO_NUMBERS, "where the beam meets the panel, slow and fast, from the outer corner of pixel (0, 0); of several panels of `model`, from the upper left corner of the rectangle around them, seen from the sample", "the middle, or the place for it in the layout of `model`", "-ORGX -ORGY -Xbeam -Ybeam", PIXELS),
            Key("fast_axis", VECTOR, "direction of fast; of any length", "the horizontal, +X of a beam along +Z", "-fdet_vector"),
            Key("slow_axis", VECTOR, "direction of slow; of any length", "beam × fast, +Y of a beam along +Z", "-sdet_vector"),
            *_MASKED,
            Key("curvature_radius", NUMBER, "distance of every pixel of a curved detector", "flat", "-curved_det"),
            Key("point_pixel", FLAG, "1/R² in place of the solid angle", "false", "-point_pixel"),
            Key("sensor", TABLE, "what absorbs the photons: `[detector.sensor]`", "all are caught at the panel's plane", "-detector_thick -detector_abs"),
            Key("up", VECTOR, "what is up in pictures of all panels; of any length", "+Y, or +Z of a beam along Y"),
            Key("dead_pixels", TABLE, "how to read the dead pixels of a file or name again: `[detector.dead_pixels]`", "none are dead"),
        ),
        Detector,
    ),
    Section(
        ("detector", "panels"),
        "One flat rectangle of pixels.",
        (
            Key("origin", VECTOR, "from the sample to the outer corner of pixel (0, 0)", "needed", "-pix0_vector -pix0_vector_mm"),
            Key("fast_axis", VECTOR, "direction of fast; of any length", "needed", "-fdet_vector"),
            Key("slow_axis", VECTOR, "direction of slow; of any length", "needed", "-sdet_vector"),
            Key("normal", VECTOR, "of the panel, away from the sample; of any length", "that of fast and slow", "-odet_vector"),
            *_PIXELS,
            *_MASKED,
            Key("sensor", TABLE, "of its own: `[detector.panels.sensor]`", "that of the detector"),
        ),
        Panel,
        listed=True,
    ),
    Section(("detector", "region"), "The only pixels that are computed, of a single panel.", _REGION),
    Section(
        ("detector", "panels", "region"), "The only pixels of a panel that are computed.", _REGION
    ),
    Section(
        ("detector", "sensor"),
        "A slab behind the panel's plane, cut into layers; each catches what it absorbs where its front lies ([sensor-and-background.md](sensor-and-background.md)).",
        _SENSOR,
        Sensor,
    ),
    Section(("detector", "panels", "sensor"), "The same of one panel.", _SENSOR, Sensor),
    Section(
        ("detector", "dead_pixels"),
        "`tiled-sim config` writes it beside panels that come from a geometry file or a name: their dead pixels are read again, and must be the same.",
        (
            Key("sha256", TEXT, "SHA-256 of the dead pixels of all panels", "needed"),
            Key("path", FILE, "the geometry file", "this or `model` is needed", "--geometry"),
            Key("model", TEXT, "the detector's name", "", "--detector"),
            Key("distance", NUMBER, "that was given beside the file", "none", "-distance"),
            Key("wavelength", NUMBER, "that was given beside the file", "none", "-lambda"),
            Key("experiment", INTEGER, "which of the file's", "0", "--experiment"),
        ),
        DeadPixels,
    ),
    Section(
        ("sampling",),
        "How finely a pixel is summed.",
        (
            Key("oversample", INTEGER, "subpixels along each side of a pixel", "from the crystal's size", "-oversample"),
            Key("interpolate", FLAG, "tricubic F between nodes; false: that of the nearest", "true if there are 1 or 2 cells along a side, and a file of F", "-interpolate -nointerpolate"),
            Key("dmin", NUMBER, "finest resolution computed; 0: no limit", "0", "-dmin"),
            Key("oversample_thick", FLAG, "each subpixel has its own absorption; false: the first stands for all", "false", "-oversample_thick"),
            Key("oversample_polar", FLAG, "each term has its own polarization factor; false: the first stands for all", "false", "-oversample_polar"),
            Key("oversample_omega", FLAG, "each subpixel has its own solid angle; false: the first stands for all", "false", "-oversample_omega"),
        ),
        Sampling,
    ),
    Section(
        ("frames",),
        "Images one after the other. Each begins where the one before it ended, and its light is shared out over the steps, at `start`, `start` + `step`, …",
        (
            Key("spindle", VECTOR, "axis that the crystal turns about; of any length", "that of `geometry`, or the horizontal, +X of a beam along +Z", "-spindle_axis"),
            Key("start", NUMBER, "phi of the first step", "0, or as `geometry` has it", "-phi"),
            Key("step", NUMBER, "from one step to the next", "the oscillation over the steps", "-phistep"),
            Key("steps", INTEGER, "number of steps of a frame", "1", "-phisteps"),
            Key("oscillation", NUMBER, "from one frame to the next", "the steps together, or as `geometry` has it", "-osc"),
            Key("count", INTEGER, "number of frames", "1, or as `geometry` has it"),
            Key("shots", FILE, "a frame for each row of a table, which may say all this and more ([shots.md](shots.md))", "", "--shots"),
            Key("shots_sha256", TEXT, "SHA-256 of the table's bytes: another file is refused", "that of the file"),
            Key("random_shots", INTEGER, "number of frames in random orientations", "", "--random-shots"),
            Key("shots_seed", INTEGER, "of what is random of shots", f"{SHOTS_SEED}", "--shots-seed"),
            Key("shots_cell_spread", VECTOR, "by which share a, b and c vary from shot to shot, standard deviations", "0 of each", "--shots-cell-spread"),
            Key("orientation", NINE_A_FRAME, "in place of all that: stills, by the rotation of the crystal from where `[crystal]` has it, row by row", "", "--experiment"),
            Key("vectors", NINE_A_FRAME, "a, b, c of each still before that rotation", "those of `[crystal]`", "--experiment", ATOMIC),
            Key("wavelengths", NUMBER_A_FRAME, "of each still", "that of `[beam]`", "--experiment", ATOMIC),
        ),
        Rotation,
    ),
    Section(
        ("structure_factors",),
        "At most one file ([structure-factors.md](structure-factors.md)), and the value elsewhere.",
        (
            Key("hkl", FILE, "lines of h k l F [electrons], or one of the other forms", "one of these four, or `default_F`, is needed", "-hkl"),
            Key("fdump", FILE, "nanoBragg's Fdump", "", "--fdump -dump"),
            Key("mtz", FILE, "MTZ, or CIF of structure factors", "", "--mtz"),
            Key("model", FILE, "model of a crystal, PDB or mmCIF: F is calculated from its atoms", "", "--model"),
            Key("model_dmin", NUMBER, "of a model: finest spacing that F is calculated for", "what the detector reaches", "--model-dmin", ATOMIC),
            Key("anomalous", TEXT, "of a model: f′ and f″ at the beam's wavelength, of Chantler's tables, `\"chantler\"`, or of a file with lines of element, energy [eV], f′, f″", "there are none", "--anomalous"),
            Key("energies", INTEGER, "of a model: for so many energies of the spectrum F is calculated, and each source has the nearest; 0: for those of all sources", "1: the beam's, for all", "--F-energies"),
            Key("solvent_k", NUMBER, "of a model: density of flat bulk solvent [electrons/Å³]; 0: none", f"{SOLVENT_K:g}", "--solvent"),
            Key("solvent_B", NUMBER, "of a model: what smears the solvent's border [Å²]", f"{SOLVENT_B:g}", "--solvent"),
            Key("mtz_column", TEXT, "label of the amplitudes in an MTZ", "its only column of them", "--mtz"),
            Key("default_F", NUMBER, "F of every node that the file does not give [electrons]", "0", "-default_F"),
            Key("ignore_file_cell", FLAG, "the cell that the file, or `matrix`, names may be another than the crystal's", "false", "--ignore-file-cell"),
            Key("F000", NUMBER, "F of 0 0 0, whatever the file gives [electrons]", "the file's, or `default_F`", "--F000"),
            Key("space_group", TEXT, "of a list: tells what is absent by symmetry, and expands nothing", "not known; an MTZ or a model names its own", "--space-group"),
        ),
    ),
    Section(
        ("background",),
        "Amorphous material in the beam beside the crystal, such as water ([sensor-and-background.md](sensor-and-background.md)).",
        (
            Key("thickness", NUMBER, "along the beam", "needed", "-water", usual="um"),
            Key("area", NUMBER, "of it that the beam hits", "needed", "-water", usual="um2"),
            Key("density", NUMBER, "of the material", f"{WATER_DENSITY:g}, water's", "-density"),
            Key("molar_mass", NUMBER, "of the material", f"{WATER_MOLAR_MASS:g}, water's", "-MW"),
            Key("table", FILE, "F of a molecule [electrons] against the first column", "water's", "-stol -4stol -Q"),
            Key("table_sha256", TEXT, "SHA-256 of the table's bytes: another file is refused", "that of the file"),
            Key("abscissa", TEXT, f"first column of the table [1/Å]: {', '.join(list(ABSCISSAS)[:-1])} or {list(ABSCISSAS)[-1]}; sin θ/λ, 4 sin θ/λ or 4π sin θ/λ", "stol", "-stol -4stol -Q"),
        ),
        Background,
    ),
    Section(
        ("noise",),
        "How photons are counted ([noise.md](noise.md)); every key may be left out.",
        (
            Key("seed", INTEGER, "of all but the calibration", f"{_COUNTED.seed}", "-seed --noise-seed"),
            Key("flicker", NUMBER, "of the source, from pixel to pixel, as a fraction of the light", f"{_COUNTED.flicker:g}", "--noise-flicker"),
            Key("calibration", NUMBER, "error of each pixel, the same in every frame, as a fraction of the light", f"{_COUNTED.calibration:g}", "--noise-calibration"),
            Key("calibration_seed", INTEGER, "of the calibration", f"{_COUNTED.calibration_seed}", "--noise-calibration-seed"),
            Key("readout", NUMBER, "standard deviation of the read-out noise", f"{_COUNTED.readout:g}", "--noise-readout"),
            Key("gain", NUMBER, "what one photon reads", f"{_COUNTED.gain:g}", "--noise-gain"),
            Key("offset", NUMBER, "what no photon reads", f"{_COUNTED.offset:g}", "--noise-offset"),
            Key("saturation", INTEGER, "what a pixel reads at most", f"{_COUNTED.saturation}", "--noise-saturation"),
            Key("point_spread", TABLE, "how the light of a pixel spreads: `[noise.point_spread]`", "it does not", "--noise-psf"),
        ),
        Noise,
    ),
    Section(
        ("noise", "point_spread"),
        "How the light of one pixel spreads to those around it.",
        (
            Key("kind", TEXT, f"{' or '.join(POINT_SPREADS)}: a Gaussian, or a fibre-optic taper", "needed", "--noise-psf"),
            Key("fwhm", NUMBER, "full width at half maximum", "needed", "--noise-psf-fwhm", usual="um"),
            Key("radius", INTEGER, "of the disc of pixels that the light reaches", "all but a billionth of a Gaussian, a hundredth of a fibre's", "--noise-psf-radius"),
        ),
        PointSpread,
    ),
)  # fmt: skip

_BY_PATH = {section.path: section for section in SECTIONS}


def known(*path: str) -> Mapping[str, Unit]:
    """Quantities of the table that these names lead to, with their units."""
    return _BY_PATH[path].units


def single_sections() -> dict[tuple[str, ...], Mapping[str, Unit]]:
    """Quantities of every table that there is at most one of, by the names that lead to it."""
    listed = {section.path for section in SECTIONS if section.listed}
    return {
        section.path: section.units
        for section in SECTIONS
        if not any(section.path[: len(path)] == path for path in listed)
    }
