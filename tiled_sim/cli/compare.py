"""``tiled-sim compare``: whether two images are the same, by thresholds."""

import argparse
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tiled_sim.cli.arguments import Parser, fraction, positive, whole_number
from tiled_sim.cli.printing import print_json
from tiled_sim.errors import UsageError

if TYPE_CHECKING:
    from tiled_sim.instruments.comparison import Check, Comparison
    from tiled_sim.instruments.image import Image

#: Exit code for images that differ by more than the thresholds.
DIFFERENT = 6

_EPILOG = """\
A and B are each a run (RUN.zarr), an SMV image, a CBF image, an npz file (FILE.npz, or FILE.npz:KEY
for one array of several), or a raw float32 image with --shape. Ratios are B / A. Pixels that the
mask of a run, a negative value in a CBF or --mask makes dead are left out.

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
    made.add_argument("--frame", type=whole_number, metavar="N", help="exposure of a run (0)")
    made.add_argument("--panel", type=whole_number, metavar="N", help="panel of a run (0)")
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
        help="SMV image, or array in an npz (`mask`, the only one, or FILE.npz:KEY); 0 is dead",
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

    a, b = _images(options)
    origin = (0, 0) if options.roi is None else (options.roi[2], options.roi[0])
    found = compare_images(a.pixels, b.pixels, a.live, origin)
    thresholds = Thresholds(
        options.min_correlation, (low, high), options.peak_tolerance, options.max_displacement
    )
    if options.picture:
        from tiled_sim.instruments.comparison_picture import write_comparison_picture

        write_comparison_picture(a, b, options.picture, origin)
    checks = found.checks(thresholds)
    passed = all(check.passed for check in checks)
    if options.json:
        print_json(_document(a, b, found, checks, passed, options))
    else:
        print("\n".join(_lines(a, b, found, checks)))
        if options.picture:
            print(f"picture   {options.picture}")
    return 0 if passed else DIFFERENT


def _images(options: argparse.Namespace) -> "tuple[Image, Image]":
    """A and B, cut and masked alike."""
    from tiled_sim.instruments.image import is_run, read_image, same_part
    from tiled_sim.io.image_file import read_mask_file
    from tiled_sim.model.detector import Region

    names = (options.a, options.b)
    shape = None if options.shape is None else (options.shape[0], options.shape[1])
    a, b = (
        read_image(name, shape=shape, frame=options.frame or 0, panel=options.panel or 0)
        for name in names
    )
    for option in ("frame", "panel"):
        if getattr(options, option) is not None and not any(map(is_run, names)):
            raise UsageError(f"--{option} chooses in a run, and neither A nor B is one")
    if shape is not None and "float" not in (a.source["format"], b.source["format"]):
        raise UsageError("--shape is that of a raw float32 image, and neither A nor B is one")
    mask = None if options.mask is None else read_mask_file(options.mask)
    region = None if options.roi is None else Region.of_ends(*options.roi)
    return same_part(a, b, region, mask)


def _lines(a: "Image", b: "Image", found: "Comparison", checks: "tuple[Check, ...]") -> list[str]:
    errors, peaks = found.relative_errors, found.peaks
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
            "{} at slow {}, fast {}".format(
                _value(found.largest_difference), *found.largest_difference_at
            ),
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
        ("pixels", f"{found.pixels} compared, {found.masked} left out"),
    ]
    rows += [(name, value, "", "") for name, value in informed]
    failed = [check.name for check in checks if not check.passed]
    return [
        *(_source(letter, image) for letter, image in (("A", a), ("B", b))),
        "",
        *(
            f"{name:32} {value:24} {bound:16} {verdict}".rstrip()
            for name, value, bound, verdict in rows
        ),
        "",
        f"DIFFERENT: {', '.join(failed)}" if failed else "the same, by all thresholds",
    ]


def _source(letter: str, image: "Image") -> str:
    source = image.source
    slow, fast = source["shape"]
    told = f"run {source['run_id']}" if "run_id" in source else f"sha256 {source['sha256']}"
    return f"{letter:9} {image.name} ({source['format']}, {slow} x {fast} slow x fast, {told})"


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
