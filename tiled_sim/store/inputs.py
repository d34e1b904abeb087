"""What a run was made with, kept in its store: structure factors, background, spectrum."""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from tiled_sim.errors import StoreError
from tiled_sim.model.absences import Absences
from tiled_sim.model.amorphous import AmorphousTable
from tiled_sim.model.crystals import MOST_CRYSTALS
from tiled_sim.model.document import LISTED_PLAIN, names_of_domains
from tiled_sim.model.experiment import FRAMES
from tiled_sim.model.inputs import Inputs
from tiled_sim.model.structure_factors import Computed, Extent, Provenance, StructureFactors
from tiled_sim.store.layout import (
    COMPRESSOR,
    Described,
    fill_value_of,
    group_of,
    is_nothing,
    values_of,
    write_array,
)
from tiled_sim.store.objects import Objects

#: Of nodes a side, where a grid has more of them than such a chunk, which is one file.
LONGEST_GRID_CHUNK = 64
#: Axes of a grid of structure factors.
_NODE = ("h", "k", "l")
#: Dimensions, units and meaning of the arrays of an experiment, by their names.
_OF_EXPERIMENT = {
    "spectrum/incident": (("source", "xyz"), "1", "unit vector along which the light travels"),
    "spectrum/wavelength": (("source",), "angstrom", "wavelength"),
    "spectrum/weight": (("source",), "1", "weight beside the other sources"),
}
#: The same of mosaic domains of a crystal that are listed: their rotations, and weights.
_OF_DOMAINS = (
    (("domain", "row", "column"), "1", "rotation of the crystal"),
    (("domain",), "1", "weight beside the other domains"),
)


def _described(crystals: int) -> dict[str, tuple[tuple[str, ...], str, str]]:
    """Dimensions, units and meaning of the arrays that so many crystals may have, and the light."""
    of_domains = (zip(names_of_domains(n), _OF_DOMAINS, strict=True) for n in range(crystals))
    return _OF_EXPERIMENT | dict(itertools.chain(*of_domains))


