"""The page in a real browser, which shows real runs from a real server."""

import json
import re
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from support.browser import CHROMIUM, faults_by_axe, needs_chromium
from support.viewing import compute, computed_run, files_served, served
from tiled_sim.kernels.blocks import Pixels
from tiled_sim.kernels.optics import Optics
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.assembly import Assembly
from tiled_sim.viewer import server
from tiled_sim.viewer.description import Frames, describe_run
from tiled_sim.viewer.mosaic import Mosaic
from tiled_sim.viewer.static import write_static

api = pytest.importorskip("playwright.sync_api")
pytestmark = needs_chromium

STAGE = "#first-stage canvas"
WEB = Path(server.__file__).parent / "web"


@pytest.fixture(scope="module")
def browser():
    with api.sync_playwright() as playwright:
        made = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield made
        made.close()


@pytest.fixture
def opened(browser):
    """Open an address in a tab of a size, and wait until the picture is there."""
    tabs = []

    def open_(url, width=1400, height=900):
        tab = browser.new_page(viewport={"width": width, "height": height})
        tab.set_default_timeout(20_000)
        tab.faults = []
        tab.on("pageerror", lambda error: tab.faults.append(str(error)))
        tabs.append(tab)
        tab.goto(url)
        settled(tab)
        return tab

    yield open_
    for tab in tabs:
        assert tab.faults == []
        tab.close()


def settled(tab):
    tab.wait_for_selector("body[data-ready=yes]")
    tab.wait_for_selector("#first-stage[data-settled=yes]")


@pytest.fixture(scope="module")
def address(panels):
    with served(panels) as url:
        yield url


@pytest.fixture(scope="module")
def wide_address(wide):
    with served(wide) as url:
        yield url


def until(tab, condition):
    """Wait for a condition, which the page's policy lets nobody but the tests evaluate."""
    deadline = time.monotonic() + 20
    while not tab.evaluate(condition):
        assert time.monotonic() < deadline, condition
        tab.wait_for_timeout(20)


def on_canvas(tab, row, column):
    """Where the middle of a cell is drawn, in the canvas."""
    return tab.evaluate(f"viewer.panes[0].image.onCanvas({row + 0.5}, {column + 0.5})")


def view_of(tab):
    return tab.evaluate("viewer.panes[0].image.view")


def cell_of(mosaic_of, panel, slow, fast):
    """Row and column of the cell that shows a pixel."""
    seen = next(one for one in mosaic_of.seen(*map(range, mosaic_of.shape)) if one.panel == panel)
    at = np.flatnonzero((seen.slow == slow) & (seen.fast == fast))[0]
    return int(seen.row[at]), int(seen.column[at])


def point_at(tab, run, panel, slow, fast):
    assembly = Assembly.of(run.experiment.detector, run.experiment.beam.direction)
    x, y = on_canvas(tab, *cell_of(assembly, panel, slow, fast))
    tab.hover(STAGE, position={"x": x, "y": y})
    return {"x": x, "y": y}


def shown_value(tab, unit):
    """The number under the cursor, when it is the exact one."""
    api.expect(tab.locator("#cursor")).to_contain_text(unit)
    api.expect(tab.locator("#cursor")).not_to_contain_text("mean of")
    text = tab.locator("#cursor dd").first.text_content()
    number, power = re.match(r"([−\d.\u202f]+)(?:·10(\S+))?", text).groups()
    plain = number.replace("−", "-").replace("\u202f", "")
    raised = (power or "⁰").translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    return float(plain) * 10.0 ** int(raised)


def test_the_value_under_the_cursor_is_that_of_the_run(opened, address, panels):
    tab = opened(address)
    for panel, slow, fast in ((1, 20, 30), (2, 10, 17), (4, 33, 3)):
        point_at(tab, panels, panel, slow, fast)
        api.expect(tab.locator("#cursor")).to_contain_text(f"slow {slow}, fast {fast}")
        stored = panels.store.read_tile(0, panel, slice(slow, slow + 1), slice(fast, fast + 1))
        assert np.float32(shown_value(tab, "photon")) == stored[0, 0]


