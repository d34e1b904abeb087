"""What is planned of several crystals in one image: all of them count."""

import dataclasses

import numpy as np
import pytest

import torch  # isort: skip

from tiled_sim.errors import ExperimentError, UsageError
from tiled_sim.io.hkl import read_hkl
from tiled_sim.kernels.account import account_of
from tiled_sim.kernels.compiled import packages_of
from tiled_sim.kernels.making import KernelMaker
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.crystals import each_alone
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.reach import finest_spacing
from tiled_sim.model.settings import COMPILED, REFERENCE, SPOTS, Settings
from tiled_sim.physics.vectors import about_fixed_axes
from tiled_sim.plan.choice import choose_kernel, predicted_seconds
from tiled_sim.plan.coverage import measure_coverage
from tiled_sim.plan.reach import nodes_of_table
from tiled_sim.read.inputs import load_inputs

WORDS = "-default_F 40 -cell 70 80 90 90 90 90 -lambda 1 -N 9 -distance 100 -detpixels 128"
SMALL = f"{WORDS} -pixel 0.8 -gauss_xtal -oversample 1"
TWIN = (0.0, 0.0, 30.0, 0.5)
KERNELS = pytest.mark.parametrize("kernel", [REFERENCE, COMPILED, SPOTS])


def read(words=SMALL, **own):
    return Experiment.from_nanobragg(words.split(), **own)


def with_(experiment, **fields):
    """A crystal more, which is the first but for some fields."""
    other = dataclasses.replace(experiment.crystal, **fields)
    return dataclasses.replace(experiment, further_crystals=(other,))


def larger(experiment, factor=2.0):
    """A crystal more, of a larger cell."""
    crystal = experiment.crystal
    fields = {name: tuple(factor * x for x in getattr(crystal, name)) for name in "abc"}
    stars = ("a_star", "b_star", "c_star")
    fields |= {name: tuple(x / factor for x in getattr(crystal, name)) for name in stars}
    return with_(experiment, **fields)


@KERNELS
def test_the_predicted_time_is_that_of_all_crystals(kernel):
    settings = Settings(kernel, "float64", 1e-6)
    experiment = read(twins=[TWIN])
    alone = [predicted_seconds(settings, one, cores=1) for one in each_alone(experiment)]
    assert predicted_seconds(settings, experiment, cores=1) == pytest.approx(sum(alone))
    assert min(alone) > 0.0


@KERNELS
def test_every_crystal_keeps_its_orientations(kernel):
    of_many = f"{SMALL} -mosaic 1 -mosaic_domains 100000"
    one = account_of(kernel, read(of_many), 0, (1, 1, 128, 128))
    two = account_of(kernel, read(of_many, twins=[TWIN]), 0, (1, 1, 128, 128))
    least = account_of(kernel, read(), 0, (1, 1, 128, 128))
    assert two.kept - one.kept == pytest.approx(one.kept - least.kept, rel=1e-3)
    assert two.opening - two.kept >= 0


def test_structure_factors_are_kept_once():
    one, two = (
        account_of(SPOTS, experiment, 10**6, (1, 1, 128, 128)).kept
        for experiment in (read(), read(twins=[TWIN]))
    )
    assert two - one < 10**6


def test_spots_are_refused_where_those_of_any_crystal_have_no_end():
    asked = Settings(SPOTS, negligible=1e-6)
    chosen = choose_kernel(read(twins=[TWIN]), asked, device="cpu", cores=1)
    assert (chosen.kernel, chosen.negligible) == (SPOTS, 1e-6)
    with pytest.raises(UsageError, match="shape square have no end"):
        choose_kernel(with_(read(), shape="square"), asked, device="cpu", cores=1)


def test_packages_of_all_shapes_are_compiled():
    one, both = (packages_of(e, "float64") for e in (read(), with_(read(), shape="square")))
    assert len(one) == 2
    assert set(both) > set(one)
    assert len(both) == len(set(both)) == 3


def test_the_nodes_that_any_crystal_looks_up_are_covered(tmp_path):
    # a still from one side: a turned crystal looks up others
    lines = [f"{h} {k} {l} 1" for h in range(-9, 10) for k in range(-9, 10) for l in range(-9, 10)]
    (tmp_path / "all.hkl").write_text("\n".join(lines))
    factors = read_hkl(str(tmp_path / "all.hkl"))
    experiment = read(twins=[(90.0, 0.0, 40.0, 0.5)])
    mask = load_inputs(experiment).mask
    both, first, second = (
        measure_coverage(one, factors, mask).reflections
        for one in (experiment, *each_alone(experiment))
    )
    assert max(first, second) < both <= first + second


def test_a_table_reaches_as_far_as_the_largest_cell_needs(data):
    words = f"{SMALL} -hkl {data / 'p1.hkl'}"
    experiment = read(words, space_group="P 21 21 21")
    factors = load_inputs(experiment).factors
    alone, both = (nodes_of_table(one, factors) for one in (experiment, larger(experiment)))
    assert both > 4 * alone


def test_spacings_of_the_smallest_cell_are_reached():
    experiment = read()
    smaller = larger(experiment, 0.25)
    (_, alone) = each_alone(smaller)
    assert finest_spacing(smaller) == finest_spacing(alone) < finest_spacing(experiment)


def test_the_cell_of_a_file_is_that_of_every_crystal(data):
    words = SMALL.replace("-default_F 40 -cell 70 80 90 90 90 90", "")
    experiment = read(words, model=data / "2erl.pdb", model_dmin=8.0)
    assert load_inputs(experiment).factors is not None
    with pytest.raises(ExperimentError, match=r"2erl\.pdb"):
        load_inputs(larger(experiment))


def test_kernels_are_one_a_crystal_and_share_the_panels():
    experiment = read(twins=[TWIN, TWIN])
    cpu = torch.device("cpu")
    kernels = KernelMaker(experiment, Settings(REFERENCE), None, None, cpu).kernels(0)
    assert len(kernels) == 3
    assert len({id(kernel.scene.panels) for kernel in kernels}) == 1
    turn = about_fixed_axes(0.0, 0.0, np.pi / 6)
    first, second, _ = (kernel.scene for kernel in kernels)
    np.testing.assert_allclose(second.orientations[0, 0], first.orientations[0, 0] @ turn.T)
    assert second.fluence == 0.5 * first.fluence == 0.5 * first.beam.fluence


def test_a_scene_of_several_crystals_is_that_of_the_first():
    experiment = read(f"{SMALL} -mosaic 1 -mosaic_domains 3", twins=[TWIN])
    scene = Scene.of(experiment, 0)
    assert scene.crystal == experiment.crystal
    assert scene.steps * 2 == experiment.steps


def test_orientations_of_all_crystals_count_for_the_limit():
    with pytest.raises(ExperimentError, match="are 12000000 orientations"):
        read(f"{SMALL} -mosaic 1 -mosaic_domains 6000000", twins=[TWIN])
