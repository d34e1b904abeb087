"""F of models: against sums by hand over the atoms, and against a list of another program."""

import gemmi
import numpy as np
import pytest
import xraydb

from support.models import atom, cryst1, summed
from tiled_sim.errors import InputFileError
from tiled_sim.io.anomalous import Anomalous, chantler
from tiled_sim.io.coordinates import read_coordinates
from tiled_sim.io.hkl import read_hkl
from tiled_sim.io.model_factors import ModelFactors

CELL = (21.0, 24.0, 27.0, 90.0, 105.0, 90.0)
#: Iron and selenium among light atoms, in no arrangement.
ATOMS = [
    ("FE", (3.1, 4.2, 5.3)),
    ("SE", (9.7, 11.8, 2.6)),
    *(
        (element, place)
        for element, place in zip(
            "CNOCCNOSCCNO",
            np.random.default_rng(7).uniform(0.0, 20.0, (12, 3)).round(3).tolist(),
            strict=True,
        )
    ),
]


def given(factors, hkl):
    """Amplitudes at reflections hkl (n, 3), all of which are given."""
    node = tuple((hkl - np.array(factors.minimum)).T)
    assert factors.given[node].all()
    return factors.amplitude[node]


@pytest.fixture(scope="module")
def protein(data):
    return read_coordinates(data / "2erl.pdb")


@pytest.fixture
def model(tmp_path):
    """What atoms of a crystal scatter, without solvent, to 1.5 Å; and the file of it."""

    def made(atoms=ATOMS, group="P 21", cell=CELL, dmin=1.5):
        path = tmp_path / "m.pdb"
        lines = (atom(number, *one) for number, one in enumerate(atoms, start=1))
        path.write_text("\n".join([cryst1(cell, group), *lines, "END\n"]))
        return ModelFactors(read_coordinates(path), dmin, 0.0, 46.0), path

    return made


