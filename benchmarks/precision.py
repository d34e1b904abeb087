"""Measure the error of the fused kernel against the reference kernel: docs/precision.md.

    python benchmarks/precision.py [--side PIXELS]

The grid: crystals of 5 to 1000 cells each way in four shapes, indices up to 300, both precisions,
and the 16 x 16 blocks, whose anchors decide how a pixel is computed, laid over the same pixels in
four ways. Each crystal is looked at twice: close, with three pixels a fringe and a reflection in
the middle, and from afar, with many reflections on the panel. Pixels within 1e-5 of a half-integer
index or of the edge of a flat-topped spot are set apart. A graph that is not in the cache is built
first; with all of them there, the grid takes a quarter of a minute.
"""

import argparse
import functools
import itertools
import math
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass

from tiled_sim.model.exposures import Rotation

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from tiled_sim.kernels.blocks import Blocks
from tiled_sim.kernels.compiled import CompiledKernel
from tiled_sim.kernels.graphs import PRECISIONS
from tiled_sim.kernels.kernel import Kernel
from tiled_sim.kernels.reference import ReferenceKernel
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.beam import Beam, Source, Spectrum
from tiled_sim.model.crystal import SHAPES, Crystal
from tiled_sim.model.detector import Detector, Panel
from tiled_sim.model.domains import Domains
from tiled_sim.model.experiment import Experiment, Reflections
from tiled_sim.model.grid import BLOCK
from tiled_sim.model.sampling import Sampling
from tiled_sim.physics.cell import dual, reciprocal_from_cell
from tiled_sim.physics.structure_factor import StructureFactorTable
from tiled_sim.physics.vectors import about_axis, as_tuple, unit

CELLS = (5, 15, 50, 150, 500, 1000)
#: The largest index of the reflection in the middle of the panel.
NODES = (10, 75, 260)
#: Pixels by which the blocks are moved over the panel.
SHIFTS = (0, 3, 8, 13)
LENGTHS, ANGLES = np.array([80.0, 90.0, 100.0]), np.radians([85.0, 95.0, 100.0])
KINDS = ("bright", "99.9 %", "sum")
DISTANCE = 0.2  # m
DEFAULT_F = 40.0
CPU = torch.device("cpu")
INCIDENT, DIFFRACTED = np.array([0.0, 0.0, 1.0]), np.array([0.0, math.sqrt(0.75), 0.5])
ROLL = 0.4  # rad, of the crystal about the scattering vector


@dataclass(frozen=True)
class Look:
    """A crystal in front of a panel.

    Parameters
    ----------
    shape : of the crystal
    cells : N, each way
    node : the largest index of the reflection in the middle of the panel
    close : three pixels a fringe; else a third of a cell of reciprocal space a pixel
    """

    shape: str
    cells: int
    node: int
    close: bool

    @property
    def hkl(self) -> tuple[int, int, int]:
        """The reflection in the middle of the panel."""
        return self.node, round(-0.61 * self.node), round(0.37 * self.node)

    def experiment(self, side: int, shift: int = 0, domains: int = 1) -> Experiment:
        """The crystal turned to reflect onto a panel of so many pixels, two theta 60°.

        Parameters
        ----------
        side : pixels of interest, each way
        shift : pixels before them, each way, so that the blocks lie otherwise
        domains : of the mosaic
        """
        reciprocal = reciprocal_from_cell(LENGTHS, ANGLES)
        scattering = np.array(self.hkl) @ reciprocal
        wavelength = float(np.linalg.norm(DIFFRACTED - INCIDENT) / np.linalg.norm(scattering))
        towards = unit(DIFFRACTED - INCIDENT)
        turn = about_axis(towards, ROLL) @ _onto(unit(scattering), towards)
        reciprocal = reciprocal @ turn.T
        direct = dual(reciprocal)
        cell_on_panel = wavelength * DISTANCE / LENGTHS.max()
        pixel = cell_on_panel * (1 / (3 * self.cells) if self.close else 0.37)
        fast = np.array([1.0, 0.0, 0.0])
        slow = np.cross(DIFFRACTED, fast)
        corner = -(side / 2 + shift + 0.5) * pixel
        n = self.cells**3
        # a spot as wide as that of a crystal of N cells; nanoBragg's is N² times narrower
        fudge = 1.0 if self.shape in ("square", "round") else (self.cells * LENGTHS.max() / n) ** 2
        incident = as_tuple(INCIDENT)
        return Experiment(
            Beam(
                incident,
                wavelength,
                1e24,
                0.0,
                (1.0, 0.0, 0.0),
                Spectrum.of([Source(incident, wavelength)]),
            ),
            Crystal(
                *(as_tuple(vector) for vector in (*direct, *reciprocal)),
                (self.cells,) * 3,
                self.shape,
                fudge,
                Domains(0.001 if domains > 1 else 0.0, domains),
            ),
            Detector(
                (
                    Panel(
                        as_tuple(DISTANCE * DIFFRACTED + corner * fast + corner * slow),
                        as_tuple(fast),
                        as_tuple(slow),
                        as_tuple(DIFFRACTED),
                        (side + shift,) * 2,
                        (pixel, pixel),
                    ),
                )
            ),
            Sampling(),
            Rotation((1.0, 0.0, 0.0)),
            Reflections(default_F=DEFAULT_F),
        )


