"""Options of ours beside those of nanoBragg, by their names in Python."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from tiled_sim.errors import UsageError
from tiled_sim.model.diffuse import Diffuse
from tiled_sim.model.readout import Noise


class OwnOptions(TypedDict, total=False):
    """Options of ours that go with nanoBragg's; each has a meaning where it is left out.

    Parameters
    ----------
    fdump : structure factors from this Fdump file, in place of ``-hkl``
    mtz : structure factors from this MTZ, FILE or FILE:LABEL, in place of ``-hkl``
    model : structure factors calculated from this model, PDB or mmCIF, in place of ``-hkl``
    model_dmin : finest spacing that they are calculated for [Å]; None: what the detector reaches
    anomalous : where f′ and f″ of the model's elements are from: ``chantler``, or a file; None:
        there are none
    solvent : k [electron/Å³] and B [Å²] of the model's bulk solvent, k = 0 for none; None: 0.35, 46
    F_energies : number of energies of the spectrum for which F of the model is calculated; 0: those
        of all sources; None: that of the beam alone
    F000 : F of 0 0 0, whatever the file gives [electron]; None: the file's, or ``-default_F``
    space_group : name of that of the list, which says what nodes are absent by symmetry
    ignore_file_cell : whether a cell that a file names counts for nothing, and may be another than
        that of the crystal
    clip_to_beam : whether only what the beam hits counts of a crystal or droplet that is higher or
        wider than the beam; None: such a one is refused, or with ``c_compat`` clipped as C does
    allow_upstream : whether light of sources may travel against the beam, and panels stand upstream
        of the sample
    sensor : what absorbs the photons, MATERIAL:THICKNESS as in ``Si:450um``, in place of
        ``-detector_thick`` and ``-detector_abs``; its attenuation follows the wavelength
    diffuse : how the atoms of the crystal are displaced; None: they scatter into the reflections
        alone
    shots : table of shots, a frame each (docs/shots.md)
    random_shots : number of shots in random orientations
    shots_seed : of what is random of shots
    shots_cell_spread : by which share a, b and c vary from shot to shot, standard deviations
    mosaic_kind : ``nanobragg``, ``gaussian`` with the standard deviation of ``-mosaic``,
        ``anisotropic`` or ``listed``; None: by the two that follow, or nanoBragg's
    mosaic_angles : standard deviations of the domains' rotations about a*, b*, c* [°]
    mosaic_file : that lists rotation matrices and weights of the domains
    twins : crystals beside the first, which they are again, turned as it stands by angles about X,
        then Y, then Z of the laboratory [°], and each its share of the light: x, y, z, share
    noise : how photons are counted, beside what ``-noisefile`` and ``-seed`` say; a ``-seed`` is
        its seed
    """

    fdump: str | Path | None
    mtz: str | Path | None
    model: str | Path | None
    model_dmin: float | None
    anomalous: str | Path | None
    solvent: tuple[float, float] | None
    F_energies: int | None
    F000: float | None
    space_group: str | None
    ignore_file_cell: bool
    clip_to_beam: bool | None
    allow_upstream: bool
    sensor: str | None
    diffuse: Diffuse | None
    shots: str | Path | None
    random_shots: int | None
    shots_seed: int | None
    shots_cell_spread: tuple[float, float, float] | None
    mosaic_kind: str | None
    mosaic_angles: tuple[float, float, float] | None
    mosaic_file: str | Path | None
    twins: Sequence[tuple[float, float, float, float]] | None
    noise: Noise | None


#: Parameters that are whole numbers, texts, and numbers side by side.
_WHOLE = ("F_energies", "random_shots", "shots_seed")
_TEXTS = ("space_group", "sensor", "mosaic_kind")
_SEVERAL = {"solvent": 2, "mosaic_angles": 3}
_OF_A_TWIN = "x, y, z and its share"


def check_own(own: OwnOptions) -> None:
    """Refuse names that are none, as Python refuses an unknown parameter, and other types.

    Raises
    ------
    TypeError
        naming the first name that is none
    UsageError
        naming the first parameter of another type
    """
    for name in own:
        if name not in OwnOptions.__annotations__:
            raise TypeError(
                f"unexpected keyword argument {name!r}; there are "
                f"{', '.join(OwnOptions.__annotations__)}"
            )
    given: dict[str, Any] = {name: value for name, value in own.items() if value is not None}
    for name in _WHOLE:
        value = given.get(name, 0)
        _require(isinstance(value, int | np.integer), f"{name}={value!r} must be a whole number")
    for name in _TEXTS:
        value = given.get(name, "")
        _require(isinstance(value, str), f"{name}={value!r} must be a text")
    for name, count in _SEVERAL.items():
        value = given.get(name, (0.0,) * count)
        _require(_are_numbers(value, count), f"{name}={value!r} must be {count} numbers")
    for twin in given.get("twins", ()):
        _require(_are_numbers(twin, 4), f"twins: {twin!r} must be four numbers, {_OF_A_TWIN}")
    diffuse = given.get("diffuse")
    _require(
        diffuse is None or isinstance(diffuse, Diffuse),
        f"diffuse={diffuse!r} must be a Diffuse, of tiled_sim.model.diffuse",
    )


def _are_numbers(values: Any, count: int) -> bool:
    return np.ndim(values) == 1 and len(values) == count and np.asarray(values).dtype.kind in "iuf"


def _require(able: bool, message: str) -> None:
    if not able:
        raise UsageError(message)
