"""What `probe` found, as text, markdown and JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tiled_sim.instruments.probe import (
    AGREEMENT,
    HKL,
    Answer,
    Disagreement,
    Probed,
    UnderPixel,
    Verdict,
    look_up,
    name_of,
)
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.structure_factors import StructureFactors

if TYPE_CHECKING:
    from tiled_sim.kernels.reflections import Reflection

_HEADER = ("source", "in_range?", "given?", "F_cell")


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was found.

    Parameters
    ----------
    probed : sources
    verdict : which of them is used
    reflections : asked for
    pixels : asked for
    disagreements : of every pair of sources
    experiment : None without one
    dtype : that F is shown in, ``float32`` or ``float64``
    """

    probed: list[Probed]
    verdict: Verdict
    reflections: list[HKL]
    pixels: list[UnderPixel]
    disagreements: list[Disagreement]
    experiment: Experiment | None
    dtype: str

    def shown(self, F: float) -> float:
        """F as rounded to the type asked for [electron]."""
        return float(np.dtype(self.dtype).type(F))


def text_lines(report: Report) -> list[str]:
    """For the terminal."""
    lines: list[str] = []
    for probed in report.probed:
        lines += [*_source_lines(probed), ""]
    for pixel in report.pixels:
        lines += [*_pixel_lines(pixel), ""]
    for hkl in report.reflections:
        rows = _aligned([_HEADER, *_rows(report, hkl)]) if report.probed else ["  in no file"]
        lines += [f"reflection {_spelt(hkl)}", *rows, ""]
    for pair in report.disagreements:
        lines += [*_disagreement_lines(report, pair), ""]
    if report.experiment is not None and report.experiment.sampling.interpolate:
        lines.append(
            "note      F is interpolated between nodes; F_cell is that of the nearest node"
        )
    reflections = report.verdict.reflections
    used = "no source" if reflections is None or reflections.path is None else name_of(reflections)
    return [*lines, f"used      {used}: {report.verdict.reason}"]


def markdown(report: Report) -> str:
    """The tables of F, one a reflection, and the verdict."""
    parts = []
    for hkl in report.reflections:
        rows = [_HEADER, ("---",) * len(_HEADER), *_rows(report, hkl)]
        cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
        table = "\n".join(f"| {' | '.join(row)} |" for row in cells)
        parts.append(f"## F of {_spelt(hkl)} [electron]\n\n{table}\n")
    of = report.verdict.reflections
    used = "none" if of is None or of.path is None else f"`{name_of(of)}`"
    return "\n".join([*parts, f"Used: {used}: {report.verdict.reason}.\n"])


def document(report: Report) -> dict[str, Any]:
    """For scripts: the same keys always; null is what there is not."""
    verdict = report.verdict
    return {
        "sources": [_source_document(probed) for probed in report.probed],
        "reflections": [
            {
                "hkl": list(hkl),
                "answers": [_answer_document(report, probed, hkl) for probed in report.probed],
            }
            for hkl in report.reflections
        ],
        "pixels": [asdict(pixel) for pixel in report.pixels],
        "disagreements": [asdict(pair) for pair in report.disagreements],
        "agreement": AGREEMENT,
        "dtype": report.dtype,
        "used": {
            "source": None if verdict.reflections is None else asdict(verdict.reflections),
            "reason": verdict.reason,
        },
    }


def _source_document(probed: Probed) -> dict[str, Any]:
    return {
        "path": probed.reflections.path,
        "format": probed.reflections.format,
        "column": probed.reflections.column,
        "error": probed.error or None,
        "size": probed.size,
        "sha256": probed.sha256,
        "stub": probed.stub or None,
        "coverage": None if probed.coverage is None else probed.coverage.to_dict(),
        **_content(probed.factors),
    }


def _content(factors: StructureFactors | None) -> dict[str, Any]:
    """Ranges and counts of what a source holds; null if it cannot be read."""
    if factors is None:
        keys = ("minimum", "maximum", "shape", "given", "zero", "negative", "forbidden", "notes")
        return dict.fromkeys((*keys, "cell", "wavelength", "space_group"))
    provenance = factors.provenance
    return {
        "minimum": list(factors.minimum),
        "maximum": list(factors.maximum),
        "shape": list(factors.given.shape),
        "given": int(np.count_nonzero(factors.given)),
        "zero": int(np.count_nonzero(factors.given & (factors.amplitude == 0))),
        "negative": int(np.count_nonzero(factors.amplitude < 0)),
        "forbidden": int(np.count_nonzero(factors.absent)),
        "notes": list(provenance.notes),
        "cell": None if provenance.cell is None else list(provenance.cell),
        "wavelength": provenance.wavelength,
        "space_group": provenance.space_group,
    }


def _answer_document(report: Report, probed: Probed, hkl: HKL) -> dict[str, Any]:
    answer = look_up(probed, hkl)
    if answer is None:
        return {
            "source": probed.name,
            **dict.fromkeys(("in_range", "given", "F_cell", "forbidden")),
        }
    return {"source": probed.name, **asdict(answer), "F_cell": report.shown(answer.F_cell)}


