"""``tiled-sim compare``: whether two images are the same, by thresholds."""

import argparse
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tiled_sim.cli.arguments import fraction
from tiled_sim.cli.compare_panels import panel_lines, panels_document, place_text, read_both
from tiled_sim.cli.numbers import positive, whole_number
from tiled_sim.cli.panels import add_panel_option
from tiled_sim.cli.parser import Parser
from tiled_sim.cli.printing import print_json
from tiled_sim.errors import UsageError
from tiled_sim.model.values import number_in, shown

if TYPE_CHECKING:
    from tiled_sim.instruments.comparison import Check, Comparison
    from tiled_sim.instruments.image import Image
    from tiled_sim.instruments.stack import Stack

#: Exit code for images that differ by more than the thresholds.
DIFFERENT = 6

_EPILOG = """\
A and B are each a run (RUN.zarr), an SMV, CBF, TIFF or EDF image, an npz, npy or HDF5 file (FILE,
or FILE:KEY for one array of several), or a raw float32 image with --shape. Ratios are B / A. Left
out are pixels that the mask of a run or --mask makes dead, those that are negative in a CBF, TIFF
or EDF image of whole numbers, those of the largest value of an unsigned type or of int32 in one of
these or in an HDF5 file (gaps), and those that the pixel_mask of an HDF5 file names.

Of a run its expected photons are compared, or with --counts its counts. An image of -noisefile
holds counts plus what -adc says, 40 if nothing, which its header does not tell: --offset takes it
off, so that `compare RUN.zarr noise.img --counts --offset 40` holds like against like.

Of runs of several panels all are compared, each with the one of the same number, as one image; the
thresholds are those of all together, and what is told of each panel says where it differs. --panel
compares one of them.

The images pass if all of correlation, sum ratio, worst peak and peak displacement do. The peaks
are the 100 brightest local maxima of A, each held against the brightest pixel of B within 2 pixels,
and those of B likewise; every one must be within the tolerance. The exit code is 0 if they pass,
else 6.
"""


def parser() -> Parser:
    """The options of the verb."""
    made = Parser("compare", "Hold image B against image A.", _EPILOG)
    made.add_argument("a", metavar="A")
    made.add_argument("b", metavar="B")
    made.add_argument(
        "--shape",
        nargs=2,
        type=whole_number,
        metavar=("SLOW", "FAST"),
        help="pixels of a raw float32 image",
    )
    made.add_argument(
        "--frame", type=whole_number, metavar="N", help="exposure of a run, HDF5 or npy file (0)"
    )
    add_panel_option(made, "panel of a run, or by number of an HDF5 or npy file (all of a run)")
    made.add_argument(
        "--counts", action="store_true", help="of runs, compare the counts, not expected photons"
    )
    made.add_argument(
        "--offset",
        type=_offsets,
        metavar="N[,N]",
        help="what images hold above counts or photons, as -adc adds 40: one number for every SMV "
        "image, or two for A,B",
    )
    made.add_argument(
        "--roi",
        nargs=4,
        type=whole_number,
        metavar=("FASTMIN", "FASTMAX", "SLOWMIN", "SLOWMAX"),
        help="compare this region, inclusive, as nanoBragg's -roi; beside a larger image, one of "
        "exactly its size is taken for a cut of it",
    )
    made.add_argument(
        "--mask",
        metavar="FILE",
        help="dead pixels: SMV, npz, TIFF (zero is dead), CBF (negative), HDF5, EDF (non-zero)",
    )
    made.add_argument(
        "--min-correlation",
        type=fraction,
        default=0.9995,
        metavar="R",
        help="least correlation that passes (0.9995)",
    )
    made.add_argument(
        "--sum-ratio",
        nargs=2,
        type=positive,
        default=(0.99, 1.01),
        metavar=("LOW", "HIGH"),
        help="sum of B / sum of A that passes (0.99 1.01)",
    )
    made.add_argument(
        "--peak-tolerance",
        type=positive,
        default=0.02,
        metavar="SHARE",
        help="largest |B / A - 1| of any peak that passes (0.02)",
    )
    made.add_argument(
        "--max-displacement",
        type=positive,
        default=0.5,
        metavar="PIXELS",
        help="largest displacement of any peak that passes (0.5)",
    )
    made.add_argument(
        "--picture", metavar="FILE.png", help="draw both, their ratio and their difference"
    )
    return made