def test_resolution_and_indices_under_the_cursor_are_those_of_the_chain(opened, address, panels):
    tab = opened(address)
    sidecar = panels.sidecar(panels.plan.grid.holding(0, 1, 20, 30))
    trace = next(one for one in sidecar["traces"] if one["frame"] == 0)
    looked = tab.evaluate(
        "([panel, slow, fast]) => viewer.panes[0].geometry.look({ panel, slow, fast })",
        [trace["panel"], *trace["pixel"]],
    )
    # the page has the crystal as it stands in the middle of the exposure
    assert looked["hkl"][0] == pytest.approx(trace["phi_steps"][1]["hkl_frac"], rel=1e-4)
    q = np.array(trace["values"]["scattering_vec_A_inv"]) * 1e-10
    assert 1 / looked["d_A"] == pytest.approx(np.linalg.norm(q), rel=1e-9)


@pytest.mark.parametrize(
    "options", [["-twotheta", 10], ["-curved_det"], ["-curved_det", "c_compat"]]
)
def test_places_on_the_detector_are_those_of_the_physics(opened, address, still, tmp_path, options):
    c_compat = "c_compat" in options
    words = [word for word in options if word != "c_compat"]
    experiment = still(*words, c_compat=c_compat)
    run = computed_run(experiment, tmp_path / "a.zarr", tiles=[])
    described = json.loads(json.dumps(describe_run(Mosaic(run))))
    found = opened(address).evaluate(
        """async ([run, frame]) => {
            const { Geometry } = await import("./js/geometry.js");
            return new Geometry(run, frame).look({ panel: 0, slow: 20, fast: 75 });
        }""",
        [described, Frames(experiment).describe(0)],
    )
    scene = Scene.of(experiment, 0)
    pixel = Pixels(
        torch.tensor([20.0], dtype=torch.float64),
        torch.tensor([75.0], dtype=torch.float64),
        torch.tensor([True]),
        0,
    )
    position = [float(part) for part in Optics(scene).position(pixel, 0)]
    assert found["position"] == pytest.approx(position, rel=1e-9)


def test_the_wheel_zooms_about_the_pointer_and_dragging_moves(opened, wide_address):
    tab = opened(wide_address)
    before = view_of(tab)["scale"]
    box = tab.locator(STAGE).bounding_box()
    x, y = box["x"] + 0.7 * box["width"], box["y"] + 0.4 * box["height"]
    tab.mouse.move(x, y)
    cell = tab.evaluate("viewer.panes[0].image.cursor")
    tab.mouse.wheel(0, -600)
    until(tab, f"viewer.panes[0].image.view.scale > {3 * before}")
    tab.mouse.move(x + 1, y)
    after = tab.evaluate("viewer.panes[0].image.cursor")
    assert abs(after["row"] - cell["row"]) <= 1
    assert abs(after["column"] - cell["column"]) <= 1
    tab.mouse.down()
    tab.mouse.move(x - 150, y + 40, steps=4)
    tab.mouse.up()
    moved = tab.evaluate("viewer.panes[0].image.placeAt(0, 0)")
    tab.click("#fit")
    assert view_of(tab)["scale"] == pytest.approx(before)
    assert moved["row"] > 0
    assert moved["column"] > 0


def test_a_far_view_shows_a_level_and_a_near_one_the_pixels(opened, wide_address, wide):
    tab = opened(wide_address, 420, 860)
    level = "viewer.panes[0].image.levelShown()"
    assert tab.evaluate(level) == 1
    tab.click("#one")
    settled(tab)
    assert tab.evaluate(level) == 0


