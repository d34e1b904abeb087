"""The progress bar, as it ends up on a terminal that is no terminal."""

import contextlib
import dataclasses
import io
import json
import socket

import pytest
from dask.system import CPU_COUNT
from rich.console import Console
from rich.text import Text

from tiled_sim.cli import progress
from tiled_sim.cli.main import main
from tiled_sim.cli.printing import rate
from tiled_sim.cli.progress import ProgressBar
from tiled_sim.plan.prepare import prepare
from tiled_sim.store.control import RUNNING, Driver


@pytest.fixture
def printed(monkeypatch):
    """What is printed, of a console of 100 columns."""
    text = io.StringIO()

    def console(**options):
        return Console(**{**options, "stderr": False}, file=text, width=100, force_terminal=True)

    monkeypatch.setattr(progress, "Console", console)
    return text


@pytest.fixture(scope="module")
def plan(still):
    """Of 9 tiles."""
    return prepare(still(), tile=(32, 32)).plan


class Run:
    """As much of a run as the bar asks for."""

    def __init__(self, plan):
        self.plan = plan
        self.path = "run.zarr"


def record(evaluations):
    return {"id": "f00000/p000/r0000c0000", "evaluations": evaluations, "departures": []}


def shown(bar, printed):
    """What the bar shows now."""
    before = len(printed.getvalue())
    bar._progress.refresh()
    return Text.from_ansi(printed.getvalue()[before:]).plain


def test_what_is_done_of_tiles_under_way_moves_the_bar(plan, printed):
    with ProgressBar(True) as bar:
        bar.started(Run(plan), 9, "nowhere")
        assert "  0%" in shown(bar, printed)
        bar.under_way(0.9, 1000)
        assert " 10%" in shown(bar, printed)
        assert "0/9" in shown(bar, printed)
        assert "eval/s" in shown(bar, printed)
        bar.under_way(0.0, 0)
        bar.tile_done(record(1100))
        assert "1/9" in shown(bar, printed)
        assert " 11%" in shown(bar, printed)


@pytest.mark.parametrize(
    ("found", "told"), [(0, "0 eval/s"), (820.0, "820 eval/s"), (1.3e8, "130 Meval/s")]
)
def test_a_rate_has_its_unit_apart(found, told):
    assert rate(found) == told


def test_of_a_driver_elsewhere_the_same_is_shown(plan, printed):
    driver = Driver(
        *("token", "host", 1, RUNNING, 3, "now", 10.0, 9, 3, 0, 20_000, "", ""), under_way=1.5
    )
    with ProgressBar(True) as bar:
        bar.started(Run(plan), 9, "nowhere")
        bar.show(3, driver)
        assert " 50%" in shown(bar, printed)
        assert "3/9" in shown(bar, printed)
        assert "2 keval/s" in shown(bar, printed)


def test_tiles_of_frames_that_nobody_asks_for_are_neither_done_nor_to_be_done(plan, printed):
    with ProgressBar(True) as bar:
        bar.started(Run(plan), 3, "nowhere", left=5)
        assert "1/4" in shown(bar, printed)
    assert "resuming  1 of 9 tiles are done already" in Text.from_ansi(printed.getvalue()).plain


def test_the_time_left_counts_what_is_under_way():
    driver = Driver("token", "host", 1, RUNNING, 3, "now", 10.0, 9, 0, 0, 0, "", "")
    assert driver.seconds_left is None
    assert dataclasses.replace(driver, under_way=0.5).seconds_left == pytest.approx(170.0)


def test_the_prediction_is_told_before_the_first_tile(plan, printed):
    with ProgressBar(True) as bar:
        bar.planned(plan)
    assert printed.getvalue() == (
        "tiles     9 of 32 x 32 pixels for 1 worker, less than 0.1 s of a core\n"
    )


def test_a_bar_that_is_not_wanted_tells_where_the_run_goes_on_and_no_more(plan, printed):
    with ProgressBar(False) as bar:
        bar.planned(plan)
        bar.started(Run(plan), 9, "nowhere")
        bar.under_way(0.9, 1000)
    assert printed.getvalue() == "run       run.zarr\ndashboard nowhere\n"


def test_a_silent_bar_tells_nothing(plan, printed):
    with ProgressBar(False, silent=True) as bar:
        bar.planned(plan)
        bar.started(Run(plan), 9, "nowhere")
        bar.under_way(0.9, 1000)
    assert printed.getvalue() == ""


def test_a_dashboard_whose_port_is_taken_says_so(plan, printed):
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # then another holds it, which is as good
            held = stack.enter_context(socket.socket())
            held.bind(("127.0.0.1", 8787))
            held.listen()
        with ProgressBar(False) as bar:
            bar.started(Run(plan), 9, "http://127.0.0.1:40123/tiled-sim")
    assert "dashboard http://127.0.0.1:40123/tiled-sim (port 8787 is taken)" in printed.getvalue()


def test_json_has_the_plan_and_nothing_beside_it(data, tmp_path, capsys):
    words = (
        f"-hkl {data / 'p1.hkl'} -cell 70 80 90 75 85 95 -lambda 1 -N 5 -distance 100 "
        "-detpixels 96 -pixel 0.3 -oversample 1"
    ).split()
    path = tmp_path / "run.zarr"
    asked = ["submit", "--json", "--tile", "48", "--cluster", "local", "--out", str(path)]
    assert main([*asked, *words]) == 0
    output, complaint = capsys.readouterr()
    plan = json.loads(output)["plan"]
    assert (plan["tiles"], plan["tile"]) == (4, [1, 1, 48, 48])
    assert plan["workers"] == CPU_COUNT
    assert plan["seconds"] > 0
    assert complaint == ""
    assert main(["resume", "--json", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["plan"] == plan
