"""The wavelength in a CrystFEL geometry file."""

import math

from tiled_sim.io.crystfel_text import Entry, GeometryText
from tiled_sim.io.crystfel_values import ENERGIES, VOLTAGES, WAVELENGTHS, number, quantity
from tiled_sim.physics.constants import HC_EV_ANGSTROM

#: Rest energy of an electron [eV].
_ELECTRON = 510998.95
#: Part by which wavelengths that are stated twice may differ.
_SAME = 1e-6


def read_wavelength(text: GeometryText, given: float | None) -> tuple[float, tuple[str, ...]]:
    """The wavelength [Å], and notes.

    ``photon_energy`` is in eV unless it has a unit; ``wavelength`` and ``electron_voltage`` must
    have one, as in CrystFEL.

    Parameters
    ----------
    text : of the file
    given : the wavelength of an option [Å]; None: none

    Raises
    ------
    InputFileError
        two values contradict each other, one is not positive, or none is there
    """
    keys = ("photon_energy", "wavelength", "electron_voltage")
    entries = sorted(
        (entry for key in keys for entry in text.whole.get(key, ())), key=lambda one: one.line
    )
    stated = {entry: value for entry in entries if (value := _wavelength(entry)) is not None}
    for entry, value in stated.items():
        first, expected = next(iter(stated.items()))
        if abs(value / expected - 1.0) > _SAME:
            raise entry.error(
                f"is {value:.8g} A, and line {first.line} ({first.key} = {first.value}) is "
                f"{expected:.8g} A: keep one"
            )
        if given is not None and abs(value / given - 1.0) > _SAME:
            raise entry.error(
                f"is {value:.8g} A, and -lambda says {given:.8g} A: leave one out, or make them "
                "equal"
            )
    if stated:
        entry, value = next(iter(stated.items()))
        _refuse_scale(text)
        return value, _of_electrons(entry)
    if given is None:
        if entries:
            raise entries[0].error(
                "is a path in the data files: give the wavelength with -lambda (or -energy)"
            )
        raise text.source.error(
            "it has no photon_energy and no wavelength: give it with -lambda (or -energy)"
        )
    return given, tuple(
        f"{entry.key} is a path in the data files (line {entry.line}): {given:.8g} A as given"
        for entry in entries
    )


def _wavelength(entry: Entry) -> float | None:
    """Wavelength that an entry states [Å]; None where it is a path in the data files."""
    units, default = {
        "photon_energy": (ENERGIES, "eV"),
        "wavelength": (WAVELENGTHS, None),
        "electron_voltage": (VOLTAGES, None),
    }[entry.key]
    value = quantity(entry, units, default)
    if value is None:
        return None
    if value <= 0:
        raise entry.error("must be positive: correct it")
    if entry.key == "photon_energy":
        value = HC_EV_ANGSTROM / value
    elif entry.key == "electron_voltage":
        value = HC_EV_ANGSTROM / math.sqrt(value * (value + 2.0 * _ELECTRON))
    if not 0 < value < math.inf:
        raise entry.error("is beyond any wavelength: correct it")
    return value


def _of_electrons(entry: Entry) -> tuple[str, ...]:
    if entry.key != "electron_voltage":
        return ()
    return (
        f"electron_voltage (line {entry.line}): the wavelength is that of electrons, scattering "
        "and polarization are those of X-rays",
    )


def _refuse_scale(text: GeometryText) -> None:
    """A scale is of energies in the data files; beside a number it could mean either."""
    for entry in text.whole.get("photon_energy_scale", ()):
        if number(entry) != 1.0:
            raise entry.error("stands beside an energy: write the product of both, and no scale")
