"""The experiments of one list as frames of one run: stills, each of its own crystal and light."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import InputFileError
from tiled_sim.model.recorded import IndexedCrystal, RecordedExperiment, Stills
from tiled_sim.physics.constants import RADIAN
from tiled_sim.read.matrices import cell_of, in_words

#: Numbers that are said twice may differ by this share, and directions by this length.
_SAME = 1e-6
#: Lengths of cells that differ by a larger share are those of other crystals, with another F.
OTHER_CELL = 0.05

_Dead = npt.NDArray[np.bool_] | None


def as_frames(path: str, every: Sequence[RecordedExperiment]) -> RecordedExperiment:
    """One experiment of all, whose crystals and wavelengths are those of each.

    Parameters
    ----------
    path : of the file, for messages
    every : of its experiments

    Raises
    ------
    InputFileError
        for experiments that are no stills, have no crystal, or differ in more than that and one
        wavelength; names the first and what differs
    """
    first = every[0]
    direct_vectors = np.empty((len(every), 3, 3))
    wavelengths = np.zeros(len(every))
    for number, one in enumerate(every):
        for what in itertools.chain(_unfit(one), _differences(first, one)):
            raise InputFileError(
                f"{path}: experiment {number} {what}, so that the experiments are not frames of "
                "one run, which differ in crystal and wavelength alone: name one with "
                "--experiment N"
            )
        direct_vectors[number] = _standing(one).direct_vectors
        wavelengths[number : number + 1] = one.geometry.light.wavelength[:1]
    note = f"all {len(every)} experiments of {path} are frames, stills of one crystal each"
    differ = bool(np.ptp(wavelengths) > _SAME * wavelengths[0])
    return replace(
        first,
        geometry=replace(first.geometry, notes=(note, *first.geometry.notes)),
        crystal=_standing(first),
        goniometer=None,
        scan=None,
        stills=Stills(direct_vectors, wavelengths if differ else None),
    )


def _unfit(one: RecordedExperiment) -> Iterator[str]:
    """Why an experiment is no still of a crystal."""
    if one.scan is not None and one.scan.width:
        yield (
            f"is a scan of {one.scan.count} images of {abs(one.scan.width) * RADIAN:g}° and no "
            "still"
        )
    if one.scan is not None and one.scan.count > 1:
        yield f"has {one.scan.count} images"
    if one.crystal is None:
        yield "has no crystal"


def _differences(first: RecordedExperiment, one: RecordedExperiment) -> Iterator[str]:
    """In what an experiment is another than the first, but for how its crystal is turned."""
    theirs, ours = first.geometry, one.geometry
    if ours is not theirs:
        if ours.panels != theirs.panels or ours.sensors != theirs.sensors:
            yield "has another detector than experiment 0"
        if not all(map(_same_dead, ours.dead, theirs.dead)):
            yield "has other dead pixels than experiment 0"
        yield from _other_light(first, one)
    if np.linalg.det(_standing(one).direct_vectors) < 0.0:
        yield "has a left-handed crystal"
    cells = [cell_of(_standing(e).reciprocal_vectors)[:3] for e in (one, first)]
    if np.abs(cells[0] / cells[1] - 1.0).max() > OTHER_CELL:
        told = (in_words(cell_of(_standing(e).reciprocal_vectors)) for e in (one, first))
        yield "has the cell {} and experiment 0 {}".format(*told)


def _same_dead(one: _Dead, other: _Dead) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)


def _other_light(first: RecordedExperiment, one: RecordedExperiment) -> Iterator[str]:
    theirs, ours = first.geometry.light, one.geometry.light
    if not np.allclose(ours.direction, theirs.direction, rtol=0.0, atol=_SAME):
        yield f"has its beam along {ours.direction} and experiment 0 along {theirs.direction}"
    same = len(ours.wavelength) == len(theirs.wavelength)
    alike = same and np.allclose(ours.wavelength, theirs.wavelength, rtol=_SAME, atol=0.0)
    if not alike and not len(ours.wavelength) == len(theirs.wavelength) == 1:
        said = (
            " ".join(f"{length:.10g}" for length in light.wavelength) or "no"
            for light in (ours, theirs)
        )
        yield "has the wavelength {} Å and experiment 0 {} Å".format(*said)


def _standing(one: RecordedExperiment) -> IndexedCrystal:
    """The crystal as the goniometer holds it at the angle of a still."""
    assert one.crystal is not None
    if one.goniometer is None:
        return one.crystal
    return one.crystal.turned(one.goniometer.rotation(0.0 if one.scan is None else one.scan.start))
