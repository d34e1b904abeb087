"""How far a tile is that takes long: told by its worker, by its driver, and on the page."""

import json
import urllib.request

import pytest

from tiled_sim.cluster.events import Parts
from tiled_sim.cluster.listener import Silent
from tiled_sim.cluster.submit import submit
from tiled_sim.cluster.under_way import UnderWay
from tiled_sim.store.control import Control

WORKER = "tcp://10.0.0.1:40001"


class Observer(Silent):
    """Remembers how far the bar, the driver's file and the page were whenever more was done."""

    def __init__(self):
        self.seen = []
        self.done_after = None

    def started(self, run, missing, dashboard, left=0):
        self.control = Control(run.path)
        self.page = f"{dashboard}/tiles.json?run={run.run_id}"

    def under_way(self, tiles, evaluations):
        with urllib.request.urlopen(self.page, timeout=30) as answer:
            page = json.loads(answer.read())["run"]
        self.seen.append((tiles, evaluations, page))

    def tile_done(self, record):
        self.done_after = len(self.seen)


@pytest.fixture(scope="module")
def observed(still, address, tmp_path_factory):
    """A run of one tile of 12 000 steps a pixel, and what was told of it."""
    observer = Observer()
    experiment = still("-mosaic", 1, "-mosaic_domains", 12_000)
    path = tmp_path_factory.mktemp("long") / "run.zarr"
    run = submit(
        experiment,
        path,
        cluster=address,
        tile=96,
        kernel="reference",
        listener=observer,
        require_coverage=0.0,
    )
    return run, observer


def test_a_tile_that_takes_long_tells_how_far_it_is_before_it_is_done(observed):
    run, observer = observed
    seen = observer.seen[: observer.done_after]
    shares = [tiles for tiles, _, _ in seen if tiles]
    assert len(run.plan) == 1
    assert len(shares) >= 2
    assert 0 < shares[0] < shares[-1] < 1
    assert shares == sorted(shares)


def test_what_is_told_of_its_evaluations_goes_with_its_share(observed):
    run, observer = observed
    for tiles, evaluations, _ in observer.seen:
        assert evaluations == pytest.approx(tiles * run.experiment.evaluations)


def test_the_page_shows_how_far_it_is(observed):
    _, observer = observed
    pages = [page for tiles, _, page in observer.seen[: observer.done_after] if tiles]
    assert all(page["states"] == "1r" for page in pages)
    shares = [page["parts"][0]["share"] for page in pages]
    assert 0 < shares[0] < shares[-1] < 1
    assert pages[-1]["eta_seconds"] > 0
    assert pages[-1]["evaluations_per_second"] > 0


def test_evaluations_of_a_tile_are_counted_once(observed):
    run, observer = observed
    assert observer.seen[-1][:2] == (0, 0)
    driver = observer.control.driver()
    assert (driver.done, driver.under_way) == (1, 0)
    assert driver.evaluations == run.status().evaluations == run.experiment.evaluations


# Each part of it


@pytest.fixture
def hasty(monkeypatch):
    from tiled_sim.cluster import events

    monkeypatch.setattr(events, "_SECONDS_BETWEEN_PARTS", 0.0)


def parts(told, **changes):
    given = {"planned": lambda: 100, "counted": lambda: True, "tell": told.append} | changes
    return Parts({"tile": 3}, **given)


def test_a_tile_that_is_done_soon_tells_nothing():
    told = []
    behind = parts(told)
    for number in range(100):
        behind(number)
    assert told == []


def test_a_share_that_does_not_grow_is_not_told_again(hasty):
    told = []
    behind = parts(told)
    for number in (25, 25, 20, 50, 120):
        behind(number)
    assert [event["share"] for event in told] == [0.25, 0.5, 1.0]
    assert all(event["tile"] == 3 for event in told)


def test_evaluations_that_are_left_out_are_not_told_as_done(hasty):
    told = []
    parts(told, counted=lambda: False)(25)
    assert told == [{"tile": 3, "share": 0.25, "evaluations": 0}]


@pytest.fixture
def halves():
    """Two tiles, a half of each done."""
    made = UnderWay()
    for tile in (3, 4):
        made.hear({"tile": tile, "state": "running", "worker": WORKER})
        made.hear({"tile": tile, "state": "running", "share": 0.5, "evaluations": 50})
    return made


def test_parts_of_tiles_add_up(halves):
    assert halves.parts == (1.0, 100)


def test_a_tile_that_is_done_stays_a_part_until_it_is_counted(halves):
    halves.hear({"tile": 3, "state": "done"})
    assert halves.parts == (1.0, 100)
    assert not halves.has_begun(3)
    halves.end(3)
    assert halves.parts == (0.5, 50)


def test_what_is_told_of_a_tile_after_it_was_counted_is_not_heard(halves):
    halves.end(3)
    halves.hear({"tile": 3, "state": "running", "share": 0.9, "evaluations": 90})
    assert halves.parts == (0.5, 50)


def test_a_tile_that_begins_again_has_the_workers_of_both_times(halves):
    halves.hear({"tile": 3, "state": "running", "worker": WORKER})
    assert halves.end(3) == 2
