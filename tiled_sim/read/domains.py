"""What documents and commands say alike of mosaic domains."""

from tiled_sim.model.domains import ANISOTROPIC, NANOBRAGG, Domains
from tiled_sim.model.settings import DOMAINS_OF_A_SPREAD, MOSAIC_SEED


def drawn_domains(
    kind: str | None, spread: float | tuple[float, ...], count: int | None, seed: int | None
) -> tuple[Domains, str]:
    """Domains that are drawn, and a note on what was chosen; empty: nothing was.

    Parameters
    ----------
    kind : None: by the spread, nanoBragg's or anisotropic
    spread : one angle, or three [rad]
    count, seed : None: by default

    Raises
    ------
    ExperimentError
        for what cannot be
    """
    three = isinstance(spread, tuple)
    note = ""
    if count is None:
        count = DOMAINS_OF_A_SPREAD if spread else 1
        note = f"{count} mosaic domains, the default with a mosaic spread" if spread else ""
    x, y, z = spread if isinstance(spread, tuple) else (0.0, 0.0, 0.0)
    domains = Domains(
        spread=0.0 if isinstance(spread, tuple) else spread,
        count=count,
        seed=MOSAIC_SEED if seed is None else seed,
        kind=kind or (ANISOTROPIC if three else NANOBRAGG),
        spreads=(x, y, z),
    )
    return domains, note
