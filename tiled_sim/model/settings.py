"""How an experiment is computed: by which kernel, how precisely, and what may be left out."""

import math
from dataclasses import dataclass, field
from numbers import Real

from tiled_sim.errors import UsageError

PRECISIONS = ("float64", "mixed")
#: The kernels by name.
REFERENCE, COMPILED, SPOTS, TRITON = "reference", "compiled", "spots", "triton"
#: Kinds of torch devices that each kernel runs on; in the order in which one is looked for.
DEVICES = {
    REFERENCE: ("cpu", "cuda"),
    COMPILED: ("cpu",),
    SPOTS: ("cpu", "cuda"),
    TRITON: ("cuda",),
}
#: Takes the kernel that is predicted to finish first.
AUTO = "auto"
KERNELS = (AUTO, *DEVICES)
#: nanoBragg's fluence [photons/m²] and size of the beam [mm], where none are given.
FLUENCE = 125932015286227086360700780544.0
BEAM_SIZE = 0.1
#: nanoBragg's number of mosaic domains where there is a spread and no number.
DOMAINS_OF_A_SPREAD = 10
#: Of the generator of mosaic domains, which is nanoBragg's.
MOSAIC_SEED = 12345678
#: Of random orientations of shots.
SHOTS_SEED = 1
#: Share of the peak of a Gaussian spot below which an evaluation is negligible.
NEGLIGIBLE = 1e-9
#: Share of the reflections in reach that a file must give, unless another is asked for.
REQUIRED_COVERAGE = 0.01


@dataclass(frozen=True, slots=True)
class Settings:
    """How an experiment is computed: as the user asks, and once chosen as it is done.

    Parameters
    ----------
    kernel : one of `KERNELS`
    precision : one of `PRECISIONS`
    negligible : share of the peak of a Gaussian spot below which evaluations may be left out
    reason : why the kernel was taken, for the user

    Raises
    ------
    UsageError
        for unknown names, and a share outside 0 … 1
    """

    kernel: str = AUTO
    precision: str = PRECISIONS[0]
    negligible: float = NEGLIGIBLE
    reason: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        for option, value, names in (
            ("--precision", self.precision, PRECISIONS),
            ("--kernel", self.kernel, KERNELS),
        ):
            if value not in names:
                raise UsageError(f"{option} {value!r} must be one of {', '.join(names)}")
        share = self.negligible
        if not (isinstance(share, Real) and math.isfinite(share) and 0.0 <= share < 1.0):
            told = f"{share:g}" if isinstance(share, Real) else repr(share)
            raise UsageError(
                f"--negligible {told} is a share of a spot's peak: from 0, which "
                "keeps every evaluation, to less than 1"
            )


#: What needs no choice.
BY_REFERENCE = Settings(REFERENCE, "float64", 0.0, "as asked")