def test_tiles_that_are_no_longer_seen_go_when_there_is_no_room(opened, wide_address):
    tab = opened(wide_address, 420, 860)
    tab.evaluate("viewer.panes[0].image.tiles.bytes = 1")
    for place in ((50, 50), (50, 550), (550, 550), (550, 50), (300, 300)):
        tab.evaluate(
            "([row, column]) => viewer.panes[0].image.setView({ row, column, scale: 20 })", place
        )
        until(tab, "viewer.panes[0].image.settled")
    assert tab.evaluate("viewer.panes[0].image.tiles.kept.size") <= 4


def test_a_click_tells_of_the_tile_and_its_chain(opened, address, panels):
    tab = opened(address)
    place = point_at(tab, panels, 1, 20, 30)
    tab.click(STAGE, position=place)
    tile = panels.plan.grid.holding(0, 1, 20, 30)
    tab.wait_for_selector(f"body[data-sidecar='{panels.plan.grid.id_of(tile)}']")
    told = tab.locator("#picked")
    api.expect(told).to_contain_text("panel right, slow 20, fast 30")
    api.expect(told).to_contain_text("structure factor")
    looked = panels.sidecar(tile)["structure_factor_lookups"]
    assert f"{looked['in_range']} found one" in re.sub(r"(?<=\d)\s(?=\d)", "", told.inner_text())
    tab.click("#trace")
    api.expect(tab.locator("#chain-of")).to_contain_text("computed now (panel right, slow 20")
    stored = float(panels.store.read_tile(0, 1, slice(20, 21), slice(30, 31))[0, 0])
    cell = tab.locator("#chain tr", has_text="floatimage_accumulated").locator("td")
    assert float(cell.get_attribute("title")) == stored


def test_the_slider_shows_another_frame(opened, address, panels):
    tab = opened(address)
    point_at(tab, panels, 1, 20, 30)
    first = shown_value(tab, "photon")
    tab.focus("#frame-slider")
    tab.keyboard.press("ArrowRight")
    until(tab, "viewer.frame === 1")
    settled(tab)
    point_at(tab, panels, 1, 20, 31)
    point_at(tab, panels, 1, 20, 30)
    stored = panels.store.read_tile(1, 1, slice(20, 21), slice(30, 31))[0, 0]
    assert np.float32(shown_value(tab, "photon")) == stored != np.float32(first)
    assert "frame=1" in tab.evaluate(
        "new Promise((go) => setTimeout(() => go(location.hash), 400))"
    )


def test_an_address_that_is_pasted_where_the_page_is_open_is_followed(opened, address):
    tab = opened(address)
    tab.evaluate("location.hash = 'frame=1&values=counts&row=20&column=30&scale=4'")
    until(tab, "viewer.frame === 1 && viewer.quantity === 'counts'")
    until(tab, "viewer.panes[0].image.view.scale === 4")
    assert (view_of(tab)["row"], view_of(tab)["column"]) == (20, 30)
    assert tab.locator("#quantity").input_value() == "counts"


def test_counts_are_shown_as_whole_numbers(opened, address, panels):
    tab = opened(address)
    tab.select_option("#quantity", "counts")
    until(tab, "viewer.quantity === 'counts'")
    settled(tab)
    point_at(tab, panels, 2, 10, 17)
    stored = panels.store.read_counts(0, 2, slice(10, 11), slice(17, 18))[0, 0]
    assert shown_value(tab, "ADU") == stored


def test_the_keyboard_alone_zooms_moves_and_picks(opened, address, panels):
    tab = opened(address)
    for _ in range(30):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.closest('#first-stage') !== null"):
            break
    before = view_of(tab)["scale"]
    for key in ("+", "+", "ArrowRight", "Shift+ArrowDown", "ArrowLeft", "ArrowUp"):
        tab.keyboard.press(key)
    assert view_of(tab)["scale"] == pytest.approx(4 * before)
    cell = tab.evaluate("viewer.panes[0].image.cursor")
    assert cell["by"] == "keys"
    api.expect(tab.locator("#spoken")).to_contain_text("value")
    tab.keyboard.press("Enter")
    api.expect(tab.locator("#picked")).to_be_visible()
    tab.keyboard.press("0")
    assert view_of(tab)["scale"] == pytest.approx(before)
    tab.keyboard.press("Escape")
    assert tab.evaluate("viewer.panes[0].image.cursor") is None


