"""Several crystals in one image: it is the sum of what each makes alone, times its share."""

import dataclasses

import numpy as np
import pytest

from support.graphs import eager_graph
from tiled_sim.kernels import compiled
from tiled_sim.model.diffuse import Diffuse
from tiled_sim.model.domains import Domains, ListedDomains
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Listed
from tiled_sim.model.readout import Noise
from tiled_sim.model.settings import BY_REFERENCE
from tiled_sim.physics.vectors import about_fixed_axes
from tiled_sim.plan.planning import make_plan
from tiled_sim.read.inputs import load_inputs
from tiled_sim.simulation.simulator import Simulator

import torch  # isort: skip

WORDS = (
    "-default_F 40 -cell 70 80 90 75 85 95 -lambda 1 -N 5 -distance 100 -pixel 0.7 -oversample 1 "
    "-detpixels 48 -phi 3 -osc 4 -phisteps 2 -mosaic 1 -mosaic_domains 3"
)
TURN = (20.0, -30.0, 50.0)
#: Of the first crystal: its spots end soon.
NARROW = {"crystal.shape": "gauss_star"}
KERNELS = pytest.mark.parametrize(
    "kernel", ["reference", "compiled", "spots"], ids=lambda name: name
)


@pytest.fixture(autouse=True)
def _uncompiled(monkeypatch):
    monkeypatch.setattr(compiled, "load", eager_graph)


def read(*, words=WORDS, changes=NARROW, **own):
    return Experiment.from_nanobragg(words.split(), **own).with_(changes)


def weaker(experiment, factor):
    """In so much less light, or more."""
    beam = experiment.beam
    return experiment.with_({"beam.fluence_photons_per_m2": beam.fluence * factor})


def turned(experiment):
    """The first crystal alone, turned as its twin is."""
    return experiment.with_({"crystal.misset_deg": TURN})


def image_of(simulate, experiment, kernel="reference", **options):
    negligible = 1e-9 if kernel == "spots" else 0.0
    return simulate(experiment, kernel=kernel, negligible=negligible, **options).image


@KERNELS
def test_an_image_of_two_crystals_is_the_sum_of_those_of_each(simulate, kernel):
    both = read(twins=[(*TURN, 0.3)])
    first = image_of(simulate, read(), kernel).astype(np.float64)
    second = image_of(simulate, turned(read()), kernel).astype(np.float64)
    image = image_of(simulate, both, kernel)
    np.testing.assert_allclose(image, first + 0.3 * second, rtol=3e-7, atol=1e-12 * image.max())
    # neither is next to nothing
    assert 0.02 < (0.3 * second).sum() / image.sum() < 0.9


@KERNELS
def test_a_twin_that_is_not_turned_brightens_the_image(simulate, kernel):
    image = image_of(simulate, read(twins=[(0, 0, 0, 0.5)]), kernel)
    brighter = image_of(simulate, weaker(read(), 1.5), kernel)
    np.testing.assert_allclose(image, brighter, rtol=3e-7, atol=1e-12 * image.max())


def test_the_first_crystal_has_a_share_too(simulate):
    experiment = read()
    crystal = dataclasses.replace(experiment.crystal, share=0.25)
    image = image_of(simulate, dataclasses.replace(experiment, crystal=crystal))
    np.testing.assert_array_equal(image, image_of(simulate, weaker(experiment, 0.25)))


def test_crystals_may_differ_in_everything(simulate):
    experiment = read(changes={})
    other = dataclasses.replace(
        turned(experiment).crystal,
        cells=(7, 4, 6),
        shape="tophat",
        domains=Domains.of_list(ListedDomains(np.eye(3)[None], [1.0])),
        share=0.5,
    )
    both = dataclasses.replace(experiment, further_crystals=(other,))
    alone = dataclasses.replace(experiment, crystal=dataclasses.replace(other, share=1.0))
    first = image_of(simulate, experiment).astype(np.float64)
    second = image_of(simulate, alone).astype(np.float64)
    image = image_of(simulate, both)
    np.testing.assert_allclose(image, first + 0.5 * second, rtol=3e-7)
    assert both.steps == experiment.steps // 3 * 4


@KERNELS
def test_bytes_do_not_depend_on_the_tiling(simulate, kernel):
    experiment = read(twins=[(*TURN, 0.3), (90, 0, 0, 0.1)])
    whole = image_of(simulate, experiment, kernel)
    assert image_of(simulate, experiment, kernel, tile=(16, 32)).tobytes() == whole.tobytes()


@KERNELS
def test_steps_of_all_crystals_are_accounted_for(simulate, kernel):
    negligible = 1e-9 if kernel == "spots" else 0.0
    both = read(twins=[(*TURN, 0.3)])
    (result,) = simulate(both, kernel=kernel, negligible=negligible).results
    alone = [
        simulate(one, kernel=kernel, negligible=negligible).results[0].evaluations
        for one in (read(), turned(read()))
    ]
    assert result.evaluations.planned == sum(one.planned for one in alone) == 48 * 48 * 12
    assert result.evaluations.done == sum(one.done for one in alone)
    assert result.evaluations.skipped == sum(one.skipped for one in alone)
    bound = alone[0].skipped_bound + 0.3 * alone[1].skipped_bound
    assert result.evaluations.skipped_bound == pytest.approx(bound, rel=1e-12)


