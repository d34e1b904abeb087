"""What is said of an experiment on a command line: two dashes are ours, one is nanoBragg's."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiled_sim.cli.diffuse_options import add_diffuse_options, diffuse_in
from tiled_sim.cli.experiment_number import add_experiment_number
from tiled_sim.cli.model_options import add_model_options, of_model, refuse_model_options
from tiled_sim.cli.mosaic_options import add_mosaic_options, mosaic_in, refuse_mosaic_options
from tiled_sim.cli.numbers import integer, number
from tiled_sim.cli.panels import add_panel_option, panel_of
from tiled_sim.cli.parser import Parser
from tiled_sim.cli.shots_options import add_shots_options, refuse_shots_options, shots_in
from tiled_sim.cli.spectrum_options import add_spectrum_options, spectrum_in
from tiled_sim.cli.twin_options import add_twin_option, refuse_twin_option, twins_in
from tiled_sim.errors import UsageError
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.geometry import GEOMETRY_FORMATS
from tiled_sim.model.own_options import OwnOptions
from tiled_sim.model.readout import CALIBRATION_SEED, POINT_SPREADS, Noise, PointSpread
from tiled_sim.model.values import integer_in, number_in, shown

if TYPE_CHECKING:
    from tiled_sim.read.nanobragg.outputs import Outputs
    from tiled_sim.read.nanobragg.stated import DetectorSource
    from tiled_sim.run.run import Run


@dataclass(frozen=True, slots=True)
class Request:
    """An experiment as the command line names it.

    Parameters
    ----------
    experiment : resolved
    outputs : what nanoBragg options ask for besides; nothing for a TOML file
    run : that it is the experiment of, with all that this was made with; None: of none
    """

    experiment: Experiment
    outputs: "Outputs"
    run: "Run | None" = None


def add_experiment_options(parser: Parser) -> None:
    """The options that name structure factors, and those that say how others are read."""
    parser.add_argument(
        "--fdump", metavar="FILE", help="take F from this Fdump file in place of -hkl"
    )
    parser.add_argument(
        "--mtz",
        metavar="FILE[:LABEL]",
        help="take F from this MTZ, or CIF of structure factors, in place of -hkl; LABEL tells "
        "which of several columns",
    )
    add_model_options(parser)
    add_reading_options(parser)


def add_reading_options(parser: Parser) -> None:
    """The options that say how nanoBragg options are read."""
    parser.add_argument(
        "--c-compat",
        action="store_true",
        help="replay what the C program does wrong, and ignore what it ignores",
    )
    parser.add_argument(
        "--F000",
        type=number,
        metavar="ELECTRONS",
        help="F of 0 0 0, whatever the file of F gives (the file's, or -default_F)",
    )
    parser.add_argument(
        "--space-group",
        metavar="NAME",
        help="of the list of structure factors: tells what is absent by symmetry, and expands "
        "nothing (an MTZ names its own)",
    )
    parser.add_argument(
        "--ignore-file-cell",
        action="store_true",
        help="the cell that an MTZ or a MOSFLM matrix file names may be another than the crystal's",
    )
    add_spectrum_options(parser)
    parser.add_argument(
        "--geometry",
        metavar="FILE",
        help=f"the detector is that of a geometry file: {GEOMETRY_FORMATS} (docs/geometry.md)",
    )
    parser.add_argument(
        "--detector",
        metavar="NAME",
        help="the detector is one that has a name, 'Eiger2 16M' (`tiled-sim geometry --list`)",
    )
    add_experiment_number(parser)
    add_shots_options(parser)
    parser.add_argument(
        "--sensor",
        metavar="MATERIAL:THICKNESS",
        help="what absorbs the photons, Si:450um, in place of -detector_thick and -detector_abs; "
        "its attenuation follows the wavelength",
    )
    parser.add_argument(
        "--allow-upstream",
        action="store_true",
        help="light of sources may travel against the beam, and panels stand upstream",
    )
    parser.add_argument(
        "--clip-to-beam",
        action=argparse.BooleanOptionalAction,
        help="of a crystal or droplet larger than the beam only what the beam hits counts, or all",
    )
    add_diffuse_options(parser)
    add_mosaic_options(parser)
    add_twin_option(parser)
    add_noise_options(parser)


def add_noise_options(parser: Parser) -> None:
    """The options that say how photons are counted; any of them asks for noise."""
    group = parser.add_argument_group(
        "noise", "counts beside the expected photons; any of these options asks for them"
    )
    group.add_argument("--noise", action="store_true", help="Poisson noise")
    for name, kind, unit, meaning in _NOISE_OPTIONS:
        group.add_argument(f"--noise-{name}", type=kind, metavar=unit, help=meaning)
    group.add_argument(
        "--noise-psf", choices=POINT_SPREADS, help="shape of the point-spread function"
    )
    group.add_argument(
        "--noise-psf-fwhm", type=number, metavar="UM", help="its full width at half maximum"
    )
    group.add_argument(
        "--noise-psf-radius",
        type=integer,
        metavar="PIXELS",
        help="how far it reaches (all but a billionth of a gauss, a hundredth of a fiber)",
    )


#: Options that are a field of `Noise`: name, type, unit, meaning.
_NOISE_OPTIONS: tuple[tuple[str, Callable[[str], float], str, str], ...] = (
    ("seed", integer, "N", "of all but the calibration (that of -seed, or 1)"),
    ("flicker", number, "FRACTION", "of the source, from pixel to pixel (0)"),
    ("calibration", number, "FRACTION", "error of each pixel, the same in every frame (0)"),
    ("calibration-seed", integer, "N", f"of the calibration ({CALIBRATION_SEED})"),
    ("readout", number, "ADU", "standard deviation of the read-out noise (0)"),
    ("gain", number, "ADU", "of a photon (1)"),
    ("offset", number, "ADU", "of every pixel (0)"),
    ("saturation", integer, "ADU", "what a pixel reads at most (2147483647)"),
)


def noise_in(options: argparse.Namespace) -> Noise | None:
    """The noise that the ``--noise`` options ask for; None: they do not.

    Raises
    ------
    UsageError
        for a point-spread function without its width, or the other way round
    ExperimentError
        for values that cannot be
    """
    names = [name.replace("-", "_") for name, *_ in _NOISE_OPTIONS]
    values = {name: getattr(options, f"noise_{name}") for name in names}
    given = {name: value for name, value in values.items() if value is not None}
    spread = _point_spread_in(options)
    if not (options.noise or given or spread):
        return None
    return Noise(**given, point_spread=spread)


def _point_spread_in(options: argparse.Namespace) -> PointSpread | None:
    kind, width, radius = options.noise_psf, options.noise_psf_fwhm, options.noise_psf_radius
    if kind is None and width is None and radius is None:
        return None
    if kind is None or width is None:
        raise UsageError(
            "a point-spread function needs its shape and its width: give both --noise-psf "
            f"{' or '.join(POINT_SPREADS)} and --noise-psf-fwhm UM"
        )
    return PointSpread(kind, width / 1e6, radius)


def own_reading(options: argparse.Namespace) -> OwnOptions:
    """What `add_reading_options` asks for beside C's way and a spectrum. Raises as `noise_in`."""
    return {
        "F000": options.F000,
        "space_group": options.space_group,
        "ignore_file_cell": options.ignore_file_cell,
        "clip_to_beam": options.clip_to_beam,
        "allow_upstream": options.allow_upstream,
        "sensor": options.sensor,
        "diffuse": diffuse_in(options),
        "noise": noise_in(options),
        **shots_in(options),
        **mosaic_in(options),
        **twins_in(options),
    }


