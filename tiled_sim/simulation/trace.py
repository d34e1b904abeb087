"""The scaling chain of one pixel, in the names of the C program's trace."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tiled_sim.kernels.blocks import Pixels
from tiled_sim.kernels.kernel import Kernel
from tiled_sim.kernels.recorder import Recorder
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.crystal import Crystal
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
    "crystal_share": "1",
    "other_crystals_photons": "photons",
    "diffuse_photons": "photons",
    "background_photons": "photons",
    "I_pixel_final": "photons",
    "floatimage_accumulated": "photons",
}


#: What kernels record beside the first crystal's: photons of another, and of what is no crystal.
OF_CRYSTAL, DIFFUSE, BACKGROUND = "photons", "diffuse", "background"
_RECIPROCAL = ("rot_a_star_A_inv", "rot_b_star_A_inv", "rot_c_star_A_inv")
_BESIDE = (OF_CRYSTAL, DIFFUSE, BACKGROUND)


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


@dataclass(frozen=True, slots=True)
class RecordedPixel:
    """What kernels told of a pixel.

    Parameters
    ----------
    crystal : of the first one, whose chain is told whole
    beside : photons of each of the others, in the order in which they are added, by what it is:
        ``photons`` of a crystal, ``diffuse`` or ``background``
    """

    crystal: Recorder
    beside: tuple[tuple[str, float], ...]

    def of(self, kind: str) -> list[float]:
        """Those of one kind."""
        return [photons for name, photons in self.beside if name == kind]


def record_pixel(kernels: Sequence[Kernel], pixels: Pixels, index: int) -> RecordedPixel:
    """Have kernels tell what they make of a pixel.

    Parameters
    ----------
    kernels : of a frame, a crystal's first
    pixels : of a block
    index : of the pixel among them
    """
    crystal = Recorder(index)
    kernels[0].trace(pixels, crystal)
    beside = []
    for kernel in kernels[1:]:
        told = Recorder(index)
        kernel.trace(pixels, told)
        beside += [(name, told.values[name]) for name in _BESIDE if name in told.values]
    return RecordedPixel(crystal, tuple(beside))  # type: ignore[arg-type]


def scaling_chain(
    pixel: RecordedPixel,
    scene: Scene,
    place: tuple[int, int, int, int],
    reason: str,
    stored: float,
    tolerance: float | None,
) -> Trace:
    """Name what was recorded.

    Parameters
    ----------
    pixel : of `record_pixel`
    scene : that the first kernel summed
    place : (frame, panel, slow, fast) of the pixel
    reason : why it is traced
    stored : the pixel's value in the image [photons]
    tolerance : difference of the traced value from the stored one that the kernel explains
        [photons]; None where the very tensors that made the image were recorded. A step
        within rounding of a half-integer index may fall to another node in another kernel, which
        no tolerance covers: a larger difference is kept and told.

    Raises
    ------
    AssertionError
        if they differ though they are the same tensors: the trace would lie
    """
    recorder = pixel.crystal
    seen: dict[str, Any] = recorder.values
    panel, crystal = scene.panels[place[1]], scene.crystal
    photons = seen["photons"]
    for _, value in pixel.beside:
        photons += value
    traced = float(np.float32(photons))
    departs = not abs(traced - stored) <= (tolerance or 0.0)
    if departs and tolerance is None:
        raise AssertionError(f"trace of pixel {place} gives {photons}, the image {stored}")
    first = recorder.phi_steps[0]
    reciprocal = np.array([crystal.a_star, crystal.b_star, crystal.c_star])
    if scene.orientation is not None:
        reciprocal = reciprocal @ np.array(scene.orientation).T
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
        **dict(zip(_RECIPROCAL, reciprocal.tolist(), strict=True)),
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
        **_rows_beside(pixel, crystal),
        "I_pixel_final": photons,
        "floatimage_accumulated": stored,
    }
    return Trace(
        *place[:2],
        place[2:],
        reason,
        values,
        [phi_step(t, step) for t, step in enumerate(recorder.phi_steps)],
        traced - stored if departs else 0.0,
    )


def _rows_beside(pixel: RecordedPixel, crystal: Crystal) -> dict[str, Any]:
    """What is added to the first crystal, where there is anything."""
    rows: dict[str, Any] = {}
    others = pixel.of(OF_CRYSTAL)
    if others or crystal.share != 1.0:
        rows["crystal_share"] = crystal.share
    if others:
        rows["other_crystals_photons"] = others
    for name in (DIFFUSE, BACKGROUND):
        if terms := pixel.of(name):
            rows[f"{name}_photons"] = math.fsum(terms)
    return rows


def phi_step(number: int, step: dict[str, Any]) -> dict[str, Any]:
    """A phi step as it is told.

    Parameters
    ----------
    number : of the step
    step : as a recorder has it
    """
    return {
        "phi_tic": number,
        "phi_deg": math.degrees(step["phi"]),
        "hkl_frac": step["hkl"],
        "F_latt": step["F_latt"],
        "F_latt_abc": step["F_latt_abc"],
        "F_cell": step["F_cell"],
    }
