"""Grids of structure factors: ranges, defaults and the hash that tells them apart."""

import dataclasses

import numpy as np
import pytest

from tiled_sim.model.structure_factors import Provenance, StructureFactors

PROVENANCE = Provenance(path="a.hkl", format="hkl", size=10, sha256="0" * 64, count=2)


def grid(values=(((1.0, 0.0, 3.0),),), **changes):
    """Grid whose zeros are not given, with the fields that are named replaced."""
    amplitude = np.array(values)
    fields = {
        "amplitude": amplitude,
        "given": amplitude != 0,
        "minimum": (-2, 5, 7),
        "provenance": PROVENANCE,
    }
    return StructureFactors(**(fields | changes))


def test_the_maximum_is_that_of_the_last_node():
    assert grid().maximum == (-2, 5, 9)


def test_nodes_that_were_not_given_are_filled_with_default_f():
    assert grid().filled(50.0).tolist() == [[[1.0, 50.0, 3.0]]]


def test_a_given_zero_is_not_filled():
    listed = grid(given=np.ones((1, 1, 3), bool))
    assert listed.filled(50.0).tolist() == [[[1.0, 0.0, 3.0]]]


def test_an_fdump_is_not_filled():
    from_fdump = grid(provenance=dataclasses.replace(PROVENANCE, format="fdump"))
    assert from_fdump.filled(50.0).tolist() == [[[1.0, 0.0, 3.0]]]


def test_filling_leaves_the_grid_as_it_was():
    original = grid()
    original.filled(50.0)
    assert original.amplitude.tolist() == [[[1.0, 0.0, 3.0]]]


def test_the_hash_does_not_depend_on_the_path():
    elsewhere = grid(provenance=dataclasses.replace(PROVENANCE, path="elsewhere/b.hkl"))
    assert elsewhere.sha256 == grid().sha256


def test_the_hash_depends_on_the_amplitudes():
    assert grid([[[1.0, 0.0, 3.5]]]).sha256 != grid().sha256


def test_the_hash_depends_on_the_nodes_given():
    assert grid(given=np.ones((1, 1, 3), bool)).sha256 != grid().sha256


def test_the_hash_depends_on_the_ranges():
    assert grid(minimum=(-2, 5, 8)).sha256 != grid().sha256


def test_the_hash_depends_on_the_shape():
    turned = grid([[[1.0], [0.0], [3.0]]])
    assert turned.sha256 != grid().sha256


def test_the_hash_does_not_depend_on_the_layout_in_memory():
    strided = np.array([[[1.0, 9.0, 0.0, 9.0, 3.0]]])[:, :, ::2]
    assert grid(amplitude=strided).sha256 == grid().sha256


def test_the_hash_does_not_depend_on_the_type_of_the_indices():
    assert grid(minimum=tuple(np.array([-2, 5, 7]))).sha256 == grid().sha256


def test_a_given_array_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="shape of amplitude"):
        grid(given=np.ones((1, 1, 2), bool))


@pytest.mark.parametrize("shape", [(3,), (1, 3), (1, 1, 0)])
def test_an_array_without_three_axes_is_refused(shape):
    with pytest.raises(ValueError, match="three axes"):
        grid(amplitude=np.zeros(shape), given=np.zeros(shape, bool))


def test_another_type_than_float64_is_refused():
    with pytest.raises(ValueError, match="float64"):
        grid(amplitude=np.zeros((1, 1, 3), np.float32))


def test_f000_is_as_it_is_asked_for_at_all_energies():
    amplitude = np.array([[[1.0, 0.0, 3.0]]])
    of_two = np.stack([amplitude, 2.0 * amplitude])
    changed = grid(minimum=(0, 0, -1), at_energies=of_two).with_F000(52.0)
    assert changed.amplitude.tolist() == [[[1.0, 52.0, 3.0]]]
    assert changed.at_energies.tolist() == [[[[1.0, 52.0, 3.0]]], [[[2.0, 52.0, 6.0]]]]
    assert changed.given.all()
    assert changed.provenance.count == 3
    assert changed.provenance.notes == (
        "F(0 0 0) is 52 electrons, as it is asked for; the source gives none",
    )


def test_f000_of_zero_takes_the_place_of_what_was_given():
    changed = grid(minimum=(0, 0, -2)).with_F000(0.0)
    assert changed.filled(50.0).tolist() == [[[1.0, 50.0, 0.0]]]
    assert (changed.provenance.count, changed.provenance.zero) == (2, 1)
    assert "the source gives 3" in changed.provenance.notes[0]


def test_f000_outside_the_grid_is_refused():
    with pytest.raises(ValueError, match="0 0 0 is outside"):
        grid().with_F000(1.0)
