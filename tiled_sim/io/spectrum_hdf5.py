"""Spectra in HDF5: what NXbeam says of the light, and plain datasets of energies and weights."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tiled_sim.errors import InputFileError
from tiled_sim.io.hdf5_node import LENGTHS, Hdf5Node, opened
from tiled_sim.physics.vectors import Array

_ANGSTROM = 1e-10
#: Factors to eV, by the names that files write.
_ENERGY_UNITS = {"ev": 1.0, "kev": 1e3}
#: Words of the names of datasets.
_OF_ABSCISSA = re.compile(r"energ|wavelength|lambda|(?:^|_)ev(?:$|_)")
_OF_WEIGHT = re.compile(r"weight|flux|fluence|intens|count|photons|share|spectr")
#: How the weights of a dataset are called, as NXbeam has it; the second until 2021.
_WEIGHTS_OF = ("{}_weights", "{}_weight")
#: Candidates that are named to the user.
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class _Pair:
    """Datasets that may be a spectrum: one of energies or wavelengths, and one of weights.

    Both are the same one where it has two columns.
    """

    abscissa: Hdf5Node
    weights: Hdf5Node

    @property
    def shown(self) -> str:
        """For messages."""
        if self.abscissa.path == self.weights.path:
            return self.weights.path
        return f"{self.weights.path} over {self.abscissa.path}"


@dataclass(frozen=True, slots=True, eq=False)
class StoredSpectra:
    """One or more spectra of an HDF5 file.

    Parameters
    ----------
    name : of the file and the weights in it, for messages
    abscissa : photon energies [eV] or wavelengths [Å], or numbers whose unit is not said; (1, n) of
        all shots, or (shots, n)
    weight : as the file has them, (shots, n)
    in_energies : whether ``abscissa`` is of energies, by its unit; None: the file does not say
    """

    name: str
    abscissa: Array
    weight: Array
    in_energies: bool | None

    def error(self, complaint: str) -> InputFileError:
        """Error to raise about it; ``complaint`` ends in what to do."""
        return InputFileError(f"{self.name} {complaint}")


def read_stored_spectra(path: str, key: str | None) -> StoredSpectra:
    """Read the spectra of an HDF5 file.

    They are what an NXbeam has as ``incident_wavelength`` or ``incident_energy``, or a variant of
    it, with its ``_weights``; else a dataset whose name or unit says energy or wavelength beside
    one in the same group whose name says weight, flux, intensity, counts or the like, as long as it
    or (shots, as long as it); else a dataset of two columns.

    Parameters
    ----------
    path : of the file
    key : the dataset of weights, or that of energies or wavelengths, or a group that holds both, or
        the two of them with a comma between; None: there is only one spectrum in the file

    Raises
    ------
    UsageError
        h5py is not installed
    InputFileError
        the file cannot be read, or holds no spectrum, or several that fit; the datasets cannot be
        one
    """
    with opened(path) as root:
        pair = _only(root, _candidates(root) if key is None else _named(root, key), key)
        return _read(pair)


def _only(root: Hdf5Node, pairs: list[_Pair], key: str | None) -> _Pair:
    """The pair, if there is one."""
    where = root.file if key is None else f"{root.file}:{key}"
    if not pairs:
        raise InputFileError(
            f"{where}: no spectrum is found there: a dataset named energy or wavelength and one "
            "named weights, of the same length, in one group. Name the two of them, "
            f"{root.file}:ENERGIES,WEIGHTS"
        )
    if len(pairs) > 1:
        listed = "; ".join(pair.shown for pair in pairs[:_SHOWN])
        more = f"; and {len(pairs) - _SHOWN} more" if len(pairs) > _SHOWN else ""
        first = pairs[0]
        raise InputFileError(
            f"{where}: {len(pairs)} spectra fit ({listed}{more}): name one, "
            f"{root.file}:{first.abscissa.path},{first.weights.path} for the first"
        )
    return pairs[0]


def _named(root: Hdf5Node, key: str) -> list[_Pair]:
    """Spectra that a name may mean."""
    both = key.split(",")
    if len(both) == 2:
        abscissa, weights = (_dataset(root, name) for name in both)
        return [_Pair(abscissa, weights)]
    node = _existing(root, key)
    if node.is_group:
        return _in_group(node)
    if _is_two_columns(node):
        return [_Pair(node, node)]
    group = _existing(root, node.path.rpartition("/")[0] or "/")
    pairs = [
        pair for pair in _in_group(group) if node.path in (pair.abscissa.path, pair.weights.path)
    ]
    if pairs or _is_abscissa(node):
        return pairs
    return [_Pair(one, node) for one in _datasets(group) if _is_abscissa(one) and _fits(one, node)]


def _existing(root: Hdf5Node, name: str) -> Hdf5Node:
    found = root.get(name)
    if found is None:
        raise InputFileError(
            f"{root.file}: it has no {name!r}: `h5ls -r {root.file}` lists what it has"
        )
    return found


def _dataset(root: Hdf5Node, name: str) -> Hdf5Node:
    found = _existing(root, name)
    if not found.is_dataset:
        raise found.error("must be a dataset, it is none: name another")
    return found


def _candidates(root: Hdf5Node) -> list[_Pair]:
    """Spectra of a file: those of its beams, or else of any group."""
    groups = list(_groups(root))
    of_beams = [pair for group in groups for pair in _with_own_weights(group)]
    return of_beams or [pair for group in groups for pair in _in_group(group)]


def _groups(root: Hdf5Node) -> Iterator[Hdf5Node]:
    """Every group of a file once, each before those in it."""
    seen: set[object] = set()
    ahead = [root]
    while ahead:
        group = ahead.pop()
        if group.identity in seen:
            continue
        seen.add(group.identity)
        yield group
        children = (group.get(name) for name in group.names())
        ahead += reversed([child for child in children if child is not None and child.is_group])


def _datasets(group: Hdf5Node) -> list[Hdf5Node]:
    """Datasets of a group that may hold numbers of a spectrum."""
    found = (group.get(name) for name in group.names())
    return [
        node
        for node in found
        if node is not None
        and node.is_dataset
        and _is_numeric(node)
        and len(node.shape) in (1, 2)
        and 0 not in node.shape
    ]


def _is_numeric(node: Hdf5Node) -> bool:
    try:
        return node.item.dtype.kind in "iuf"
    except (TypeError, ValueError):  # a type that numpy has no like of
        return False


def _with_own_weights(group: Hdf5Node) -> list[_Pair]:
    """Datasets of a group with weights that are called after them."""
    named = {node.name: node for node in _datasets(group)}
    pairs = []
    for name, node in named.items():
        weights = (named.get(form.format(name)) for form in _WEIGHTS_OF)
        found = next((one for one in weights if one is not None), None)
        if found is not None and (_is_abscissa(node) or _OF_ABSCISSA.search(name.lower())):
            pairs.append(_Pair(node, found))
    return pairs


def _in_group(group: Hdf5Node) -> list[_Pair]:
    """Spectra of a group, without those of the groups in it."""
    own = _with_own_weights(group)
    if own:
        return own
    nodes = _datasets(group)
    abscissas = [node for node in nodes if _is_abscissa(node)]
    weights = [
        node for node in nodes if not _is_abscissa(node) and _OF_WEIGHT.search(node.name.lower())
    ]
    pairs = [_Pair(one, other) for one in abscissas for other in weights if _fits(one, other)]
    return pairs or [_Pair(node, node) for node in nodes if _is_two_columns(node)]


def _is_abscissa(node: Hdf5Node) -> bool:
    """Whether a dataset is of energies or wavelengths, by its unit or its name."""
    unit = node.attribute_text("units").strip().casefold()
    if unit in _ENERGY_UNITS:
        return True
    name = node.name.lower()
    named = bool(_OF_ABSCISSA.search(name)) and not _OF_WEIGHT.search(name)
    return named or (unit in LENGTHS and not _OF_WEIGHT.search(name))


def _fits(abscissa: Hdf5Node, weights: Hdf5Node) -> bool:
    """Whether the shapes are those of a spectrum."""
    return (
        abscissa.path != weights.path
        and abscissa.shape[-1:] == weights.shape[-1:]
        and (len(abscissa.shape) == 1 or abscissa.shape == weights.shape)
    )


def _is_two_columns(node: Hdf5Node) -> bool:
    return len(node.shape) == 2 and node.shape[1] == 2


def _read(pair: _Pair) -> StoredSpectra:
    """The numbers of a pair of datasets."""
    if pair.abscissa.path == pair.weights.path:
        columns = pair.weights.numbers
        abscissa, weight = columns[None, :, 0], columns[None, :, 1]
    else:
        abscissa, weight = (np.atleast_2d(node.numbers) for node in (pair.abscissa, pair.weights))
    if abscissa.ndim > 2 or weight.ndim > 2 or len(abscissa) not in (1, len(weight)):
        raise pair.weights.error(
            f"has the shape {pair.weights.shape}, and {pair.abscissa.path} has "
            f"{pair.abscissa.shape}: (n) and (n), or (n) and (shots, n), are due"
        )
    if abscissa.shape[1] != weight.shape[1]:
        raise pair.weights.error(
            f"has {weight.shape[1]} weights for {abscissa.shape[1]} values of "
            f"{pair.abscissa.path}: name another, or correct it"
        )
    values, in_energies = _in_units(pair.abscissa, abscissa)
    return StoredSpectra(f"{pair.weights.file}:{pair.weights.path}", values, weight, in_energies)


def _in_units(node: Hdf5Node, values: Array) -> tuple[Array, bool | None]:
    """Energies [eV] or wavelengths [Å], and which they are; as they stand where no unit is said."""
    unit = node.attribute_text("units").strip()
    if not unit:
        return values, None
    if unit.casefold() in _ENERGY_UNITS:
        return values * _ENERGY_UNITS[unit.casefold()], True
    if unit.casefold() in LENGTHS:
        return values * (LENGTHS[unit.casefold()] / _ANGSTROM), False
    known = ", ".join([*_ENERGY_UNITS, *sorted(LENGTHS)])
    raise node.error(
        f"has units {unit!r}, of energies or wavelengths one of {known} is due: write it"
    )