def _onto(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The rotation that turns one unit vector onto another."""
    axis = np.cross(one, other)
    return about_axis(unit(axis), math.atan2(float(np.linalg.norm(axis)), float(one @ other)))


@functools.cache
def table(middle: tuple[int, int, int]) -> StructureFactorTable:
    """Random amplitudes around a node."""
    shape = (41, 41, 41)
    amplitude = np.random.default_rng(20260103).uniform(10.0, 500.0, shape)
    low = (middle[0] - 20, middle[1] - 20, middle[2] - 20)
    return StructureFactorTable(amplitude, np.ones(shape, bool), low, DEFAULT_F, CPU)


def blocks_over(side: int) -> Blocks:
    """The blocks of a square panel."""
    corners = np.arange(0, side, BLOCK, dtype=float)
    grid = np.meshgrid(corners, corners, indexing="ij")
    slow, fast = (torch.from_numpy(part.flatten()) for part in grid)
    return Blocks(slow, fast, torch.ones((len(slow), BLOCK * BLOCK), dtype=torch.bool), True)


def image_of(kernel: Kernel, side: int, shift: int) -> np.ndarray:
    """Photons of the pixels of interest, float64 (slow, fast)."""
    whole = side + shift
    rows = -(-whole // BLOCK)
    with torch.inference_mode():
        photons, _ = kernel.photons_of_blocks(blocks_over(whole))
    tiled = photons.reshape(rows, rows, BLOCK, BLOCK).permute(0, 2, 1, 3)
    return tiled.reshape(rows * BLOCK, -1).numpy()[shift:whole, shift:whole]


def kernels_of(look: Look, scene: Scene) -> dict[str, Kernel]:
    """The reference kernel, and the fused one in each precision."""
    factors = table(look.hkl)
    kernels: dict[str, Kernel] = {"reference": ReferenceKernel(scene, factors, DEFAULT_F)}
    for precision in PRECISIONS:
        kernels[precision] = CompiledKernel(scene, factors, DEFAULT_F, precision)
    return kernels


def indices(scene: Scene, side: int, shift: int, dtype: type) -> np.ndarray:
    """h, k, l of the pixels of interest in some arithmetic, (3, slow, fast).

    The operations are those of the reference kernel, in their order.
    """
    panel, source = scene.panels[0], scene.spectrum[0]
    place = np.arange(shift, shift + side).astype(dtype)
    size = dtype(panel.pixel_size[0])
    slow, fast = np.meshgrid(*[size * place + size / 2] * 2, indexing="ij")
    position = [
        fast * dtype(f) + slow * dtype(s) + dtype(o)
        for f, s, o in zip(panel.fast_axis, panel.slow_axis, panel.origin, strict=True)
    ]
    distance = np.sqrt(sum(x * x for x in position))
    q = [
        (x / distance - dtype(i)) / dtype(source.wavelength)
        for x, i in zip(position, source.incident, strict=True)
    ]
    axes = scene.orientations[0, 0].astype(dtype)
    return np.stack([q[0] * a[0] + q[1] * a[1] + q[2] * a[2] for a in axes])


def kept(hkl: np.ndarray, crystal: Crystal) -> np.ndarray:
    """Pixels that lie on no edge."""
    rest = hkl - np.ceil(hkl - 0.5)
    good = (0.5 - np.abs(rest) > 1e-5).all(axis=0)
    if crystal.shape in ("tophat", "tophat_hkl"):
        radius_sqr = np.einsum("isf,ij,jsf->sf", rest, crystal.spot_metric, rest)
        ratio = radius_sqr * crystal.spot_sharpness / 0.3969
        good &= np.abs(ratio - 1.0) > 1e-5
    return good


@dataclass(frozen=True)
class Errors:
    """Relative errors of an image.

    Parameters
    ----------
    bright : largest above 1e-3 of the maximum
    faint : what 99.9 % of the pixels above 1e-9 of the maximum stay below
    sum : of all pixels
    """

    bright: float
    faint: float
    sum: float

    @classmethod
    def between(cls, image: np.ndarray, truth: np.ndarray) -> "Errors":
        """Of an image against the true one."""
        bright, faint = (truth > share * truth.max() for share in (1e-3, 1e-9))
        return cls(
            float(np.abs(image[bright] / truth[bright] - 1).max()),
            float(np.quantile(np.abs(image[faint] / truth[faint] - 1), 0.999)),
            abs(float(image.sum() / truth.sum()) - 1),
        )

    @classmethod
    def worst(cls, several: Iterable["Errors"]) -> "Errors":
        """The largest of each kind."""
        parts = list(several)
        return cls(*(max(getattr(e, name) for e in parts) for name in ("bright", "faint", "sum")))


@dataclass(frozen=True)
class Row:
    """What was measured of a look.

    Parameters
    ----------
    largest : index met
    errors : by precision, the worst of all shifts, against the reference kernel
    shifted : by precision, largest change of a bright pixel as the blocks are moved
    naive : half of the bright pixels, and nine in ten, are within this in naive float32
    extended : by kernel, errors against 80-bit arithmetic; for the square crystal
    """

    look: Look
    largest: float
    errors: dict[str, Errors]
    shifted: dict[str, float]
    naive: tuple[float, float] | None
    extended: dict[str, Errors]


def measure(look: Look, side: int) -> Row:
    """Compute a look in every precision and shift, beside the reference."""
    found: dict[str, list[Errors]] = {name: [] for name in PRECISIONS}
    images: dict[str, list[np.ndarray]] = {name: [] for name in PRECISIONS}
    truths = []
    for shift in SHIFTS:
        experiment = look.experiment(side, shift)
        scene = Scene.of(experiment, 0)
        hkl = indices(scene, side, shift, np.float64)
        keep = kept(hkl, experiment.crystal)
        computed = {
            name: np.where(keep, image_of(kernel, side, shift), 0.0)
            for name, kernel in kernels_of(look, scene).items()
        }
        truths.append(computed["reference"])
        for name in PRECISIONS:
            found[name].append(Errors.between(computed[name], computed["reference"]))
            images[name].append(computed[name])
    shifted = {
        name: max(change_of(image, images[name][0], truths[0]) for image in images[name][1:])
        for name in PRECISIONS
    }
    square = look.shape == "square"
    return Row(
        look,
        float(np.abs(hkl).max()),
        {name: Errors.worst(each) for name, each in found.items()},
        shifted,
        naive_errors(look, hkl, keep) if square else None,
        extended_errors(look, scene, side, shift, computed) if square else {},
    )


def squared_gratings(look: Look, hkl: np.ndarray, peeled: bool) -> np.ndarray:
    """F_latt² of a square crystal in whatever arithmetic h, k, l come in.

    Parameters
    ----------
    peeled : take the nearest node off first; else as it stands in textbooks
    """
    one = hkl.dtype.type(1)
    pi = np.arctan(one) * 4
    argument = hkl - np.ceil(hkl - one / 2) if peeled else hkl
    with np.errstate(all="ignore"):
        quotient = np.sin(pi * look.cells * argument) / np.sin(pi * argument)
    quotient = np.where(argument == 0, hkl.dtype.type(look.cells), quotient)
    return np.square(quotient).prod(axis=0)


def naive_errors(look: Look, hkl: np.ndarray, keep: np.ndarray) -> tuple[float, float]:
    """Of textbook float32 from h, k, l on: what half and nine in ten of the bright pixels keep."""
    truth = squared_gratings(look, hkl, peeled=True)[keep]
    image = squared_gratings(look, hkl.astype(np.float32), peeled=False)[keep].astype(float)
    bright = truth > 1e-3 * truth.max()
    error = np.nan_to_num(np.abs(image[bright] / truth[bright] - 1.0), nan=1.0, posinf=1.0)
    return float(np.quantile(error, 0.5)), float(np.quantile(error, 0.9))


def extended_errors(
    look: Look, scene: Scene, side: int, shift: int, computed: dict[str, np.ndarray]
) -> dict[str, Errors]:
    """Of the float64 kernels, with directions and h, k, l by numpy's longest float."""
    hkl = indices(scene, side, shift, np.longdouble)
    exact = squared_gratings(look, hkl, peeled=True)
    rounded = squared_gratings(look, indices(scene, side, shift, np.float64), peeled=True)
    # all else in a pixel is known to the last digit, so it is taken from the reference
    keep = kept(hkl.astype(float), scene.crystal) & (rounded > 0)
    truth = np.where(keep, computed["reference"] * (exact / np.where(keep, rounded, 1)), 0.0)
    return {
        name: Errors.between(np.where(keep, computed[name], 0.0), truth.astype(float))
        for name in ("reference", "float64")
    }


def change_of(image: np.ndarray, first: np.ndarray, truth: np.ndarray) -> float:
    """Largest relative change of a bright pixel from one laying of the blocks to another."""
    bright = (truth > 1e-3 * truth.max()) & (image > 0) & (first > 0)
    return float(np.abs(image[bright] / first[bright] - 1).max())


def nanoseconds(kernel: str, precision: str, side: int = 256, domains: int = 64) -> float:
    """Processor time of an evaluation, one thread: the best of five."""
    look = Look("square", 50, 75, close=False)
    kernels = kernels_of(look, Scene.of(look.experiment(side, domains=domains), 0))
    chosen = kernels["reference" if kernel == "reference" else precision]
    slow, fast, live, _ = blocks_over(side)
    parts = [part.split(chosen.blocks_at_a_time) for part in (slow, fast, live)]
    chunks = [Blocks(*part, True) for part in zip(*parts, strict=True)]
    best = math.inf
    with torch.inference_mode():
        for _ in range(5):
            began = time.process_time()
            for chunk in chunks:
                chosen.photons_of_blocks(chunk)
            best = min(best, time.process_time() - began)
    return best / (side * side * domains) * 1e9


def print_table(heads: list[str], rows: list[list[str]]) -> None:
    """As markdown."""
    for row in (heads, ["---"] * len(heads), *rows):
        print("| " + " | ".join(row) + " |")
    print()


def told(errors: Errors) -> list[str]:
    """An error table's three cells."""
    return [f"{value:.0e}" for value in (errors.bright, errors.faint, errors.sum)]


def worst_of(rows: Iterable[Row], name: str) -> Errors:
    """The largest errors in a precision."""
    return Errors.worst(row.errors[name] for row in rows)


def print_naive(rows: list[Row]) -> None:
    """What breaks."""
    largest = {node: max(r.largest for r in rows if r.look.node == node) for node in NODES}
    print("Square crystal, naive float32: half, and nine in ten, of the bright pixels are within\n")

    def wrong(cells: int, node: int) -> str:
        (found,) = (row.naive for row in rows if row.look == Look("square", cells, node, True))
        assert found is not None
        return " and ".join(f"{value:.0e}" for value in found)

    print_table(
        ["N", *(f"indices to {largest[node]:.0f}" for node in NODES)],
        [[str(cells), *(wrong(cells, node) for node in NODES)] for cells in CELLS],
    )


def print_errors(rows: list[Row]) -> None:
    """What the fused kernel is off by."""
    print("Largest of all indices, looks and shifts: bright pixels, 99.9 % of pixels, sum:\n")
    print_table(
        ["shape", "N", *(f"{name}, {kind}" for name in PRECISIONS for kind in KINDS)],
        [
            [shape, str(cells), *itertools.chain(*(told(worst_of(these, n)) for n in PRECISIONS))]
            for shape in SHAPES
            for cells in CELLS
            for these in [[r for r in rows if (r.look.shape, r.look.cells) == (shape, cells)]]
        ],
    )
    print("Largest change of a bright pixel when the blocks are moved under it:\n")
    print_table(
        ["shape", *PRECISIONS],
        [
            [
                shape,
                *(
                    f"{max(row.shifted[name] for row in rows if row.look.shape == shape):.0e}"
                    for name in PRECISIONS
                ),
            ]
            for shape in SHAPES
        ],
    )


def print_extended(rows: list[Row]) -> None:
    """Whose error it is."""
    print("Square crystal, float64 kernels against 80-bit arithmetic:\n")
    names = ("reference", "float64")
    print_table(
        ["N", *(f"{name}, {kind}" for name in names for kind in KINDS)],
        [
            [
                str(cells),
                *itertools.chain(
                    *(
                        told(
                            Errors.worst(
                                row.extended[name]
                                for row in rows
                                if row.extended and row.look.cells == cells
                            )
                        )
                        for name in names
                    )
                ),
            ]
            for cells in CELLS
        ],
    )


def main() -> None:
    """Measure the grid and print the tables of docs/precision.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=160, help="pixels of a panel, each way")
    side = parser.parse_args().side
    torch.set_num_threads(1)
    looks = itertools.product(SHAPES, CELLS, NODES, (True, False))
    rows = [measure(Look(*look), side) for look in looks]
    print_naive(rows)
    print_errors(rows)
    print_extended(rows)
    print("Processor time of an evaluation, square crystal, 64 steps, one thread:\n")
    kinds = [("reference", "float64"), ("compiled", "float64"), ("compiled", "mixed")]
    print_table(
        ["kernel", "precision", "ns"],
        [[*kind, f"{nanoseconds(*kind):.1f}"] for kind in kinds],
    )


if __name__ == "__main__":
    main()