def colour_at(tab, row, column):
    x, y = on_canvas(tab, row, column)
    return tab.evaluate(
        "([x, y]) => [...document.querySelector('#first-stage canvas').getContext('2d')"
        ".getImageData(x, y, 1, 1).data].slice(0, 3)",
        [round(x), round(y)],
    )


def test_zeros_and_masked_pixels_and_what_is_not_computed_look_different(opened, tmp_path, still):
    experiment = still("-detpixels", 96, "-roi", 0, 95, 16, 95, "-dmin", 8)
    run = computed_run(experiment, tmp_path / "a.zarr", tiles=[0, 1], tile=(48, 48))
    with served(run) as url:
        tab = opened(url)
        tab.uncheck("#rings")
        tab.uncheck("#outlines")
        masked, waiting = colour_at(tab, 5, 20), colour_at(tab, 80, 20)
        assert masked == [0x4D, 0x73, 0x58]
        assert min(waiting) > 100
        assert run.store.read_tile(0, 0, slice(18, 19), slice(90, 91)) == 0
        assert colour_at(tab, 18, 90) == [0, 0, 4]


def test_a_run_that_is_being_computed_fills_in(opened, tmp_path, still):
    run = computed_run(still(), tmp_path / "a.zarr", tiles=[0], tile=(32, 32))
    with served(run) as url:
        tab = opened(url)
        api.expect(tab.locator("#state")).to_contain_text("1 of 9 tiles")
        x, y = on_canvas(tab, 80, 80)
        tab.hover(STAGE, position={"x": x, "y": y})
        api.expect(tab.locator("#cursor")).to_contain_text("not computed yet")
        tab.check("#spots")
        until(
            tab,
            "!viewer.spots.asking && viewer.spots.spots.some(({ photons }) => photons === null)",
        )
        compute(run, range(1, 9))
        api.expect(tab.locator("#state")).to_contain_text("all tiles are done")
        until(tab, "typeof viewer.panes[0].image.valueAt(80, 80).value === 'number'")
        until(tab, "viewer.spots.spots.every(({ photons }) => typeof photons === 'number')")


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ("Array.from({ length: 10000 }, (_, i) => 150 + i / 100)", 155.0, 250.0),
        ("Array.from({ length: 10000 }, (_, i) => 201.5 + i / 20000)", 192.38, 202.0),
        ("Array.from({ length: 10000 }, () => 7)", 0.7, 7),
        ("Array.from({ length: 10000 }, (_, i) => i % 2)", 0.1, 1),  # counts of nothing and one
    ],
)
def test_a_scale_spreads_over_what_there_is(opened, address, values, low, high):
    range_ = opened(address).evaluate(
        f"import('./js/colours.js').then((m) => m.rangeOf([new Float32Array({values})], true))"
    )
    assert (range_["low"], range_["high"]) == pytest.approx((low, high), rel=0.005)
    assert range_["low"] < range_["high"]


def test_spots_are_found_and_named(opened, address):
    tab = opened(address)
    tab.check("#spots")
    api.expect(tab.locator("#spots-note")).to_contain_text("predicted spots")
    until(tab, "!viewer.spots.asking")
    marks = tab.evaluate("viewer.panes[0].image.overlay.marks")
    assert len(marks) > 20
    brightest = max(marks, key=lambda mark: mark["photons"])
    assert re.fullmatch(r"−?\d+ −?\d+ −?\d+", brightest["label"])
    x, y = on_canvas(tab, brightest["row"] - 0.5, brightest["column"] - 0.5)
    tab.hover(STAGE, position={"x": x, "y": y})
    api.expect(tab.locator("#cursor")).to_contain_text(f"spot{brightest['label']}")
    api.expect(tab.locator("#cursor")).to_contain_text(
        re.compile(r"photons above .* of background")
    )


