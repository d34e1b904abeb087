"""Reading MTZ: the amplitudes of an asymmetric unit, for the whole sphere."""

import gzip
import hashlib
import sys

import gemmi
import numpy as np
import pytest

from tiled_sim.errors import InputFileError, UsageError
from tiled_sim.io.hkl import read_hkl
from tiled_sim.io.mtz import read_mtz, split_column

CELLS = {
    "C 1 2 1": (53.91, 23.1, 23.1, 90, 110.4, 90),
    "P 21 21 21": (31, 42, 53, 90, 90, 90),
    "P 1": (20, 25, 30, 80, 95, 100),
    "P 32 2 1": (40, 40, 60, 90, 90, 120),
}


def table(group, hkl, columns, types=None):
    """An MTZ of these indices and columns, label by label."""
    mtz = gemmi.Mtz(with_base=True)
    mtz.spacegroup = gemmi.SpaceGroup(group)
    mtz.set_cell_for_all(gemmi.UnitCell(*CELLS[group]))
    mtz.add_dataset("made")
    for label in columns:
        mtz.add_column(label, (types or {}).get(label, "F"))
    mtz.set_data(np.column_stack([hkl, *columns.values()]).astype(np.float32))
    return mtz


def asymmetric_unit(group, dmin=4.0):
    """Indices that the group does not extinguish, one of each set of equivalents."""
    return np.array(
        gemmi.make_miller_array(
            gemmi.UnitCell(*CELLS[group]), gemmi.SpaceGroup(group), dmin, unique=True
        )
    )


def amplitudes(hkl):
    """F that differ for every reflection, whole so that float32 holds them."""
    return np.arange(1.0, len(hkl) + 1)


def by_node(factors):
    """The given nodes of a grid and their F."""
    nodes = np.argwhere(factors.given) + factors.minimum
    F = factors.amplitude[factors.given]
    return {tuple(node): value for node, value in zip(nodes.tolist(), F, strict=True)}


@pytest.fixture
def written(tmp_path):
    """Write an MTZ; its path."""

    def write(mtz, name="made.mtz"):
        mtz.write_to_file(str(tmp_path / name))
        return tmp_path / name

    return write


@pytest.fixture
def simple(written):
    """Five reflections in P 1, one column."""
    hkl = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 2], [1, 2, 3], [-1, 2, 4]])
    return written(table("P 1", hkl, {"F": amplitudes(hkl)}))


# Expansion


@pytest.mark.parametrize("group", CELLS)
def test_the_sphere_is_that_of_gemmis_expansion_and_its_friedel_mates(written, group):
    hkl = asymmetric_unit(group)
    mtz = table(group, hkl, {"FP": amplitudes(hkl)})
    found = by_node(read_mtz(written(mtz)))
    mtz.expand_to_p1()
    expected = {}
    for node, F in zip(mtz.make_miller_array().tolist(), mtz.array[:, 3], strict=True):
        expected[tuple(node)] = expected[tuple(-index for index in node)] = F
    assert len(expected) > 1.9 * len(hkl)
    assert found == expected


@pytest.mark.parametrize(
    ("group", "absent"),
    [
        ("C 1 2 1", lambda h, k, l: (h + k) % 2 == 1),
        ("P 21 21 21", lambda h, k, l: (h % 2 == 1) & (k == 0) & (l == 0)),
    ],
)
def test_what_the_space_group_extinguishes_is_not_given(written, group, absent):
    hkl = asymmetric_unit(group)
    factors = read_mtz(written(table(group, hkl, {"F": amplitudes(hkl)})))
    nodes = np.argwhere(absent(*(np.indices(factors.given.shape).T + factors.minimum).T))
    assert len(nodes)
    assert not factors.given[tuple(nodes.T)].any()


def test_every_equivalent_of_a_reflection_has_its_f(written):
    hkl = np.array([[1, 2, 3]])
    found = by_node(read_mtz(written(table("P 21 21 21", hkl, {"F": [190.27]}))))
    signs = {(h, k, l) for h in (-1, 1) for k in (-2, 2) for l in (-3, 3)}
    assert set(found) == signs
    assert set(found.values()) == {float(np.float32(190.27))}


