"""All that is ever compiled, for whoever wants it done beforehand."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tiled_sim.errors import KernelError
from tiled_sim.kernels import subpixels
from tiled_sim.kernels.bragg.loops import LIBRARY
from tiled_sim.kernels.compiled import every_graph
from tiled_sim.kernels.fused_amorphous import BACKGROUND
from tiled_sim.kernels.noise import NOISE
from tiled_sim.kernels.packages import Package, build, is_built, obstacle_to_build
from tiled_sim.kernels.waited import forget_wait

#: The loops in C++ first: they take seconds.
EVERYTHING: tuple[Package, ...] = (
    LIBRARY,
    BACKGROUND,
    NOISE,
    *((subpixels.LIBRARY,) if subpixels.has_wide_vectors() else ()),
    *every_graph(),
)


@dataclass(frozen=True, slots=True)
class Built:
    """Something that is compiled.

    Parameters
    ----------
    name : for the user
    seconds : that it took; None: it was there already
    """

    name: str
    seconds: float | None


def build_all(
    packages: tuple[Package, ...], compiling: Callable[[Package], None]
) -> Iterator[Built]:
    """Compile what is not there, one after the other, and tell of each.

    Parameters
    ----------
    packages : what is to be there
    compiling : told before one is compiled

    Raises
    ------
    KernelError
        where nothing can be compiled though something must be, or a compiler fails; the others
        that are there stay
    """
    for package in packages:
        if is_built(package):
            yield Built(package.name, None)
            continue
        obstacle = obstacle_to_build()
        if obstacle:
            raise KernelError(
                f"{package.name} cannot be compiled: {obstacle}; runs whose kernel is not compiled "
                "take the reference kernel, which needs no compiler"
            )
        compiling(package)
        started = time.perf_counter()
        try:
            build(package)
        finally:
            forget_wait(package)
        yield Built(package.name, time.perf_counter() - started)
