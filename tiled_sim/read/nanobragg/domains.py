"""The mosaic domains of a command: nanoBragg's own, and those of ours that are asked for beside."""

from dataclasses import dataclass
from pathlib import Path

from tiled_sim.errors import ExperimentError, UsageError
from tiled_sim.io.domains import read_domains
from tiled_sim.model.domains import ANISOTROPIC, LISTED, NANOBRAGG, Domains
from tiled_sim.model.own_options import OwnOptions
from tiled_sim.model.settings import DOMAINS_OF_A_SPREAD, MOSAIC_SEED
from tiled_sim.model.values import either
from tiled_sim.physics.constants import RADIAN
from tiled_sim.read.domains import drawn_domains
from tiled_sim.read.nanobragg.conflicts import Conflicts
from tiled_sim.read.nanobragg.options import Given

_OF_NANOBRAGG = ("-mosaic", "-mosaic_domains", "-mosaic_seed")


@dataclass(frozen=True, slots=True)
class OwnMosaic:
    """What is asked for beside nanoBragg's options.

    Parameters
    ----------
    kind : of domains; None: by the others, or nanoBragg's
    angles : about a*, b*, c* [°]; None: none
    file : that lists the domains; None: none
    """

    kind: str | None = None
    angles: tuple[float, float, float] | None = None
    file: str | Path | None = None

    @classmethod
    def of(cls, own: OwnOptions) -> "OwnMosaic":
        """Of all options of ours."""
        return cls(own.get("mosaic_kind"), own.get("mosaic_angles"), own.get("mosaic_file"))


def read_mosaic(given: Given, own: OwnMosaic, conflicts: Conflicts) -> Domains:
    """The mosaic domains.

    Raises
    ------
    UsageError
        for options that go with another kind of domains
    ExperimentError
        for values that cannot be
    InputFileError
        for a list that cannot be read
    """
    kind = own.kind or (LISTED if own.file is not None else None)
    kind = kind or (ANISOTROPIC if own.angles is not None else NANOBRAGG)
    for option, value, its_kind in (
        ("--mosaic-file", own.file, LISTED),
        ("--mosaic-angles", own.angles, ANISOTROPIC),
    ):
        if (value is None) == (kind == its_kind):
            raise UsageError(
                f"{option} goes with --mosaic-kind {its_kind}, and with no other: give both, or "
                "--mosaic-file or --mosaic-angles alone"
            )
    if kind == NANOBRAGG:
        return _of_nanobragg(given, conflicts)
    unused = _OF_NANOBRAGG if kind == LISTED else ("-mosaic",) if kind == ANISOTROPIC else ()
    said = [option for option in unused if option in given]
    if said:
        raise UsageError(f"{either(said)} has no effect on {kind} mosaic domains: leave it out")
    if own.file is not None:
        return Domains.of_list(read_domains(own.file))
    domains = given.integer("-mosaic_domains") or 0
    spread: float | tuple[float, ...] = (given.number("-mosaic") or 0.0) / RADIAN
    if own.angles is not None:
        spread = tuple(angle / RADIAN for angle in own.angles)
    made, note = drawn_domains(
        kind, spread, domains if domains > 0 else None, given.integer("-mosaic_seed")
    )
    conflicts.note(note)
    return made


def _of_nanobragg(given: Given, conflicts: Conflicts) -> Domains:
    """Those of nanoBragg's generator."""
    degrees, domains = given.number("-mosaic"), given.integer("-mosaic_domains") or 0
    seed = given.integer("-mosaic_seed")
    if degrees is not None and degrees < 0:
        raise ExperimentError(f"-mosaic {degrees:g}° must not be negative")
    if not degrees:
        if domains > 1:
            conflicts.note(f"1 mosaic domain, not {domains}: the mosaic spread is 0")
        degrees, domains = 0.0, 1
    elif domains <= 0:
        domains = DOMAINS_OF_A_SPREAD
        conflicts.note(f"{domains} mosaic domains, the default with a mosaic spread")
    return Domains(degrees / RADIAN, domains, MOSAIC_SEED if seed is None else seed)