def write_inputs(root: zarr.Group, inputs: Inputs, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Group ``inputs``: all but the mask, which stands beside the image.

    Parameters
    ----------
    root : group of the run
    inputs : of the experiment
    arrays : of the experiment, by name; those of listed frames are written elsewhere, with what
        else each exposure was
    """
    group = root.create_group("inputs")
    described = _described(MOST_CRYSTALS)
    for name, values in arrays.items():
        part, array = name.split("/")
        if part == FRAMES:
            continue
        within = group.require_group(part)
        write_array(within, array, Described(values, *described[name]))
    if inputs.factors is not None:
        _write_structure_factors(group, inputs.factors)
    if inputs.amorphous is not None:
        _write_amorphous(group, inputs.amorphous)


def read_arrays(root: zarr.Group, document: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
    """Arrays of an experiment, by name.

    Parameters
    ----------
    root : group of the run
    document : of the experiment, as it was written

    Raises
    ------
    StoreError
        one is missing
    """
    found, inputs = {}, group_of(root, "inputs")
    crystals = (document["crystal"], *document.get("further_crystals", ()))
    listed = (
        names_of_domains(number)
        for number, crystal in enumerate(crystals)
        if crystal["domains"].get("listed") is not None
    )
    for name in (*_OF_EXPERIMENT, *itertools.chain(*listed)):
        part, array = name.split("/")
        found[name] = values_of(group_of(inputs, part), array)
    exposures = document["exposures"]
    if "orientation" in exposures:
        frames = group_of(root, FRAMES)
        names = (name for name in exposures if name not in LISTED_PLAIN)
        for name in names:
            values = found[f"{FRAMES}/{name}"] = values_of(frames, name)
            values.setflags(write=False)  # so that they need not be copied
    return found


def lost_files(group: zarr.Group, objects: Objects) -> Iterator[str]:
    """Files of the arrays of a group that are not there, as far as all of an array's must be.

    Parameters
    ----------
    group : with arrays in it, at any depth
    objects : of the run
    """
    for _, array in sorted(group.members(max_depth=None)):
        if not isinstance(array, zarr.Array) or not is_nothing(array.fill_value):
            continue
        sides = array.shards or array.chunks
        counts = (-(-size // side) for size, side in zip(array.shape, sides, strict=True))
        for place in itertools.product(*map(range, counts)):
            key = "/".join((array.path, "c", *map(str, place)))
            if not objects.exists(key):
                yield key


def _write_structure_factors(inputs: zarr.Group, factors: StructureFactors) -> None:
    """Group ``structure_factors``: amplitudes, given nodes, indices and provenance."""
    attributes: dict[str, Any] = asdict(factors.provenance)
    attributes["notes"] = list(factors.provenance.notes)
    attributes["content_sha256"] = factors.sha256
    if factors.absences is not None:
        attributes["absences"] = asdict(factors.absences)
    group = inputs.create_group("structure_factors", attributes=attributes)
    for name, low, high in zip("hkl", factors.minimum, factors.maximum, strict=True):
        indices = np.arange(low, high + 1, dtype=np.int64)
        write_array(group, name, Described(indices, (name,), "1", f"Miller index {name}"))
    unit, computed = factors.provenance.unit, factors.provenance.computed
    axes: tuple[str, ...] = _NODE
    grids = factors.amplitude
    if factors.at_energies is not None:
        assert computed is not None
        grids, axes = factors.at_energies, ("energy", *_NODE)
        energies = np.array(computed.energies)
        of_grids = Described(energies, ("energy",), "eV", "energy of the photons of each grid")
        write_array(group, "energy", of_grids)
    _write_grid(group, "amplitude", Described(grids, axes, unit, "amplitude of the unit cell"))
    given = Described(factors.given, _NODE, "1", "whether the source names the node")
    _write_grid(group, "given", given)


def read_structure_factors(inputs: zarr.Group) -> StructureFactors | None:
    """Structure factors of the group ``structure_factors``; None if there is none.

    Raises
    ------
    StoreError
        their content is not what was written
    """
    group = inputs.get("structure_factors")
    if not isinstance(group, zarr.Group):
        return None
    attributes: dict[str, Any] = group.attrs.asdict()
    content = attributes.pop("content_sha256")
    notes = tuple(attributes.pop("notes"))
    cell, absences = attributes.pop("cell", None), attributes.pop("absences", None)
    computed = attributes.pop("computed", None)
    computed = None if computed is None else Computed(**computed)
    first_h, first_k, first_l = (int(values_of(group, name)[0]) for name in "hkl")
    amplitude, at_energies = values_of(group, "amplitude"), None
    if computed is not None and computed.energy in computed.energies:
        at_energies = amplitude
        amplitude = at_energies[computed.energies.index(computed.energy)]
    factors = StructureFactors(
        amplitude=amplitude,
        given=values_of(group, "given"),
        minimum=(first_h, first_k, first_l),
        provenance=Provenance(
            notes=notes,
            cell=None if cell is None else tuple(cell),
            computed=computed,
            **attributes,
        ),
        absences=None if absences is None else _absences(absences),
        at_energies=at_energies,
    )
    if factors.sha256 != content:
        raise StoreError(
            f"{group.store_path}: structure factors are damaged: content {factors.sha256[:12]}…, "
            f"written {content[:12]}…; submit the run again to another --out"
        )
    return factors


def extent_of_structure_factors(objects: Objects) -> Extent | None:
    """How far the structure factors of a run go, which are not read; None: it has none.

    Raises
    ------
    StoreError
        an array is missing
    """
    root = zarr.open_group(objects.arrays(read_only=True), mode="r")
    group = group_of(root, "inputs").get("structure_factors")
    if not isinstance(group, zarr.Group):
        return None
    indices = [values_of(group, name) for name in "hkl"]
    (h, h_last), (k, k_last), (l, l_last) = ((int(of[0]), int(of[-1])) for of in indices)
    energies = len(values_of(group, "energy")) if "energy" in group else 1
    absences = group.attrs.get("absences") is not None
    return Extent(energies, (h, k, l), (h_last, k_last, l_last), absences)


def _absences(found: dict[str, Any]) -> Absences:
    """The rule of absences from plain JSON values."""
    return Absences(
        found["space_group"],
        tuple(tuple(map(tuple, rotation)) for rotation in found["rotations"]),
        tuple(map(tuple, found["translations"])),
    )


def _write_amorphous(inputs: zarr.Group, table: AmorphousTable) -> None:
    """Group ``background``: F of one molecule against sin θ/λ."""
    group = inputs.create_group("background", attributes={"content_sha256": table.sha256})
    for name, unit, long_name in (
        ("stol", "1/angstrom", "sin theta / lambda"),
        ("F", "electron", "amplitude of one molecule"),
    ):
        write_array(group, name, Described(getattr(table, name), ("stol",), unit, long_name))


def read_amorphous(inputs: zarr.Group) -> AmorphousTable | None:
    """Table of the group ``background``; None if there is none.

    Raises
    ------
    StoreError
        its content is not what was written
    """
    group = inputs.get("background")
    if not isinstance(group, zarr.Group):
        return None
    table = AmorphousTable(values_of(group, "stol"), values_of(group, "F"))
    written = group.attrs["content_sha256"]
    if table.sha256 != written:
        raise StoreError(
            f"{group.store_path}: the table of the background is damaged: content "
            f"{table.sha256[:12]}…, written {str(written)[:12]}…; submit the run again to another "
            "--out"
        )
    return table


def _write_grid(group: zarr.Group, name: str, grid: Described) -> None:
    """A grid (h, k, l), or some, in chunks of one each."""
    values = grid.values
    fill, nodes = fill_value_of(values), values.shape[-3:]
    if math.prod(nodes) > LONGEST_GRID_CHUNK**3:
        nodes = tuple(min(side, LONGEST_GRID_CHUNK) for side in nodes)
    shape = (*(1 for _ in values.shape[:-3]), *nodes)
    array = group.create_array(
        name,
        shape=values.shape,
        dtype=values.dtype,
        chunks=shape,
        compressors=COMPRESSOR,
        fill_value=fill,
        dimension_names=grid.dimensions,
        attributes={"units": grid.units, "long_name": grid.long_name},
        config={"write_empty_chunks": True},
    )
    if is_nothing(fill):
        array[...] = values
