"""The scaling chain of one pixel, in the names of the C program's trace."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tiled_sim.kernels.recorder import Recorder
from tiled_sim.kernels.scene import Scene
from tiled_sim.physics.constants import R_E_SQR

#: Unit of every row. The C program labels the scattering vector 1/Å; its value is in 1/m.
UNITS = {
    "pix0_vector_meters": "m",
    "fdet_vec": "1",
    "sdet_vec": "1",
    "odet_vec": "1",
    "pixel_pos_meters": "m",
    "R_distance_meters": "m",
    "omega_pixel_sr": "sr",
    "close_distance_meters": "m",
    "obliquity_factor": "1",
    "diffracted_vec": "1",
    "incident_vec": "1",
    "lambda_meters": "m",
    "lambda_angstroms": "Å",
    "scattering_vec_A_inv": "1/m",
    "rot_a_angstroms": "Å",
    "rot_b_angstroms": "Å",
    "rot_c_angstroms": "Å",
    "rot_a_star_A_inv": "1/Å",
    "rot_b_star_A_inv": "1/Å",
    "rot_c_star_A_inv": "1/Å",
    "hkl_frac": "1",
    "hkl_rounded": "1",
    "F_latt_a": "1",
    "F_latt_b": "1",
    "F_latt_c": "1",
    "F_latt": "1",
    "F_cell": "electron",
    "I_before_scaling": "electron²",
    "r_e_meters": "m",
    "r_e_sqr": "m²",
    "fluence_photons_per_m2": "photons/m²",
    "steps": "1",
    "oversample_thick": "1",
    "oversample_polar": "1",
    "oversample_omega": "1",
    "capture_fraction": "1",
    "polar": "1",
    "omega_pixel": "sr",
    "cos_2theta": "1",
    "diffuse_photons": "photons",
    "background_photons": "photons",
    "I_pixel_final": "photons",
    "floatimage_accumulated": "photons",
}


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything that a pixel's value was made of.

    Parameters
    ----------
    frame, panel : of which image
    pixel : (slow, fast)
    reason : ``requested`` or ``brightest``
    values : rows of the chain by the C program's names; units in `UNITS`
    phi_steps : each phi step of the last subpixel, first source and first mosaic domain
    departure : traced value less the stored one where the kernel's error does not explain it,
        else 0 [photons]
    """

    frame: int
    panel: int
    pixel: tuple[int, int]
    reason: str
    values: dict[str, Any]
    phi_steps: list[dict[str, Any]]
    departure: float

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "frame": self.frame,
            "panel": self.panel,
            "pixel": list(self.pixel),
            "reason": self.reason,
            "departure": self.departure,
            "values": self.values,
            "phi_steps": self.phi_steps,
        }


