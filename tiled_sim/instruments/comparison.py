"""Whether two images are the same: sums, peaks, errors, correlation; and the verdict on them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from tiled_sim.errors import InputFileError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: Brightest local maxima of each image that are matched.
PEAKS = 100
#: A peak is the brightest pixel this far around, and is looked for this far around [pixel].
RADIUS = 2
#: Peaks fainter than this share of their image's maximum are left to rounding.
DUST = 1e-6
#: Relative errors are taken of pixels above this share of the maximum of A.
FAINT = 1e-3
QUANTILES = (0.5, 0.9, 0.99, 0.999)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What two images must reach to be the same.

    Parameters
    ----------
    min_correlation : least correlation
    sum_ratio : least and largest sum of B / sum of A
    peak_tolerance : largest departure of any peak's B / A from 1. Of any, not of the median, which
        would let half the reflections be wrong
    max_displacement : largest displacement of any peak [pixel]
    """

    min_correlation: float = 0.9995
    sum_ratio: tuple[float, float] = (0.99, 1.01)
    peak_tolerance: float = 0.02
    max_displacement: float = 0.5


@dataclass(frozen=True, slots=True)
class Check:
    """One part of the verdict.

    Parameters
    ----------
    name : of what was measured
    value : NaN where it cannot be formed, which passes nothing
    least, largest : that pass; None: no bound
    """

    name: str
    value: float
    least: float | None
    largest: float | None

    @property
    def passed(self) -> bool:
        """Whether the value is within the bounds."""
        least = -math.inf if self.least is None else self.least
        largest = math.inf if self.largest is None else self.largest
        return math.isfinite(self.value) and least <= self.value <= largest


@dataclass(frozen=True, eq=False, slots=True)
class Peaks:
    """Pairs of bright pixels, the brightest first.

    Taken are the `PEAKS` brightest local maxima of A, each with the brightest live pixel of B not
    more than `RADIUS` pixels away along either axis, and those of B, each with that of A; a pair
    found both ways counts once. A local maximum is positive, above `DUST` of its image's maximum,
    the brightest of the live pixels as far around (the first of equals), and not the same as all of
    them.

    The displacement is from the centroid around the pixel in A to that around the pixel in B, each
    of the live pixels not more than `RADIUS` away, less the least of them.

    Parameters
    ----------
    at_a, at_b : int (pair, 2), slow and fast [pixel]
    value_a, value_b : float (pair,) [units of the images]
    displacement : float (pair,) [pixel]; NaN where an image is flat around its pixel
    """

    at_a: npt.NDArray[np.int64]
    at_b: npt.NDArray[np.int64]
    value_a: Floats
    value_b: Floats
    displacement: Floats

    @property
    def ratio(self) -> Floats:
        """B / A of each pair; infinite where A has nothing."""
        with np.errstate(divide="ignore", over="ignore"):
            return self.value_b / self.value_a

    @property
    def worst(self) -> float:
        """Largest departure of a ratio from 1; NaN without peaks."""
        return float(np.abs(self.ratio - 1.0).max()) if len(self.ratio) else math.nan

    @property
    def largest_displacement(self) -> float:
        """Largest displacement [pixel]; NaN without peaks, or if one cannot be formed."""
        return float(self.displacement.max()) if len(self.displacement) else math.nan

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        ratio = self.ratio
        return {
            "count": len(ratio),
            "ratio_min": _plain(ratio.min()) if len(ratio) else None,
            "ratio_median": _plain(np.median(ratio)) if len(ratio) else None,
            "ratio_max": _plain(ratio.max()) if len(ratio) else None,
            "worst": _plain(self.worst),
            "displacement_median": _plain(np.median(self.displacement)) if len(ratio) else None,
            "displacement_max": _plain(self.largest_displacement),
            "pairs": [
                {
                    "slow_fast_a": a,
                    "slow_fast_b": b,
                    "a": value_a,
                    "b": value_b,
                    "ratio": _plain(one),
                    "displacement": _plain(moved),
                }
                for a, b, value_a, value_b, one, moved in zip(
                    self.at_a.tolist(),
                    self.at_b.tolist(),
                    self.value_a.tolist(),
                    self.value_b.tolist(),
                    ratio,
                    self.displacement,
                    strict=True,
                )
            ],
        }


