"""The report: a page of one file that tells what a run was, finished or not."""

import base64
import dataclasses
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.browser import CHROMIUM, axe, needs_chromium
from support.damage import cut, remove
from support.exports import TILTED, experiment_of, filled_run
from support.html import Page
from tiled_sim.cli.main import main
from tiled_sim.cluster.submit import submit
from tiled_sim.errors import StoreError, UsageError
from tiled_sim.model.readout import Noise
from tiled_sim.plan.coverage import measure_coverage
from tiled_sim.report.page import write_report
from tiled_sim.run.run import Run
from tiled_sim.run.status import Progress, chosen_frame

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("matplotlib")

HOSTILE = "<script>alert(1)<script>&amp;\"'$x_$"


def reported(run, folder, **options):
    write_report(run, folder / "report.html", **options)
    return Page((folder / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def counted(still, tmp_path_factory):
    """A run with noise, computed."""
    folder = tmp_path_factory.mktemp("counted")
    experiment = dataclasses.replace(still("-detpixels", 64), noise=Noise(seed=1))
    return submit(experiment, folder / "run.zarr", tile=32, trace_pixels=[(3, 4)])


@pytest.fixture(scope="module")
def page(counted, tmp_path_factory):
    return reported(counted, tmp_path_factory.mktemp("page"))


def test_the_page_tells_what_the_run_is(counted, page):
    assert "complete" in page.text
    for text in (counted.run_id, str(counted.path), *filter(None, counted.hashes.values())):
        assert text in page.text
    assert page.rows("Beam")["wavelength"] == ["1", "Å"]
    assert page.rows("Crystal")["cells"] == ["5 5 5", ""]
    assert page.rows("Noise")["gain"] == ["1", "ADU/photon"]


def test_the_page_names_every_input_with_its_hash(counted, page):
    found = counted.attributes["structure_factors"]
    rows = page.rows("Files and lists")
    assert rows["structure factors"] == [found["path"], found["sha256"]]
    assert rows["spectrum"][1] == counted.experiment.beam.spectrum.sha256
    facts = {name: value for table in page.tables.values() for name, value, *_ in table}
    assert facts["range of h"] == f"{found['minimum'][0]} … {found['maximum'][0]}"


def test_the_page_needs_nothing_from_elsewhere(page):
    for _, attributes in page.elements:
        for name in ("src", "href"):
            assert attributes.get(name, "#").startswith(("#", "data:"))
    assert {"link", "script"}.isdisjoint(tag for tag, _ in page.elements)


def test_pictures_of_photons_and_counts_are_in_the_page(page):
    pictures = page.all("img")
    assert [one["alt"].split()[0] for one in pictures] == ["Expected", "Counts"]
    for one in pictures:
        content = base64.b64decode(one["src"].removeprefix("data:image/png;base64,"))
        with Image.open(io.BytesIO(content)) as picture:
            assert picture.width > 900


def test_tables_have_captions_and_headers_that_say_what_they_head(page):
    for attributes in page.all("th"):
        assert attributes["scope"] in ("col", "row")
    assert len(page.all("caption")) == len(page.all("table"))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for attributes in page.all("a"):
        assert attributes["href"][0] != "#" or attributes["href"][1:] in ids
    assert page.all("html") == [{"lang": "en"}]


def test_coverage_by_shell_adds_up_to_what_was_measured(counted, page):
    experiment, inputs = counted.experiment, counted.inputs()
    due = measure_coverage(experiment, inputs.factors, inputs.mask)
    *shells, (_, reach, given, *_) = page.tables["Reflections in reach of the detector"]
    assert (int(reach), int(given)) == (due.reflections, due.given)
    assert sum(int(row[1]) for row in shells) == due.reflections
    ends = [[float(end) for end in row[0].split(" – ")] for row in shells]
    assert all(low >= high for low, high in ends)
    assert ends == sorted(ends, reverse=True)


def test_pixels_of_the_histogram_are_those_of_the_image(counted, page):
    rows = page.tables["Pixels by photons"]
    numbers = [int(re.sub(r"\D", "", number)) for _, number, _ in rows]
    assert sum(numbers) == 64 * 64
    image = counted.image.values[0, 0]
    brightest = float(rows[-1][0].split(" – ")[0])
    assert numbers[-1] == (image >= brightest * (1 - 1e-3)).sum()
    assert len(page.all("rect")) > 10


def test_time_and_memory_are_those_of_the_sidecars(counted, page):
    sidecars = list(counted.sidecars)
    stages = page.rows("Time by stage")
    total = sum(sum(one["time"]["seconds"].values()) for one in sidecars)
    assert float(stages["all"][0]) == pytest.approx(total, rel=1e-3)
    slowest = max(sidecars, key=lambda one: sum(one["time"]["seconds"].values()))
    assert page.tables["Slowest tiles"][0][0] == slowest["tile"]["id"]
    (worker,) = page.tables["Time by worker"]
    assert worker[2] == str(len(sidecars))
    assert page.tables["Memory"][0][2].endswith("MiB")


def test_the_page_says_that_no_traced_pixel_departs(counted, page):
    traced = sum(len(one["traces"]) for one in counted.sidecars)
    assert f"Of {traced} pixels" in page.text
    assert "none departs" in page.text


def test_the_document_and_the_command_of_the_page_make_the_run_again(
    counted, page, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (link,) = (one for one in page.all("a") if "download" in one)
    document = base64.b64decode(link["href"].split(",")[1])
    Path(link["download"]).write_bytes(document)
    command = re.search(r"tiled-sim submit run\.toml .*?(?= Paths in)", page.text)[0]
    assert main([*shlex.split(command)[1:], "--no-progress"]) == 0
    again = Run("run-again.zarr")
    assert again.hashes == counted.hashes
    assert again.image.values.tobytes() == counted.image.values.tobytes()


def test_a_run_that_is_not_complete_says_so_and_shows_a_frame_that_is_done(tmp_path):
    experiment = experiment_of(TILTED, frames=3)
    run = filled_run(tmp_path / "run.zarr", experiment, tile=(32, 32), undone=(0, 1, 2, 3, 5))
    found = reported(run, tmp_path)
    assert "not complete: 7 of 12 tiles are done" in found.text
    assert "Picture of frame 2" in found.text
    assert f"tiled-sim resume {run.path}" in found.text


def test_a_frame_that_is_partly_done_is_taken_where_none_is_whole(tmp_path):
    experiment = experiment_of(TILTED, frames=3)
    run = filled_run(
        tmp_path / "run.zarr", experiment, tile=(32, 32), undone=(0, 1, 2, 3, 5, 6, 8, 9)
    )
    assert chosen_frame(run, Progress.found(run).states) == 1


def test_a_run_without_a_tile_has_a_page_and_its_name_is_a_text(tmp_path):
    run = filled_run(tmp_path / f"{HOSTILE}.zarr", experiment_of(TILTED), undone=range(99))
    found = reported(run, tmp_path)
    assert "No tile is done" in found.text
    assert found.rows("Pixels by photons")["not computed"][1] == "100 %"
    assert HOSTILE in found.text
    assert found.all("script") == []


def test_what_is_damaged_is_told_in_its_place(counted, tmp_path):
    path = tmp_path / "run.zarr"
    shutil.copytree(counted.path, path)
    cut(path / "0" / "image" / "c" / "0" / "0" / "0" / "0", 100)
    remove(path / "inputs" / "structure_factors" / "amplitude" / "c")
    found = reported(Run(path), tmp_path)
    assert len(found.all("img")) == 1  # of the counts
    faults = [one for one in found.all("p") if one.get("class") == "fault"]
    assert len(faults) == 4  # at the beginning; picture, pixels and coverage
    assert "complete, but damaged" in found.text
    assert f"tiled-sim verify {path}" in found.text
    assert "Lost: inputs/structure_factors/amplitude/c" in found.text
    assert {"Beam", "Time by stage"} <= set(found.tables)


def test_sidecars_that_are_lost_are_told_though_the_index_calls_their_tiles_done(counted, tmp_path):
    path = tmp_path / "run.zarr"
    shutil.copytree(counted.path, path)
    for file in sorted(path.glob("traces/**/*.json"))[:2]:
        remove(file)
    found = reported(Run(path), tmp_path)
    assert "complete, but damaged" in found.text
    assert "Of 4 tiles that are done 2 have lost their sidecars" in found.text
    assert "of 2 of the 4 tiles that are done." in found.text


def test_without_matplotlib_the_page_says_what_brings_pictures(counted, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    found = reported(counted, tmp_path)
    assert "pip install 'tiled_sim[view]'" in found.text
    assert found.all("img") == []


def test_a_page_is_never_overwritten(counted, tmp_path):
    path = tmp_path / "page.html"
    path.write_text("mine")
    with pytest.raises(StoreError, match="exists already"):
        write_report(counted, path)
    assert path.read_text() == "mine"


def test_a_frame_that_is_not_there_is_refused(counted, tmp_path):
    with pytest.raises(UsageError, match="frame=7: the run has frames 0 to 0"):
        write_report(counted, tmp_path / "page.html", frame=7)
    assert list(tmp_path.iterdir()) == []


def test_a_run_in_an_object_store_is_reported(bucket, tmp_path):
    run = submit(experiment_of(TILTED), f"{bucket}/run.zarr", tile=32)
    found = reported(run, tmp_path)
    assert f"{bucket}/run.zarr" in found.text
    assert len(found.all("img")) == 1


def browsed(page, tmp_path, width, script):
    """What a script sets as ``data-told`` of the body, of a page opened from disk."""
    page = page.replace("</body>", f"<script>{script}</script></body>")
    (tmp_path / "opened.html").write_text(page, encoding="utf-8")
    options = (
        "--headless --disable-gpu --disable-quic --no-first-run --disable-background-networking "
        f"--disable-component-update --disable-sync --hide-scrollbars --window-size={width},900 "
        f"--virtual-time-budget=20000 --user-data-dir={tmp_path / 'profile'} --dump-dom"
    ).split()
    if os.geteuid() == 0:
        options.append("--no-sandbox")
    command = [CHROMIUM, *options, f"file://{tmp_path / 'opened.html'}"]
    dumped = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    (body,) = Page(dumped).all("body")
    return json.loads(body["data-told"])


@needs_chromium
def test_on_a_telephone_nothing_but_tables_has_to_be_moved_sideways(counted, tmp_path):
    write_report(counted, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    told = browsed(
        page,
        tmp_path,
        420,
        "document.body.dataset.told = JSON.stringify([document.documentElement.scrollWidth, "
        "innerWidth, [...document.images].every(image => image.naturalWidth > 0)])",
    )
    wide, window, shown = told
    assert wide <= window
    assert shown


@needs_chromium
@pytest.mark.parametrize("width", [420, 1400])
def test_axe_finds_nothing(counted, tmp_path, width):
    write_report(counted, tmp_path / "report.html")
    script = (
        f"{axe()}; axe.run().then(found => document.body.dataset.told = "
        "JSON.stringify(found.violations.map(one => one.id)))"
    )
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert browsed(page, tmp_path, width, script) == []
