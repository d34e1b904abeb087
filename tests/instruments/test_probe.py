"""What F is in each source, and which of them a command would use."""

import dataclasses

import numpy as np
import pytest

from tiled_sim.errors import ExperimentError
from tiled_sim.instruments.probe import (
    AGREEMENT,
    Outcome,
    Verdict,
    compare,
    disagreements,
    judge_command,
    judge_list,
    look_up,
    outcome,
    probe_reflections,
)
from tiled_sim.io.fdump import write_fdump
from tiled_sim.io.hkl import read_hkl
from tiled_sim.model.experiment import Reflections
from tiled_sim.model.structure_factors import Provenance, StructureFactors

STILL = "-cell 70 80 90 -lambda 1 -N 5 -distance 100 -detpixels 64 -pixel 0.4 -oversample 1"


@pytest.fixture
def listed(tmp_path):
    """Write an HKL list of these lines; the source that names it."""

    def write(name, *lines, default_F=0.0):
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in lines))
        return Reflections(str(path), "hkl", default_F)

    return write


@pytest.fixture
def probed(listed):
    """Write an HKL list of these lines and probe it."""
    return lambda name, *lines, **said: probe_reflections(listed(name, *lines, **said))


def grid(minimum, amplitude, given=None):
    amplitude = np.array(amplitude, dtype=float)
    given = np.ones(amplitude.shape, bool) if given is None else np.array(given)
    return StructureFactors(amplitude, given, minimum, Provenance("made", "hkl", 1, "ab", 1))


def judge(line, *, fdump=(), mtz=(), c_compat=False):
    return judge_command(f"{STILL} {line}".split(), c_compat=c_compat, fdump=fdump, mtz=mtz)


# One reflection in one source


def test_a_reflection_that_is_listed_is_found_with_its_f(probed):
    answer = look_up(probed("a.hkl", "-7 -1 -14 190.27", "0 0 1 3"), (-7, -1, -14))
    assert dataclasses.astuple(answer) == (True, True, 190.27, False)


def test_a_given_zero_is_given(probed):
    answer = look_up(probed("a.hkl", "0 0 1 0", default_F=5.0), (0, 0, 1))
    assert dataclasses.astuple(answer) == (True, True, 0.0, False)


def test_a_hole_in_the_ranges_is_absent_and_has_default_F(probed):
    answer = look_up(probed("a.hkl", "0 0 1 2", "0 0 3 2", default_F=5.0), (0, 0, 2))
    assert dataclasses.astuple(answer) == (True, False, 5.0, False)


@pytest.mark.parametrize("hkl", [(0, 0, 0), (0, 0, 4), (1, 0, 2), (0, -1, 2)])
def test_what_lies_outside_the_ranges_is_out_of_range_and_has_default_F(probed, hkl):
    answer = look_up(probed("a.hkl", "0 0 1 2", "0 0 3 2", default_F=5.0), hkl)
    assert dataclasses.astuple(answer) == (False, False, 5.0, False)


def test_a_zero_of_an_fdump_is_not_given_and_is_zero_whatever_default_F_is(listed, tmp_path):
    listing = read_hkl(listed("a.hkl", "0 0 1 2", "0 0 3 2").path)
    write_fdump(tmp_path / "F.bin", listing)
    source = Reflections(str(tmp_path / "F.bin"), "fdump", 5.0)
    one = probe_reflections(source)
    assert dataclasses.astuple(look_up(one, (0, 0, 2))) == (True, False, 0.0, False)
    assert dataclasses.astuple(look_up(one, (0, 0, 4))) == (False, False, 5.0, False)


def test_a_missing_file_is_a_finding_not_a_crash(tmp_path):
    one = probe_reflections(Reflections(str(tmp_path / "gone.hkl"), "hkl"))
    assert one.factors is None
    assert "gone.hkl: there is no such file" in one.error
    assert look_up(one, (0, 0, 1)) is None


# Stubs


def test_a_list_of_few_reflections_looks_like_a_stub(probed):
    assert probed("a.hkl", "1 12 3 100").stub == "it gives 1 reflection"
    lines = [f"0 0 {l} 1" for l in range(100)]
    assert probed("b.hkl", *lines[:99]).stub == "it gives 99 reflections"
    assert probed("c.hkl", *lines).stub == ""


# Two sources


def test_sources_of_the_same_values_agree(listed, tmp_path, data):
    listing = Reflections(str(data / "p1.hkl"), "hkl")
    write_fdump(tmp_path / "F.bin", read_hkl(listing.path))
    (pair,) = disagreements(
        [
            probe_reflections(listing),
            probe_reflections(Reflections(str(tmp_path / "F.bin"), "fdump")),
        ]
    )
    assert pair.both == len((data / "p1.hkl").read_text().splitlines())
    assert (pair.differing, pair.largest, pair.largest_at, pair.examples) == (0, 0.0, None, ())
    assert (pair.only_first, pair.only_second) == (0, 0)


