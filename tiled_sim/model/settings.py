"""How an experiment is computed, as far as the user says."""

from dataclasses import dataclass

from tiled_sim.errors import UsageError

PRECISIONS = ("float64", "mixed")


KERNELS = ("auto", "reference", "compiled", "spots", "triton")


#: Of the mosaic domains' generator.
MOSAIC_SEED = 12345678
#: Share of the peak of a Gaussian spot below which an evaluation is negligible.
NEGLIGIBLE = 1e-9
#: Kinds of torch devices that each kernel runs on.
DEVICES = {
    "reference": ("cpu", "cuda"),
    "compiled": ("cpu",),
    "spots": ("cpu",),
    "triton": ("cuda",),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A kernel and why it was taken.

    Parameters
    ----------
    kernel : one of `KERNELS`, but ``auto``
    precision : ``float64`` or ``mixed``; never less than was asked for
    reason : for the user
    negligible : share of the peak of a spot below which the kernel leaves evaluations out
    """

    kernel: str
    precision: str
    reason: str
    negligible: float = 0.0


#: What needs no choice.
REFERENCE = Choice("reference", "float64", "as asked")


@dataclass(frozen=True, slots=True)
class Wish:
    """How an experiment is to be computed, as far as the user says.

    Parameters
    ----------
    kernel : one of `KERNELS`
    precision : one of `PRECISIONS`
    negligible : share of the peak of a Gaussian spot below which evaluations may be left out

    Raises
    ------
    UsageError
        for unknown names, and a share outside 0 … 1
    """

    kernel: str = "auto"
    precision: str = "float64"
    negligible: float = NEGLIGIBLE

    def __post_init__(self) -> None:
        for option, value, names in (
            ("--precision", self.precision, PRECISIONS),
            ("--kernel", self.kernel, KERNELS),
        ):
            if value not in names:
                raise UsageError(f"{option} {value!r} must be one of {', '.join(names)}")
        if not 0.0 <= self.negligible < 1.0:
            raise UsageError(
                f"--negligible {self.negligible:g} is a share of a spot's peak: from 0, which "
                "keeps every evaluation, to less than 1"
            )
