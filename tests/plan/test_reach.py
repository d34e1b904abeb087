"""How far a detector looks, and what a table holds beyond the ranges of its file."""

import dataclasses

import gemmi
import numpy as np
import pytest
import torch

from tiled_sim.errors import ExperimentError
from tiled_sim.io.space_group import of_space_group
from tiled_sim.model.structure_factors import Provenance, StructureFactors
from tiled_sim.physics.lattice import indices
from tiled_sim.plan.coverage import measure_coverage
from tiled_sim.plan.reach import nodes_of_table, table_of
from tiled_sim.read.inputs import load_mask
from tiled_sim.read.nanobragg.reader import read_options

CPU = torch.device("cpu")
C2 = gemmi.SpaceGroup("C 1 2 1")
#: Of a crystal of 54 Å that is seen to 2.3 Å or so: |h| to 23, |k| and |l| to 10.
WORDS = (
    "-hkl none.hkl -cell 54 23 23 90 110 90 -misset 12 34 56 -lambda 1 -N 4 -distance 60 "
    "-detpixels 48 -pixel 1.2 -oversample 1 -nointerpolate"
)
#: With the shape of crystal that each can do.
KERNELS = {"reference": "", "spots": "-tophat_spots -fudge 0.3"}
FILE_REACH = 5


def still(line="", **keywords):
    return read_options(f"{WORDS} {line}".split(), **keywords)


def listing(reach, F):
    """All that ``F(hkl)`` gives of -reach … reach, as a file; NaN where it gives nothing."""
    side = 2 * reach + 1
    nodes = np.argwhere(np.ones((side,) * 3, dtype=bool)) - reach
    values = np.array([F(hkl) for hkl in nodes.tolist()]).reshape((side,) * 3)
    given = np.isfinite(values)
    provenance = Provenance("none.hkl", "hkl", 1, "0" * 64, int(given.sum()))
    return StructureFactors(np.where(given, values, 0.0), given, (-reach,) * 3, provenance)


def F_of(hkl):
    return 50.0 + (7 * hkl[0] + 11 * hkl[1] + 13 * hkl[2]) % 40


def is_allowed(hkl):
    return (hkl[0] + hkl[1]) % 2 == 0


def of_file(hkl):
    """What a list to ±5 gives: no forbidden node, and with gaps of its own."""
    return F_of(hkl) if is_allowed(hkl) and hkl[2] != 3 else np.nan


@pytest.fixture
def short():
    """A list that ends far before the detector does, of a centred crystal."""
    return of_space_group(listing(FILE_REACH, of_file), C2)


def kinds_at(table, *nodes):
    h, k, l = torch.tensor(nodes, dtype=torch.float64).T
    places = table.nodes(indices(h, k, l))
    return table.nearest(places).tolist(), table.kind_of(places).tolist()


@pytest.mark.parametrize("kernel", KERNELS)
def test_an_image_has_default_f_at_gaps_and_nothing_at_absences_near_and_far(
    simulate, short, kernel
):
    def as_it_is_meant(hkl):
        if not is_allowed(hkl):
            return 0.0
        known = max(map(abs, hkl)) <= FILE_REACH and np.isfinite(of_file(hkl))
        return F_of(hkl) if known else 30.0

    experiment = still(f"-default_F 30 {KERNELS[kernel]}")
    meant = simulate(experiment, factors=listing(30, as_it_is_meant), kernel=kernel)
    found = simulate(experiment, factors=short, kernel=kernel)
    filled = simulate(experiment, factors=dataclasses.replace(short, absences=None), kernel=kernel)
    assert found.panel.tobytes() == meant.panel.tobytes()
    assert filled.panel.sum() > 1.3 * found.panel.sum() > 0


@pytest.mark.parametrize("kernel", KERNELS)
def test_without_default_f_absences_change_no_bit(simulate, short, kernel):
    experiment = still(KERNELS[kernel])
    plain = dataclasses.replace(short, absences=None)
    with_them, without = (simulate(experiment, factors=f, kernel=kernel) for f in (short, plain))
    assert with_them.panel.tobytes() == without.panel.tobytes()


def test_look_ups_of_absences_are_counted_apart_and_inside_the_ranges_only(simulate, short):
    met, before = (
        simulate(still(line), factors=factors).results[0].lookups
        for line, factors in (
            ("-default_F 30", short),
            ("-default_F 30", dataclasses.replace(short, absences=None)),
        )
    )
    assert before.forbidden == 0
    assert met.forbidden > 50
    assert met.absent + met.forbidden == before.absent
    assert met.absent > 0
    assert met.out_of_range == before.out_of_range > 50
    assert met.total == before.total == 48 * 48


def test_a_table_goes_on_as_far_as_the_detector_looks(short):
    experiment = still("-default_F 30")
    table = table_of(experiment, short, CPU)
    F, _ = kinds_at(table, (21, 0, 0), (20, 0, 0), (-9, -8, 7), (6, 0, 0), (1, 0, 0), (1, 1, 3))
    assert F == [0.0, 30.0, 0.0, 30.0, 0.0, 30.0]


@pytest.mark.parametrize("line", ["", "-default_F 30 -interpolate"])
def test_a_table_that_needs_nothing_beyond_the_ranges_ends_with_them(short, line):
    experiment = still(line.replace("-nointerpolate", ""))
    assert nodes_of_table(experiment, short) == 11**3
    assert table_of(experiment, short, CPU).minimum == short.minimum


def test_a_group_that_forbids_nothing_needs_nothing_beyond_the_ranges():
    factors = of_space_group(listing(2, F_of), gemmi.SpaceGroup("P 1 2 1"))
    assert nodes_of_table(still("-default_F 30"), factors) == 5**3


def test_dmin_ends_the_table_sooner(short):
    wide, narrow = (
        nodes_of_table(still(f"-default_F 30 {dmin}"), short) for dmin in ("", "-dmin 3.5")
    )
    assert 11**3 < narrow < 0.5 * wide


def test_a_table_beyond_all_measure_is_refused(short):
    huge = still("-default_F 30 -cell 900 900 900")
    with pytest.raises(ExperimentError, match=r"beyond the ranges .*C 1 2 1 forbids.*by dmin"):
        table_of(huge, short, CPU)


def test_coverage_is_of_what_the_group_allows(short):
    experiment = still()
    full = listing(30, lambda hkl: F_of(hkl) if is_allowed(hkl) else np.nan)
    with_group = of_space_group(full, C2)
    mask = load_mask(experiment)
    plain, apart = (measure_coverage(experiment, f, mask) for f in (full, with_group))
    assert plain.fraction == pytest.approx(0.5, abs=0.05)
    assert apart.fraction == 1.0
    assert apart.forbidden == plain.reflections - apart.reflections > 100
    assert apart.given == plain.given
    assert apart.to_dict()["forbidden"] == apart.forbidden
    partly = measure_coverage(experiment, short, mask)
    assert (partly.reflections, partly.forbidden) == (apart.reflections, apart.forbidden)
    assert 0 < partly.given < partly.in_range < partly.reflections


def test_a_group_whose_absences_are_listed_covers_them():
    experiment = still()
    every = of_space_group(listing(30, F_of), C2)
    found = measure_coverage(experiment, every, load_mask(experiment))
    assert (found.forbidden, found.fraction) == (0, 1.0)
