"""``tiled-sim probe``: what F is in each source, and which source a command would use."""

import argparse
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tiled_sim.cli.arguments import (
    add_reading_options,
    detector_source,
    own_reading,
    read_experiment_file,
    run_named,
)
from tiled_sim.cli.model_options import (
    add_calculation_options,
    add_energies_option,
    calculation_in,
    of_model,
    refuse_model_options,
)
from tiled_sim.cli.numbers import integer, whole_number
from tiled_sim.cli.panels import add_panel_option, panel_of
from tiled_sim.cli.parser import Parser
from tiled_sim.cli.printing import print_json
from tiled_sim.cli.spectrum_options import spectrum_in
from tiled_sim.errors import StoreError, UsageError

if TYPE_CHECKING:
    from tiled_sim.instruments.probe import Probed, UnderPixel, Verdict
    from tiled_sim.model.experiment import Experiment, Reflections

#: Exit codes: found, absent, out of range, unreadable.
_CODES = (0, 10, 11, 12)
#: Options that name a source, nanoBragg's and ours, with the format that it is read as.
_NAMING = {
    **{"-hkl": "hkl", "-dump": "fdump"},
    **{"--hkl": "hkl", "--fdump": "fdump", "--mtz": "mtz", "--model": "model"},
}


class _Named(NamedTuple):
    """A file that an option of ours names, with its format."""

    format: str
    text: str


class _Asked(NamedTuple):
    """What there is to look at: all sources, the one that is used, and an experiment or None."""

    sources: "list[Reflections]"
    verdict: "Verdict"
    experiment: "Experiment | None"


def parser() -> Parser:
    """The options of the verb."""
    made = Parser(
        "probe",
        "What F is in each source, and which source a command would use.\n\n"
        "  tiled-sim probe --hkl F --fdump F --mtz F --model F … --reflection H K L …\n"
        "  tiled-sim probe EXPERIMENT.toml | <nanoBragg options> --pixel SLOW FAST …\n\n"
        "With nanoBragg options --fdump, --mtz and --model count as in `submit`; --hkl is for\n"
        "a look only.",
        epilog="exit codes of this verb:\n"
        "  0    every reflection asked for is given, or absent by the symmetry of a space group,\n"
        "       in the source that the command would use, or\n"
        "       in all sources where it would use none of them\n"
        "  10   one is in range there, but not given (or no file is used)\n"
        "  11   one is out of the ranges there\n"
        "  12   that source, or one of these, cannot be read",
    )
    sources = made.add_argument_group("sources, each of which may be repeated")
    for name, metavar, what in (
        ("hkl", "FILE", "text list, `h k l F` a line"),
        ("fdump", "FILE", "Fdump of the C program"),
        ("mtz", "FILE[:LABEL]", "MTZ, with the label of its amplitudes if it has several"),
        ("model", "FILE", "model of the crystal, PDB or mmCIF, from which F is calculated"),
    ):
        sources.add_argument(
            f"--{name}",
            dest="named",
            action="append",
            default=[],
            type=_of_format(name),
            metavar=metavar,
            help=what,
        )
    add_calculation_options(made)
    add_energies_option(made)
    made.add_argument(
        "--reflection",
        nargs=3,
        type=integer,
        action="append",
        default=[],
        metavar=("H", "K", "L"),
        help="what F is there; may be repeated",
    )
    made.add_argument(
        "--pixel",
        nargs=2,
        type=integer,
        action="append",
        default=[],
        metavar=("SLOW", "FAST"),
        help="the reflections that this pixel of the experiment looks up; may be repeated",
    )
    made.add_argument(
        "--frame", type=whole_number, default=0, metavar="N", help="of the pixels (0)"
    )
    add_panel_option(made, "of the pixels (0)")
    made.add_argument(
        "--device",
        default="auto",
        help="auto (default), cpu, cuda or cuda:N, which computes what the pixels look up",
    )
    made.add_argument(
        "--dtype",
        choices=("float32", "float64"),
        default="float64",
        help="show F as rounded to this type (float64)",
    )
    made.add_argument(
        "--markdown", metavar="FILE", help="also write the tables of F to this new file"
    )
    add_reading_options(made)
    return made


