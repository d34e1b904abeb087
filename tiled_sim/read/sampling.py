"""What is chosen for the user who does not say how finely a pixel is sampled."""

from tiled_sim.model.crystal import Crystal
from tiled_sim.model.exposures import Exposures, Listed


def shortest_wavelength(wavelength: float, exposures: Exposures) -> float:
    """Of the central beam in any frame [Å], which needs the most subpixels.

    Parameters
    ----------
    wavelength : of the central beam where exposures do not say theirs [Å]
    exposures : of the experiment
    """
    if isinstance(exposures, Listed) and exposures.wavelength is not None:
        return float(exposures.wavelength.min())
    return wavelength


def choose_oversample(asked: int | None, recommended: int, crystal: Crystal) -> tuple[int, str]:
    """Subpixels along each side of a pixel, and what to tell the user.

    Parameters
    ----------
    asked : what the user said, if anything
    recommended : of `recommended_oversample`
    crystal : for the message
    """
    if asked is None:
        return recommended, f"oversample {recommended}, chosen from the size of the crystal"
    if asked < recommended:
        return asked, (
            f"oversample {asked}: the crystal is {max(crystal.edges):.0f} Å wide, {recommended} "
            "subpixels would be needed to follow the intensity across a pixel"
        )
    return asked, ""


def choose_interpolation(cells: tuple[int, int, int]) -> tuple[bool, str]:
    """Whether F is interpolated where a file gives it, and what to tell the user.

    Between the nodes of a crystal of one or two cells there is intensity to be seen.
    """
    chosen = min(cells) <= 2
    return chosen, (
        f"{'tricubic interpolation' if chosen else 'no interpolation'} of F, chosen from "
        f"{cells[0]} x {cells[1]} x {cells[2]} cells"
    )