def read_request(options: argparse.Namespace, words: list[str]) -> Request:
    """The experiment of a TOML file or of nanoBragg options.

    Raises
    ------
    UsageError
        if neither is there, or a TOML file comes with options that only nanoBragg's can take
    """
    # the verbs that read no experiment should not wait for its readers
    from tiled_sim.read.nanobragg.outputs import Outputs
    from tiled_sim.read.nanobragg.reader import Command

    if not words:
        raise UsageError(
            "no experiment: name a TOML file or a run, or give nanoBragg options "
            "(-hkl FILE -cell … or -mat FILE, …)"
        )
    if words[0].startswith("-"):
        if options.noise_seed is not None and "-seed" in words:
            raise UsageError("--noise-seed and -seed both give the seed of the noise; give one")
        command = Command.of(
            words,
            c_compat=options.c_compat,
            spectrum=spectrum_in(options),
            detector=detector_source(options),
        )
        own: OwnOptions = {**own_reading(options), **of_model(options)}
        own |= {"fdump": options.fdump, "mtz": options.mtz, "model": options.model}
        return Request(command.experiment(**own), command.outputs)
    if options.fdump or options.mtz or options.model:
        raise UsageError(
            "--fdump, --mtz and --model go with nanoBragg options; in a TOML file write `fdump`, "
            "`mtz` or `model` in [structure_factors]"
        )
    refuse_model_options(options)
    run = run_named(words[0])
    return Request(read_experiment_file(options, words, run), Outputs(), run)


