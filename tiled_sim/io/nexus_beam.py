"""The beam of an NXmx file: wavelength or spectrum, direction, polarization."""

import math

import numpy as np

from tiled_sim.io.hdf5_node import LENGTHS, Hdf5Node
from tiled_sim.io.nexus_transformations import Transformations, placed
from tiled_sim.model.geometry import Light
from tiled_sim.physics.vectors import Array, Vector, as_tuple, unit

_ANGSTROM = 1e-10
_ROUNDING = 1e-6
_WAVELENGTH = "incident_wavelength"
_STOKES = "incident_polarization_stokes"


def read_light(entry: Hdf5Node, instrument: Hdf5Node, chains: Transformations) -> Light:
    """The beam of an entry: of its instrument, or, in older files, of its sample.

    Parameters
    ----------
    entry, instrument : NXentry and its NXinstrument
    chains : axes of the file, which take the notes
    """
    beams = instrument.children("NXbeam")
    for sample in entry.children("NXsample"):
        beams += sample.children("NXbeam")
    beams = [beam for beam in beams if beam.get(_WAVELENGTH) is not None] or beams
    if not beams:
        chains.notes["the file has no beam"] = None
        return Light()
    beam = beams[0]
    if len(beams) > 1:
        chains.notes[f"of {len(beams)} beams the first is taken, {beam.path}"] = None
    wavelength, weight = _spectrum(beam, chains)
    direction = placed(chains.chain(beam, attribute=False))[:3, 2]
    axis, degree = _polarization(beam, direction, chains)
    return Light(
        wavelength=tuple(wavelength.tolist()),
        weight=tuple(weight.tolist()),
        direction=as_tuple(direction),
        polarization_axis=axis,
        polarization=degree,
    )


def _spectrum(beam: Hdf5Node, chains: Transformations) -> tuple[Array, Array]:
    """Wavelengths [Å] and weights, of one shot if the file has many."""
    node = beam.get(_WAVELENGTH)
    if node is None:
        chains.notes[f"{beam.path} has no {_WAVELENGTH}"] = None
        return np.empty(0), np.empty(0)
    node, weights = _weighted(beam, node, chains)
    if weights is None:
        values = node.numbers.ravel()[:1]
        if node.numbers.size > 1:
            chains.notes[
                f"{node.path} has {node.numbers.size} wavelengths without weights, one a shot: "
                "the first is taken"
            ] = None
        weight = np.ones(1)
    else:
        values, weight = _row(node, chains), _row(weights, chains)
        if len(values) != len(weight):
            raise weights.error(
                f"has {len(weight)} weights for {len(values)} wavelengths: correct it"
            )
    wavelength = values * (node.factor(LENGTHS) / _ANGSTROM)
    if not (wavelength > 0.0).all():
        raise node.error(f"has a wavelength of {wavelength.min():g} Å: it must be positive")
    if (weight < 0.0).any():
        count = int((weight < 0.0).sum())
        chains.notes[f"{node.path}: {count} negative weights are taken as 0"] = None
        weight = np.maximum(weight, 0.0)
    if not weight.any():
        raise node.error("has weights that are all 0: correct them")
    return wavelength, weight


def _weighted(
    beam: Hdf5Node, node: Hdf5Node, chains: Transformations
) -> tuple[Hdf5Node, Hdf5Node | None]:
    """Wavelengths and their weights; a variant that has weights goes before one without."""
    seen: list[str] = []
    variant: Hdf5Node | None = node
    while variant is not None and variant.name not in seen:
        seen.append(variant.name)
        for ending in ("_weights", "_weight"):  # the second as files were written until 2021
            weights = beam.get(variant.name + ending)
            if weights is not None:
                if len(seen) > 1:
                    chains.notes[f"the spectrum is {variant.path}, a variant of {node.path}"] = None
                return variant, weights
        other = variant.attribute_text("variant")
        variant = beam.get(other) if other else None
    return node, None


def _row(node: Hdf5Node, chains: Transformations) -> Array:
    """The numbers of a dataset (n,), or of the first row of one (shots, n)."""
    if len(node.shape) < 2:
        return node.numbers
    if node.shape[0] > 1:
        chains.notes[f"{node.path} has {node.shape[0]} shots: the first is taken"] = None
    return node.first_row


def _polarization(
    beam: Hdf5Node, direction: Array, chains: Transformations
) -> tuple[Vector | None, float | None]:
    """Axis of the electric field and Kahn's factor, of Stokes' I, Q, U, V with Q along x."""
    node = beam.get(_STOKES)
    if node is None:
        return None, None
    stokes = _row(node, chains)
    if len(stokes) != 4 or not stokes[0] > 0.0:
        raise node.error("must hold I, Q, U, V with I above 0: correct it")
    intensity, along_x, diagonal, _ = stokes
    degree = math.hypot(along_x, diagonal) / intensity
    if degree > 1.0 + _ROUNDING:
        raise node.error(f"has {degree:g} of the light polarized, more than all of it: correct it")
    turned = 0.5 * math.atan2(diagonal, along_x)
    axis = np.array([math.cos(turned), math.sin(turned), 0.0])
    axis -= float(axis @ direction) * direction
    return as_tuple(unit(axis)), min(degree, 1.0)
