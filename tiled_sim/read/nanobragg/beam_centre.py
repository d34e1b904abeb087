"""The beam centre of nanoBragg options, as each convention takes it."""

from dataclasses import replace

from tiled_sim.read.conventions import Placement
from tiled_sim.read.nanobragg.conflicts import Conflicts
from tiled_sim.read.nanobragg.header_centre import (
    CENTRES,
    EFFECTIVE,
    centre_of_headers,
    prefer_options,
)
from tiled_sim.read.nanobragg.image_headers import ImageHeaders
from tiled_sim.read.nanobragg.options import Given

#: Options that say the place of a panel without a centre.
PIX0 = ("-pix0_vector", "-pix0_vector_mm")
#: Positions closer than this are the same [m].
SAME = 1e-6


def with_centre(
    placement: Placement, given: Given, headers: ImageHeaders, conflicts: Conflicts
) -> Placement:
    """The placement with the beam centre of the options, or else of the headers.

    Parameters
    ----------
    placement : convention, number and size of the pixels
    given : the options
    headers : of ``-mask`` and ``-img``
    conflicts : found among the options so far
    """
    name = placement.convention.name
    lengths = {option: given.number(option) for option in CENTRES}
    if name == "custom":
        _settle_custom_centre(lengths, placement.pixel_size, conflicts)
    else:
        effective = EFFECTIVE[name]
        without_effect = [o for o in given.any_of(*CENTRES) if o not in effective]
        if without_effect:
            conflicts.settle(
                f"{' '.join(without_effect)} cannot move the detector in the {name.upper()} "
                f"convention, only {' and '.join(effective)} can",
                f"{' '.join(without_effect)} is ignored",
            )
    header = centre_of_headers(placement, headers, conflicts)
    if name == "custom":
        prefer_options(header, lengths, conflicts)
    if not given.any_of(*PIX0):
        _note_missing_centre(name, lengths, header, headers, conflicts)

    def millimetres(option: str) -> float | None:
        value = lengths[option] if lengths[option] is not None else header[option]
        return None if value is None else value / 1000.0

    def pixels(option: str) -> float | None:
        return lengths[option] if lengths[option] is not None else header[option]

    return replace(
        placement,
        Xbeam=millimetres("-Xbeam"),
        Ybeam=millimetres("-Ybeam"),
        Xclose=millimetres("-Xclose"),
        Yclose=millimetres("-Yclose"),
        ORGX=pixels("-ORGX"),
        ORGY=pixels("-ORGY"),
    )


def _note_missing_centre(
    convention: str,
    lengths: dict[str, float | None],
    header: dict[str, float | None],
    headers: ImageHeaders,
    conflicts: Conflicts,
) -> None:
    """Note where neither the options nor the headers say a centre that counts."""
    missing = []
    for letter in "XY":
        options = [option for option in EFFECTIVE[convention] if letter in option]
        if all(lengths[option] is None and header[option] is None for option in options):
            missing.append((letter, options[0]))
    if missing:
        letters, says = (" and ".join(words) for words in zip(*missing, strict=True))
        headers.missing(
            f"beam centre {letters} in the {convention.upper()} convention",
            f"the default, the middle of the panel; {says} gives another",
            conflicts,
        )


def _settle_custom_centre(
    lengths: dict[str, float | None], pixel_size: float, conflicts: Conflicts
) -> None:
    """CUSTOM takes -Xbeam, else -Xclose, else -ORGX; those that differ from it are a conflict."""
    for letter in "XY":
        found = []
        for option in (f"-{letter}beam", f"-{letter}close", f"-ORG{letter}"):
            value = lengths[option]
            if value is not None:
                metres = (value - 0.5) * pixel_size if "ORG" in option else value / 1000.0
                found.append((option, metres))
        for option, metres in found[1:]:
            first, wins = found[0]
            if abs(metres - wins) > SAME:
                conflicts.settle(
                    f"{option} ({metres * 1000:g} mm) and {first} ({wins * 1000:g} mm) contradict "
                    "each other in the CUSTOM convention",
                    f"{first} wins",
                )
