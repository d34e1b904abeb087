"""Light from the wrong side: what an experiment refuses, and what allows it."""

import dataclasses
import math

import numpy as np
import pytest

from tiled_sim.errors import ExperimentError
from tiled_sim.model.beam import Source, Spectrum
from tiled_sim.model.experiment import Experiment
from tiled_sim.physics.vectors import about_axis, as_tuple
from tiled_sim.read.nanobragg.reader import read_options

LINE = (
    "-default_F 100 -cell 100 -N 5 -lambda 1 -distance 100 -detpixels 64 -pixel 0.2 -oversample 1"
)


def read(line="", **own):
    return read_options(f"{LINE} {line}".split(), **own)


def with_panels(experiment, *panels, **fields):
    detector = dataclasses.replace(experiment.detector, panels=panels)
    return dataclasses.replace(experiment, detector=detector, **fields)


def swung(panel, degrees):
    """A panel turned about the sample and the laboratory's y."""
    turn = about_axis((0.0, 1.0, 0.0), math.radians(degrees))
    axes = ("origin", "fast_axis", "slow_axis", "normal")
    return dataclasses.replace(
        panel, **{axis: as_tuple(turn @ np.array(getattr(panel, axis))) for axis in axes}
    )


def test_a_detector_upstream_is_refused_with_the_likely_cause():
    experiment = read()
    (panel,) = experiment.detector.panels
    with pytest.raises(ExperimentError, match=r"upstream of the sample.*dxtbx's `direction` to"):
        with_panels(experiment, swung(panel, 180.0))


def test_those_of_many_panels_are_named():
    experiment = read()
    (panel,) = experiment.detector.panels
    behind = [dataclasses.replace(swung(panel, 180.0), name=f"b{n}") for n in range(5)]
    with pytest.raises(ExperimentError, match=r"5 of 6 panels \(b0, b1, b2 …\) stand upstream"):
        with_panels(experiment, panel, *behind)


@pytest.mark.parametrize(("degrees", "stands"), [(89.0, True), (93.0, True), (97.0, False)])
def test_a_panel_that_sees_anything_forward_is_not_upstream(degrees, stands):
    # it spans ±3.7°
    experiment = read()
    (panel,) = experiment.detector.panels
    if stands:
        assert with_panels(experiment, swung(panel, degrees)).detector.panels
        return
    with pytest.raises(ExperimentError, match="upstream"):
        with_panels(experiment, swung(panel, degrees))


def test_a_detector_upstream_may_be_allowed():
    experiment = read()
    (panel,) = experiment.detector.panels
    made = with_panels(experiment, swung(panel, 180.0), allow_upstream=True)
    assert made.allow_upstream


def test_light_against_the_beam_is_refused_with_the_number_of_its_source():
    experiment = read()
    sources = [Source((1.0, 0.0, 0.0), 1.0), Source((-0.6, 0.8, 0.0), 1.0)]
    beam = dataclasses.replace(experiment.beam, spectrum=Spectrum.of(sources))
    with pytest.raises(
        ExperimentError, match=r"1 of 2 sources.*source 2 along \(-0.6, 0.8, 0\), 1"
    ):
        dataclasses.replace(experiment, beam=beam)
    assert dataclasses.replace(experiment, beam=beam, allow_upstream=True).beam == beam


def test_allowing_it_changes_no_hash():
    experiment = read()
    assert dataclasses.replace(experiment, allow_upstream=True).sha256 == experiment.sha256


def test_a_document_of_before_the_option_is_read_as_it_stands():
    experiment = read("-beam_vector -1 0 0", allow_upstream=True)
    document = experiment.to_dict()
    del document["allow_upstream"]
    assert Experiment.from_dict(document, experiment.arrays()).detector == experiment.detector


def test_shifting_a_detector_through_the_sample_is_refused():
    with pytest.raises(ExperimentError, match=r"turns its back to the sample"):
        read().with_({"detector.shift_mm": [-150.0, 0.0, 0.0]})


def test_with_allows_what_with_made():
    experiment = read().with_({"allow_upstream": True})
    assert experiment.allow_upstream


# nanoBragg options


@pytest.mark.parametrize(
    "line",
    ["-beam_vector -1 0 0", "-xds -twotheta 120", "-odet_vector -1 0 0", "-detector_roty 180"],
)
@pytest.mark.parametrize("c_compat", [False, True])
def test_a_command_whose_detector_is_upstream_is_refused_until_it_is_allowed(line, c_compat):
    with pytest.raises(ExperimentError, match="allow_upstream=True"):
        read(line, c_compat=c_compat)
    assert read(line, c_compat=c_compat, allow_upstream=True).allow_upstream


def test_a_source_list_with_its_signs_turned_around_is_refused_with_where_sources_stand(tmp_path):
    listed = tmp_path / "s.txt"
    listed.write_text("10 0 0 1 1e-10\n")
    fault = r"1 of 1 sources .* 180° from the beam's \(1, 0, 0\).*stand along \(-1, 0, 0\)"
    with pytest.raises(ExperimentError, match=fault):
        read(f"-sourcefile {listed}")
    # the beam is then that of the sources, and the detector upstream of it
    assert read(f"-sourcefile {listed}", allow_upstream=True).beam.direction == (-1.0, 0.0, 0.0)


def test_a_divergence_of_more_than_a_half_circle_is_refused():
    with pytest.raises(ExperimentError, match="travels against the beam"):
        read("-hdivrange 4000 -hdivsteps 9")
