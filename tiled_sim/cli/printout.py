"""The lines that the C program prints for a pixel of ``-printout_pixel``."""

import math
from typing import Any

from tiled_sim.model.experiment import Experiment


def printout_lines(experiment: Experiment, trace: dict[str, Any]) -> list[str]:
    """Tell the stored scaling chain of a pixel as the C program does.

    Parameters
    ----------
    experiment : of the run
    trace : as the sidecar of its tile keeps it
    """
    values, last = trace["values"], trace["phi_steps"][-1]
    slow, fast = trace["pixel"]
    per_metre = math.hypot(*values["scattering_vec_A_inv"]) / 2.0
    theta = math.acos(min(max(values["cos_2theta"], -1.0), 1.0)) / 2.0
    per_angstrom = math.sin(theta) / experiment.beam.wavelength
    hkl = last["hkl_frac"]
    nearest = [math.ceil(index - 0.5) for index in hkl]
    exposure = experiment.exposures[trace["frame"]]
    turned = exposure.rotation_at(math.radians(last["phi_deg"]))
    axes = experiment.crystal.direct_vectors @ turned.T
    F_cell, F_latt, summed = last["F_cell"], last["F_latt"], values["I_before_scaling"]
    return [
        f"{fast:4d} {slow:4d} : stol = {per_metre:g} or {per_angstrom:g}",
        "at {:g} {:g} {:g}".format(*values["pixel_pos_meters"]),
        "hkl= {:f} {:f} {:f}  hkl0= {:d} {:d} {:d}".format(*hkl, *nearest),
        f" F_cell={F_cell:g}  F_latt={F_latt:g}   I = {summed:g}",
        f"I/steps {summed / values['steps']:15.10g}",
        f"polar   {values['polar']:15.10g}",
        f"omega   {values['omega_pixel']:15.10g}",
        f"capfrac {values['capture_fraction']:15.10g}",
        f"pixel   {values['floatimage_accumulated']:15.10g}",
        "real-space cell vectors (Angstrom):",
        f"     {'a':<10}  {'b':<10}  {'c':<10}",
        *(
            f"{name}: " + " ".join(f"{component:11.8f}" for component in row)
            for name, row in zip("XYZ", axes.T, strict=True)
        ),
    ]