def _source_lines(probed: Probed) -> Iterator[str]:
    factors = probed.factors
    if factors is None:
        yield f"{probed.name} ({probed.reflections.format}) cannot be read"
        yield f"  {probed.error}"
        if probed.sha256 is not None:
            yield f"  {probed.size} bytes, sha256 {probed.sha256}"
        return
    found = _source_document(probed)
    ranges = zip("hkl", factors.minimum, factors.maximum, strict=True)
    forbidden = ""
    if found["forbidden"]:
        forbidden = f", {found['forbidden']} absent by the symmetry of {found['space_group']}"
    yield f"{probed.name} ({found['format']}, {found['size']} bytes)"
    yield f"  sha256 {found['sha256']}"
    yield (
        f"  {', '.join(f'{name} {low}..{high}' for name, low, high in ranges)}; "
        f"{' x '.join(map(str, found['shape']))} nodes, {found['given']} given, "
        f"{found['zero']} of them zero, {found['negative']} negative{forbidden}"
    )
    if probed.coverage is not None:
        coverage = probed.coverage
        yield (
            f"  covers {100 * coverage.fraction:.4g} % of the {coverage.reflections} "
            "reflections in reach of the detector"
            + (", without those absent by symmetry" if coverage.forbidden else "")
        )
    if probed.refused:
        yield f"  {probed.refused}"
    if probed.stub:
        yield f"  looks like a stub: {probed.stub}"
    yield from (f"  {note}" for note in found["notes"])


def _pixel_lines(pixel: UnderPixel) -> Iterator[str]:
    yield (
        f"pixel slow {pixel.slow}, fast {pixel.fast} (frame {pixel.frame}, panel {pixel.panel}): "
        f"{pixel.steps} steps"
    )
    if not pixel.live:
        yield "  it is masked or outside the region of interest: nothing is computed there"
    rows = [("reflection", "steps", "share of steps", "share of intensity")]
    for found in pixel.reflections:
        steps = f"{100 * found.share_of_steps:.4g} %"
        rows.append((_spelt(found.hkl), str(found.steps), steps, _intensity(pixel, found)))
    if len(rows) > 1:
        yield from _aligned(rows)
    cut = pixel.steps - sum(found.steps for found in pixel.reflections)
    if cut:
        yield f"  {cut} steps are finer than -dmin and look nothing up"


def _intensity(pixel: UnderPixel, found: "Reflection") -> str:
    if not pixel.known_F:
        return "F is not known"
    if found.share_of_intensity is None:
        return "the pixel's sum is 0"
    return f"{100 * found.share_of_intensity:.4g} %"


def _rows(report: Report, hkl: HKL) -> list[tuple[str, ...]]:
    """Source, in range?, given?, F: one row a source."""
    rows: list[tuple[str, ...]] = []
    for probed in report.probed:
        answer = look_up(probed, hkl)
        if answer is None:
            reason = probed.error.removeprefix(f"{probed.reflections.path}: ")
            rows.append((probed.name, "-", "-", f"cannot be read: {reason}"))
            continue
        F = repr(report.shown(answer.F_cell))
        if not answer.given:
            F += _why(probed, answer)
        rows.append((probed.name, _yes(answer.in_range), _yes(answer.given), F))
    return rows


def _why(probed: Probed, answer: Answer) -> str:
    """What F is where it is not given."""
    if answer.forbidden and probed.factors is not None:
        return f" (absent by the symmetry of {probed.factors.provenance.space_group})"
    if answer.in_range and probed.reflections.format == "fdump":
        return " (a zero of the Fdump)"
    return " (default_F)"


def _disagreement_lines(report: Report, pair: Disagreement) -> Iterator[str]:
    yield f"{pair.first} and {pair.second} {_agreement(pair)}"
    if pair.largest_at is not None:
        where = _spelt(pair.largest_at)
        yield f"  the largest difference is {pair.largest:.6g} electrons, at {where}"
        rows = [("reflection", pair.first, pair.second)]
        rows += [
            (_spelt(hkl), repr(report.shown(a)), repr(report.shown(b)))
            for hkl, a, b in pair.examples
        ]
        yield from _aligned(rows)
        if pair.differing > len(pair.examples):
            yield f"  and {pair.differing - len(pair.examples)} more"
    for name, other, count, zero in (
        (pair.first, pair.second, pair.only_first, pair.only_first_zero),
        (pair.second, pair.first, pair.only_second, pair.only_second_zero),
    ):
        if count:
            yield f"  given by {name} and not by {other}: {count}; {zero} of them as 0"


def _agreement(pair: Disagreement) -> str:
    """What two sources do at the nodes that both give."""
    if not pair.both:
        return "give no same node"
    if not pair.differing:
        return f"agree at all {pair.both} nodes that both give, to within {AGREEMENT:g} of F"
    return (
        f"disagree at {pair.differing} of {pair.both} nodes that both give, by more than "
        f"{AGREEMENT:g} of the larger F"
    )


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns, each as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  "
        + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _spelt(hkl: HKL) -> str:
    return " ".join(map(str, hkl))
