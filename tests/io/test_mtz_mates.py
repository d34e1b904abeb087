"""Expansion of an MTZ, held against structure factors of atoms that scatter anomalously."""

import gemmi
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tiled_sim.io.mtz import read_mtz

GROUPS = {
    "P 1 21 1": (20, 25, 30, 90, 100, 90),
    "C 1 2 1": (30, 20, 25, 90, 110, 90),
    "P 43 21 2": (25, 25, 40, 90, 90, 90),
    "R 3 2:H": (30, 30, 40, 90, 90, 120),
    "R 3 2:R": (20, 20, 20, 75, 75, 75),
    "P 1 21/c 1": (20, 25, 30, 90, 100, 90),
    "F 2 3": (35, 35, 35, 90, 90, 90),
}
DMIN = 5.0


class Model:
    """Four atoms, two of them anomalous, and all their mates in the cell."""

    def __init__(self, group):
        self.group = gemmi.SpaceGroup(group)
        self.cell = gemmi.UnitCell(*GROUPS[group])
        draw = np.random.default_rng(7)
        sites, f = draw.random((4, 3)), np.array([6.0, 8.0, 20 + 9j, 26 + 12j])
        operations = list(self.group.operations())
        copies = [[op.apply_to_xyz(list(site)) for site in sites] for op in operations]
        self.sites, self.f = np.concatenate(copies), np.tile(f, len(operations))

    def F(self, hkl):
        """Amplitudes of nodes (n, 3), by the sum over all atoms."""
        return np.abs(np.exp(2j * np.pi * np.asarray(hkl) @ self.sites.T) @ self.f)

    def asymmetric_unit(self):
        return gemmi.make_miller_array(self.cell, self.group, DMIN, unique=True)


MODELS = {group: Model(group) for group in GROUPS}


def written(path, model, hkl, columns):
    """An MTZ of these rows and of columns ``label: (type, values)``; its path."""
    mtz = gemmi.Mtz(with_base=True)
    mtz.spacegroup = model.group
    mtz.set_cell_for_all(model.cell)
    mtz.add_dataset("made")
    for label, (kind, _) in columns.items():
        mtz.add_column(label, kind)
    values = [values for _, values in columns.values()]
    mtz.set_data(np.column_stack([hkl, *values]).astype(np.float32))
    mtz.write_to_file(str(path))
    return path


def orbit(model, hkl):
    """Equivalents of a reflection by rotation, by gemmi's own operations."""
    return {tuple(op.apply_to_hkl(list(hkl))) for op in model.group.operations().sym_ops}


def friedel(hkl):
    h, k, l = hkl
    return (-h, -k, -l)


def agrees(factors, model, nodes, F):
    """Whether the given nodes are these, with F to the rounding of float32."""
    found = np.argwhere(factors.given) + factors.minimum
    assert {tuple(node) for node in found.tolist()} == set(nodes)
    place = tuple((np.array(nodes) - factors.minimum).T)
    return np.allclose(factors.amplitude[place], F, rtol=1e-5, atol=1e-5 * np.max(F))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("mtz")


@pytest.mark.parametrize("group", GROUPS)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_node_has_the_f_of_the_atoms_wherever_its_own_orbit_is_listed(folder, group, data):
    model = MODELS[group]
    unit = model.asymmetric_unit()
    seed = data.draw(st.integers(0, 2**32 - 1))
    draw = np.random.default_rng(seed)
    rows = []
    for hkl in unit.tolist():
        # any member of the orbit may stand for it, and so may one of its mates' orbit, or both
        mine, theirs = sorted(orbit(model, hkl)), sorted(orbit(model, friedel(hkl)))
        which = draw.integers(4)
        if which != 1:
            rows.append(mine[draw.integers(len(mine))])
        if which in (1, 2) and (set(mine) != set(theirs) or which == 1):
            rows.append(theirs[draw.integers(len(theirs))])
    draw.shuffle(rows)
    path = written(folder / f"{seed}.mtz", model, rows, {"F": ("F", model.F(rows))})
    listed = {node for row in rows for node in orbit(model, row)}
    nodes = sorted(listed | {friedel(node) for node in listed})
    sources = [node if node in listed else friedel(node) for node in nodes]
    assert agrees(read_mtz(path), model, nodes, model.F(sources))
    path.unlink()


@pytest.mark.parametrize("way", ["rows", "pairs", "differences"])
@pytest.mark.parametrize("group", GROUPS)
def test_three_ways_to_write_both_mates_are_the_sphere_of_the_atoms(tmp_path, group, way):
    model = MODELS[group]
    hkl = model.asymmetric_unit()
    plus, minus = model.F(hkl), model.F(-hkl)
    centric = np.array([model.group.operations().is_reflection_centric(list(h)) for h in hkl])
    columns = {
        "rows": {"F": ("F", np.concatenate([plus, minus[~centric]]))},
        "pairs": {"F(+)": ("G", plus), "F(-)": ("G", np.where(centric, np.nan, minus))},
        "differences": {
            "F": ("F", (plus + minus) / 2),
            # what a program may leave there for a centric reflection
            "DANO": ("D", np.where(centric, 3.0, plus - minus)),
        },
    }[way]
    rows = np.concatenate([hkl, -hkl[~centric]]) if way == "rows" else hkl
    factors = read_mtz(written(tmp_path / "made.mtz", model, rows, columns))
    nodes = sorted({node for h in hkl.tolist() for node in orbit(model, h)})
    nodes = sorted({*nodes, *(friedel(node) for node in nodes)})
    assert np.abs(plus - minus).max() > 10 or model.group.is_centrosymmetric()
    assert agrees(factors, model, nodes, model.F(nodes))


@pytest.mark.parametrize("group", GROUPS)
def test_the_atoms_scatter_nothing_where_the_table_says_that_symmetry_forbids_it(tmp_path, group):
    model = MODELS[group]
    hkl = model.asymmetric_unit()
    path = written(tmp_path / "made.mtz", model, hkl, {"F": ("F", model.F(hkl))})
    factors = read_mtz(path)
    nodes = np.argwhere(factors.absent) + factors.minimum
    assert len(nodes) > 0 or group == "R 3 2:R"
    assert model.F(nodes).max(initial=0.0) < 1e-9 * np.abs(model.f).sum()