def run_named(word: str) -> "Run | None":
    """The run of a name that is a folder's, or a URL; None: it is that of a file.

    Raises
    ------
    StoreError
        if there is no run
    """
    # zarr takes a while to import
    from tiled_sim.store.place import is_url

    if not is_url(word) and not Path(word).is_dir():
        return None
    from tiled_sim.run.run import Run

    return Run(word)


def detector_source(options: argparse.Namespace) -> "DetectorSource | None":
    """The geometry file or the name that states the detector; None: neither is given."""
    from tiled_sim.read.nanobragg.stated import DetectorSource

    return DetectorSource.of(options.geometry, options.detector, options.experiment)


def read_experiment_file(
    options: argparse.Namespace, words: list[str], run: "Run | None" = None
) -> Experiment:
    """The experiment of a TOML file, or of a run.

    Parameters
    ----------
    options : of `add_reading_options`
    words : the file's name
    run : that the first word names; None: it names a file

    Raises
    ------
    UsageError
        if more follows, or options that only nanoBragg's can take
    """
    if run is None:
        _refuse_beside_file(options, words)
        return Experiment.from_toml(words[0])
    try:
        _refuse_beside_file(options, words, is_run=True)
    except UsageError as error:
        raise UsageError(
            f"{error.written}; `tiled-sim config {words[0]} > NEW.toml` writes one of the run"
        ) from None
    return run.experiment


def _refuse_beside_file(
    options: argparse.Namespace, words: list[str], *, is_run: bool = False
) -> None:
    if len(words) > 1 and not is_run and not words[0].endswith(".toml"):
        stray = [repr(word) for word in takewhile(lambda word: not word.startswith("-"), words)]
        raise UsageError(
            f"{' and '.join(stray[:2])} belong{'s' if len(stray) == 1 else ''} to no option: leave "
            "out what is too much"
        )
    if len(words) > 1:
        raise UsageError(
            f"the experiment is {words[0]}, so {words[1]!r} is one word too many; "
            "change the TOML file instead"
        )
    if options.c_compat or options.clip_to_beam is not None:
        raise UsageError(
            "--c-compat and --clip-to-beam go with nanoBragg options; in a TOML file write "
            "`c_compat = true`, and sizes as they count"
        )
    if spectrum_in(options) is not None or options.allow_upstream:
        raise UsageError(
            "--spectrum, --bandwidth and --allow-upstream go with nanoBragg options; in a TOML "
            "file write `spectrum_file` in [beam] or [beam.spectrum], and `allow_upstream = true` "
            "at the top"
        )
    if options.sensor is not None:
        raise UsageError(
            "--sensor goes with nanoBragg options; in a TOML file write `material` and "
            "`thickness_um` in [detector.sensor]"
        )
    if any(one is not None for one in (options.geometry, options.detector, options.experiment)):
        raise UsageError(
            "--geometry, --detector and --experiment go with nanoBragg options; in a TOML file "
            "write `geometry`, `experiment` or `model` in [detector]"
        )
    refuse_shots_options(options)
    if options.ignore_file_cell or any(
        one is not None for one in (options.space_group, options.F000)
    ):
        raise UsageError(
            "--ignore-file-cell, --space-group and --F000 go with nanoBragg options; in a TOML "
            "file write `ignore_file_cell = true`, `space_group` and `F000` in [structure_factors]"
        )
    if diffuse_in(options) is not None:
        raise UsageError(
            "the --diffuse options go with nanoBragg options; write [crystal.diffuse] in the TOML "
            "file"
        )
    refuse_mosaic_options(options)
    refuse_twin_option(options)
    if noise_in(options) is not None:
        raise UsageError(
            "the --noise options go with nanoBragg options; write [noise] in the TOML file"
        )


