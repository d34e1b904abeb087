"""Energies for which F of a model is calculated, and which of them a source has."""

import dataclasses

import numpy as np
import pytest

from tiled_sim.errors import ExperimentError
from tiled_sim.model.beam import Source, Spectrum
from tiled_sim.model.calculation import Calculation
from tiled_sim.model.energies import factor_wavelengths, grids_of_sources
from tiled_sim.model.experiment import Experiment, Reflections
from tiled_sim.model.exposures import Listed
from tiled_sim.physics.constants import HC_EV_ANGSTROM

LINE = "-default_F 1 -cell 70 80 90 75 85 95 -lambda 1 -N 5 -detpixels 16"
PLAIN = Experiment.from_nanobragg(LINE.split())
ENERGIES = (9030.0, 9000.0, 9010.0, 9011.0, 9000.0)


def spectrum(energies=ENERGIES, weights=None):
    weights = weights or (1.0,) * len(energies)
    return Spectrum.of(
        Source((0.0, 0.0, 1.0), HC_EV_ANGSTROM / energy, weight)
        for energy, weight in zip(energies, weights, strict=True)
    )


def of(number, light=None, exposures=PLAIN.exposures):
    light = light or spectrum()
    beam = dataclasses.replace(
        PLAIN.beam, spectrum=light, wavelength=light.mean_wavelength, direction=(0.0, 0.0, 1.0)
    )
    calculation = Calculation.of(3.0, "chantler", energies=number)
    source = Reflections("m.pdb", "model", calculation=calculation)
    return dataclasses.replace(
        PLAIN,
        beam=beam,
        structure_factors=source,
        exposures=exposures,
        allow_upstream=True,
    )


def energies(experiment):
    return HC_EV_ANGSTROM / np.array(factor_wavelengths(experiment))


def test_by_default_f_is_that_of_the_beam():
    assert factor_wavelengths(of(1)) == ()
    assert grids_of_sources((), spectrum()) == ()


def test_of_all_sources_every_wavelength_counts_once():
    found = factor_wavelengths(of(0))
    assert found == tuple(HC_EV_ANGSTROM / energy for energy in (9000.0, 9010.0, 9011.0, 9030.0))
    assert grids_of_sources(found, spectrum()) == (3, 0, 1, 2, 0)


def test_channels_have_the_mean_of_their_wavelengths_and_empty_ones_are_left_out():
    # channels of 7.5 eV: the third has none
    np.testing.assert_allclose(energies(of(4)), [9000.0, 9010.5, 9030.0], rtol=1e-8)
    assert grids_of_sources(factor_wavelengths(of(4)), spectrum()) == (2, 0, 1, 1, 0)


def test_a_channel_of_one_wavelength_has_it_to_the_bit():
    assert factor_wavelengths(of(100)) == factor_wavelengths(of(0))


def test_weights_change_no_energies():
    assert factor_wavelengths(of(4, spectrum(weights=(1, 0, 5, 0, 2)))) == factor_wavelengths(of(4))


def test_one_wavelength_has_one_grid():
    found = factor_wavelengths(of(7, spectrum((9000.0, 9000.0))))
    assert found == (HC_EV_ANGSTROM / 9000.0,)
    assert grids_of_sources(found, spectrum()) == ()


def test_of_two_grids_as_near_a_source_has_that_below():
    assert grids_of_sources((1.0, 0.5), Spectrum.of([Source((0.0, 0.0, 1.0), 1 / 1.5)])) == (0,)


def test_the_number_is_part_of_the_hash_and_one_is_as_before():
    assert len({of(number).sha256 for number in (0, 1, 2, 3)}) == 4
    calculation = Calculation.of(3.0, "chantler")
    source = Reflections("m.pdb", "model", calculation=calculation)
    assert dataclasses.replace(of(2), structure_factors=source).sha256 == of(1).sha256


def shots(light):
    """Three shots, at 1.01, 1 and 0.99 of the beam's wavelength."""
    wavelength = light.mean_wavelength * np.array([1.01, 1.0, 0.99])
    return Listed(np.broadcast_to(np.eye(3), (3, 3, 3)), wavelength=wavelength)


def test_energies_reach_from_the_lowest_to_the_highest_of_all_shots():
    experiment = of(5, exposures=shots(spectrum()))
    low, high = 9000.0 / 1.01, 9030.0 / 0.99
    np.testing.assert_allclose(
        energies(experiment), low + (high - low) * np.array([0.1, 0.3, 0.5, 0.7, 0.9]), rtol=1e-9
    )


def test_shots_of_wavelengths_of_their_own_cannot_have_those_of_all_sources():
    with pytest.raises(ExperimentError, match=r"each frame has wavelengths.*--F-energies N"):
        of(0, exposures=shots(spectrum()))


@pytest.mark.parametrize(
    ("number", "anomalous", "fault"),
    [
        (-1, "chantler", r"energies = -1 must be a number of energies"),
        (3, None, r"energies = 3: without f′ and f″ F is the same at all"),
    ],
)
def test_what_cannot_be_is_refused(number, anomalous, fault):
    with pytest.raises(ExperimentError, match=fault):
        Calculation.of(3.0, anomalous, energies=number)
