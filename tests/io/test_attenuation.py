"""Attenuation in materials of sensors: published lengths, and tables of many wavelengths."""

import numpy as np
import pytest

from tiled_sim.errors import InputFileError
from tiled_sim.io.attenuation import attenuation_in, attenuation_table
from tiled_sim.model.detector import Sensor
from tiled_sim.physics.constants import HC_EV_ANGSTROM


def test_silicon_at_12398_ev_lets_one_in_e_through_at_its_known_depth():
    # 42.1 /cm in all; the photoelectric part is a 1.03th of it
    assert attenuation_in("silicon", 1.0).length == pytest.approx(0.01 / 42.1 * 1.03, rel=0.01)


@pytest.mark.parametrize("material", ["Si", "CdTe", "GaAs", "Ge", "CsI", "Gd2O2S"])
def test_a_table_of_few_points_follows_the_material_across_its_edges(material):
    energies = np.geomspace(6000.0, 45000.0, 900)
    table = attenuation_table(material, HC_EV_ANGSTROM / energies)
    sensor = Sensor(1e-3, 1e-4, 1, material, table)
    assert len(table) < 90
    for wavelength in (HC_EV_ANGSTROM / energies[::23]).tolist():
        direct = attenuation_in(material, wavelength).length
        assert sensor.attenuation_at(wavelength) == pytest.approx(direct, rel=2e-3)


def test_a_table_of_a_narrow_beam_is_as_good_as_exact():
    wavelengths = np.linspace(0.995, 1.005, 300)
    sensor = Sensor(1e-3, 1e-4, 1, "Si", attenuation_table("Si", wavelengths))
    for wavelength in wavelengths[::31].tolist():
        direct = attenuation_in("Si", wavelength).length
        assert sensor.attenuation_at(wavelength) == pytest.approx(direct, rel=1e-7)


def test_few_wavelengths_stand_in_the_table_as_they_are():
    table = attenuation_table("Si", np.array([1.2, 0.9, 1.2]))
    assert table == tuple((one, attenuation_in("Si", one).length) for one in (0.9, 1.2))


def test_a_sensor_knows_nothing_beyond_its_table():
    sensor = Sensor(1e-3, 1e-4, 1, "Si", ((0.9, 1e-4), (1.1, 2e-4)))
    assert sensor.attenuation_at(0.9) == pytest.approx(1e-4, rel=1e-14)
    with pytest.raises(ValueError, match="beyond the table"):
        sensor.attenuation_at(1.2)


def test_other_materials_are_refused_with_those_that_are_known():
    with pytest.raises(InputFileError, match="'Unobtainium' is not known, only those of Si, CdTe"):
        attenuation_in("Unobtainium", 1.0)
