"""What an experiment meets of F: coverage, and the reflections under a pixel."""

import dataclasses

import pytest

import tiled_sim as ts
from tiled_sim.errors import UsageError
from tiled_sim.instruments.probe import covering, judge_command, probe_reflections, with_coverage
from tiled_sim.instruments.probed_experiment import under_pixel
from tiled_sim.model.experiment import Reflections

STILL = "-cell 70 80 90 -lambda 1 -N 5 -distance 100 -detpixels 64 -pixel 0.4 -oversample 1"


@pytest.fixture
def listed(tmp_path):
    """Write an HKL list of these lines; the source that names it."""

    def write(name, *lines):
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in lines))
        return Reflections(str(path), "hkl")

    return write


def judge(line):
    return judge_command(f"{STILL} {line}".split(), c_compat=False, fdump=(), mtz=())


def covered(reflections, experiment):
    return covering(probe_reflections(reflections, experiment), experiment)


# Coverage


def test_a_list_of_reflections_that_the_detector_cannot_see_looks_like_a_stub(listed, in_data):
    far = listed("far.hkl", *(f"{h} 60 70 1" for h in range(300)))
    experiment = ts.Experiment.from_nanobragg(["-hkl", "p1.hkl", *STILL.split()])
    assert probe_reflections(far).stub == ""
    reach = covered(far, experiment).coverage.reflections
    assert reach > 100
    assert covered(far, experiment).stub == (
        f"it gives 0 of the {reach} reflections in reach of the detector"
    )
    assert covered(Reflections("p1.hkl", "hkl"), experiment).stub == ""


def test_a_source_that_submit_would_refuse_for_its_coverage_is_marked(listed, in_data):
    stub = listed("stub.hkl", "1 12 3 100")
    verdict, _, experiment = judge(f"-hkl {stub.path}")
    marked = with_coverage(verdict, [covered(stub, experiment)])
    assert marked.reflections == stub
    assert "`submit` refuses it: it gives 0 of the" in marked.reason
    whole, _, experiment = judge("-hkl p1.hkl")
    one = covered(whole.reflections, experiment)
    assert with_coverage(whole, [one]) == whole


def test_a_source_that_cannot_be_read_has_no_coverage(tmp_path):
    _, _, experiment = judge("-default_F 5")
    gone = covered(Reflections(str(tmp_path / "gone.hkl"), "hkl"), experiment)
    assert gone.coverage is None
    assert "gone.hkl" in gone.error


# Pixels


def test_the_reflections_of_a_pixel_come_with_their_shares(in_data):
    verdict, _, experiment = judge("-hkl p1.hkl -phi 1 -osc 40 -phisteps 4")
    one = probe_reflections(verdict.reflections)
    found = under_pixel(experiment, verdict, one.factors, (10, 50))
    assert (found.slow, found.fast, found.frame, found.panel) == (10, 50, 0, 0)
    assert found.live
    assert found.known_F
    assert found.steps == sum(each.steps for each in found.reflections) == 4
    assert len(found.reflections) > 1
    assert sum(each.share_of_intensity for each in found.reflections) == pytest.approx(1)


def test_default_F_alone_makes_F_known(in_data):
    verdict, _, experiment = judge("-default_F 5")
    assert under_pixel(experiment, verdict, None, (10, 50)).known_F
    verdict, _, experiment = judge("")
    assert not under_pixel(experiment, verdict, None, (10, 50)).known_F


def test_a_later_frame_has_other_reflections(in_data):
    verdict, _, experiment = judge("-default_F 5 -phi 1 -osc 8 -phisteps 2")
    exposures = dataclasses.replace(experiment.exposures, count=2)
    experiment = dataclasses.replace(experiment, exposures=exposures)
    first, second = (
        under_pixel(experiment, verdict, None, (10, 50), frame=frame) for frame in (0, 1)
    )
    assert {each.hkl for each in first.reflections} != {each.hkl for each in second.reflections}


def test_a_pixel_outside_the_region_is_said_to_be_dead(in_data):
    verdict, _, experiment = judge("-default_F 5 -roi 0 9 0 9")
    assert under_pixel(experiment, verdict, None, (9, 9)).live
    assert not under_pixel(experiment, verdict, None, (9, 10)).live


@pytest.mark.parametrize(
    ("place", "what"),
    [
        ({"pixel": (64, 0)}, "slow 64"),
        ({"pixel": (0, -1)}, "fast -1"),
        ({"pixel": (0, 0), "frame": 1}, "frame 1"),
        ({"pixel": (0, 0), "panel": 2}, "panel 2"),
    ],
)
def test_a_pixel_that_does_not_exist_is_refused(place, what):
    verdict, _, experiment = judge("-default_F 5")
    with pytest.raises(UsageError, match=f"{what} does not exist"):
        under_pixel(experiment, verdict, None, **place)
