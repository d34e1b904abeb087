"""The page on the dashboard: states follow what workers tell, and a browser shows them."""

import importlib
import json
import logging
import os
import re
import shutil
import subprocess
import time
import tracemalloc
import urllib.error
import urllib.request
from collections import Counter
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from support.browser import CHROMIUM, needs_chromium
from support.page import SCHEMA, begin, beginning, finished, get, tell, tiles_of
from support.panels import NAMES, centre_of, panels_run
from support.processes import PATIENCE, eventually
from support.runs import block
from tiled_sim.cluster.events import topic_of
from tiled_sim.cluster.listener import Silent
from tiled_sim.cluster.page import registration, topics
from tiled_sim.cluster.page.guard import digest_of
from tiled_sim.cluster.page.layout import Layout
from tiled_sim.cluster.page.meter import Meter
from tiled_sim.cluster.page.plugin import PagePlugin
from tiled_sim.cluster.page.preview import MOST_BYTES
from tiled_sim.cluster.page.registration import link_of, register_page, shown
from tiled_sim.cluster.page.registry import Registry
from tiled_sim.cluster.page.state import LETTERS, run_lengths
from tiled_sim.cluster.page.thumbnail import (
    PRECISION,
    cells,
    decode,
    encode,
    factor_of,
    reduce,
    thumbnail_of,
)
from tiled_sim.cluster.submit import compute_missing, submit
from tiled_sim.errors import TileError
from tiled_sim.model.grid import TileGrid
from tiled_sim.run.run import Run
from tiled_sim.store.control import TOKEN

HOSTILE = '<img src=x onerror="document.title=1"> & <script>alert(1)</script>'
WORKER = "tcp://10.0.0.1:40001"
#: Of the page by day, as the style sheet has them.
DONE, RETRIED, RUNNING = (0, 114, 178), (204, 121, 167), (240, 196, 25)
FAILED, WAITING = (213, 94, 0), (195, 201, 210)


