"""What is computed by the benchmarks: nanoBragg command lines and TOML files, no program yet."""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DATA = ROOT / "tests" / "data"
#: What is not ours to publish; the cases that need it are left out where it is not.
SHARED = Path(os.environ.get("TILED_SIM_SHARED") or ROOT.parent / "shared")

P1 = "-hkl p1.hkl -cell 70 80 90 90 90 90 -misset 10 20 30 -lambda 1 -distance 200 -pixel 0.1"
PILATUS = (
    "-hkl 2erl.hkl -cell 53.91 23.1 23.1 90 110.4 90 -misset 12 34 56 -nointerpolate -oversample 1 "
    "-flux 1e18 -exposure 1 -beamsize 1 -lambda 0.9768 -distance 231.27466 -pixel 0.172 "
    "-detpixels_x 2463 -detpixels_y 2527 -Na 14 -Nb 33 -Nc 33 -osc 0.1 -phi 1 -phisteps 10"
)

DENSE = ("reference float64", "compiled float64", "compiled mixed")
GAUSS = (
    "reference float64", "compiled float64", "compiled mixed", "spots float64", "spots mixed"
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A nanoBragg command line, and the kernels that are timed on it."""

    letter: str
    name: str
    options: str
    kernels: tuple[str, ...] = DENSE


CASES = (
    Case("A", "single step, square", f"{P1} -N 10 -oversample 1 -detpixels 1024"),
    Case("B", "10 phi steps, square", f"{P1} -N 10 -oversample 1 -detpixels 768 -phi 1 -osc 1 -phisteps 10"),
    Case("C", "100 mosaic domains, square", f"{P1} -N 10 -oversample 1 -detpixels 256 -mosaic 0.5 -mosaic_domains 100"),
    Case("D", "Pilatus 6M, 10 phi steps, square", PILATUS),
    Case("E", "tricubic, 10 phi steps", f"{P1} -N 10 -oversample 1 -detpixels 256 -phi 1 -osc 1 -phisteps 10 -interpolate"),
    Case("F", "1250 steps, gauss, a region", f"{P1} -N 10 -gauss_xtal -oversample 1 -detpixels 512 -roi 0 127 0 127 -mosaic 0.5 -mosaic_domains 25 -dispersion 1 -dispsteps 50", GAUSS),
    Case("G", "stills: 100 wavelengths, 25 domains, gauss, a region", f"{P1} -N 10 -gauss_xtal -oversample 1 -detpixels 3000 -pixel 0.11 -mosaic 0.5 -mosaic_domains 25 -dispersion 1 -dispsteps 100 -roi 1536 1631 1536 1631", GAUSS),
    Case("K", "oversampling 3, a single step, square", f"{P1} -N 10 -oversample 3 -detpixels 1024"),
    Case("L", "oversampling 7, a single step, square", f"{P1} -N 10 -oversample 7 -detpixels 512"),
)  # fmt: skip


@dataclass(frozen=True)
class OneTile:
    """A detector that is one tile, computed by one worker, whose memory is looked at."""

    name: str
    options: str
    kernels: tuple[str, ...]


_PLAIN_TILE = f"{P1} -N 10 -oversample 1 -detpixels 512"
_FULL_TILE = (
    "-detector_thick 450 -detector_abs 500 -detector_thicksteps 2 -water 0.02 "
    "--noise-psf gauss --noise-psf-fwhm 150"
)

TILES = (
    OneTile("512², a step", _PLAIN_TILE, DENSE),
    OneTile("512², gauss, 10 phi steps", f"{_PLAIN_TILE} -gauss_xtal -osc 1 -phi 1 -phisteps 10", ("spots float64",)),
    OneTile("512², layers, background, counts", f"{_PLAIN_TILE} -fluence 1e24 {_FULL_TILE}", ("compiled float64",)),
    OneTile("128², 100 wavelengths, 500 domains", f"{P1} -N 10 -oversample 1 -detpixels 128 -mosaic 0.5 -mosaic_domains 500 -dispersion 1 -dispsteps 100", ("compiled float64",)),
)  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """An image whose bytes are to be the same: options or a TOML file, and what computes it.

    Parameters
    ----------
    name : for the table
    words : nanoBragg options, or the path of a TOML file
    kernels : all that can compute it
    folder : where the files that it names are
    """

    name: str
    words: tuple[str, ...]
    kernels: tuple[str, ...] = ("reference", "compiled")
    folder: Path = DATA

    @property
    def command_only(self) -> bool:
        """Whether only the command line can say it: what has two dashes."""
        return any(word.startswith("--") for word in self.words)


_TRICLINIC = "-hkl p1.hkl -cell 70 80 90 75 85 95 -misset 10 20 30 -lambda 1 -distance 100"
_MATRIX = (
    "-hkl p1.hkl -mat A.mat -lambda 1 -N 5 -distance 100 -pixel 0.3 -detpixels 96 -oversample 1"
)
_SMALL = f"{_TRICLINIC} -N 5 -pixel 0.3 -detpixels_x 100 -detpixels_y 90"
_SPOTS = ("reference", "compiled", "spots")
_STEPS = "-mosaic 0.5 -mosaic_domains 4 -dispersion 1 -dispsteps 3 -osc 1 -phi 2 -phisteps 3"
_LAYERS = "-detector_thick 450 -detector_abs 500 -detector_thicksteps 3"
_NOISE = (
    "--noise-seed 7 --noise-flicker 0.02 --noise-calibration 0.03 --noise-readout 2 "
    "--noise-gain 1.5 --noise-offset 40 --noise-saturation 5000"
)
#: Of ../shared/golden/README.md.
_FLAGSHIP = (
    "-mat A.mat -hkl scaled.hkl -nonoise -nointerpolate -oversample 1 -exposure 1 -flux 1e18 "
    "-beamsize 1.0 -spindle_axis -1 0 0 -Xbeam 217.742295 -Ybeam 213.907080 -distance 231.274660 "
    "-lambda 0.976800 -pixel 0.172 -detpixels_x 2463 -detpixels_y 2527 "
    "-odet_vector -0.000088 0.004914 -0.999988 -sdet_vector -0.005998 -0.999970 -0.004913 "
    "-fdet_vector 0.999982 -0.005998 -0.000118 -beam_vector 0.00051387949 0.0 -0.99999986 "
    "-Na 36 -Nb 47 -Nc 29 -osc 0.1 -phi 0 -phisteps 10 "
    "-detector_rotx 0 -detector_roty 0 -detector_rotz 0 -twotheta 0"
)
#: Ignored by the C program, and refused here unless C's faults are asked for.
_PIX0 = "-pix0_vector_mm -216.336293 215.205512 -230.200866"


def _small(name: str, options: str, *kernels: str) -> Picture:
    """A small detector with some options more."""
    words = (*_SMALL.split(), *options.split())
    return Picture(name, words, kernels) if kernels else Picture(name, words)


def pictures() -> list[Picture]:
    """All whose bytes are compared; the flagship only where its files are."""
    flagship = SHARED / "data" / "pilatus6m"
    return [*_SMALL_ONES, *_LARGE_ONES, *(_flagship(flagship) if flagship.is_dir() else [])]


_SMALL_ONES = (
    _small("a step", "-oversample 1"),
    _small("domains", "-oversample 1 -mosaic 0.5 -mosaic_domains 20"),
    _small("divergence, dispersion", "-oversample 1 -divergence 3 -divsteps 3 -dispersion 1 -dispsteps 3"),
    _small("sources of a file", "-oversample 1 -sourcefile sources.txt -polar 0.9"),
    _small("phi steps", "-oversample 1 -phi 2 -osc 1 -phisteps 7"),
    _small("subpixels", "-oversample 2"),
    _small("subpixels, each its own factors", f"-oversample 2 {_LAYERS} -oversample_thick -oversample_polar -oversample_omega"),
    _small("layers", f"-oversample 1 {_LAYERS}"),
    _small("water", "-oversample 1 -water 0.02"),
    _small("a table's background, sources", "-oversample 1 -water 0.02 -stol droplet.stol -divergence 3 -dispersion 1"),
    _small("round", "-oversample 1 -round_xtal -phi 2 -osc 1 -phisteps 3"),
    _small("gauss", f"-oversample 1 -gauss_xtal -N 12 {_STEPS}", *_SPOTS),
    _small("gauss, subpixels, a region", f"-oversample 2 -gauss_xtal -N 12 -roi 10 70 20 60 {_STEPS}", *_SPOTS),
    _small("tophat", f"-oversample 1 -tophat_spots -fudge 0.5 {_STEPS}", *_SPOTS),
    _small("tophat, water", f"-oversample 1 -tophat_spots -fudge 0.5 -water 0.1 {_STEPS}", *_SPOTS),
    _small("dmin", "-oversample 1 -dmin 7"),
    _small("tricubic", "-oversample 1 -interpolate -phi 2 -osc 1 -phisteps 3"),
    _small("curved detector", "-oversample 1 -curved_det"),
    _small("point pixel, no polarization", "-oversample 1 -point_pixel -nopolar"),
    _small("a region", "-oversample 1 -roi 20 80 11 62"),
    _small("sparse F, default F", "-oversample 1 -hkl sparse.hkl -default_F 30"),
    _small("turned detector, XDS", "-oversample 1 -xds -detector_rotx 3 -detector_roty 5 -twotheta 12"),
    _small("everything", f"-oversample 2 -gauss_xtal -divergence 3 {_LAYERS} -water 0.02 -dmin 7 {_STEPS}"),
    _small("as C: phi 0, curved, sources", "-oversample 1 --c-compat -phi 0 -osc 1 -phisteps 3 -curved_det -divergence 3"),
    _small("as C: steps, subpixels", f"-oversample 2 --c-compat {_STEPS}"),
    _small("counts", f"-oversample 1 {_NOISE}"),
    _small("counts, spread, tiles", f"-oversample 1 --tile 64 {_NOISE} --noise-psf fiber --noise-psf-fwhm 400"),
    Picture("a matrix", tuple(_MATRIX.split())),
    Picture("a mask", tuple(f"{_TRICLINIC} -N 5 -oversample 1 -mask mask.img".split())),
    Picture("panels, frames, counts", (str(ROOT / "benchmarks" / "panels.toml"),)),
)  # fmt: skip

_LARGE_ONES = (
    Picture("examples/2erl.toml", (str(ROOT / "examples" / "2erl.toml"),)),
)  # fmt: skip


def _flagship(folder: Path) -> list[Picture]:
    as_c = f"{_FLAGSHIP} {_PIX0} --c-compat"
    return [
        Picture("the flagship", tuple(_FLAGSHIP.split()), folder=folder),
        Picture("the flagship, as C", tuple(as_c.split()), folder=folder),
    ]
