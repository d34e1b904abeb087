"""Panels whose sensors differ: each absorbs by its own."""

import dataclasses

import numpy as np
import pytest
import torch

from tiled_sim.model.detector import Detector, Sensor
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.settings import BY_REFERENCE
from tiled_sim.plan.planning import make_plan
from tiled_sim.read.inputs import load_inputs
from tiled_sim.simulation.simulator import Simulator

LINE = (
    "-default_F 10 -cell 70 80 90 75 85 95 -misset 10 20 30 -lambda 1 -distance 100 -pixel 0.4 "
    "-detpixels 48 -N 5 -oversample 1 -water 20"
)
THICK, THIN = Sensor(4.5e-4, 5e-4, 3), Sensor(1e-4, 2e-4, 2)
#: The sensor of each of three panels, where the detector's is another or none.
OWN = (THICK, None, THIN)


def of_panels(sensors, common=None, words=""):
    """An experiment of panels that stand one above the other, with sensors of their own."""
    made = Experiment.from_nanobragg(f"{LINE} {words}".split())
    (first,) = made.detector.panels
    x, y, z = first.origin
    panels = tuple(
        dataclasses.replace(first, origin=(x, y + 0.02 * n, z), name=str(n), sensor=sensor)
        for n, sensor in enumerate(sensors)
    )
    return dataclasses.replace(made, detector=Detector(panels, sensor=common))


@pytest.mark.parametrize(
    ("kernel", "words"),
    [("reference", ""), ("compiled", ""), ("spots", "-tophat_spots -fudge 0.5")],
)
@pytest.mark.parametrize("common", [None, Sensor(2e-4, 3e-4, 4)])
def test_each_panel_is_as_if_its_sensor_were_that_of_all(simulate, kernel, words, common):
    image = simulate(of_panels(OWN, common, words), kernel=kernel).image[0]
    for number, own in enumerate(OWN):
        everywhere = of_panels((None,) * 3, own or common, words)
        alone = simulate(everywhere, kernel=kernel).image[0]
        assert image[number].tobytes() == alone[number].tobytes()
    assert not np.array_equal(image[0], image[2])


def test_evaluations_count_the_layers_of_each(simulate):
    for settings in ({}, {"kernel": "compiled"}):
        found = simulate(of_panels(OWN), **settings).results
        evaluations = [result.evaluations for result in found]
        planned = 48 * 48 * (3 + 1 + 2)
        assert sum(one.planned for one in evaluations) == planned
        assert sum(one.done for one in evaluations) == planned


def test_a_trace_multiplies_out_on_every_panel(simulate):
    simulated = simulate(of_panels(OWN), trace_pixels=((20, 31),))
    traces = [
        trace
        for result in simulated.results
        for trace in result.traces
        if trace.reason == "requested"
    ]
    assert len(traces) == 3
    for trace in traces:
        stored = simulated.image[0, trace.panel, 20, 31]
        assert trace.values["I_pixel_final"] == pytest.approx(stored, rel=1e-6)
    # the mean of the layers, which add up
    absorbed = {one.panel: one.values["capture_fraction"] for one in traces}
    assert absorbed[1] == 1.0
    assert 3 * absorbed[0] == pytest.approx(1 - np.exp(-0.9), abs=0.05)
    assert 2 * absorbed[2] == pytest.approx(1 - np.exp(-0.5), abs=0.05)


def test_progress_ends_at_what_is_planned():
    experiment = of_panels(OWN)
    inputs = load_inputs(experiment)
    plan = make_plan(experiment, inputs, BY_REFERENCE)
    simulator = Simulator(experiment, inputs, plan, torch.device("cpu"))
    for tile in plan:
        told = []
        simulator.simulate_tile(tile, told.append)
        assert told[-1] == simulator.planned_evaluations(tile)


def test_a_sensor_of_its_own_counts_for_the_hash_and_none_does_not():
    plain, own = of_panels((None,) * 3), of_panels(OWN)
    assert plain.sha256 != own.sha256
    assert own.sha256 != of_panels((THIN, None, THICK)).sha256
    assert of_panels((None,) * 3, THICK).sha256 != plain.sha256