def scaling_chain(
    recorder: Recorder,
    scene: Scene,
    place: tuple[int, int, int, int],
    reason: str,
    stored: float,
    tolerance: float | None,
) -> Trace:
    """Name what the recorder saw.

    Parameters
    ----------
    recorder : after the kernel ran over the pixel's block
    scene : that the kernel summed
    place : (frame, panel, slow, fast) of the pixel
    reason : why it is traced
    stored : the pixel's value in the image [photons]
    tolerance : difference of the traced value from the stored one that the kernel explains
        [photons]; None where the recorder saw the very tensors that made the image. A step
        within rounding of a half-integer index may fall to another node in another kernel, which
        no tolerance covers: a larger difference is kept and told.

    Raises
    ------
    AssertionError
        if they differ though they are the same tensors: the trace would lie
    """
    seen: dict[str, Any] = recorder.values
    panel, crystal = scene.panels[place[1]], scene.crystal
    beside = {name: seen[name] for name in ("diffuse", "background") if name in seen}
    photons = seen["photons"]
    for value in beside.values():
        photons += value
    traced = float(np.float32(photons))
    departs = not abs(traced - stored) <= (tolerance or 0.0)
    if departs and tolerance is None:
        raise AssertionError(f"trace of pixel {place} gives {photons}, the image {stored}")
    first = recorder.phi_steps[0]
    factors = first["F_latt_abc"]
    close_distance = panel.close_distance
    values = {
        "pix0_vector_meters": list(panel.origin),
        "fdet_vec": list(panel.fast_axis),
        "sdet_vec": list(panel.slow_axis),
        "odet_vec": list(panel.normal),
        "pixel_pos_meters": seen["position"],
        "R_distance_meters": seen["distance"],
        "omega_pixel_sr": seen["omega"],
        "close_distance_meters": close_distance,
        "obliquity_factor": close_distance / seen["distance"],
        "diffracted_vec": seen["diffracted"],
        "incident_vec": seen["incident"],
        "lambda_meters": seen["wavelength"] * 1e-10,
        "lambda_angstroms": seen["wavelength"],
        "scattering_vec_A_inv": [component * 1e10 for component in seen["q"]],
        "rot_a_angstroms": seen["a"],
        "rot_b_angstroms": seen["b"],
        "rot_c_angstroms": seen["c"],
        "rot_a_star_A_inv": list(crystal.a_star),
        "rot_b_star_A_inv": list(crystal.b_star),
        "rot_c_star_A_inv": list(crystal.c_star),
        "hkl_frac": first["hkl"],
        "hkl_rounded": [int(index) for index in first["hkl_rounded"]],
        **(
            dict(zip(("F_latt_a", "F_latt_b", "F_latt_c"), factors, strict=True))
            if len(factors) == 3
            else {}
        ),
        "F_latt": first["F_latt"],
        "F_cell": first["F_cell"],
        "I_before_scaling": seen["I"],
        "r_e_meters": math.sqrt(R_E_SQR),
        "r_e_sqr": R_E_SQR,
        "fluence_photons_per_m2": scene.beam.fluence,
        "steps": scene.steps,
        "oversample_thick": int(scene.sampling.oversample_thick),
        "oversample_polar": int(scene.sampling.oversample_polar),
        "oversample_omega": int(scene.sampling.oversample_omega),
        "capture_fraction": seen["capture"],
        "polar": seen["polar"],
        "omega_pixel": seen["omega"],
        "cos_2theta": seen["cos_two_theta"],
        **{f"{name}_photons": value for name, value in beside.items()},
        "I_pixel_final": photons,
        "floatimage_accumulated": stored,
    }
    return Trace(
        *place[:2],
        place[2:],
        reason,
        values,
        [_phi_step(t, step) for t, step in enumerate(recorder.phi_steps)],
        traced - stored if departs else 0.0,
    )


def steps_of_sum(recorder: Recorder) -> list[dict[str, Any]]:
    """Every step of a pixel's sum, in the order in which it is summed.

    Parameters
    ----------
    recorder : after a chain told it every step

    Returns
    -------
    a row a step: where it stands (``layer``, ``subpixel``, ``source``, ``phi_tic``, ``phi_deg`` as
    it acts, ``domain``), ``hkl_frac``, ``hkl_rounded``, ``F_cell`` and what its look-up ``met``,
    ``F_latt``, the ``weight`` of its source, its ``intensity`` times that [electron²], and the
    ``share`` that this is of I_before_scaling
    """
    total = math.fsum(step["intensity"] for step in recorder.steps)
    return [
        {
            "layer": step["layer"],
            "subpixel": step["subpixel"],
            "source": step["source"],
            **_phi_step(step["phi_tic"], step),
            "domain": step["domain"],
            "hkl_rounded": [int(index) for index in step["hkl_rounded"]],
            "met": step["met"],
            "weight": step["weight"],
            "intensity": step["intensity"],
            "share": step["intensity"] / total if total else 0.0,
        }
        for step in recorder.steps
    ]


def _phi_step(number: int, step: dict[str, Any]) -> dict[str, Any]:
    return {
        "phi_tic": number,
        "phi_deg": math.degrees(step["phi"]),
        "hkl_frac": step["hkl"],
        "F_latt": step["F_latt"],
        "F_latt_abc": step["F_latt_abc"],
        "F_cell": step["F_cell"],
    }