@dataclass(frozen=True, slots=True)
class RelativeErrors:
    """|B / A - 1| of the pixels of A above a share of its maximum.

    Parameters
    ----------
    above : the share
    pixels : how many these are; without any, the errors are NaN
    quantiles : of `QUANTILES`
    largest : of all
    """

    above: float
    pixels: int
    quantiles: tuple[float, ...]
    largest: float

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        named = zip(QUANTILES, self.quantiles, strict=True)
        return {
            "above": self.above,
            "pixels": self.pixels,
            "quantiles": {f"{share:g}": _plain(value) for share, value in named},
            "max": _plain(self.largest),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """B held against A over the pixels that live in both.

    Parameters
    ----------
    pixels, masked : pixels compared, and left out
    equal : whether every pixel compared is the same in both
    sum_a, sum_b : [units of the images]
    max_a, max_b : brightest pixels [units of the images]
    correlation : Pearson's; NaN if an image is constant. It does not see a factor, so never alone
    rmse : root of the mean squared difference [units of the images]
    largest_difference : largest |B - A| [units of the images]
    largest_difference_at : where it is, slow and fast [pixel]
    relative_errors : of the bright pixels
    peaks : matched
    """

    pixels: int
    masked: int
    equal: bool
    sum_a: float
    sum_b: float
    max_a: float
    max_b: float
    correlation: float
    rmse: float
    largest_difference: float
    largest_difference_at: tuple[int, int]
    relative_errors: RelativeErrors
    peaks: Peaks

    @property
    def sum_ratio(self) -> float:
        """Sum of B / sum of A; NaN if that of A is zero."""
        return self.sum_b / self.sum_a if self.sum_a else math.nan

    def checks(self, thresholds: Thresholds) -> tuple[Check, ...]:
        """The verdict: the images are the same if all of these pass.

        Equal images are the same even where correlation, ratio or peaks cannot be formed, because
        the images are zero or flat; these are then what they are of any other equal images.
        """

        def formed(value: float, of_equal: float) -> float:
            return of_equal if self.equal and math.isnan(value) else value

        return (
            Check("correlation", formed(self.correlation, 1.0), thresholds.min_correlation, None),
            Check("sum ratio", formed(self.sum_ratio, 1.0), *thresholds.sum_ratio),
            Check("worst peak", formed(self.peaks.worst, 0.0), None, thresholds.peak_tolerance),
            Check(
                "peak displacement",
                formed(self.peaks.largest_displacement, 0.0),
                None,
                thresholds.max_displacement,
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values; null for what cannot be formed."""
        found: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            found[field.name] = value.to_dict() if hasattr(value, "to_dict") else _plain(value)
        return {**found, "sum_ratio": _plain(self.sum_ratio)}


def compare_images(
    a: npt.NDArray[Any],
    b: npt.NDArray[Any],
    live: Bools | None = None,
    origin: tuple[int, int] = (0, 0),
) -> Comparison:
    """Hold image B against image A.

    Parameters
    ----------
    a, b : real (slow, fast), of the same units
    live : bool (slow, fast), False where a pixel is left out; None: all count
    origin : slow and fast of the first pixel, for the positions that are told [pixel]

    Raises
    ------
    InputFileError
        if a live pixel is not finite
    ValueError
        if the shapes differ, or no pixel is live
    """
    live = np.ones(a.shape, dtype=np.bool_) if live is None else live
    if not a.shape == b.shape == live.shape or not live.any():
        raise ValueError(f"images of {a.shape} and {b.shape}, live pixels of {live.shape}")
    a, b = (image.astype(np.float64) for image in (a, b))
    for name, image in (("A", a), ("B", b)):
        bad = int(np.count_nonzero(~np.isfinite(image[live])))
        if bad:
            raise InputFileError(
                f"image {name}: {bad} of the {np.count_nonzero(live)} pixels to compare are NaN or "
                "infinite; leave them out by --mask FILE"
            )
    of_a, of_b = a[live], b[live]
    difference = np.abs(np.where(live, b, 0.0) - np.where(live, a, 0.0))
    slow, fast = divmod(int(difference.argmax()), a.shape[1])
    return Comparison(
        pixels=of_a.size,
        masked=a.size - of_a.size,
        equal=np.array_equal(of_a, of_b),
        sum_a=float(of_a.sum()),
        sum_b=float(of_b.sum()),
        max_a=float(of_a.max()),
        max_b=float(of_b.max()),
        correlation=correlation(of_a, of_b),
        rmse=_length(of_b - of_a) / math.sqrt(of_a.size),
        largest_difference=float(difference[slow, fast]),
        largest_difference_at=(slow + origin[0], fast + origin[1]),
        relative_errors=_relative_errors(of_a, of_b),
        peaks=match_peaks(a, b, live, origin),
    )


def match_peaks(a: Floats, b: Floats, live: Bools, origin: tuple[int, int] = (0, 0)) -> Peaks:
    """Match the brightest local maxima of two images, as `Peaks` says.

    Parameters
    ----------
    a, b : float (slow, fast)
    live : bool (slow, fast)
    origin : slow and fast of the first pixel [pixel]
    """
    lit_a, lit_b = _Lit(a, live), _Lit(b, live)
    peaks_a, peaks_b = lit_a.peaks(), lit_b.peaks()
    pairs = np.concatenate(
        [
            np.hstack([peaks_a, lit_b.brightest_near(peaks_a)]),
            np.hstack([lit_a.brightest_near(peaks_b), peaks_b]),
        ]
    )
    pairs = np.unique(pairs, axis=0)
    at_a, at_b = pairs[:, :2], pairs[:, 2:]
    value_a, value_b = a[tuple(at_a.T)], b[tuple(at_b.T)]
    order = np.argsort(-np.maximum(value_a, value_b), kind="stable")
    moved = lit_b.centroids(at_b) - lit_a.centroids(at_a)
    return Peaks(
        at_a[order] + np.array(origin),
        at_b[order] + np.array(origin),
        value_a[order],
        value_b[order],
        np.hypot(*moved.T)[order],
    )


class _Lit:
    """An image as its local maxima see it: dead pixels and what is beyond the edge are dark."""

    def __init__(self, image: Floats, live: Bools) -> None:
        self._image = np.pad(np.where(live, image, -np.inf), RADIUS, constant_values=-np.inf)
        side = 2 * RADIUS + 1
        #: (slow, fast, side, side): the surroundings of every pixel
        self._around = sliding_window_view(self._image, (side, side))

    def peaks(self) -> npt.NDArray[np.int64]:
        """Slow and fast of the brightest local maxima, (n, 2), the brightest first."""
        inner = self._image[RADIUS:-RADIUS, RADIUS:-RADIUS]
        rows = sliding_window_view(self._image, 2 * RADIUS + 1, axis=1).max(axis=-1)
        surrounding = sliding_window_view(rows, 2 * RADIUS + 1, axis=0).max(axis=-1)
        at = np.argwhere((inner > max(DUST * inner.max(), 0.0)) & (inner == surrounding))
        at = at[np.argsort(-inner[tuple(at.T)], kind="stable")]
        found: list[npt.NDArray[np.int64]] = []
        for one in at:
            around = self._around[tuple(one)].ravel()
            first = int(around.argmax()) == around.size // 2
            if first and (around[np.isfinite(around)] < around.max()).any():
                found.append(one)
            if len(found) == PEAKS:
                break
        return np.array(found, dtype=np.int64).reshape(-1, 2)

    def brightest_near(self, at: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Slow and fast of the brightest pixel around each of some live pixels, (n, 2)."""
        around = self._around[tuple(at.T)].reshape(len(at), (2 * RADIUS + 1) ** 2)
        steps = np.stack(np.divmod(around.argmax(axis=1), 2 * RADIUS + 1), axis=1)
        return at + steps - RADIUS

    def centroids(self, at: npt.NDArray[np.int64]) -> Floats:
        """Slow and fast of the centroid around each of some live pixels, (n, 2) [pixel]."""
        around = self._around[tuple(at.T)]
        lit = np.isfinite(around)
        least = np.where(lit, around, np.inf).min(axis=(1, 2), keepdims=True)
        weight = np.where(lit, around, least) - least
        step = np.arange(-RADIUS, RADIUS + 1)
        with np.errstate(invalid="ignore"):  # 0 / 0: flat
            share = weight / weight.sum(axis=(1, 2), keepdims=True)
        along = [(share.sum(axis=2) * step).sum(axis=1), (share.sum(axis=1) * step).sum(axis=1)]
        return at + np.stack(along, axis=1)


def correlation(a: Floats, b: Floats) -> float:
    """Pearson's correlation of two rows of numbers; NaN if one is constant."""
    if a.min() == a.max() or b.min() == b.max():
        return math.nan  # the mean may round to another value than a constant's
    a, b = a - a.mean(), b - b.mean()
    a, b = a / _length(a), b / _length(b)
    return float(np.clip(np.dot(a, b), -1.0, 1.0))


def _length(vector: Floats) -> float:
    """Root of the sum of squares, which must not overflow."""
    largest = float(np.abs(vector).max())
    return largest * float(np.linalg.norm(vector / largest)) if largest else 0.0


def _relative_errors(a: Floats, b: Floats) -> RelativeErrors:
    bright = (a > FAINT * a.max()) & (a > 0)
    count = int(np.count_nonzero(bright))
    if not count:
        return RelativeErrors(FAINT, 0, (math.nan,) * len(QUANTILES), math.nan)
    with np.errstate(over="ignore"):
        errors = np.abs(b[bright] / a[bright] - 1.0)
    # without interpolation, so that an infinite error spoils no other
    found = np.quantile(errors, QUANTILES, method="higher")
    quantiles = tuple(float(value) for value in found)
    return RelativeErrors(FAINT, count, quantiles, float(errors.max()))


def _plain(value: Any) -> Any:
    """As JSON has it; None for NaN and infinities, which it has not."""
    if isinstance(value, Sequence):
        return [_plain(part) for part in value]
    if isinstance(value, int):
        return value
    return float(value) if math.isfinite(value) else None