def test_where_two_sources_differ_is_counted_and_shown():
    first = grid((0, 0, 0), [[[1.0, 2.0, 3.0, 4.0]]])
    second = grid((0, 0, 1), [[[2.0, 3.5, -4.0, 7.0]]])
    pair = compare("a", first, "b", second)
    assert (pair.both, pair.differing) == (3, 2)
    assert (pair.largest, pair.largest_at) == (8.0, (0, 0, 3))
    assert pair.examples == (((0, 0, 2), 3.0, 3.5), ((0, 0, 3), 4.0, -4.0))
    assert (pair.only_first, pair.only_second) == (1, 1)


def test_a_difference_of_rounding_is_none():
    first = grid((0, 0, 0), [[[100.0, 100.0]]])
    second = grid((0, 0, 0), [[[100.0 * (1 + 0.9 * AGREEMENT), 100.0 * (1 + 1.1 * AGREEMENT)]]])
    assert compare("a", first, "b", second).examples[0][0] == (0, 0, 1)
    assert compare("a", first, "b", second).differing == 1


def test_no_more_than_ten_are_shown():
    first, second = (grid((-3, 0, 0), np.full((5, 1, 5), value)) for value in (1.0, 2.0))
    pair = compare("a", first, "b", second)
    assert pair.differing == 25
    assert [hkl for hkl, _, _ in pair.examples] == [(h, 0, l) for h in (-3, -2) for l in range(5)]


def test_nodes_that_one_alone_gives_are_counted_with_their_zeros():
    first = grid((0, 0, 0), [[[0.0, 0.0, 5.0]]], [[[True, True, True]]])
    second = grid((0, 0, 0), [[[0.0, 0.0, 0.0]]], [[[True, False, False]]])
    pair = compare("a", first, "b", second)
    assert (pair.both, pair.differing) == (1, 0)
    assert (pair.only_first, pair.only_first_zero) == (2, 1)
    assert (pair.only_second, pair.only_second_zero) == (0, 0)


@pytest.mark.parametrize("apart", [(5, 0, 0), (-5, 0, 0), (0, 40, 0), (3, -3, 90)])
def test_grids_that_do_not_meet_have_nothing_in_common(apart):
    pair = compare("a", grid((0, 0, 0), np.ones((2, 3, 4))), "b", grid(apart, np.ones((2, 3, 4))))
    assert (pair.both, pair.differing, pair.only_first, pair.only_second) == (0, 0, 24, 24)


def test_every_pair_that_can_be_read_is_compared(probed, tmp_path):
    gone = probe_reflections(Reflections(str(tmp_path / "gone.hkl"), "hkl"))
    ones = [probed(f"{name}.hkl", "0 0 1 2") for name in "abc"]
    pairs = disagreements([ones[0], gone, *ones[1:]])
    names = [(pair.first[-5], pair.second[-5]) for pair in pairs]
    assert names == [("a", "b"), ("a", "c"), ("b", "c")]


# Which one is used


def test_hkl_wins_and_the_dump_beside_it_is_written(in_data):
    verdict, sources, _ = judge("-hkl p1.hkl -dump F.bin -default_F 2")
    assert verdict.reflections == Reflections("p1.hkl", "hkl", 2.0)
    assert sources == [verdict.reflections]
    assert "-dump F.bin is written, not read" in verdict.reason


def test_a_dump_that_exists_is_used_where_there_is_no_hkl(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "F.bin").touch()
    verdict, _, experiment = judge("-dump F.bin")
    assert verdict.reflections == Reflections("F.bin", "fdump")
    assert experiment.structure_factors == verdict.reflections
    assert verdict.reason == "-dump names it, it exists, and there is no -hkl"


def test_a_dump_that_does_not_exist_is_refused():
    verdict, sources, _ = judge("-dump none.bin")
    assert verdict.reflections is None
    assert "no such Fdump file" in verdict.reason
    assert [source.path for source in sources] == ["none.bin"]


def test_ours_are_used_where_they_stand_alone(tmp_path):
    (tmp_path / "F.bin").touch()
    verdict, _, _ = judge("", fdump=[str(tmp_path / "F.bin")])
    assert verdict.reflections.format == "fdump"
    verdict, _, _ = judge("", mtz=["a.mtz:FP"])
    assert verdict.reflections == Reflections("a.mtz", "mtz", column="FP")


