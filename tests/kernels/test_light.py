"""Sources one by one, and many of them together."""

import numpy as np
import pytest
import torch

from tiled_sim.kernels.light import lights_of
from tiled_sim.model.beam import Spectrum

CPU = torch.device("cpu")
ANGLES = np.linspace(0.0, 0.1, 5)


def spectrum(angles=ANGLES):
    incident = np.stack([np.cos(angles), np.sin(angles), np.zeros(5)], axis=1)
    return Spectrum(incident, np.linspace(1.0, 1.2, 5), np.ones(5))


def test_one_by_one_they_are_plain_numbers():
    lights = list(lights_of(spectrum(), 1, CPU))
    assert [light.which for light in lights] == [0, 1, 2, 3, 4]
    assert [(light.incident, light.wavelength) for light in lights] == [
        (source.incident, source.wavelength) for source in spectrum()
    ]


@pytest.mark.parametrize("at_a_time", [2, 5, 100])
def test_together_they_are_in_their_order_and_none_is_left_out(at_a_time):
    lights = list(lights_of(spectrum(), at_a_time, CPU))
    numbers = [number for light in lights for number in range(5)[light.which]]
    assert numbers == [0, 1, 2, 3, 4]
    assert max(len(range(5)[light.which]) for light in lights) == min(at_a_time, 5)
    wavelengths = torch.cat([light.wavelength for light in lights])
    assert wavelengths[:, 0].tolist() == spectrum().wavelength.tolist()
    assert [light.first for light in lights] == [spectrum()[light.number] for light in lights]


def test_those_of_one_direction_share_it_as_plain_numbers():
    (light,) = lights_of(spectrum(np.zeros(5)), 5, CPU)
    assert light.incident == (1.0, 0.0, 0.0)
    (light,) = lights_of(spectrum(), 5, CPU)
    assert torch.cat(light.incident, dim=1).tolist() == spectrum().incident.tolist()