def test_f_of_a_protein_are_the_sums_over_its_atoms(protein, data):
    bare = ModelFactors(protein, 1.6, 0.0, 46.0)
    hkl = bare.hkl[:: len(bare.hkl) // 100][:100]
    by_hand = np.abs(summed(data / "2erl.pdb", hkl))
    np.testing.assert_allclose(given(bare.structure_factors(None), hkl), by_hand, rtol=1e-4)


def test_f_of_a_protein_with_solvent_are_those_of_the_shared_list(protein, data):
    factors = ModelFactors(protein, 1.6, 0.35, 46.0).structure_factors(None)
    listed = read_hkl(data / "2erl.hkl")
    nodes = np.argwhere(listed.given) + listed.minimum
    nodes = nodes[np.any(nodes != 0, axis=1)]  # F(0 0 0) alone would make them correlate
    ours, theirs = given(factors, nodes), given(listed, nodes)
    assert np.count_nonzero(factors.given) == len(nodes)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.9999
    assert ours.sum() == pytest.approx(theirs.sum(), rel=1e-4)


@pytest.mark.parametrize(("edge", "element"), [(7112.0, "FE"), (12658.0, "SE")])
def test_anomalous_differences_at_an_edge_are_those_by_hand(model, edge, element):
    sums, path = model()
    elements = {one.capitalize() for one, _ in ATOMS}
    factors = sums.structure_factors(chantler(sorted(elements), edge))
    f = {
        one: xraydb.f1_chantler(one, edge) + 1j * xraydb.f2_chantler(one, edge) for one in elements
    }
    hkl = np.array([hkl for hkl in sums.hkl.tolist() if hkl[1]])[::7]
    by_hand = np.abs(summed(path, hkl, f)) - np.abs(summed(path, -hkl, f))
    ours = given(factors, hkl) - given(factors, -hkl)
    assert abs(f[element.capitalize()].real) > 5.0
    assert np.abs(by_hand).mean() > 0.5
    np.testing.assert_allclose(ours, by_hand, rtol=0.01, atol=0.001 * np.abs(by_hand).mean())


def test_equivalents_by_rotation_have_the_same_f_and_friedel_mates_their_own(model):
    sums, _ = model()
    factors = sums.structure_factors(chantler(["Fe"], 7112.0))
    hkl = np.array([[1, 2, 3], [2, -3, 1], [0, 4, 5]])
    turned = hkl * (-1, 1, -1)
    assert given(factors, hkl).tolist() == given(factors, turned).tolist()
    assert (np.abs(given(factors, hkl) - given(factors, -hkl)) > 0.01).all()


def test_without_f_prime_friedel_mates_have_the_same_f(model):
    factors = model()[0].structure_factors(None)
    assert (factors.amplitude == factors.amplitude[::-1, ::-1, ::-1]).all()


def test_centric_reflections_have_one_f_whatever_f_second_is(model):
    sums, _ = model()
    factors = sums.structure_factors(Anomalous("made up", 7112.0, {"Fe": -5 + 7j}))
    hkl = np.array([[1, 0, 3], [4, 0, -2]])
    assert given(factors, hkl).tolist() == given(factors, -hkl).tolist()


def test_what_is_made_once_serves_every_energy(model):
    sums, path = model()
    factors = [{"Fe": -7 + 1j}, {"Fe": -3 + 4j, "Se": -2 + 0.5j}, {}]
    hkl = sums.hkl[::9]
    for f in factors:
        plus, minus = sums.mates(f)
        scale = np.abs(plus).mean()
        for found, index in ((plus, hkl), (minus, -hkl)):
            by_hand = np.abs(summed(path, index, f))
            assert np.abs(found[::9] - by_hand).max() < 2e-5 * scale
    assert sums.base is sums.base
    assert sums.points is sums.points


@pytest.mark.parametrize("B", [0.0, 0.5, 250.0])
def test_atoms_of_any_b_are_summed_as_well(model, B):
    lines = [(*one, {"B": B} if number == 0 else {}) for number, one in enumerate(ATOMS)]
    sums, path = model()
    path.write_text(
        "\n".join(
            [
                cryst1(CELL, "P 21"),
                *(atom(n, e, place, **more) for n, (e, place, more) in enumerate(lines, start=1)),
            ]
        )
    )
    sums = ModelFactors(read_coordinates(path), 1.5, 0.0, 46.0)
    by_hand = np.abs(summed(path, sums.hkl))
    plus, _ = sums.mates({})
    assert np.abs(plus - by_hand).max() < 2e-5 * by_hand.mean()


def test_copies_by_non_crystallographic_symmetry_scatter_too(model):
    sums, path = model(ATOMS[:6], "P 1")
    lines = path.read_text().splitlines()
    shift = [
        f"MTRIX{row}   1{row == 1:10.6f}{row == 2:10.6f}{row == 3:10.6f}     {5.0 * row:10.5f}"
        for row in (1, 2, 3)
    ]
    path.write_text("\n".join([lines[0], *shift, *lines[1:]]))
    copied = read_coordinates(path)
    assert "1 copies by non-crystallographic symmetry are added, 12 atoms in all" in copied.notes
    with_copies = ModelFactors(copied, 1.5, 0.0, 46.0)
    inverse = np.array(copied.structure.cell.frac.mat.tolist())
    phase = np.exp(2j * np.pi * (with_copies.hkl @ inverse @ np.array([5.0, 10.0, 15.0])))
    expected = np.abs(sums.base * (1 + phase))
    assert np.abs(np.abs(with_copies.base) - expected).max() < 1e-3 * expected.mean()


def test_absences_of_the_space_group_go_with_the_factors(model):
    factors = model()[0].structure_factors(None)
    assert factors.provenance.space_group == "P 1 21 1"
    screw = -np.array(factors.minimum) + (0, 3, 0)
    assert factors.absent[tuple(screw)]
    assert not factors.given[tuple(-np.array(factors.minimum))]


def test_the_provenance_tells_model_library_solvent_and_table(protein):
    energy = 7112.0
    factors = ModelFactors(protein, 4.0, 0.35, 46.0).structure_factors(
        chantler(protein.elements, energy)
    )
    found = factors.provenance
    computed = found.computed
    assert (found.format, found.size) == ("model", 116575)
    assert found.sha256.startswith("1b9dab19c3d7")
    assert found.cell == (53.91, 23.1, 23.1, 90.0, 110.4, 90.0)
    assert computed.library == f"gemmi {gemmi.__version__}"
    assert (computed.dmin, computed.solvent_k, computed.solvent_B) == (4.0, 0.35, 46.0)
    assert computed.anomalous == f"Chantler by xraydb {xraydb.__version__}"
    assert computed.energy == energy
    assert computed.elements["S"] == [
        xraydb.f1_chantler("S", energy),
        xraydb.f2_chantler("S", energy),
    ]


def test_more_reflections_than_a_grid_may_have_are_refused_with_the_number(model):
    wide = (900.0, 900.0, 900.0, 90.0, 90.0, 90.0)
    with pytest.raises(InputFileError, match=r"m\.pdb: to 1\.5 Å, h -600\.\.600.*model_dmin"):
        model(cell=wide)


def test_a_model_asked_for_nothing_is_refused(model):
    with pytest.raises(InputFileError, match="no reflection as coarse as 50 Å"):
        model(dmin=50.0)