def run(words: Sequence[str]) -> int:
    """Run the verb; 0 if the images pass all thresholds, else 6."""
    options = parser().parse(words)
    low, high = options.sum_ratio
    if low > high:
        raise UsageError(f"--sum-ratio {low:g} {high:g}: the first is the least, the second not")
    from tiled_sim.instruments.comparison import Thresholds, compare_images

    a, b, stack, mask_notes = _images(options)
    origin = (0, 0) if options.roi is None else (options.roi[2], options.roi[0])
    found = compare_images(a.pixels, b.pixels, a.live, origin)
    thresholds = Thresholds(
        options.min_correlation, (low, high), options.peak_tolerance, options.max_displacement
    )
    if options.picture:
        from tiled_sim.instruments.comparison_picture import write_comparison_picture

        if stack is None:
            write_comparison_picture(a, b, options.picture, origin)
        else:
            (shown_a, assembly), (shown_b, _) = stack.assembled(a), stack.assembled(b)
            write_comparison_picture(shown_a, shown_b, options.picture, assembly=assembly)
    checks = found.checks(thresholds)
    passed = all(check.passed for check in checks)
    notes = [*mask_notes, *_notes(a, b, options)]
    if options.json:
        document = _document(a, b, found, checks, passed, options) | {"notes": notes}
        print_json(document if stack is None else panels_document(document, a, b, stack, found))
    else:
        print("\n".join(_lines(a, b, stack, found, checks, notes)))
        if options.picture:
            print(f"picture   {options.picture}")
    return 0 if passed else DIFFERENT


def _offsets(text: str) -> tuple[float, ...]:
    values = [value for part in text.split(",") if (value := number_in(part)) is not None]
    if len(values) != text.count(",") + 1 or len(values) > 2 or not all(map(math.isfinite, values)):
        raise argparse.ArgumentTypeError(f"{shown(text)} is not a number, nor two as in 0,40")
    return tuple(values)


def _images(
    options: argparse.Namespace,
) -> "tuple[Image, Image, Stack | None, list[str]]":
    """A and B, cut and masked alike, their stack if of several panels, what is odd of the mask."""
    from tiled_sim.instruments.image import has_frames, is_run, same_part
    from tiled_sim.io.mask_file import read_mask
    from tiled_sim.model.detector import Region

    names = (options.a, options.b)
    if options.counts and not any(map(is_run, names)):
        raise UsageError("--counts are those of a run, and neither A nor B is one: leave it out")
    shape = None if options.shape is None else (options.shape[0], options.shape[1])
    a, b, stack, notes = read_both(options, shape)
    for option in ("frame", "panel"):
        if getattr(options, option) is not None and not any(map(has_frames, names)):
            raise UsageError(
                f"--{option} chooses in a run, HDF5 or npy file, and neither A nor B is one"
            )
    if shape is not None and "float" not in (a.source["format"], b.source["format"]):
        raise UsageError("--shape is that of a raw float32 image, and neither A nor B is one")
    mask = None if options.mask is None else read_mask(options.mask)
    region = None if options.roi is None else Region.of_ends(*options.roi)
    live = None if mask is None else mask.live
    if mask is not None and mask.note:
        notes.append(mask.note)
    a, b = same_part(*_less_offsets(a, b, options.offset), region, live)
    return a, b, stack, notes


def _less_offsets(
    a: "Image", b: "Image", offsets: tuple[float, ...] | None
) -> "tuple[Image, Image]":
    """A and B less what --offset says that they hold more."""
    from tiled_sim.instruments.image import less_offset

    if offsets is None:
        return a, b
    if len(offsets) == 1:
        if not (a.is_integer_smv or b.is_integer_smv):
            raise UsageError(
                f"--offset {offsets[0]:g} is that of SMV images, and neither A nor B is one of "
                f"whole numbers; give one for each, --offset 0,{offsets[0]:g}"
            )
        offsets = (offsets[0] * a.is_integer_smv, offsets[0] * b.is_integer_smv)
    return less_offset(a, offsets[0]), less_offset(b, offsets[1])