def test_a_protein_expanded_from_its_asymmetric_unit_is_its_list_of_the_sphere(written, data):
    listed = by_node(read_hkl(data / "2erl.hkl"))
    group = gemmi.SpaceGroup("C 1 2 1")
    unit = gemmi.ReciprocalAsu(group)
    hkl = np.array([node for node in listed if unit.is_in(node)])
    F = np.array([listed[tuple(node)] for node in hkl.tolist()])
    assert len(hkl) < 0.3 * len(listed)
    found = by_node(read_mtz(written(table("C 1 2 1", hkl, {"F": F}))))
    assert set(found) == set(listed)
    assert max(abs(found[node] / listed[node] - 1) for node in listed) < 1e-7


def test_equivalents_that_are_the_same_but_for_rounding_keep_their_own_f(written):
    hkl = np.array([[1, 2, 3], [-1, -2, 3]])
    found = by_node(read_mtz(written(table("P 21 21 21", hkl, {"F": [5.0, 5.0009765625]}))))
    assert (found[1, 2, 3], found[-1, -2, 3]) == (5.0, 5.0009765625)


@pytest.mark.parametrize("mate", [[-1, -2, 3], [1, -2, -3]])
def test_equivalents_that_contradict_each_other_are_refused_with_both_rows(written, mate):
    hkl = np.array([[2, 0, 0], [1, 2, 3], mate])
    path = written(table("P 21 21 21", hkl, {"F": [4.0, 5.0, 5.1]}))
    spelt = " ".join(map(str, mate))
    message = (
        rf"made.mtz: 1 2 3 \(row 2\) with F = 5 and {spelt} \(row 3\) with F = 5.1 are "
        r"equivalent in P 21 21 21 .* \(1 sets"
    )
    with pytest.raises(InputFileError, match=message):
        read_mtz(path)


def test_a_friedel_mate_with_another_f_contradicts_nothing_unless_it_is_centric(written):
    hkl = np.array([[1, 2, 3], [-1, -2, -3]])
    assert by_node(read_mtz(written(table("P 21 21 21", hkl, {"F": [5.0, 6.0]}))))[1, 2, 3] == 5
    centric = np.array([[1, 2, 0], [-1, -2, 0]])
    with pytest.raises(InputFileError, match=r"1 2 0 \(row 1\) .* -1 -2 0 \(row 2\)"):
        read_mtz(written(table("P 21 21 21", centric, {"F": [5.0, 6.0]})))


# Columns


def test_the_only_column_of_amplitudes_is_found_among_others(written):
    hkl = np.array([[1, 2, 3], [2, 0, 0]])
    columns = {"SIGF": [1.0, 1.0], "F-obs": [7.0, 8.0], "I": [49.0, 64.0], "PHI": [0.0, 90.0]}
    types = {"SIGF": "Q", "I": "J", "PHI": "P"}
    factors = read_mtz(written(table("P 1", hkl, columns, types)))
    assert by_node(factors)[1, 2, 3] == 7.0
    assert factors.provenance.notes[0].startswith("column F-obs, 2 reflections, expanded by P 1")


def test_of_several_columns_one_must_be_named(written):
    hkl = np.array([[1, 2, 3]])
    path = written(table("P 1", hkl, {"FP": [7.0], "FC": [8.0]}))
    with pytest.raises(UsageError, match=r"\(FP; FC\): name one by a label, mtz='\S*made\.mtz:FP"):
        read_mtz(path)
    assert by_node(read_mtz(path, "FC"))[1, 2, 3] == 8.0


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("FX", r"label 'FX' \(there is no such column\); there are: FP"),
        ("SIGFP", r"label 'SIGFP' \(it is of type Q\); there are: FP"),
        ("I", "I are intensities: make amplitudes of them, by `ctruncate"),
    ],
)
def test_a_label_that_is_no_amplitude_is_refused_with_what_it_is(written, asked, why):
    columns = {"FP": [7.0], "SIGFP": [1.0], "I": [49.0]}
    path = written(table("P 1", np.array([[1, 2, 3]]), columns, {"I": "J", "SIGFP": "Q"}))
    with pytest.raises(InputFileError, match=why):
        read_mtz(path, asked)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.mtz", ("a.mtz", None)),
        ("a.mtz:FP", ("a.mtz", "FP")),
        ("at:9/a.mtz", ("at:9/a.mtz", None)),
        ("a.mtz:", ("a.mtz:", None)),
    ],
)
def test_a_label_stands_behind_the_last_colon(text, expected):
    assert split_column(text) == expected


