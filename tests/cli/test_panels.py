"""``--panel NAME|N`` and all panels, as users of the verbs meet them."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from support.panels import NAMES, TOML, panels_run
from tiled_sim.cli.main import main
from tiled_sim.cli.panels import find_panel
from tiled_sim.cluster.submit import compute_missing
from tiled_sim.errors import UsageError
from tiled_sim.model.experiment import Experiment
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run
from tiled_sim.store.run_store import RunStore

Image = pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return panels_run(tmp_path_factory.mktemp("panels") / "run.zarr")


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """The same with a crystal that is turned a little."""
    changes = {"crystal.misset_deg": [10.02, 20, 30]}
    return panels_run(tmp_path_factory.mktemp("panels") / "other.zarr", changes=changes)


@pytest.fixture
def tell(capsys):
    """Run a verb; its exit code, output and complaint."""

    def call(*words):
        code = main([str(word) for word in words])
        output, complaint = capsys.readouterr()
        return code, output, complaint

    return call


@pytest.fixture
def document(tell):
    """Run a verb with --json; its exit code and document."""

    def call(*words):
        code, output, _ = tell(*words, "--json")
        return code, json.loads(output)

    return call


# Names and numbers

DETECTOR = Experiment.from_toml(TOML).detector


@pytest.mark.parametrize(("text", "number"), [*zip(NAMES, range(5), strict=True), ("3", 3)])
def test_a_panel_is_found_by_its_name_and_by_its_number(text, number):
    assert find_panel(text, DETECTOR) == number


def renamed(*names):
    panels = (
        dataclasses.replace(panel, name=name)
        for panel, name in zip(DETECTOR.panels, names, strict=True)
    )
    return dataclasses.replace(DETECTOR, panels=tuple(panels))


def test_a_number_is_that_of_a_panel_before_it_is_a_name():
    numbered = renamed("4", "3", "17", "a", "b")
    assert find_panel("4", numbered) == 4
    assert find_panel("17", numbered) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "turnd",
            "did you mean turned? The names are left, right, turned, top, small, the numbers",
        ),
        ("xyz", "no panel has this name. The names are left, right"),
        ("5", "there are 5, counted from 0"),
        ("-1", "no panel has this name"),
        ("", "no panel has this name"),
    ],
)
def test_a_panel_that_is_not_there_is_answered_with_what_there_is(text, said):
    with pytest.raises(UsageError) as refused:
        find_panel(text, DETECTOR)
    assert f"panel={text if text.isdecimal() else repr(text)}: " in str(refused.value)
    assert said in str(refused.value)


def test_a_name_that_several_panels_have_is_refused_with_their_numbers():
    with pytest.raises(UsageError, match=r"several panels have this name; .* one: 1, 4"):
        find_panel("x", renamed("a", "x", "b", "c", "x"))


def test_of_many_names_some_are_listed():
    (first, *_) = DETECTOR.panels
    many = dataclasses.replace(
        DETECTOR, panels=tuple(dataclasses.replace(first, name=f"p{n}") for n in range(256))
    )
    with pytest.raises(UsageError, match=r"p10, p11 and 244 more, the numbers 0 to 255"):
        find_panel("nothing", many)


@pytest.mark.parametrize(
    "words",
    [
        ("view", "{run}", "--panel", "tops", "--out", "{tmp}/x.png"),
        ("trace", "{run}", "--pixel", 3, 4, "--panel", "tops"),
        ("trace", TOML, "--pixel", 3, 4, "--panel", "tops"),
        ("probe", TOML, "--pixel", 3, 4, "--panel", "tops"),
        ("plan", TOML, "--trace-pixel", 3, 4, "--panel", "tops"),
        ("submit", TOML, "--out", "{tmp}/x.zarr", "--trace-pixel", 3, 4, "--panel", "tops"),
        ("compare", "{run}", "{run}", "--panel", "tops"),
    ],
)
def test_every_verb_answers_an_unknown_name_with_the_nearest_and_the_list(
    tell, run, tmp_path, words
):
    code, output, complaint = tell(*(str(w).format(run=run.path, tmp=tmp_path) for w in words))
    assert (code, output) == (2, "")
    assert "did you mean top? The names are left, right, turned, top, small" in complaint
    assert list(tmp_path.iterdir()) == []


# view


def picture(path):
    with Image.open(path) as found:
        return np.asarray(found.convert("RGB")).astype(int)


def test_view_draws_all_panels_and_one_by_its_name(tell, run, tmp_path):
    for name, words in (("all", ()), ("name", ("--panel", "top")), ("number", ("--panel", 3))):
        code, output, _ = tell("view", run.path, "--out", tmp_path / f"{name}.png", *words)
        assert (code, output.strip()) == (0, str(tmp_path / f"{name}.png"))
    np.testing.assert_array_equal(picture(tmp_path / "name.png"), picture(tmp_path / "number.png"))
    assert picture(tmp_path / "all.png").shape != picture(tmp_path / "name.png").shape


def test_view_draws_names_and_counts_when_asked(tell, run, tmp_path):
    for name, words in (("plain", ()), ("names", ("--panel-names",)), ("counts", ("--counts",))):
        assert tell("view", run.path, "--out", tmp_path / f"{name}.png", *words)[0] == 0
    plain, names = (picture(tmp_path / f"{name}.png") for name in ("plain", "names"))
    changed = (plain != names).any(axis=2)
    assert 1000 < changed.sum() < 0.05 * changed.size
    counts = picture(tmp_path / "counts.png")
    assert counts.shape != plain.shape or (counts != plain).any(axis=2).mean() > 0.05


def test_view_has_counts_of_a_run_that_counts_alone(tell, still, tmp_path):
    silent = create_run(prepare(still("-detpixels", 16)), tmp_path / "run.zarr")
    code, _, complaint = tell("view", silent.path, "--counts", "--out", tmp_path / "x.png")
    assert code == 2
    assert "--counts: " in complaint
    assert "has no counts" in complaint
    assert not (tmp_path / "x.png").exists()


# trace, probe, --trace-pixel


def test_trace_takes_a_panel_by_its_name(document, run):
    code, found = document("trace", run.path, "--pixel", 10, 12, "--panel", "turned")
    (pixel,) = found["pixels"]
    assert (code, pixel["panel"]) == (0, 2)
    assert pixel["stored"] == float(run.image[0, 2, 10, 12])


def test_trace_tells_of_a_pixel_beyond_a_panel_that_is_smaller_than_others(tell, run):
    code, _, complaint = tell("trace", run.path, "--pixel", 45, 12, "--panel", "turned")
    assert code == 2
    assert "--pixel 45 12 lies outside the 32 x 40 (slow x fast) pixels of panel 2, turned" in (
        complaint
    )


def test_probe_takes_a_panel_by_its_name(document):
    _, found = document("probe", TOML, "--pixel", 10, 12, "--panel", "turned")
    _, same = document("probe", TOML, "--pixel", 10, 12, "--panel", 2)
    _, another = document("probe", TOML, "--pixel", 10, 12)
    assert found == same
    assert found != another


def test_pixels_are_traced_on_the_panel_that_is_named_and_on_no_other(tell, tmp_path):
    words = ("--trace-pixel", 10, 12, "--panel", "right", "--kernel", "reference")
    path = tmp_path / "run.zarr"
    code, *_ = tell("submit", TOML, "--out", path, *words, "--no-progress", "--cluster", "local:1")
    assert code == 0
    made = Run(path)
    traced = [
        (trace["frame"], trace["panel"], trace["pixel"])
        for sidecar in made.sidecars
        for trace in sidecar["traces"]
        if trace["reason"] == "requested"
    ]
    assert sorted(traced) == [(0, 1, [10, 12]), (1, 1, [10, 12])]
    assert made.plan.trace_panel == 1
    # another panel of it can be traced all the same
    assert tell("trace", path, "--pixel", 10, 12, "--panel", "top")[0] == 0


def test_a_pixel_that_is_masked_on_the_panel_that_is_named_is_refused(tell):
    code, _, complaint = tell("plan", TOML, "--trace-pixel", 1, 2, "--panel", "left")
    assert code == 2
    assert "--trace-pixel 1 2 is masked or outside the region of interest on panel 0" in complaint
    assert tell("plan", TOML, "--trace-pixel", 1, 2)[0] == 0  # other panels have it


def test_a_panel_without_a_pixel_to_trace_is_refused(tell):
    code, _, complaint = tell("plan", TOML, "--panel", "left")
    assert code == 2
    assert "--panel goes with --trace-pixel SLOW FAST" in complaint


# compare


def test_all_panels_are_compared(document, run, other):
    code, found = document("compare", run.path, other.path)
    assert code == 6
    assert found["a"]["shape"] == [5, 64, 56]
    assert [one["name"] for one in found["panels"]] == list(NAMES)
    a, b = (one.image[0].values.astype(np.float64) for one in (run, other))
    live = run.mask.values == 0
    assert found["comparison"]["pixels"] == live.sum()
    assert found["comparison"]["masked"] == 56 * 6  # outside the region of the first
    for image, name in ((a, "sum_a"), (b, "sum_b")):
        assert found["comparison"][name] == pytest.approx(image[live].sum())
        for panel, one in enumerate(found["panels"]):
            assert one[name] == pytest.approx(image[panel][live[panel]].sum())
    correlation = np.corrcoef(a[live], b[live])[0, 1]
    assert found["comparison"]["correlation"] == pytest.approx(correlation)
    worst = np.unravel_index((np.abs(b - a) * live).argmax(), a.shape)
    at = (
        found["comparison"]["largest_difference_panel"],
        *found["comparison"]["largest_difference_at"],
    )
    assert at == worst
    for pair in found["comparison"]["peaks"]["pairs"]:
        for image, letter in ((a, "a"), (b, "b")):
            assert image[pair[f"panel_{letter}"], *pair[f"slow_fast_{letter}"]] == pair[letter]
        assert pair["panel_a"] == pair["panel_b"]


def test_a_panel_that_differs_is_seen_among_equal_ones(tell, run, tmp_path):
    copy = shutil.copytree(run.path, tmp_path / "copy.zarr")
    store = RunStore.open(copy, mode="r+")
    for tile in Run(copy).plan:
        if tile.panels == (3, 4):
            store.write_tile(tile, store.read_part(tile) * np.float32(1.5))
    code, output, _ = tell("compare", run.path, copy)
    assert code == 6
    rows = {line.split()[1]: line.split()[3] for line in output.splitlines() if "(" in line[:12]}
    assert {name for name, ratio in rows.items() if ratio != "1"} == {"(top)"}
    assert float(rows["(top)"]) == pytest.approx(1.5, rel=1e-6)
    assert "of panel 3 (top)" in output
    for panel, expected in (("top", 6), ("left", 0)):
        assert tell("compare", run.path, copy, "--panel", panel)[0] == expected


def test_one_panel_is_compared_with_its_own_pixels(document, run, other):
    _, found = document("compare", run.path, other.path, "--panel", "turned")
    assert found["a"]["shape"] == [32, 40]
    assert found["a"]["panel"] == 2
    assert "panels" not in found


def test_a_number_is_that_of_a_panel_before_it_is_a_name_in_a_comparison_too(document, tmp_path):
    experiment = Experiment.from_toml(TOML)
    first, second, *_ = experiment.detector.panels
    panels = (dataclasses.replace(first, name="1"), dataclasses.replace(second, name="0"))
    detector = dataclasses.replace(experiment.detector, panels=panels)
    prepared = prepare(dataclasses.replace(experiment, detector=detector), require_coverage=None)
    run = compute_missing(create_run(prepared, tmp_path / "run.zarr"))
    _, found = document("compare", run.path, run.path, "--panel", "1")
    assert found["a"]["shape"] == list(second.pixels) != list(first.pixels)
    assert found["a"]["panel"] == 1


def test_equal_runs_are_the_same_with_their_counts(document, run):
    code, found = document("compare", run.path, run.path, "--counts")
    assert (code, found["passed"]) == (0, True)
    assert all(one["largest_difference"] == 0 for one in found["panels"])


def test_a_comparison_of_all_panels_is_drawn_along_the_beam(tell, run, other, tmp_path):
    code, output, _ = tell("compare", run.path, other.path, "--picture", tmp_path / "both.png")
    assert code == 6
    assert "both.png" in output
    found = picture(tmp_path / "both.png")
    grey = (np.abs(found - 0xB0).sum(axis=2) < 6).mean()
    assert 0.1 < grey < 0.6  # gaps
    assert len(np.unique(found.reshape(-1, 3), axis=0)) > 200


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--roi", 1, 5, 1, 5), "--roi is that of one panel, and"),
        (("--mask", TOML), "--mask is that of one panel, and"),
    ],
)
def test_what_is_of_one_panel_needs_its_name(tell, run, words, said):
    code, _, complaint = tell("compare", run.path, run.path, *words)
    assert code == 2
    assert said in complaint
    assert "--panel NAME|N says which" in complaint


def test_a_single_image_is_held_against_one_panel(tell, document, run, tmp_path):
    np.savez(tmp_path / "one.npz", image=run.image[0, 2].values[:32, :40])
    code, _, complaint = tell("compare", run.path, tmp_path / "one.npz")
    assert code == 2
    assert "has 5 panels and" in complaint
    assert "--panel NAME|N says which panel it is held against" in complaint
    code, found = document("compare", run.path, tmp_path / "one.npz", "--panel", "turned")
    assert (code, found["comparison"]["equal"]) == (0, True)


def test_runs_of_other_panels_are_not_compared(tell, run, still, tmp_path):
    single = create_run(prepare(still("-detpixels", 16)), tmp_path / "run.zarr")
    code, _, complaint = tell("compare", run.path, single.path)
    assert code == 2
    assert "5 panels of 20 x 48, 32 x 40" in complaint
    assert "1 panel of 16 x 16 pixels" in complaint


def test_panels_of_an_hdf5_file_are_compared_with_those_of_a_run(document, run, tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "all.h5", "w") as file:
        file["entry/data/data"] = run.image.values
    code, found = document("compare", run.path, tmp_path / "all.h5", "--frame", 1)
    assert (code, len(found["panels"]), found["comparison"]["equal"]) == (0, 5, True)