def tile_sides(text: str) -> tuple[int, int]:
    """Read ``512`` or ``512x1024`` (slow x fast)."""
    sides = [side for part in text.split("x") if (side := integer_in(part)) is not None]
    if len(sides) != text.count("x") + 1 or len(sides) > 2:
        raise argparse.ArgumentTypeError(
            f"{shown(text)} is not SIDE or SLOWxFAST, such as 512x1024"
        )
    return sides[0], sides[-1]


def fraction(text: str) -> float:
    """Read a number from 0 to 1."""
    value = number_in(text)
    if value is None or not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{shown(text)} is not a fraction from 0 to 1")
    return value


def add_plan_options(parser: Parser) -> None:
    """The options that decide the plan."""
    parser.add_argument(
        "--tile",
        type=tile_sides,
        metavar="SLOWxFAST",
        help="pixels of a tile, multiples of 16 (by predicted cost and workers)",
    )
    parser.add_argument(
        "--trace-pixel",
        nargs=2,
        type=integer,
        action="append",
        default=[],
        metavar=("SLOW", "FAST"),
        help="keep the scaling chain of this pixel, on every panel; may be repeated",
    )
    add_panel_option(parser, "keep the scaling chains on this panel alone (on every one)")
    parser.add_argument(
        "--require-coverage",
        type=fraction,
        default=0.01,
        metavar="FRACTION",
        help="share of the reflections in reach that the file must give (0.01); 0 allows all",
    )


def add_kernel_options(parser: Parser) -> None:
    """The options that decide the kernel."""
    parser.add_argument(
        "--precision",
        default="float64",
        help="float64 (default), or mixed: float32 once h, k, l are less their nodes",
    )
    parser.add_argument(
        "--kernel",
        default="auto",
        help="auto (default, by predicted cost), reference, compiled, spots or triton",
    )
    parser.add_argument(
        "--negligible",
        type=number,
        default=1e-9,
        metavar="SHARE",
        help="leave out what is less than this share of a Gaussian spot's peak, where that is "
        "faster (1e-9); 0 keeps everything",
    )


def trace_pixels(options: argparse.Namespace) -> list[tuple[int, int]]:
    """The (slow, fast) pixels of ``--trace-pixel``."""
    return [(slow, fast) for slow, fast in options.trace_pixel]


def trace_panel(options: argparse.Namespace, experiment: Experiment) -> int | None:
    """The panel of ``--trace-pixel``; None: every one.

    Raises
    ------
    UsageError
        if there is no such panel, or no pixel to be traced on it
    """
    panel = panel_of(options, experiment.detector)
    if panel is not None and not options.trace_pixel:
        raise UsageError("--panel goes with --trace-pixel SLOW FAST: it says on which panel")
    return panel


Document = dict[str, Any]
