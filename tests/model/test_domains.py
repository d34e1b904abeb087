"""Mosaic domains of the model: what can be, what weighs what, and what turns with the crystal."""

import dataclasses
import pickle

import numpy as np
import pytest

from tiled_sim.errors import ExperimentError
from tiled_sim.model.domains import Domains, ListedDomains
from tiled_sim.model.experiment import Experiment
from tiled_sim.physics.vectors import about_fixed_axes

TURNED = about_fixed_axes(0.01, -0.02, 0.03)
TWO = ListedDomains(np.array([np.eye(3), TURNED]), [1.0, 3.0])
COMMAND = "-default_F 1 -cell 70 80 90 90 90 90 -N 5 -detpixels 16"


def with_domains(domains, *words):
    experiment = Experiment.from_nanobragg([*COMMAND.split(), *words])
    return dataclasses.replace(
        experiment, crystal=dataclasses.replace(experiment.crystal, domains=domains)
    )


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"kind": "gauss"}, r"mosaic_kind = 'gauss' must be one of nanobragg, gaussian"),
        ({"kind": "gaussian", "count": 3}, "needs the standard deviation"),
        ({"kind": "gaussian", "spread": 4.0}, "more than half a turn; check its unit"),
        ({"kind": "anisotropic"}, "needs three angles"),
        ({"kind": "anisotropic", "spreads": (0.1, -0.1, 0.1)}, "must not be negative"),
        ({"spreads": (0.1, 0.1, 0.1)}, "has not three angles"),
        ({"kind": "listed"}, "needs a list of rotations"),
        ({"kind": "listed", "listed": TWO, "count": 3}, "as long as crystal.mosaic_domains, 3"),
        ({"kind": "listed", "listed": TWO, "count": 2, "seed": 3}, "have no effect"),
        ({"listed": TWO}, "takes no list"),
    ],
)
def test_what_a_kind_lacks_or_makes_nothing_of_is_refused(fields, fault):
    with pytest.raises(ExperimentError, match=fault):
        Domains(**fields)


@pytest.mark.parametrize(
    ("rotation", "weight", "fault"),
    [
        (2.0 * np.eye(3), 1.0, "number 2 is no rotation"),
        (-np.eye(3), 1.0, "number 2 is no rotation.*right-handed"),
        (np.full((3, 3), np.nan), 1.0, "number 2 is no rotation"),
        (TURNED.round(4), 1.0, "to 7 digits"),
        (TURNED, -1.0, "number 2 has a weight"),
        (TURNED, np.nan, "number 2 has a weight"),
        (TURNED, np.inf, "number 2 has a weight"),
    ],
)
def test_what_is_no_domain_is_refused_by_its_number(rotation, weight, fault):
    with pytest.raises(ExperimentError, match=fault):
        ListedDomains(np.array([np.eye(3), rotation]), [1.0, weight])


def test_domains_without_any_weight_are_refused():
    with pytest.raises(ExperimentError, match="weight 0; give weights"):
        ListedDomains([np.eye(3)], [0.0])


def test_a_matrix_of_seven_digits_is_a_rotation():
    assert len(ListedDomains([TURNED.round(7)], [1.0])) == 1


def test_weights_are_relative_to_their_mean():
    assert Domains.of_list(TWO).weights.tolist() == [0.5, 1.5]
    assert Domains.of_list(ListedDomains(TWO.rotation, [0.1, 0.1])).weights is None


@pytest.mark.parametrize(
    "other",
    [
        ListedDomains(TWO.rotation, [1.0, 2.0]),
        ListedDomains(TWO.rotation[::-1], TWO.weight),
        ListedDomains(TWO.rotation, TWO.weight, "crystal"),
    ],
    ids=["weight", "rotation", "axes"],
)
def test_the_hash_of_an_experiment_tells_lists_apart(other):
    one, two = (with_domains(Domains.of_list(listed)) for listed in (TWO, other))
    assert one != two
    assert one.sha256 != two.sha256


def test_a_document_holds_the_hash_of_a_list_and_no_array():
    experiment = with_domains(Domains.of_list(TWO))
    document, arrays = experiment.to_dict(), experiment.arrays()
    assert document["crystal"]["domains"]["listed"] == {
        "sha256": TWO.sha256, "count": 2, "axes": "laboratory",
    }  # fmt: skip
    assert Experiment.from_dict(document, arrays) == experiment
    assert pickle.loads(pickle.dumps(experiment)) == experiment