def test_a_file_with_a_colon_in_its_name_is_that_file(tmp_path):
    path = tmp_path / "a:b.mtz"
    path.write_bytes(b"MTZ ")
    assert split_column(str(path)) == (str(path), None)


# Values and provenance


def test_reflections_without_a_finite_f_are_not_given_and_counted(written):
    hkl = np.array([[1, 2, 3], [2, 0, 0], [3, 1, 1]])
    factors = read_mtz(written(table("P 1", hkl, {"F": [7.0, np.nan, np.inf]})))
    assert set(by_node(factors)) == {(1, 2, 3), (-1, -2, -3)}
    assert "2 reflections without a finite F are not given" in factors.provenance.notes


def test_a_value_that_the_file_uses_for_missing_is_not_given(written):
    hkl = np.array([[1, 2, 3], [2, 0, 0]])
    mtz = table("P 1", hkl, {"F": [7.0, -99.0]})
    mtz.valm = -99.0
    assert set(by_node(read_mtz(written(mtz)))) == {(1, 2, 3), (-1, -2, -3)}


def test_the_provenance_tells_the_file_and_counts_zeros_and_negatives(written):
    hkl = np.array([[1, 2, 3], [2, 0, 0], [3, 1, 1]])
    path = written(table("P 1", hkl, {"F": [7.0, 0.0, -2.0]}))
    found = read_mtz(path).provenance
    assert (found.path, found.format, found.unit) == (str(path), "mtz", "electron")
    assert found.size == path.stat().st_size
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (found.count, found.zero, found.negative) == (6, 2, 2)


def test_a_gzipped_file_is_read_as_what_it_holds(simple, tmp_path):
    packed = tmp_path / "packed"  # known by its content, not by its name
    packed.write_bytes(gzip.compress(simple.read_bytes()))
    assert read_mtz(packed).sha256 == read_mtz(simple).sha256
    assert read_mtz(packed).provenance.size == packed.stat().st_size


# What is refused


def test_a_file_that_is_cut_short_is_refused(simple):
    simple.write_bytes(simple.read_bytes()[:120])
    with pytest.raises(InputFileError, match=r"made\.mtz: gemmi cannot read it"):
        read_mtz(simple)


def test_a_text_list_is_refused_with_the_option_that_reads_it(data):
    with pytest.raises(InputFileError, match=r"2erl\.hkl: it does not begin as an MTZ.*-hkl"):
        read_mtz(data / "2erl.hkl")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputFileError, match=r"gone\.mtz: there is no such file"):
        read_mtz(tmp_path / "gone.mtz")


def test_a_reflection_that_is_listed_twice_is_refused(written):
    hkl = np.array([[1, 2, 3], [2, 0, 0], [1, 2, 3]])
    path = written(table("P 1", hkl, {"F": amplitudes(hkl)}))
    with pytest.raises(InputFileError, match="reflection 1 2 3 more than once"):
        read_mtz(path)


def test_a_file_of_missing_values_alone_is_refused(written):
    path = written(table("P 1", np.array([[1, 2, 3]]), {"F": [np.nan]}))
    with pytest.raises(InputFileError, match="column F holds no finite F"):
        read_mtz(path)


def test_indices_too_far_apart_are_refused(written):
    path = written(table("P 1", np.array([[30000, 30000, 30000]]), {"F": [1.0]}))
    with pytest.raises(InputFileError, match="nodes, more than"):
        read_mtz(path)


def test_an_unmerged_file_is_refused(written):
    mtz = table("P 1", np.array([[1, 2, 3]]), {"F": [1.0]})
    mtz.batches.append(gemmi.Mtz.Batch())
    with pytest.raises(InputFileError, match="not merged"):
        read_mtz(written(mtz))


def test_without_gemmi_the_remedy_is_named(simple, monkeypatch):
    monkeypatch.setitem(sys.modules, "gemmi", None)
    with pytest.raises(UsageError, match=r"pip install 'tiled_sim\[mtz\]'"):
        read_mtz(simple)