def test_the_light_that_the_background_scatters_does_not_depend_on_shares(simulate):
    def water(**of_crystal):
        wet, dry = (
            read(words=f"{WORDS} {more}", twins=[(*TURN, 0.3)])
            for more in ("-water 10 -beamsize 0.1", "")
        )
        images = [
            image_of(
                simulate,
                dataclasses.replace(one, crystal=dataclasses.replace(one.crystal, **of_crystal)),
            ).astype(np.float64)
            for one in (wet, dry)
        ]
        return images[0] - images[1], 3e-7 * images[0].max()

    (found, error), (due, _) = water(share=0.25), water()
    assert due.min() > 10 * error
    np.testing.assert_allclose(found, due, atol=2 * error)


def test_the_diffuse_scattering_of_each_crystal_has_its_share(simulate):
    own = {"diffuse": Diffuse((50.0,) * 3, (0.5,) * 3)}
    both, first = read(twins=[(*TURN, 0.3)], **own), read(**own)
    parts = [image_of(simulate, one).astype(np.float64) for one in (first, turned(first))]
    image = image_of(simulate, both)
    np.testing.assert_allclose(image, parts[0] + 0.3 * parts[1], rtol=3e-7)


# Traces


@KERNELS
@pytest.mark.parametrize("diffuse", [None, Diffuse((50.0,) * 3, (0.5,) * 3)], ids=["", "diffuse"])
def test_a_trace_adds_the_crystals_up(simulate, kernel, diffuse):
    experiment = read(twins=[(*TURN, 0.3), (90, 0, 0, 0.1)], diffuse=diffuse)
    options = {"negligible": 1e-9} if kernel == "spots" else {}
    (result,) = simulate(experiment, kernel=kernel, trace_pixels=((5, 7),), **options).results
    for trace in result.traces:
        row = trace.values
        scale = row["r_e_sqr"] * row["fluence_photons_per_m2"] * row["polar"] * row["omega_pixel"]
        first = scale * row["crystal_share"] * row["I_before_scaling"] / row["steps"]
        others = row["other_crystals_photons"]
        total = first + sum(others) + row.get("diffuse_photons", 0.0)
        assert len(others) == 2
        assert total == pytest.approx(row["I_pixel_final"], rel=1e-12)
        assert trace.departure == 0.0


def test_the_steps_of_a_pixel_are_those_of_all_crystals(simulate):
    experiment = read(twins=[(*TURN, 0.3)])
    inputs = load_inputs(experiment)
    plan = make_plan(experiment, inputs, BY_REFERENCE, tile=(16, 16))
    simulator = Simulator(experiment, inputs, plan, torch.device("cpu"))
    steps = simulator.steps_of_pixel((0, 0, 5, 7))
    assert [step["crystal"] for step in steps] == [1] * 6 + [2] * 6
    assert sum(step["share"] for step in steps) == pytest.approx(1.0)
    (result,) = simulate(experiment, trace_pixels=((5, 7),)).results
    row = result.traces[0].values
    second = row["other_crystals_photons"][0] / row["I_pixel_final"]
    told = sum(step["share"] for step in steps if step["crystal"] == 2)
    assert told == pytest.approx(second, rel=1e-12)


# Frames


def test_shots_turn_all_crystals_together(simulate):
    turn = about_fixed_axes(0.4, -0.2, 1.0)
    experiment = read(twins=[(*TURN, 0.3)])
    shots = dataclasses.replace(experiment, exposures=Listed(orientation=np.stack([turn, turn.T])))
    crystals = [crystal.turned(turn) for crystal in experiment.crystals]
    stands = dataclasses.replace(
        experiment,
        crystal=crystals[0],
        further_crystals=tuple(crystals[1:]),
        exposures=Listed(orientation=np.eye(3)[None]),
    )
    np.testing.assert_allclose(
        image_of(simulate, shots)[0], image_of(simulate, stands)[0], rtol=1e-5
    )


def test_a_shot_of_another_cell_has_it_for_a_twin_too(simulate):
    experiment = read(twins=[(*TURN, 0.3)])
    cell = experiment.crystal.direct_vectors * [[1.02], [0.99], [1.01]]
    exposures = Listed(orientation=np.eye(3)[None], vectors=cell[None])
    shot = dataclasses.replace(experiment, exposures=exposures)
    first, twin = (
        dataclasses.replace(
            one,
            exposures=dataclasses.replace(exposures, vectors=vectors[None]),
            further_crystals=(),
        )
        for one, vectors in (
            (shot, cell),
            (shot, cell @ about_fixed_axes(*np.radians(TURN)).T),
        )
    )
    parts = [image_of(simulate, one).astype(np.float64) for one in (first, twin)]
    np.testing.assert_allclose(image_of(simulate, shot), parts[0] + 0.3 * parts[1], rtol=1e-5)


def test_photons_of_all_crystals_are_counted(simulate):
    noise = Noise(seed=3, gain=2.0)
    both = simulate(read(twins=[(*TURN, 0.3)], noise=noise))
    assert both.counts.sum() == pytest.approx(2.0 * both.image.sum(), rel=0.01)
