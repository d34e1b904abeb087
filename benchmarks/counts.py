"""Counting photons: numpy beside the loops in C++, the table of docs/benchmarks.md.

    python benchmarks/counts.py [--side N] [--repeat N]

Processor time a pixel of one tile on one thread, both in turn, smallest of so many.
"""

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from tiled_sim.kernels.noise import CompiledArithmetic
from tiled_sim.physics.noise import BY_NUMPY, Arithmetic, Corner, arriving_photons, read_photons
from tiled_sim.physics.point_spread import default_radius, spread_of

_CORNER = Corner(0, 0, 0, 0)
_MEANS = (0.0, 0.02, 1.0, 8.0, 12.0, 1000.0)


def arriving(side: int, mean: float, **more: float) -> Callable[[Arithmetic], Any]:
    """Photons that arrive where so many are expected."""
    expected = np.full((side, side), mean, dtype=np.float32)
    return lambda who: arriving_photons(expected, _CORNER, 1, arithmetic=who, **more)


def read(side: int) -> Callable[[Arithmetic], Any]:
    """A reading with read-out noise."""
    photons = np.full((side, side), 20.0)
    return lambda who: read_photons(photons, _CORNER, 1, readout=3.0, arithmetic=who)


def spread(side: int, kind: str, width: float) -> Callable[[Arithmetic], Any]:
    """Photons that spread over pixels around."""
    radius = default_radius(kind, width)
    photons = np.random.default_rng(1).poisson(3.0, (side + 2 * radius,) * 2).astype(np.float64)
    shares = spread_of(kind, width, radius)
    return lambda who: who.blur(photons, shares)


def cases(side: int) -> dict[str, Callable[[Arithmetic], Any]]:
    """What is timed, by name."""
    made = {f"Poisson, mean {mean:g}": arriving(side, mean) for mean in _MEANS}
    made["Poisson, mean 1, flicker"] = arriving(side, 1.0, flicker=0.01)
    made["Poisson, mean 1, flicker and calibration"] = arriving(
        side, 1.0, flicker=0.01, calibration=0.02
    )
    made["read-out noise"] = read(side)
    for kind, width in (("gauss", 0.7), ("gauss", 3.0), ("fiber", 0.7)):
        radius = default_radius(kind, width)
        name = f"point spread, {kind}, {width:g} pixels wide (radius {radius})"
        made[name] = spread(side, kind, width)
    return made


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    loops = CompiledArithmetic()
    print("| what | numpy: ns a pixel | loops | times faster |\n| --- | --- | --- | --- |")
    for name, count in cases(options.side).items():
        least = {BY_NUMPY: np.inf, loops: np.inf}
        for _ in range(options.repeat):
            for who in least:
                began = time.process_time()
                count(who)
                least[who] = min(least[who], time.process_time() - began)
        numpy, ours = (seconds / options.side**2 * 1e9 for seconds in least.values())
        print(f"| {name} | {numpy:.3g} | {ours:.3g} | {numpy / ours:.2g} |", flush=True)


if __name__ == "__main__":
    main()