@pytest.mark.parametrize(
    ("line", "ours", "named"),
    [
        ("-hkl a.hkl", {"fdump": ["F.bin"]}, ["-hkl a.hkl", "fdump='F.bin'"]),
        ("-hkl a.hkl", {"mtz": ["a.mtz"]}, ["-hkl a.hkl", "mtz='a.mtz'"]),
        ("-dump G.bin", {"fdump": ["F.bin"]}, ["-dump G.bin", "fdump='F.bin'"]),
        ("", {"fdump": ["F.bin"], "mtz": ["a.mtz"]}, ["fdump='F.bin'", "mtz='a.mtz'"]),
        ("", {"fdump": ["F.bin", "G.bin"]}, ["fdump is given 2 times (F.bin, G.bin)"]),
    ],
)
def test_two_named_sources_are_refused_and_the_geometry_is_still_there(line, ours, named):
    verdict, _, experiment = judge(line, **ours)
    assert verdict.reflections is None
    assert verdict.reason.startswith("the command is refused: ")
    assert all(name in verdict.reason for name in named)
    assert experiment.shape == (1, 1, 64, 64)


def test_without_a_file_default_F_stands_everywhere():
    verdict, sources, _ = judge("-default_F 5")
    assert (verdict.reflections, sources) == (Reflections(None, None, 5.0), [])
    assert "F is 5 everywhere" in verdict.reason


def test_without_a_file_and_default_F_the_command_is_refused():
    verdict, sources, _ = judge("")
    assert (verdict.reflections, sources) == (None, [])
    assert "no structure factors" in verdict.reason


@pytest.mark.parametrize("line", ["-hkl p1.hkl", "", "-default_F 3"])
def test_a_cache_of_the_c_program_in_the_working_directory_is_left_alone(
    line, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Fdump.bin").touch()
    verdict, sources, _ = judge(line)
    assert "Fdump.bin lies in the working directory and is not read" in verdict.reason
    assert "Fdump.bin" not in {source.path for source in sources}
    assert verdict.reflections is None or verdict.reflections.path != "Fdump.bin"


def test_what_else_is_wrong_with_a_command_is_an_error():
    with pytest.raises(ExperimentError, match="contradict"):
        judge("-hkl p1.hkl -energy 5000")


def test_of_a_bare_list_one_must_be_chosen():
    first, second = (Reflections(name, "hkl") for name in ("a.hkl", "b.hkl"))
    assert judge_list([first]).reflections == first
    verdict = judge_list([first, second])
    assert verdict.reflections is None
    assert "2 sources are named" in verdict.reason


# What it comes to


NOBODY = Verdict(None, "")


def test_the_worst_of_all_sources_counts_where_none_is_used(probed, tmp_path):
    whole = probed("a.hkl", "0 0 1 1", "0 0 2 1", "0 0 3 1")
    hole = probed("b.hkl", "0 0 1 1", "0 0 3 1")
    short = probed("c.hkl", "0 0 1 1")
    gone = probe_reflections(Reflections(str(tmp_path / "gone.hkl"), "hkl"))
    asked = [(0, 0, 2)]
    assert outcome([whole], NOBODY, asked) == Outcome.FOUND
    assert outcome([whole, hole], NOBODY, asked) == Outcome.ABSENT
    assert outcome([short, whole, hole], NOBODY, asked) == Outcome.OUT_OF_RANGE
    assert outcome([whole, gone, short], NOBODY, asked) == Outcome.UNREADABLE


def test_the_source_that_is_used_alone_counts(probed, tmp_path):
    whole, short = probed("a.hkl", "0 0 1 1", "0 0 2 1"), probed("c.hkl", "0 0 1 1")
    gone = probe_reflections(Reflections(str(tmp_path / "gone.hkl"), "hkl"))
    used = Verdict(whole.reflections, "")
    assert outcome([whole, short, gone], used, [(0, 0, 1), (0, 0, 2)]) == Outcome.FOUND
    assert (
        outcome([whole, short], Verdict(short.reflections, ""), [(0, 0, 2)]) == Outcome.OUT_OF_RANGE
    )
    assert outcome([whole, gone], Verdict(gone.reflections, ""), []) == Outcome.UNREADABLE


def test_the_worst_reflection_counts(probed):
    one = probed("a.hkl", "0 0 1 1", "0 0 3 1")
    assert outcome([one], NOBODY, [(0, 0, 1), (0, 0, 2)]) == Outcome.ABSENT
    assert outcome([one], NOBODY, [(0, 0, 9), (0, 0, 2)]) == Outcome.OUT_OF_RANGE
    assert outcome([one], NOBODY, []) == Outcome.FOUND


def test_what_no_file_gives_is_absent():
    assert outcome([], NOBODY, [(0, 0, 1)]) == Outcome.ABSENT
    assert outcome([], NOBODY, []) == Outcome.FOUND