def test_arrays_of_another_list_are_refused():
    experiment = with_domains(Domains.of_list(TWO))
    arrays = experiment.arrays() | {"domains/weight": np.array([1.0, 2.0])}
    with pytest.raises(ExperimentError, match=r"crystal\.domains: the arrays have SHA-256"):
        Experiment.from_dict(experiment.to_dict(), arrays)


def test_documents_of_before_there_were_kinds_are_those_of_nanobragg():
    experiment = with_domains(Domains(0.01, 3, 7))
    document = experiment.to_dict()
    for name in ("kind", "spreads", "listed"):
        del document["crystal"]["domains"][name]
    assert Experiment.from_dict(document, experiment.arrays()) == experiment


@pytest.mark.parametrize(
    ("domains", "with_crystal"),
    [
        (Domains(0.1, 2), False),
        (Domains(0.1, 2, kind="gaussian"), True),
        (Domains(count=2, kind="anisotropic", spreads=(0.1, 0.2, 0.3)), True),
        (Domains.of_list(TWO), False),
        (Domains.of_list(ListedDomains(TWO.rotation, TWO.weight, "crystal")), True),
    ],
    ids=["nanobragg", "gaussian", "anisotropic", "laboratory", "crystal"],
)
def test_gaussian_domains_turn_with_the_crystal_and_nanobraggs_stay(domains, with_crystal):
    crystal = with_domains(domains).crystal
    rotation = about_fixed_axes(0.3, 0.2, 0.1)
    for own, found in zip(
        domains.rotations(crystal.reciprocal_vectors),
        crystal.in_domains(rotation[None])[0],
        strict=True,
    ):
        both = rotation @ own if with_crystal else own @ rotation
        np.testing.assert_allclose(found, crystal.direct_vectors @ both.T, atol=1e-12)


def test_anisotropic_domains_turn_about_the_reciprocal_axes():
    domains = Domains(count=9, kind="anisotropic", spreads=(0.0, 0.0, 0.2))
    crystal = with_domains(domains, "-cell", *["70", "80", "90", "75", "85", "95"]).crystal
    c_star = crystal.reciprocal_vectors[2]
    for rotation in domains.rotations(crystal.reciprocal_vectors):
        np.testing.assert_allclose(rotation @ c_star, c_star, atol=1e-16)
        assert np.abs(rotation - np.eye(3)).max() > 1e-4


def test_a_sample_of_a_list_has_domains_of_weight_alone():
    listed = ListedDomains(np.array([TURNED, np.eye(3), TURNED]), [0.0, 1.0, 2.0])
    assert Domains.of_list(listed).some(3).count == 3
    assert Domains.of_list(listed).some(2).listed.weight.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        (Domains(0.1, 3), {"kind": "gaussian"}, Domains(0.1, 3, kind="gaussian")),
        (
            Domains(0.1, 3, kind="gaussian"),
            {"spread": (0.1, 0.2, 0.3)},
            Domains(0.0, 3, kind="anisotropic", spreads=(0.1, 0.2, 0.3)),
        ),
        (
            Domains(0.0, 3, kind="anisotropic", spreads=(0.1, 0.2, 0.3)),
            {"kind": "nanobragg", "spread": 0.2, "seed": 5},
            Domains(0.2, 3, 5),
        ),
        (
            Domains.of_list(TWO),
            {"kind": "gaussian", "spread": 0.1},
            Domains(0.1, 2, kind="gaussian"),
        ),
        (Domains.of_list(TWO), {}, Domains.of_list(TWO)),
    ],
)
def test_a_change_of_the_kind_takes_what_it_needs(before, changes, after):
    assert before.changed(changes) == after


@pytest.mark.parametrize(
    ("before", "changes", "fault"),
    [
        (Domains.of_list(TWO), {"spread": 0.1}, "listed are read with a document"),
        (Domains(0.1, 3), {"kind": "listed"}, "listed are read with a document"),
        (Domains(0.1, 3), {"kind": "anisotropic"}, "needs three angles"),
        (
            Domains(0.0, 3, kind="anisotropic", spreads=(0.1, 0.2, 0.3)),
            {"spread": 0.1},
            "give three angles",
        ),
    ],
)
def test_a_change_that_has_no_clear_meaning_is_refused(before, changes, fault):
    with pytest.raises(ExperimentError, match=fault):
        before.changed(changes)


@pytest.mark.parametrize(
    "changes", [{"crystal.mosaic_kind": "gaussian"}, {"crystal.shape": "gauss_hkl"}], ids=str
)
def test_what_the_c_program_has_not_cannot_be_had_as_c_has_it(changes):
    experiment = with_domains(Domains(0.1, 3))
    with pytest.raises(ExperimentError, match="the C program knows none such"):
        experiment.with_({"c_compat": True, **changes})
