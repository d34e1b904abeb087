"""What an experiment should be asked about: it can be computed, and hardly be meant."""

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tiled_sim.model.crystal import Crystal
from tiled_sim.model.domains import NANOBRAGG
from tiled_sim.model.exposures import Listed, Rotation

if TYPE_CHECKING:
    from tiled_sim.model.experiment import Experiment
#: Share of a wavelength that f′ and f″ may be off without a word: a few eV.
_OTHER_LIGHT = 5e-4
#: No detector has larger pixels [m].
_WIDE_PIXEL = 0.011


def coarsest_spacing(crystal: Crystal) -> float:
    """Largest spacing of lattice planes [Å]: that of the shortest reciprocal vector."""
    near = [hkl for hkl in itertools.product((-1, 0, 1), repeat=3) if any(hkl)]
    lengths = np.linalg.norm(np.array(near) @ crystal.reciprocal_vectors, axis=1)
    return float(1.0 / lengths.min())


def noted(experiment: "Experiment") -> "Experiment":
    """The experiment, with its remarks among its notes."""
    more = [told for told in remarks(experiment) if told not in experiment.notes]
    return replace(experiment, notes=(*experiment.notes, *more)) if more else experiment


def remarks(experiment: "Experiment") -> list[str]:
    """Notes on values that empty the image, or make it at many times its cost.

    Parameters
    ----------
    experiment : resolved
    """
    told = []
    beam, exposures = experiment.beam, experiment.exposures
    crystals = experiment.crystals
    spacing = max(map(coarsest_spacing, crystals))
    if len(crystals) > 1:
        shares = ", ".join(f"{crystal.share:g}" for crystal in crystals)
        told.append(
            f"{len(crystals)} crystals: the image is the sum of what each makes alone, times its "
            f"share: {shares}"
        )
    told.extend(_of_frames(experiment))
    widest = max(max(panel.pixel_size) for panel in experiment.detector.panels)
    if widest > _WIDE_PIXEL:
        told.append(
            f"pixels of {widest * 1e3:g} mm are larger than any detector has; if they were given "
            f"in µm, they are of {widest:.6g} mm"
        )
    dmin = experiment.sampling.dmin
    if dmin >= spacing * (1.0 - 1e-9):
        told.append(
            f"no reflection is as coarse as dmin, {dmin:g} Å (the coarsest has {spacing:.6g} Å): "
            "but for what lies around the direct beam the image is empty"
        )
    shortest = float(beam.spectrum.wavelength.min())
    if shortest > 2.0 * spacing:
        told.append(
            f"a wavelength of {shortest:.6g} Å reaches no reflection (the coarsest has "
            f"{spacing:.6g} Å, and at least half the wavelength is needed): but for what lies "
            "around the direct beam the image is empty"
        )
    if isinstance(exposures, Rotation) and exposures.steps > 1 and exposures.step == 0.0:
        told.append(
            f"phi: {exposures.steps} steps at the same angle make the image of one, at "
            f"{exposures.steps} times the cost"
        )
    for domains in dict.fromkeys(crystal.domains for crystal in crystals):
        if domains.kind != NANOBRAGG or domains.count == 1 or domains.spread > 0.0:
            continue
        told.append(
            f"{domains.count} mosaic domains without a spread make the image of one, at "
            f"{domains.count} times the cost"
        )
    return told


def _of_frames(experiment: "Experiment") -> list[str]:
    """Notes on light that frames do not have, or have of another wavelength than F."""
    told, exposures = [], experiment.exposures
    listed = exposures.columns if isinstance(exposures, Listed) else {}
    if "fluence" in listed:
        dark = int(np.count_nonzero(listed["fluence"] == 0.0))
        if dark:
            told.append(f"the fluence of {dark} of {len(exposures)} frames is 0: they are empty")
    elif experiment.beam.fluence == 0.0:
        told.append("the fluence is 0, so the image is empty")
    calculation = experiment.structure_factors.calculation
    if calculation is not None and calculation.table and calculation.energies == 1:
        length = experiment.beam.wavelength
        off = np.abs(listed.get("wavelength", np.array([length])) / length - 1.0).max()
        if off > _OTHER_LIGHT:
            told.append(
                f"f′ and f″ of all frames are those at {length:.6g} Å, and frames have light of up "
                f"to {100 * off:.3g} % another wavelength: --F-energies N (in TOML energies) "
                "calculates F for theirs"
            )
    return told