def assert_ratio_is_shown(tab, *runs):
    """Of two runs, at a pixel; its values in each."""
    tab.select_option("#kind", "ratio")
    until(tab, "viewer.panes[1].kind === 'ratio'")
    ratio = tab.evaluate("viewer.panes[1].image.exactAt(300, 320)")
    first, second = (
        run.store.read_tile(0, 0, slice(300, 301), slice(320, 321))[0, 0] for run in runs
    )
    assert ratio == pytest.approx(first / second, rel=1e-6)
    return first, second


def test_two_runs_beside_each_other_and_their_ratio(opened, wide, stronger):
    with served(wide, stronger) as url:
        tab = opened(url)
        tab.wait_for_selector("#second-stage[data-settled=yes]")
        first, second = assert_ratio_is_shown(tab, wide, stronger)
        tab.select_option("#kind", "difference")
        until(tab, "viewer.panes[1].kind === 'difference'")
        difference = tab.evaluate("viewer.panes[1].image.exactAt(300, 320)")
        assert difference == pytest.approx(float(first) - float(second), rel=1e-6)
        tab.focus(STAGE)
        tab.keyboard.press("+")
        until(tab, "viewer.panes[0].image.view.scale === viewer.panes[1].image.view.scale")


@pytest.mark.parametrize("ranges", [True, False])
def test_a_folder_shows_the_same_from_any_web_server(opened, panels, tmp_path, ranges):
    write_static([panels], tmp_path / "out", {"frame": 1, "quantity": "image"}, lambda frames: None)
    with files_served(tmp_path / "out", ranges=ranges) as url:
        tab = opened(url)
        place = point_at(tab, panels, 1, 20, 30)
        stored = panels.store.read_tile(1, 1, slice(20, 21), slice(30, 31))[0, 0]
        assert np.float32(shown_value(tab, "photon")) == stored
        tab.click(STAGE, position=place)
        tab.wait_for_selector("body[data-sidecar]")
        api.expect(tab.locator("#trace")).to_be_hidden()
        tab.check("#spots")
        until(tab, "viewer.spots.marks.some(({ photons }) => photons > 1)")


def test_a_folder_of_two_runs_shows_their_ratio(opened, wide, stronger, tmp_path):
    settings = {"frame": 0, "quantity": "image"}
    write_static([wide, stronger], tmp_path / "out", settings, lambda frames: None)
    with files_served(tmp_path / "out", ranges=True) as url:
        tab = opened(url)
        assert_ratio_is_shown(tab, wide, stronger)


def test_a_page_opened_from_the_disk_says_how_it_is_seen(browser):
    tab = browser.new_page()
    tab.goto((WEB / "index.html").as_uri())
    api.expect(tab.get_by_text("python3 -m http.server")).to_be_visible()
    tab.close()


def test_a_page_that_runs_says_nothing_of_that(opened, address):
    assert opened(address).get_by_text("http.server").count() == 0


@pytest.mark.parametrize("width", [420, 1400])
def test_nothing_reaches_beyond_the_window(opened, address, panels, width):
    tab = opened(address, width)
    tab.click(STAGE, position=point_at(tab, panels, 1, 20, 30))
    tab.wait_for_selector("body[data-sidecar]")
    assert tab.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(opened, address, panels, scheme):
    tab = opened(address)
    tab.emulate_media(color_scheme=scheme)
    tab.click(STAGE, position=point_at(tab, panels, 1, 20, 30))
    tab.wait_for_selector("body[data-sidecar]")
    assert faults_by_axe(tab) == []


def test_all_that_is_fetched_is_the_servers_own(browser, address):
    tab = browser.new_page()
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(address)
    settled(tab)
    tab.close()
    assert len(asked) > 10
    assert [url for url in asked if not url.startswith((address, "data:"))] == []