def _notes(a: "Image", b: "Image", options: argparse.Namespace) -> list[str]:
    """What was left out by its value, and whether unlike is held against unlike."""
    notes = [
        f"{letter}: {mark}; they are left out"
        for letter, image in (("A", a), ("B", b))
        for mark in image.marks
    ]
    for letter, image, other in (("A", a, b), ("B", b, a)):
        if not image.is_integer_smv or other.source["format"] == "smv":
            continue
        if not other.whole:
            what = "expected photons" if other.source["format"] == "run" else "no whole numbers"
            notes.append(
                f"{letter} is an SMV image of whole numbers, and the other holds {what}: one of "
                "-noisefile holds counts, and is compared with those of a run by --counts"
            )
        if options.offset is None:
            notes.append(
                f"{letter}: an image of -noisefile or -intfile holds -adc, 40 if not said, more "
                "than its counts or photons: --offset 40 takes it off"
            )
    return notes


def _lines(
    a: "Image",
    b: "Image",
    stack: "Stack | None",
    found: "Comparison",
    checks: "tuple[Check, ...]",
    notes: list[str],
) -> list[str]:
    errors, peaks = found.relative_errors, found.peaks
    left_out = found.masked if stack is None else stack.count - found.pixels
    rows = [("name", "value", "threshold", "verdict")]
    for check in checks:
        rows.append((check.name, _value(check.value), _bounds(check), _verdict(check)))
    informed: list[tuple[str, str]] = [
        ("sum of A", _value(found.sum_a)),
        ("sum of B", _value(found.sum_b)),
        ("maximum of A", _value(found.max_a)),
        ("maximum of B", _value(found.max_b)),
        ("RMSE", _value(found.rmse)),
        (
            "largest |B - A|",
            f"{_value(found.largest_difference)} at {place_text(found, stack)}",
        ),
        ("peaks", str(len(peaks.ratio))),
    ]
    if len(peaks.ratio):
        summary = peaks.to_dict()
        names = ("ratio_min", "ratio_median", "ratio_max", "displacement_median")
        informed += [(f"peak {n.replace('_', ', ')}", _value(summary[n])) for n in names]
    for share, value in zip(errors.to_dict()["quantiles"], errors.quantiles, strict=True):
        informed.append((f"relative error, {100 * float(share):.4g} % below", _value(value)))
    informed += [
        ("relative error, largest", _value(errors.largest)),
        ("  of pixels above", f"{errors.above:g} of A's maximum: {errors.pixels}"),
        ("pixels", f"{found.pixels} compared, {left_out} left out"),
    ]
    rows += [(name, value, "", "") for name, value in informed]
    of_panels = [] if stack is None else ["", *panel_lines(a, b, stack)]
    failed = [check.name for check in checks if not check.passed]
    return [
        *(_source(letter, image) for letter, image in (("A", a), ("B", b))),
        *(f"note      {note}" for note in notes),
        "",
        *(
            f"{name:32} {value:24} {bound:16} {verdict}".rstrip()
            for name, value, bound, verdict in rows
        ),
        *of_panels,
        "",
        f"DIFFERENT: {', '.join(failed)}" if failed else "the same, by all thresholds",
    ]


def _source(letter: str, image: "Image") -> str:
    source = image.source
    shape = " x ".join(map(str, source["shape"]))
    axes = "slow x fast" if len(source["shape"]) == 2 else "panel x slow x fast"
    told = f"run {source['run_id']}" if "run_id" in source else f"sha256 {source['sha256']}"
    if source.get("counts"):
        told = f"counts of {told}"
    return f"{letter:9} {image.name} ({source['format']}, {shape} {axes}, {told})"


def _value(value: float | None) -> str:
    return "undefined" if value is None or math.isnan(value) else f"{value:.9g}"


def _bounds(check: "Check") -> str:
    if check.least is None:
        return f"<= {check.largest:g}"
    return (
        f">= {check.least:g}" if check.largest is None else f"{check.least:g} .. {check.largest:g}"
    )


def _verdict(check: "Check") -> str:
    return "pass" if check.passed else "FAIL"


def _document(
    a: "Image",
    b: "Image",
    found: "Comparison",
    checks: "tuple[Check, ...]",
    passed: bool,
    options: argparse.Namespace,
) -> dict[str, object]:
    """The same for scripts."""
    return {
        "a": a.source,
        "b": b.source,
        "roi": options.roi,
        "mask": options.mask,
        "counts": options.counts,
        "offset": options.offset,
        "passed": passed,
        "checks": [
            {
                "name": check.name,
                "value": check.value if math.isfinite(check.value) else None,
                "least": check.least,
                "largest": check.largest,
                "passed": check.passed,
            }
            for check in checks
        ],
        "comparison": found.to_dict(),
        "picture": options.picture,
    }
