"""The page on the dashboard, used by a real browser while real workers compute."""

import json
import re
import urllib.request

import numpy as np
import pytest

import tiled_sim as ts
from support.browser import CHROMIUM, faults_by_axe, needs_chromium
from support.page import begin, finished, held, tell, tiles_of
from support.panels import NAMES, TOML, centre_of
from support.processes import PATIENCE, eventually
from tiled_sim.cluster.page.plugin import PagePlugin
from tiled_sim.cluster.page.registration import link_of
from tiled_sim.cluster.page.thumbnail import PRECISION, reduce
from tiled_sim.cluster.submit import submit
from tiled_sim.store.control import CANCELLED, TOKEN, Control

playwright = pytest.importorskip("playwright.sync_api")

pytestmark = needs_chromium

#: A name that leads here, as that of another machine, or of one that somebody else owns.
ELSEWHERE = "cluster.example"


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as driver:
        options = [f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1", "--no-sandbox"]
        made = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        yield made
        made.close()


@pytest.fixture
def page(chromium):
    """A tab in which nothing may go wrong."""
    made = chromium.new_page(viewport={"width": 1280, "height": 1200})
    made.set_default_timeout(30_000)
    errors = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    made.on("console", lambda told: errors.append(told.text) if told.type == "error" else None)
    yield made
    made.close()
    assert [error for error in errors if "403" not in error] == []


@pytest.fixture(scope="module")
def link(client):
    """Address of the page."""
    client.register_plugin(PagePlugin())
    return link_of(client)


def visit(page, address):
    """Open the page, and wait until it shows a run."""
    page.goto(address)
    page.wait_for_selector("#facts dd")
    page.wait_for_selector("#legend li")  # drawn with the images


@pytest.fixture(scope="class")
def waiting(still, address, client, link, tmp_path_factory):
    """A run of minutes whose workers have begun."""
    long = still("-detpixels", 1200, "-pixel", 0.05, "-oversample", 60)
    with held(long, address, client, tmp_path_factory.mktemp("waiting")) as made:
        yield made


class TestBeforeTheFirstTile:
    """While no tile is done."""

    def test_the_page_predicts_how_long_it_will_take(self, waiting, page, link):
        seconds = ts.open_run(waiting.path).plan.seconds / 2
        assert seconds > 60
        assert tiles_of(link)["run"]["predicted_seconds"] == pytest.approx(seconds, rel=1e-3)
        visit(page, link)
        told = page.inner_text("#facts")
        found = re.search(r"Time left\n(\d+) min (\d+) s\?\npredicted from the plan", told)
        left = 60 * int(found[1]) + int(found[2])
        assert seconds - 30 < left <= seconds + 1

    def test_the_preview_says_that_there_is_nothing_yet(self, waiting, page, link):
        visit(page, link)
        assert page.inner_text("#preview-none") == "Nothing yet."
        assert not page.is_visible("#scale")

    @pytest.mark.parametrize("width", [420, 1400])
    def test_the_page_fits_its_window(self, waiting, page, link, width):
        page.set_viewport_size({"width": width, "height": 900})
        visit(page, link)
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_axe_finds_no_serious_fault(self, waiting, page, link, scheme):
        page.emulate_media(color_scheme=scheme)
        visit(page, link)
        assert faults_by_axe(page) == []
        page.click("#cancel")
        page.wait_for_selector("#cancel-dialog[open]")
        assert faults_by_axe(page) == []


# Cancelling


@pytest.fixture
def held_run(still, address, client, link, tmp_path):
    with held(still(), address, client, tmp_path) as made:
        yield made


def assert_cancelled(run, page):
    """The driver has stopped, as by `tiled-sim cancel`, and the page says so."""
    run.driver.join(PATIENCE)
    (error,) = run.errors
    assert error.exit_code == 5
    assert Control(run.path).driver().state == CANCELLED
    assert Control(run.path).cancelled
    page.wait_for_selector("#state.cancelled")


def test_a_run_is_cancelled_by_keys_alone_when_it_is_asked_twice(held_run, page, link):
    visit(page, link)
    page.focus("#cancel")
    page.keyboard.press("Enter")
    page.wait_for_selector("#cancel-dialog[open]")
    page.keyboard.press("Enter")  # the safe answer has the focus
    page.wait_for_selector("#cancel-dialog:not([open])", state="attached")
    assert not tiles_of(link)["run"]["stopping"]
    page.keyboard.press("Enter")
    page.wait_for_selector("#cancel-dialog[open]")
    assert not page.is_visible("#token-field")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert_cancelled(held_run, page)


def test_a_run_is_cancelled_from_elsewhere_with_its_token_alone(held_run, page, link):
    there = link.replace("127.0.0.1", ELSEWHERE)
    visit(page, there)
    page.click("#cancel")
    page.wait_for_selector("#token-field")
    assert page.inner_text("#token-file") == str(held_run.path / TOKEN)
    for wrong in ("", "0" * 32):
        page.fill("#token", wrong)
        page.click("#cancel-yes")
        page.wait_for_selector("text=Not cancelled: that is not the token of the run.")
    assert not tiles_of(link)["run"]["stopping"]
    page.fill("#token", (held_run.path / TOKEN).read_text())
    page.click("#cancel-yes")
    assert_cancelled(held_run, page)


def test_a_page_of_others_cannot_cancel(client, link, chromium):
    begin(client, "defended")
    page = chromium.new_page()
    page.route(f"http://{ELSEWHERE}/", lambda route: route.fulfill(body="<p>Look here</p>"))
    page.goto(f"http://{ELSEWHERE}/")
    body = json.dumps({"run": "defended"})
    for kind in ("text/plain", "application/json"):
        page.evaluate(
            """([address, body, kind]) => fetch(address, {
                method: "POST", mode: "no-cors", headers: { "Content-Type": kind }, body,
            }).catch(() => null)""",
            [f"{link}/cancel", body, kind],
        )
    # its name leads to the scheduler: then the browser takes both for one
    page.goto(f"{link.replace('127.0.0.1', ELSEWHERE)}/tiles.schema.json")
    status = page.evaluate(
        """body => fetch("cancel", {
            method: "POST", headers: { "Content-Type": "application/json" }, body,
        }).then(answer => answer.status)""",
        body,
    )
    page.close()
    assert status == 403
    assert not tiles_of(link, "defended")["run"]["stopping"]


# Values under the cursor


@pytest.fixture(scope="module")
def noisy(address, client, link, tmp_path_factory):
    """A run of five panels with noise that is done."""
    path = tmp_path_factory.mktemp("noisy") / "run.zarr"
    experiment = ts.Experiment.from_toml(TOML)
    return submit(experiment, path, cluster=address, tile=(32, 32), require_coverage=0)


def point_at(page, link, run, panel, slow, fast):
    """Point at a pixel in the preview of all panels; what the page says of it."""
    with urllib.request.urlopen(f"{link}/panels?run={run.run_id}") as answer:
        seen = json.load(answer)
    one = seen["panels"][panel]
    place = [
        one["corner"][axis]
        + (slow + 0.5) * one["slow_step"][axis]
        + (fast + 0.5) * one["fast_step"][axis]
        for axis in (0, 1)
    ]
    box = page.locator("#preview canvas").bounding_box()
    shares = [at / side for at, side in zip(place, seen["shape"], strict=True)]
    page.mouse.move(box["x"] + shares[1] * box["width"], box["y"] + shares[0] * box["height"])
    return page.inner_text("#readout")


READOUT = re.compile(
    r"panel (?P<panel>\d), (?P<name>\w+) · slow (?P<slow>\d+), fast (?P<fast>\d+) · "
    r"(?P<value>[\d.e+-]+) (?P<kind>\w+) · (?P<resolution>[\d.]+) Å · tile f00000/p00\d/\S+, done"
)


@pytest.mark.parametrize("kind", ["photons", "counts"])
def test_the_values_under_the_cursor_are_those_of_the_run(noisy, page, link, kind):
    visit(page, f"{link}?run={noisy.run_id}&frame=0&panel=all&of={kind}")
    page.wait_for_selector("#all-field")
    image = noisy.image.values if kind == "photons" else noisy.counts.values
    for panel, slow, fast in [(0, 20, 30), (0, 30, 11), (1, 25, 40), (2, 16, 20), (3, 9, 33)]:
        told = READOUT.match(point_at(page, link, noisy, panel, slow, fast))
        at = panel, *(int(told[name]) for name in ("slow", "fast"))
        assert at[0] == int(told["panel"])
        assert abs(at[1] - slow) <= 1  # turned pixels are drawn in cells that are not
        assert abs(at[2] - fast) <= 1
        assert told["name"] == NAMES[panel]
        assert told["kind"] == kind
        # three digits of what is kept
        assert float(told["value"]) == pytest.approx(image[0][at], rel=PRECISION + 0.005)
        x, y, z = centre_of(noisy, *at)
        sine = np.sin(np.arctan2(np.hypot(x, y), z) / 2)
        assert float(told["resolution"]) == pytest.approx(1 / (2 * sine), rel=1e-3)


def test_a_cell_that_stands_for_many_pixels_says_so(client, link, page):
    image = np.random.default_rng(4).lognormal(0, 3, (64, 90)).astype(np.float32)
    begin(client, "blocks", shape=[1, 1, 64, 90], tile=[1, 1, 64, 96], tiles=(1, 1), factor=4)
    tell(
        client, "blocks", {"tile": 0, "state": "done", **finished(thumbnail=reduce(image, 0, 0, 4))}
    )
    eventually(lambda: tiles_of(link, "blocks")["run"]["done"] == 1)
    visit(page, f"{link}?run=blocks")
    box = page.locator("#preview canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] * 30.5 / 64)
    told = re.match(
        r"slow 28 – 31, fast 88 – 89 · up to (\S+) photons", page.inner_text("#readout")
    )
    assert float(told[1]) == pytest.approx(image[28:32, 88:90].max(), rel=PRECISION + 0.005)


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "Nothing but zeros."), (1.2e-36, "Next to nothing: at most 1.2e-36 a pixel.")],
)
def test_an_empty_panel_has_no_scale_of_colours(client, link, page, value, said):
    begin(client, "empty", tiles=(1, 1))
    thumbnail = reduce(np.full((16, 16), value, np.float32), 0, 0, 1)
    tell(client, "empty", {"tile": 0, "state": "done", **finished(thumbnail=thumbnail)})
    eventually(lambda: tiles_of(link, "empty")["run"]["done"] == 1)
    visit(page, f"{link}?run=empty")
    assert page.inner_text("#preview-none") == said
    assert not page.is_visible("#scale")


def test_a_panel_whose_preview_is_forgotten_says_so(client, link, page):
    begin(client, "forgotten", tiles=(1, 1))
    tell(client, "forgotten", {"tile": 0, "state": "done", **finished()})
    eventually(lambda: tiles_of(link, "forgotten")["run"]["done"] == 1)
    visit(page, f"{link}?run=forgotten")
    assert page.inner_text("#preview-none") == "No preview is kept."