class Clock:
    """A clock that stands still unless it is told otherwise."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Told:
    """A registry that is told of runs and tiles."""

    def __init__(self):
        self.clock = Clock()
        self.registry = Registry(self.clock)

    def begin(self, run_id="run", **changes):
        self.registry.tell_run(beginning(run_id, **changes))

    def tile(self, index, state, run_id="run", **more):
        self.registry.tell_tile(run_id, {"tile": index, "state": state, "worker": WORKER, **more})

    def document(self, run_id="run"):
        run = self.registry.find(run_id)
        return run.document(self.clock(), states=True, workers=None)


@pytest.fixture
def told():
    """A registry with one run of 2 × 3 tiles."""
    made = Told()
    made.begin()
    return made


# Thumbnails


def naive(image, factor):
    """Block maxima, one cell after the other."""
    shape = tuple(-(-side // factor) for side in image.shape)
    return np.array(
        [
            [
                np.nanmax(image[i * factor : (i + 1) * factor, j * factor : (j + 1) * factor])
                for j in range(shape[1])
            ]
            for i in range(shape[0])
        ]
    )


@pytest.fixture(scope="module")
def image():
    values = np.random.default_rng(1).lognormal(0, 8, (70, 50)).astype(np.float32)
    values[::7, ::5] = np.nan
    return values


@pytest.mark.parametrize("factor", [1, 3, 8, 100])
def test_thumbnails_of_tiles_make_up_the_block_maxima_of_the_panel(image, factor):
    image = np.nan_to_num(image)
    layout = Layout(TileGrid((1, 1, *image.shape), (1, 1, 16, 32)), factor)
    made = np.zeros(layout.preview, np.uint16)
    for index in range(len(layout)):
        slow, fast = layout.tiles[index].slow[0], layout.tiles[index].fast[0]
        tile = reduce(image[slow : slow + 16, fast : fast + 32], slow, fast, factor)
        ((_, place),) = layout.windows(index)
        window = made[place]
        np.maximum(window, np.frombuffer(tile, "<u2").reshape(window.shape), out=window)
    np.testing.assert_allclose(decode(made), naive(image, factor), rtol=PRECISION)


def test_codes_keep_values_and_their_order(image):
    values = np.sort(image[~np.isnan(image)])
    codes = encode(values)
    assert (np.diff(codes.astype(int)) >= 0).all()
    np.testing.assert_allclose(decode(codes), values, rtol=PRECISION)


def test_codes_tell_nothing_known_from_no_photons():
    values = np.array([np.nan, 0, -1, 1e-30, np.inf], np.float32)
    codes = encode(values)
    assert codes[0] == 0
    assert codes[1] == codes[2] == 1
    np.testing.assert_array_equal(np.isnan(decode(codes)), [True, False, False, False, False])


@pytest.mark.parametrize("sides", [(1, 1), (512, 512), (513, 10), (2527, 2463), (31623, 31623)])
def test_a_preview_has_at_most_512_pixels_a_side(sides):
    slow, fast = Layout(TileGrid((1, 1, *sides), (1, 1, 512, 512)), factor_of(1, *sides)).preview
    assert max(slow, fast) <= 512
    assert max(slow, fast) > 256 or factor_of(1, *sides) == 1


def test_a_tile_covers_every_cell_that_it_touches():
    assert cells(16, 32, 6) == slice(2, 6)


@pytest.mark.parametrize("panels", [1, 8, 256, 4096])
def test_the_previews_of_a_frame_stay_small_whatever_the_number_of_panels(panels):
    factor = factor_of(panels, 512, 1024)
    slow, fast = Layout(TileGrid((1, panels, 512, 1024), (1, 1, 512, 1024)), factor).preview
    assert panels * slow * fast < 1.1 * (1 << 19)


def test_a_thumbnail_of_a_tile_of_several_images_is_pasted_into_each(told):
    grid = TileGrid((2, 3, 16, 32), (2, 2, 16, 16))
    image = np.random.default_rng(3).lognormal(0, 3, grid.shape).astype(np.float32)
    told.begin("grouped", shape=list(grid.shape), tile=list(grid.tile))
    for tile in grid:
        thumbnail = thumbnail_of(tile, image[tile.region], 1)
        told.tile(tile.index, "done", "grouped", **finished(thumbnail=thumbnail))
    for frame, panel in np.ndindex(2, 3):
        found = decode(told.registry.previews.get("grouped", frame, panel).codes)
        np.testing.assert_allclose(found, image[frame, panel], rtol=PRECISION)


def test_counts_have_previews_of_their_own_after_those_of_the_photons(told):
    grid = TileGrid((1, 2, 16, 16), (1, 2, 16, 16))
    image = np.random.default_rng(5).lognormal(0, 3, grid.shape).astype(np.float32)
    counts = np.random.default_rng(6).integers(-3, 250, grid.shape, np.int32)
    told.begin("noisy", shape=list(grid.shape), tile=list(grid.tile), counts=True)
    thumbnail = thumbnail_of(grid[0], image, 1, counts)
    told.tile(0, "done", "noisy", **finished(thumbnail=thumbnail))
    previews, layout = told.registry.previews, told.registry.find("noisy").description.layout
    photons = decode(previews.of_frame("noisy", 0, layout, "photons").codes)
    np.testing.assert_allclose(photons, image[0], rtol=PRECISION)
    found = decode(previews.of_frame("noisy", 0, layout, "counts").codes)
    np.testing.assert_array_equal(found, np.maximum(counts[0], 0))  # small ones exactly


# Where tiles lie


def test_tiles_lie_where_the_plan_has_them():
    grid = TileGrid((5, 7, 100, 70), (2, 3, 32, 16))
    layout = Layout(grid, 1)
    assert len(layout) == len(grid)
    assert layout.grid == (4, 5)
    for tile in grid:
        windows = dict(layout.windows(tile.index))
        assert list(windows) == list(tile.images())
        place = (slice(*tile.slow), slice(*tile.fast))
        assert all(window == place for window in windows.values())
        for frame, panel in windows:
            assert tile.index in range(len(grid))[layout.panel(frame, panel)]


def test_workers_tell_under_the_topic_that_the_page_hears():
    assert topic_of("abc") == f"{topics.TILES}abc"


# States


def test_a_tile_waits_until_a_worker_begins_it(told):
    assert told.document()["states"] == "6w"
    told.tile(2, "running", attempt=1)
    assert told.document()["states"] == "2w1r3w"
    assert told.document()["counts"]["running"] == 1


def test_a_tile_that_a_worker_has_done_is_done(told):
    told.tile(0, "running", attempt=1)
    told.tile(0, "done", **finished())
    document = told.document()
    assert document["states"] == "1d5w"
    assert document["done"] == 1
    assert document["evaluations"] == 500
    assert document["lookups"]["absent"] == 2
    assert document["stage_seconds"] == {"kernel": 2.0}


def test_a_tile_that_is_done_at_a_later_attempt_is_retried(told):
    told.tile(0, "running", attempt=1)
    told.tile(0, "failed", error="OSError: full")
    assert told.document()["states"] == "1f5w"
    assert told.document()["failures"][0]["outcome"] == "pending"
    told.tile(0, "running", attempt=2)
    told.tile(0, "done", **finished())
    document = told.document()
    assert document["states"] == "1t5w"
    assert document["done"] == 1
    assert document["failures"][0]["outcome"] == "recovered"


def test_a_tile_that_fails_too_often_is_given_up_with_its_last_error(told):
    for attempt in (1, 2, 3):
        told.tile(4, "running", attempt=attempt)
        told.tile(4, "failed", error=f"OSError: {attempt}")
    document = told.document()
    assert document["counts"]["failed"] == 1
    assert document["failure_count"] == 3
    assert document["failures"] == [
        {
            "tile": "f00000/p000/r0001c0001",
            "index": 4,
            "attempts": 3,
            "error": "OSError: 3",
            "worker": WORKER,
            "outcome": "given_up",
        }
    ]


def test_a_tile_waits_again_when_its_worker_leaves(told):
    told.tile(0, "running", attempt=1)
    told.registry.lose_worker(WORKER)
    document = told.document()
    assert document["states"] == "6w"
    assert document["workers"] == []
    assert "left" in document["failures"][0]["error"]
    told.tile(0, "running", attempt=1)
    told.tile(0, "done", **finished())
    assert told.document()["states"] == "1t5w"


def test_a_failure_that_the_driver_tells_after_the_worker_counts_once(told):
    told.tile(0, "running", attempt=1)
    told.tile(0, "failed", error="OSError: full")
    told.tile(0, "failed", error="OSError: full", attempt=1, final=False)
    assert told.document()["failure_count"] == 1
    assert told.document()["failures"][0]["attempts"] == 1


def test_a_tile_told_twice_counts_once(told):
    for _ in range(2):
        told.tile(0, "running", attempt=1)
        told.tile(0, "done", **finished())
    assert told.document()["states"] == "1d5w"
    assert told.document()["evaluations"] == 500


@pytest.mark.parametrize("index", [-1, 6, "0", None, 0.5, True])
def test_a_message_about_no_tile_of_the_run_is_ignored(told, index):
    told.tile(index, "running", attempt=1)
    assert told.document()["states"] == "6w"


def test_tiles_that_were_done_before_are_done(told):
    done = np.packbits([1, 0, 1, 1, 0, 0]).tobytes()
    told.begin("resumed", done=done)
    assert told.document("resumed")["states"] == "1d1w2d2w"


def test_a_run_ends_when_its_driver_says_so(told):
    told.tile(0, "running", attempt=1)
    end = {"run_id": "run", "state": "cancelled", "error": "cancelled", "client": "driver"}
    told.registry.tell_run(end)
    document = told.document()
    assert (document["state"], document["error"]) == ("cancelled", "cancelled")
    assert document["counts"]["running"] == 0
    assert document["eta_seconds"] is None


def test_a_run_does_not_end_when_an_earlier_driver_of_it_ends(told):
    told.begin(client="another")
    told.registry.tell_run({"run_id": "run", "state": "failed", "error": "", "client": "driver"})
    assert told.document()["state"] == "running"


def test_a_run_is_lost_when_the_client_that_drove_it_leaves(told):
    told.registry.lose_client("somebody")
    assert told.document()["state"] == "running"
    told.registry.lose_client("driver")
    assert told.document()["state"] == "lost"


def test_runs_are_listed_with_the_newest_first(told):
    told.begin("second")
    assert [run.description.run_id for run in told.registry] == ["second", "run"]
    told.begin("run")
    assert told.registry.find("").description.run_id == "run"


def test_run_lengths_are_short_and_whole():
    assert run_lengths(b"ddddrrw") == "4d2r1w"
    assert run_lengths(b"") == ""


# Rates


def test_tiles_that_nobody_asks_for_wait_and_are_not_waited_for(told):
    told.begin(done=bytes([0b10000000]), left=3)
    told.clock.now += 10
    told.tile(1, "done", **finished())
    document = told.document()
    assert document["counts"]["waiting"] == 4
    assert document["done"] == 2
    assert document["eta_seconds"] == pytest.approx(1 / 0.1)


def test_the_time_left_follows_the_pace(told):
    told.clock.now += 10
    told.tile(0, "done", **finished())
    told.tile(1, "done", **finished())
    document = told.document()
    assert document["eta_seconds"] == pytest.approx(4 / 0.2)
    assert document["evaluations_per_second"] == pytest.approx(100)


@pytest.mark.parametrize(
    ("threads", "seconds"), [(1, 12.0), (2, 6.0), (4, 4.0), (6, 2.0), (100, 2.0), (0, None)]
)
def test_before_the_first_tile_the_time_is_predicted_by_tiles_at_a_time(told, threads, seconds):
    run = told.registry.find("run")
    document = run.document(told.clock(), states=True, workers=None, threads=threads)
    assert document["eta_seconds"] is None
    assert document["predicted_seconds"] == seconds  # 6 tiles of 2 s


def test_nothing_is_predicted_of_a_kernel_of_unknown_speed(told):
    told.begin("unknown", seconds=None)
    document = told.registry.find("unknown").document(0.0, states=True, workers=None, threads=2)
    assert document["predicted_seconds"] is None


def test_a_rate_forgets_what_was_long_ago():
    meter = Meter(0.0)
    for second in range(1, 201):
        meter.add(1000.0 if second <= 100 else 1.0, float(second))
    assert meter.rate(200.0) == pytest.approx(1.0)
    assert meter.mean(200.0) == pytest.approx(500.5)


def test_a_rate_does_not_flicker_where_tiles_are_slow():
    meter = Meter(0.0)
    rates = []
    for second in range(1, 2001):
        if second % 100 == 0:
            meter.add(100.0, float(second))
        if second > 1000:
            rates.append(meter.rate(float(second)))
    assert 0.7 < min(rates) <= max(rates) < 1.3


# Tiles that take long


def test_what_is_done_of_a_running_tile_counts(told):
    told.tile(2, "running", attempt=1)
    told.clock.now += 10
    told.tile(2, "running", attempt=1, share=0.25, evaluations=200)
    document = told.document()
    assert document["states"] == "2w1r3w"
    assert document["parts"] == [{"tile": 2, "share": 0.25}]
    assert document["under_way"] == 0.25
    assert document["evaluations"] == 200
    assert document["evaluations_per_second"] == pytest.approx(20)
    assert document["eta_seconds"] == pytest.approx(5.75 * 40)
    assert document["workers"][0]["evaluations_per_second"] == pytest.approx(20)


def test_a_tile_that_took_long_counts_once_when_it_is_done(told):
    told.tile(0, "running", attempt=1)
    for share in (0.25, 0.5):
        told.tile(0, "running", attempt=1, share=share, evaluations=int(480 * share))
    told.tile(0, "done", **finished())
    document = told.document()
    assert (document["done"], document["under_way"], document["parts"]) == (1, 0, [])
    assert document["evaluations"] == 500


@pytest.mark.parametrize("loss", ["failed", "worker", "again", "end"])
def test_what_was_done_of_a_tile_is_lost_with_it(told, loss):
    told.tile(0, "running", attempt=1)
    told.tile(0, "running", attempt=1, share=0.5, evaluations=240)
    if loss == "failed":
        told.tile(0, "failed", error="OSError: full")
    elif loss == "worker":
        told.registry.lose_worker(WORKER)
    elif loss == "again":
        told.tile(0, "running", attempt=2)
    else:
        told.registry.lose_client("driver")
    document = told.document()
    assert (document["under_way"], document["evaluations"]) == (0, 0)
    assert document["evaluations_per_second"] >= 0


def test_a_page_that_comes_late_hears_of_tiles_that_run_already(told):
    told.tile(3, "running", attempt=1, share=0.5, evaluations=240)
    assert told.document()["states"] == "3w1r2w"
    assert told.document()["workers"][0]["running"] == 1


# Bounds


def test_a_thumbnail_is_taken_out_of_the_message():
    told = Told()
    told.begin()
    message = {"tile": 0, "state": "done", "worker": WORKER, **finished()}
    message["thumbnail"] = reduce(np.ones((16, 16), np.float32), 0, 0, 1)
    told.registry.tell_tile("run", message)
    assert "thumbnail" not in message
    assert (told.registry.previews.get("run", 0, 0).codes > 0).sum() == 256


def test_previews_of_many_frames_are_forgotten_from_the_oldest_on(told):
    thumbnail = np.ones((512, 512), "<u2").tobytes()
    told.begin("long", shape=[100, 1, 512, 512], tile=[1, 1, 512, 512])
    for frame in range(100):
        told.tile(frame, "done", "long", **finished(thumbnail=thumbnail))
    previews = told.registry.previews
    assert previews.nbytes <= MOST_BYTES
    assert previews.get("long", 0, 0) is None
    assert previews.get("long", 99, 0) is not None


def test_runs_that_have_ended_are_forgotten_after_some(told):
    for number in range(20):
        told.begin(f"run {number}")
        told.registry.tell_run(
            {"run_id": f"run {number}", "state": "finished", "error": "", "client": "driver"}
        )
    kept = [run.description.run_id for run in told.registry]
    assert len(kept) < 10
    assert "run" in kept  # that one goes on


def test_a_hundred_thousand_tiles_and_many_failures_take_little_memory():
    tracemalloc.start()
    told = Told()
    told.begin(tiles=(250, 400))
    for index in range(20_000):
        told.tile(index, "failed", error="E" * 10_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20
    assert told.document()["counts"]["failed"] == 20_000
    assert len(told.document()["failures"]) == 100


def test_a_message_costs_the_scheduler_microseconds():
    told = Told()
    told.begin(tiles=(100, 100))
    began = time.process_time()
    for index in range(10_000):
        told.tile(index, "running", attempt=1)
        told.tile(index, "done", **finished())
    assert (time.process_time() - began) / 20_000 < 100e-6


# The scheduler


@pytest.fixture(scope="module")
def link(client):
    """Address of the page."""
    client.register_plugin(PagePlugin())
    return link_of(client)


def test_the_page_shows_what_workers_tell(client, link):
    begin(client, "told")
    tell(
        client,
        "told",
        {"tile": 0, "state": "running", "attempt": 1},
        {"tile": 0, "state": "done", **finished()},
        {"tile": 1, "state": "running", "attempt": 1},
    )
    run = eventually(lambda: at(link, "told", "1d1r4w"))
    assert run["worker_count"] == 1
    assert run["workers"][0]["running"] == 1


def at(link, run_id, states):
    run = tiles_of(link, run_id)["run"]
    return run if run["states"] == states else None


def test_a_second_registration_leaves_the_page_as_it_is(client, link):
    begin(client, "kept")
    client.register_plugin(PagePlugin())
    assert tiles_of(link, "kept")["run"]["tiles"] == 6


def test_the_dashboard_has_a_tab_that_leads_to_the_page(link):
    status = get(link.replace("tiled-sim", "status")).decode()
    assert status.count('href="tiled-sim"') == 1
    assert "tiled-sim" in tiles_of(link)["pages"]


def test_a_brief_answer_leaves_out_the_states(client, link):
    begin(client, "brief")
    assert "states" not in tiles_of(link, "brief", brief="yes")["run"]


@pytest.mark.parametrize(
    ("place", "status"),
    [
        ("tiles.json?run=nobody", 404),
        ("states?run=bounds&frame=1", 404),
        ("states?run=bounds&frame=-1", 404),
        ("states?run=bounds&frame=x", 400),
        ("plugin.py", 404),
        ("../tiled-sim/%2e%2e/state.py", 404),
    ],
)
def test_what_is_not_there_is_refused(client, link, place, status):
    begin(client, "bounds")
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(f"{link}/{place}")
    assert refused.value.code == status


def test_the_page_cannot_be_written_to(link):
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        request = urllib.request.Request(f"{link}/tiles.json", method=method, data=b"{}")
        with pytest.raises(urllib.error.HTTPError, match="405"):
            urllib.request.urlopen(request, timeout=PATIENCE)


def test_the_page_lets_nothing_from_elsewhere_in(link):
    with urllib.request.urlopen(link, timeout=PATIENCE) as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    text = b"".join([get(link), get(f"{link}/page.css"), *scripts_of(link, "page.js").values()])
    assert not re.search(rb"https?://|innerHTML|insertAdjacent|document\.write", text)


def scripts_of(link, name):
    """A module and all that it imports, by name."""
    found, asked = {}, [name]
    while asked:
        name = asked.pop()
        if name in found:
            continue
        found[name] = get(f"{link}/{name}")
        imported = re.findall(rb'from "\./([\w./]+)"', found[name])
        folder = name.rpartition("/")[0]
        asked += [f"{folder}/{other.decode()}".lstrip("/") for other in imported]
    return found


def test_the_page_shows_images_by_the_component_of_the_viewer(link):
    found = scripts_of(link, "page.js")
    component = resources.files("tiled_sim.viewer") / "web" / "js" / "image.js"
    assert found["image/image.js"] == component.read_bytes()


def test_the_page_is_there_below_the_prefix_of_a_dashboard(link):
    root = link.removesuffix("/tiled-sim")
    assert get(f"{root}/some/prefix/tiled-sim") == get(link)
    assert b'href="/' not in get(link)
    assert b'src="/' not in get(link)


def test_the_preview_is_sent_again_only_when_it_has_changed(client, link):
    begin(client, "sent")
    assert get(f"{link}/preview?run=sent") == b""
    thumbnail = np.full((16, 16), 7, "<u2").tobytes()
    tell(client, "sent", {"tile": 4, "state": "done", **finished(thumbnail=thumbnail)})
    body = eventually(lambda: get(f"{link}/preview?run=sent"))
    codes = np.frombuffer(body, "<u2").reshape(32, 48)
    assert (codes[16:, 16:32] == 7).all()
    assert (codes > 0).sum() == 256
    with urllib.request.urlopen(f"{link}/preview?run=sent", timeout=PATIENCE) as answer:
        version = answer.headers["Tiled-Sim-Version"]
    assert get(f"{link}/preview?run=sent&since={version}") == b""


def test_the_log_of_the_scheduler_keeps_no_thumbnail(client, link):
    begin(client, "logged")
    tell(client, "logged", {"tile": 0, "state": "done", **finished(thumbnail=bytes(512))})
    eventually(lambda: at(link, "logged", "1d5w"))
    events = client.get_events(f"{topics.TILES}logged") + client.get_events(topics.RUNS)
    assert not any({"thumbnail", "thumbnails"} & set(message) for _, message in events)


def test_ten_thousand_tiles_make_a_small_answer(client, link):
    begin(client, "many", tiles=(100, 100))
    brief = get(f"{link}/tiles.json?run=many&brief=yes")
    assert len(brief) < 20_000
    assert len(get(f"{link}/states?run=many")) == 10_000
    began = time.monotonic()
    for _ in range(20):
        get(f"{link}/tiles.json?run=many&brief=yes")
    assert time.monotonic() - began < 4


# Runs


@pytest.fixture
def begun(small_run):
    return small_run


def test_a_run_that_is_registered_is_shown_as_it_is(begun, client, link):
    factor = register_page(client, begun, [1, 2, 3], attempts=3)
    run = tiles_of(link, begun.run_id)["run"]
    assert factor == 1
    assert run["path"] == str(begun.path.absolute())
    assert run["states"] == "1d3w5d"
    assert run["shape"] == list(begun.plan.grid.shape)
    assert run["evaluations_planned"] == begun.experiment.evaluations
    assert run["kernel"] == begun.plan.settings.kernel


def test_the_token_of_a_run_is_for_its_owner_alone(begun, client, link):
    register_page(client, begun, [1, 2, 3], attempts=3)
    file = begun.path / TOKEN
    assert file.stat().st_mode & 0o077 == 0
    found = client.get_events(topics.RUNS)[-1][1]["token"]
    assert found == digest_of(file.read_text()) != file.read_text()


def test_a_run_with_noise_shows_counts_of_what_was_done_before(client, link, tmp_path):
    run = panels_run(tmp_path / "run.zarr")
    register_page(client, run, [], attempts=3)
    told = tiles_of(link, run.run_id)["run"]
    assert told["noise"]
    body = get(f"{link}/preview?run={run.run_id}&frame=1&panel=1&of=counts")
    codes = np.frombuffer(body, "<u2").reshape(told["preview"][:2])
    expected = run.counts.values[1, 1].astype(np.float64)
    np.testing.assert_allclose(decode(codes)[:40, :48], expected[:40, :48], rtol=PRECISION)


def test_a_run_without_noise_has_no_preview_of_counts(begun, client, link):
    register_page(client, begun, [1, 2, 3], attempts=3)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(f"{link}/preview?run={begun.run_id}&of=counts")


def test_the_page_is_told_where_pixels_are(client, link, tmp_path):
    run = panels_run(tmp_path / "run.zarr", panels=())
    register_page(client, run, range(len(run.plan)), attempts=3)
    found = json.loads(get(f"{link}/geometry?run={run.run_id}"))
    assert found["wavelength_A"] == pytest.approx(1.0)
    assert found["beam"] == pytest.approx(run.experiment.beam.direction)
    for number, panel in enumerate(found["panels"]):
        origin, slow, fast = (np.array(panel[name]) for name in ("origin_mm", "slow_mm", "fast_mm"))
        place = origin + 3.5 * slow + 7.5 * fast
        np.testing.assert_allclose(place, centre_of(run, number, 3, 7))


def test_a_run_that_raises_is_shown_as_failed(begun, client, link):
    with pytest.raises(TileError), shown(client, begun, range(9), 3):
        raise TileError("all is lost")
    run = tiles_of(link, begun.run_id)["run"]
    assert (run["state"], run["error"]) == ("failed", "all is lost")


def test_a_scheduler_of_another_version_gets_no_page(begun, client, monkeypatch, caplog):
    monkeypatch.setattr(registration, "__version__", "99")
    with caplog.at_level(logging.INFO, registration.__name__):
        assert register_page(client, begun, range(9), 3) == 0
    assert "install 99 there" in caplog.text


class Unloadable(PagePlugin):
    """A plugin of a package that the scheduler lacks."""

    def __reduce__(self):
        return importlib.import_module, ("tiled_sim.no_such_module",)


def test_a_run_completes_on_a_scheduler_that_cannot_load_the_page(
    begun, client, address, monkeypatch, caplog
):
    monkeypatch.setattr(registration, "PagePlugin", Unloadable)
    with caplog.at_level(logging.INFO, registration.__name__):
        assert register_page(client, begun, range(9), 3) == 0
    assert "no_such_module" in caplog.text
    assert compute_missing(begun, cluster=address).status().complete


class Watcher(Silent):
    """Looks at the page whenever a tile is done."""

    def __init__(self):
        self.seen = []
        self.link = None
        self.run_id = None

    def started(self, run, missing, dashboard, left=0):
        self.link, self.run_id = dashboard, run.run_id
        self.tile_done(None)

    def tile_done(self, record):
        self.seen.append(tiles_of(self.link, self.run_id)["run"])


@pytest.fixture(scope="module")
def watched(address, still, tmp_path_factory):
    """A run of 36 tiles, and what the page said of it meanwhile."""
    watcher = Watcher()
    path = tmp_path_factory.mktemp("page") / "run.zarr"
    experiment = still("-detpixels", 192, "-pixel", 0.15, "-oversample", 2)
    run = submit(experiment, path, cluster=address, tile=(32, 32), listener=watcher)
    return run, watcher


def test_tiles_run_and_are_done_while_a_run_goes_on(watched):
    _, watcher = watched
    counts = [seen["counts"] for seen in watcher.seen]
    assert counts[0] == {"waiting": 36, "running": 0, "done": 0, "failed": 0, "retried": 0}
    assert any(count["running"] > 0 for count in counts)
    done = [count["done"] for count in counts]
    assert done == sorted(done)
    assert len(set(done)) > 5
    assert any(seen["eta_seconds"] for seen in watcher.seen)
    assert any(seen["evaluations_per_second"] for seen in watcher.seen)


def test_a_finished_run_is_shown_as_its_sidecars_have_it(watched, link):
    run, _ = watched
    found = tiles_of(link, run.run_id)["run"]
    status = run.status()
    assert found["state"] == "finished"
    assert found["states"] == "36d"
    assert run.status().driver.dashboard == link  # of whoever follows it from elsewhere
    assert found["evaluations"] == status.evaluations
    assert sum(worker["tiles"] for worker in found["workers"]) == 36
    for name in ("in_range", "zero", "absent", "out_of_range"):
        assert found["lookups"][name] == getattr(status.lookups, name)


def test_the_preview_of_a_finished_run_is_its_image(watched, link):
    run, _ = watched
    codes = np.frombuffer(get(f"{link}/preview?run={run.run_id}"), "<u2").reshape(192, 192)
    np.testing.assert_allclose(decode(codes), run.image.values[0, 0], rtol=PRECISION)


def test_a_tile_that_cannot_be_written_is_shown_with_its_error(begun, address, link):
    tile = begun.plan[4]
    block(begun, tile)
    with pytest.raises(TileError):
        compute_missing(begun, cluster=address)
    run = tiles_of(link, begun.run_id)["run"]
    assert run["state"] == "failed"
    assert run["states"] == "4d1f4d"
    (failed,) = run["failures"]
    assert (failed["tile"], failed["attempts"]) == (begun.plan.id_of(tile), 3)
    assert failed["outcome"] == "given_up"
    assert failed["error"]


def test_a_resumed_run_shows_what_was_done_before(watched, address, link, tmp_path):
    path = tmp_path / "copy.zarr"
    shutil.copytree(watched[0].path, path)
    (path / "traces" / f"{watched[0].plan.id_of(watched[0].plan[7])}.json").unlink()
    watcher = Watcher()
    run = compute_missing(Run(path), cluster=address, listener=watcher)
    assert watcher.seen[0]["states"] == "7d1w28d"
    codes = np.frombuffer(get(f"{link}/preview?run={run.run_id}"), "<u2").reshape(192, 192)
    np.testing.assert_allclose(decode(codes), run.image.values[0, 0], rtol=PRECISION)


# The browser


def browse(address, tmp_path, *words):
    """Open a page without a screen, let it run for some of its own seconds; what is printed."""
    options = (
        "--headless --disable-gpu --disable-quic --no-first-run --disable-background-networking "
        "--disable-component-update --disable-sync --hide-scrollbars --window-size=1280,1100 "
        f"--virtual-time-budget=2500 --user-data-dir={tmp_path / 'profile'}"
    ).split()
    if os.geteuid() == 0:
        options.append("--no-sandbox")
    command = [CHROMIUM, *options, *words, address]
    return subprocess.run(command, capture_output=True, text=True, timeout=120).stdout


def screenshot(address, tmp_path):
    """uint8 (row, column, red green blue)."""
    file = tmp_path / "page.png"
    browse(address, tmp_path, f"--screenshot={file}")
    return np.round(imread(file)[..., :3] * 255).astype(np.uint8)


def area(picture, colour):
    """Number of pixels of a colour."""
    return int((picture == np.array(colour, np.uint8)).all(-1).sum())


class Outline(HTMLParser):
    """Texts and elements of a page."""

    def __init__(self, text):
        super().__init__()
        self.elements = Counter()
        self.texts = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements[tag] += 1
        self.texts += [value for name, value in attributes if name == "aria-label"]

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


@pytest.fixture(scope="module")
def half_done(client):
    """Id of a run of 10 × 10 tiles: 50 done, 5 retried, 3 running, 2 failed."""
    begin(client, "half", tiles=(10, 10), path=f"/data/{HOSTILE}/run.zarr")
    values = np.random.default_rng(2).lognormal(0, 3, (16, 16)).astype(np.float32)
    messages = []
    for index in range(60):
        messages.append({"tile": index, "state": "running", "attempt": 1 + (50 <= index < 55)})
        if index < 55:
            row, column = divmod(index, 10)
            thumbnail = reduce(values, row * 16, column * 16, 1)
            lookups = {"in_range": 1, "absent": 2, "out_of_range": 1, "counted": "sampled"}
            told = finished(thumbnail=thumbnail, lookups=lookups)
            messages.append({"tile": index, "state": "done", **told})
        elif index < 57:
            messages.append({"tile": index, "state": "failed", "error": f"OSError: {HOSTILE}"})
    tell(client, "half", *messages)
    eventually(lambda: b'"running": 3' in get(f"{link_of(client)}/tiles.json?run=half&brief=yes"))
    return "half"


@needs_chromium
def test_the_browser_draws_the_tiles_by_state(half_done, link, tmp_path):
    picture = screenshot(f"{link}?run={half_done}", tmp_path)
    left, right = picture[250:, :640], picture[250:, 640:]
    tile = area(left, DONE) / 50
    assert tile > 1000
    for colour, tiles in ((RETRIED, 5), (RUNNING, 3), (FAILED, 2), (WAITING, 40)):
        assert area(left, colour) == pytest.approx(tiles * tile, rel=0.15)
    preview = right[: right.shape[0] // 2]
    assert len(np.unique(preview.reshape(-1, 3), axis=0)) > 150


@pytest.fixture(scope="module")
def outline(half_done, link, tmp_path_factory):
    """The page of the run that is half done, after its script."""
    folder = tmp_path_factory.mktemp("browser")
    return Outline(browse(f"{link}?run={half_done}", folder, "--dump-dom"))


@needs_chromium
def test_the_browser_shows_hostile_strings_as_text(outline):
    assert outline.text.count(HOSTILE) >= 3  # the path and two errors
    assert outline.elements["img"] == 0
    assert outline.elements["script"] == 1
    assert "55.0 % run.zarr" in outline.text


@needs_chromium
def test_the_browser_shows_every_part_in_words(outline):
    for part in (
        "Tiles of frame 0, panel 0: 50 done, 5 retried, 3 running, 2 failed, 40 waiting",
        "Image so far, from",
        "Logarithmic colour scale from",
        "75.0 % of the look-ups found no structure factor",
        "A sample of the look-ups",
        "Time left",
        "Evaluations/s",
        "f00000/p000/r0005c0005 to be tried again after 1 attempt",
        "tcp://127.0.0.1",
        "live",
    ):
        assert part in outline.text


@needs_chromium
def test_where_every_reflection_has_an_f_no_file_is_blamed(client, link, tmp_path):
    begin(client, "default", tiles=(1, 1), default_F=30.0)
    lookups = {"in_range": 0, "absent": 0, "out_of_range": 9, "counted": "exact"}
    tell(client, "default", {"tile": 0, "state": "done", **finished(lookups=lookups)})
    eventually(lambda: tiles_of(link, "default")["run"]["done"] == 1)
    text = Outline(browse(f"{link}?run=default", tmp_path, "--dump-dom")).text
    assert "Where no F is given it is 30 electrons." in text
    assert "found no structure factor" not in text


@needs_chromium
def test_the_browser_shows_a_finished_run(watched, link, tmp_path):
    address = f"{link}?run={watched[0].run_id}"
    text = Outline(browse(address, tmp_path, "--dump-dom")).text
    assert "finished" in text
    assert "36 done, 0 retried, 0 running, 0 failed, 0 waiting" in text
    picture = screenshot(address, tmp_path)
    left, right = picture[250:, :640], picture[250:640, 640:]
    assert area(left, WAITING) < 1000 < 100_000 < area(left, DONE)
    assert len(np.unique(right.reshape(-1, 3), axis=0)) > 100


@needs_chromium
def test_the_browser_shows_the_tile_that_holds_a_panel_with_others(client, link, tmp_path):
    shape = [3, 12, 64, 96]
    begin(client, "grouped", shape=shape, tile=[2, 6, 64, 96], evaluations=10_000)
    running = {"tile": 1, "state": "running", "attempt": 1}
    tell(client, "grouped", running, {**running, "share": 0.25, "evaluations": 500})
    address = f"{link}?run=grouped&frame=1&panel=7"
    eventually(lambda: tiles_of(link, "grouped")["run"]["under_way"] == 0.25)
    text = Outline(browse(address, tmp_path, "--dump-dom")).text
    assert "1 tile of 64 × 96 pixels of frames 0 – 1, panels 6 – 11" in text
    assert "0 done, 0 retried, 1 running, 0 failed, 0 waiting" in text
    assert "tile f00000/p001/r0000c0000, running, 25.0 % done" in text
    assert "of 4, 6.3 % with parts" in text
    left = screenshot(address, tmp_path)[250:, :640]
    assert area(left, DONE) / area(left, RUNNING) == pytest.approx(1 / 3, rel=0.1)


#: Two panels of 32 × 48 pixels, the second upside down below the first, and half as far again.
ARRANGEMENT = {
    "shape": [80, 60],
    "cell_mm": 1.0,
    "corner_mm": [40.0, 30.0],
    "panels": [
        {
            "name": "upper",
            "corner": [2, 6],
            "slow_step": [1, 0],
            "fast_step": [0, 1],
            "pixels": [32, 48],
            "depth_mm": 100.0,
        },
        {
            "name": HOSTILE,
            "corner": [78, 54],
            "slow_step": [-1, 0],
            "fast_step": [0, -1],
            "pixels": [32, 48],
            "depth_mm": 150.0,
        },
    ],
    "rings": [{"d_A": 3.0, "lines": [[[10, 10], [12, 30], [10, 50]]]}],
}


@pytest.fixture(scope="module")
def arranged(client, link):
    """Id of a run of two panels of 2 × 3 tiles, of which one tile of each is done."""
    begin(client, "arranged", shape=[1, 2, 32, 48], arrangement=ARRANGEMENT)
    thumbnail = np.full((16, 16), 0x4000, "<u2").tobytes()
    tell(
        client,
        "arranged",
        *({"tile": tile, "state": "done", **finished(thumbnail=thumbnail)} for tile in (0, 6)),
    )
    eventually(lambda: at(link, "arranged", "1d5w1d5w"))
    return "arranged"


def test_the_page_is_told_where_panels_are_seen(arranged, link):
    assert json.loads(get(f"{link}/panels?run={arranged}")) == ARRANGEMENT


def test_a_single_panel_has_no_arrangement(client, link):
    begin(client, "single")
    assert get(f"{link}/panels?run=single") == b"null"


def test_states_and_previews_of_all_panels_are_those_of_each_in_turn(arranged, link):
    for name in ("states", "preview"):
        every = get(f"{link}/{name}?run={arranged}&panel=all")
        each = [get(f"{link}/{name}?run={arranged}&panel={panel}") for panel in (0, 1)]
        assert every == b"".join(each)
        assert any(each[0])
    with urllib.request.urlopen(f"{link}/preview?run={arranged}&panel=all") as answer:
        version = answer.headers["Tiled-Sim-Version"]
    assert get(f"{link}/preview?run={arranged}&panel=all&since={version}") == b""


def test_all_panels_of_a_frame_that_is_not_there_are_refused(arranged, link):
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(f"{link}/states?run={arranged}&frame=1&panel=all")


def test_panels_that_share_their_tiles_have_their_states_once():
    layout = Layout(TileGrid((4, 5, 32, 32), (2, 2, 16, 16)), 1)
    assert layout.frame(0) == layout.frame(1) == slice(0, 12)
    assert layout.frame(3) == slice(12, 24)


def test_a_run_of_several_panels_tells_the_page_where_they_are_seen(client, link, tmp_path):
    run = panels_run(tmp_path / "run.zarr", panels=())
    register_page(client, run, range(len(run.plan)), attempts=3)
    found = json.loads(get(f"{link}/panels?run={run.run_id}"))
    assert [panel["name"] for panel in found["panels"]] == list(NAMES)
    for number, panel in enumerate(found["panels"]):
        slow, fast = 3, 7
        row, column = (
            panel["corner"][axis]
            + (slow + 0.5) * panel["slow_step"][axis]
            + (fast + 0.5) * panel["fast_step"][axis]
            for axis in (0, 1)
        )
        x, y, _ = centre_of(run, number, slow, fast)
        corner, cell = found["corner_mm"], found["cell_mm"]
        assert (corner[0] - row * cell, corner[1] - column * cell) == pytest.approx((y, x))
    assert found["rings"]


@needs_chromium
def test_the_browser_draws_all_panels_where_they_are_seen(arranged, link, tmp_path):
    address = f"{link}?run={arranged}"
    text = Outline(browse(address, tmp_path, "--dump-dom")).text
    assert "Tiles of frame 0, all panels, looking downstream: 2 done, 0 retried" in text
    assert "12 tiles of 16 × 16 pixels, 2 panels" in text
    left = screenshot(address, tmp_path)[250:, :640]
    done = (left == np.array(DONE, np.uint8)).all(-1)
    rows, columns = np.nonzero(done & (np.cumsum(done, axis=0) > 3))
    scale = np.sqrt(done.sum() / (2 * 16 * 16))  # page pixels a cell
    middle = (rows.min() + rows.max()) / 2
    upper, lower = rows < middle, rows > middle
    # tile (0, 0) of the first panel is at its upper left, that of the other at its lower right
    assert np.mean(columns[lower]) - np.mean(columns[upper]) == pytest.approx(32 * scale, rel=0.1)
    assert np.mean(rows[lower]) - np.mean(rows[upper]) == pytest.approx(60 * scale, rel=0.1)


@needs_chromium
def test_the_browser_draws_one_panel_alone_when_its_number_is_asked_for(arranged, link, tmp_path):
    text = Outline(browse(f"{link}?run={arranged}&frame=0&panel=1", tmp_path, "--dump-dom")).text
    assert "Tiles of frame 0, panel 1: 1 done" in text


@needs_chromium
def test_ten_thousand_tiles_are_few_elements(client, link, tmp_path):
    begin(client, "crowd", tiles=(100, 100))
    outline = Outline(browse(f"{link}?run=crowd", tmp_path, "--dump-dom"))
    assert "10 000 waiting" in outline.text.replace("\u202f", " ")
    assert sum(outline.elements.values()) < 250


def test_the_letters_of_states_are_those_of_the_schema():
    pattern = SCHEMA["$defs"]["run"]["properties"]["states"]["pattern"]
    assert set(LETTERS.values()) == set(re.search(r"\[([a-z]+)\]", pattern)[1])


def test_the_page_ships_with_the_package():
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    for files in ("cluster/page/page.*", "cluster/page/*.js", "viewer/web/js/*"):
        assert files in text
