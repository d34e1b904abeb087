"""The sources of a scene as they are summed: one by one, or many of them in one go."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from tiled_sim.model.beam import Source, Spectrum
from tiled_sim.physics.geometry import Components


class Light(NamedTuple):
    """One source, or some that follow each other.

    Parameters
    ----------
    number : of the first one
    which : of them among all: a number, or a slice where they are taken together
    first : the first one
    incident : unit vector along which the light travels; of several directions three tensors,
        (sources, 1)
    wavelength : [Å]; of sources taken together a tensor, (sources, 1)
    """

    number: int
    which: int | slice
    first: Source
    incident: Components
    wavelength: float | Tensor


def lights_of(spectrum: Spectrum, at_a_time: int, device: torch.device) -> Iterator[Light]:
    """All sources in their order.

    Parameters
    ----------
    spectrum : of them
    at_a_time : so many together, at most
    device : where the tensors of some lie
    """
    if at_a_time == 1:
        for number, source in enumerate(spectrum):
            yield Light(number, number, source, source.incident, source.wavelength)
        return
    for start in range(0, len(spectrum), at_a_time):
        which = slice(start, min(start + at_a_time, len(spectrum)))
        first, directions = spectrum[start], spectrum.incident[which]
        incident: Components = first.incident
        if (directions != directions[0]).any():
            incident = torch.tensor(directions, device=device)[:, None, :].unbind(-1)
        wavelengths = torch.tensor(spectrum.wavelength[which], device=device)[:, None]
        yield Light(start, which, first, incident, wavelengths)