def run(words: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    options, rest = parser().parse_beside_nanobragg(words)
    _check(options, rest)
    from tiled_sim.cli.probe_report import Report, document, markdown, text_lines
    from tiled_sim.instruments.probe import (
        disagreements,
        outcome,
        probe_reflections,
        with_coverage,
    )

    asked = _asked(options, rest)
    sources = _as_named(asked.sources, words)
    probed = [probe_reflections(reflections, asked.experiment) for reflections in sources]
    pixels: list[UnderPixel] = []
    if asked.experiment is not None:
        panel = panel_of(options, asked.experiment.detector) or 0
        if probed or options.pixel:
            probed, pixels = _met(asked.experiment, asked.verdict, probed, options, panel)
    named = [(h, k, l) for h, k, l in options.reflection]
    reflections = list(
        dict.fromkeys(named + [found.hkl for pixel in pixels for found in pixel.reflections])
    )
    code = _CODES[outcome(probed, asked.verdict, reflections)]
    report = Report(
        probed,
        with_coverage(asked.verdict, probed),
        reflections,
        pixels,
        disagreements(probed),
        asked.experiment,
        options.dtype,
    )
    if options.markdown is not None:
        _write_new(options.markdown, markdown(report))
    if options.json:
        print_json({**document(report), "exit_code": code})
    else:
        print("\n".join(text_lines(report)))
    return code


def _met(
    experiment: "Experiment",
    verdict: "Verdict",
    probed: "list[Probed]",
    options: argparse.Namespace,
    panel: int,
) -> "tuple[list[Probed], list[UnderPixel]]":
    """The sources with their coverage, and what the pixels look up."""
    from tiled_sim.instruments.probe import covering

    covered = [covering(one, experiment) for one in probed]
    if not options.pixel:
        return covered, []
    # this knows torch, which takes a second to import
    from tiled_sim.instruments.probed_experiment import under_pixel

    used = next((one.factors for one in covered if one.reflections == verdict.reflections), None)
    pixels = [
        under_pixel(experiment, verdict, used, (slow, fast), options.frame, panel, options.device)
        for slow, fast in options.pixel
    ]
    return covered, pixels


def _of_format(name: str) -> Callable[[str], _Named]:
    return lambda text: _Named(name, text)


def _check(options: argparse.Namespace, rest: list[str]) -> None:
    if not rest and not options.named:
        raise UsageError(
            "nothing to probe: name sources (--hkl FILE, --fdump FILE, --mtz FILE, --model "
            "FILE) or an experiment"
        )
    if not rest and (options.pixel or options.c_compat):
        raise UsageError(
            "--pixel and --c-compat need an experiment: name a TOML file or give nanoBragg options"
        )
    if options.device != "auto" and not options.pixel:
        raise UsageError(
            f"--device {options.device} goes with --pixel SLOW FAST, of which alone something is "
            "computed; leave it out"
        )
    if options.markdown is not None and Path(options.markdown).exists():
        raise _exists(options.markdown)


def _exists(path: str) -> StoreError:
    return StoreError(f"{path}: it exists already: choose another name or remove it")


def _asked(options: argparse.Namespace, rest: list[str]) -> _Asked:
    """Sources, verdict and experiment of a command line."""
    from tiled_sim.instruments.probe import Verdict, judge_command, judge_list

    if not rest:
        sources = _distinct([_reflections(named, options, 0.0) for named in options.named])
        return _Asked(sources, judge_list(sources), None)
    if rest[0].startswith("-"):
        fdump, mtz, model = (
            [named.text for named in options.named if named.format == name]
            for name in ("fdump", "mtz", "model")
        )
        verdict, sources, experiment = judge_command(
            rest,
            c_compat=options.c_compat,
            fdump=fdump,
            mtz=mtz,
            model=model,
            spectrum=spectrum_in(options),
            detector=detector_source(options),
            own={**own_reading(options), **of_model(options)},
        )
    else:
        refuse_model_options(options)
        experiment = read_experiment_file(options, rest, run_named(rest[0]))
        reflections = experiment.structure_factors
        reason = (
            "no file is named in"
            if reflections.path is None
            else f"{reflections.format} names it in"
        )
        verdict = Verdict(reflections, f"{reason} [structure_factors] of {rest[0]}")
        sources = [] if reflections.path is None else [reflections]
    used = [verdict.reflections] if verdict.reflections else sources
    default_F = used[0].default_F if used else 0.0
    looked_at = [_reflections(named, options, default_F) for named in options.named]
    return _Asked(_distinct(sources + looked_at), verdict, experiment)


def _reflections(named: _Named, options: argparse.Namespace, default_F: float) -> "Reflections":
    from tiled_sim.io.mtz import split_column
    from tiled_sim.model.experiment import Reflections

    path, column = split_column(named.text) if named.format == "mtz" else (named.text, None)
    own_group = named.format in ("mtz", "model")
    return Reflections(
        path,
        named.format,
        default_F,
        column,
        options.ignore_file_cell,
        None if own_group else options.space_group,
        calculation_in(options) if named.format == "model" else None,
        options.F000,
    )


def _as_named(sources: "list[Reflections]", words: Sequence[str]) -> "list[Reflections]":
    """Sources in the order in which the command names them, the one of a TOML file first."""
    from tiled_sim.io.mtz import split_column

    places: dict[tuple[str | None, str, str | None], int] = {}
    for place, (word, following) in enumerate(itertools.zip_longest(words, words[1:])):
        option, joined, value = word.partition("=")
        text = value if joined else following
        if option in _NAMING and text:
            path, column = split_column(text) if _NAMING[option] == "mtz" else (text, None)
            places.setdefault((_NAMING[option], path, column), place)
    return sorted(sources, key=lambda one: places.get((one.format, str(one.path), one.column), -1))


def _distinct(sources: "list[Reflections]") -> "list[Reflections]":
    return list(dict.fromkeys(sources))


def _write_new(path: str, text: str) -> None:
    try:
        with Path(path).open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise StoreError(
            f"{path}: it cannot be written ({error.strerror}): check folder, rights and space"
        ) from None
