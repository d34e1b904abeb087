"""What the tiles of a run took, and what they found, as tables for people."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tiled_sim.report.table import Column, Table, numbers, seconds, share, size
from tiled_sim.run.run import Run
from tiled_sim.run.sidecar_table import STAGES, sidecar_table
from tiled_sim.run.status import Status, sidecars_of

if TYPE_CHECKING:
    import pandas

#: Sidecars that are read for a report, evenly over all of a run.
MOST_SIDECARS = 5000
_SLOWEST, _WORKERS, _DEPARTURES = 10, 40, 20
_STAGES = {
    "kernel": "the sum over steps",
    "noise": "photons counted",
    "trace": "the chain of traced pixels",
    "write": "written to the store",
}


def sampled(done: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Those of the numbers of tiles whose sidecars are read: all, or some evenly over them."""
    if len(done) <= MOST_SIDECARS:
        return done
    return done[np.linspace(0, len(done) - 1, MOST_SIDECARS).round().astype(np.int64)]


def tiles_of(run: Run, tiles: npt.NDArray[np.int64]) -> "pandas.DataFrame":
    """The sidecars of some tiles as a table, with names of the processes that computed them."""
    table = sidecar_table(run, tiles)
    table["process"] = table["host"] + ", process " + table["pid"].astype("string")
    return table


def stage_table(tiles: "pandas.DataFrame") -> Table:
    """Time by stage."""
    columns = [
        Column("stage"),
        *numbers(("seconds of all tiles", "s"), ("share", ""), ("of a tile, median", "s")),
        *numbers(
            ("of the slowest", "s"),
        ),
    ]
    whole = float(tiles["time_s"].sum())
    rows: list[tuple[Any, ...]] = []
    for stage in STAGES:
        spent = tiles[f"time_{stage}_s"]
        if spent.any():
            rows.append((f"{stage}: {_STAGES[stage]}", *_of(spent, whole)))
    rows.append(("all", *_of(tiles["time_s"], whole)))
    return Table.of("Time by stage", columns, rows)


def _of(spent: "pandas.Series[float]", whole: float) -> tuple[Any, ...]:
    total = float(spent.sum())
    median, slowest = float(spent.median()), float(spent.max())
    return f"{total:.4g}", share(total, whole), f"{median:.3g}", f"{slowest:.3g}"


def worker_table(tiles: "pandas.DataFrame") -> Table:
    """Time by worker: what each computed, and when."""
    columns = [
        Column("worker", long=True),
        Column("device"),
        *numbers(("tiles", ""), ("seconds", "s"), ("share", ""), ("evaluations", "M/s")),
        Column("from – to (UTC)"),
    ]
    whole = float(tiles["time_s"].sum())
    rows = []
    grouped = sorted(tiles.groupby("process"), key=lambda one: -float(one[1]["time_s"].sum()))
    for name, some in grouped[:_WORKERS]:
        kernel = float(some["time_kernel_s"].sum())
        last = some.loc[some["start"].idxmax()]
        rows.append(
            (
                name,
                ", ".join(sorted(set(some["device"]))),
                len(some),
                f"{float(some['time_s'].sum()):.4g}",
                share(float(some["time_s"].sum()), whole),
                f"{some['evaluations_done'].sum() / kernel / 1e6:.3g}" if kernel else None,
                f"{_clock(some['start'].min())} – {_clock(last['start'], float(last['time_s']))}",
            )
        )
    return Table.of("Time by worker", columns, rows, _more(len(grouped) - len(rows), "workers"))


def slowest_table(tiles: "pandas.DataFrame") -> Table:
    """The tiles that took longest."""
    columns = [
        Column("tile"),
        Column("frames, panels, slow, fast"),
        *numbers(("seconds", "s"), ("evaluations", "M"), ("attempt", "")),
        Column("worker", long=True),
    ]
    slowest = tiles.nlargest(_SLOWEST, "time_s")
    rows = [
        (
            one["tile"],
            ", ".join(
                f"{one[f'{axis}_first']}:{one[f'{axis}_stop']}"
                for axis in ("frame", "panel", "slow", "fast")
            ),
            f"{one['time_s']:.3g}",
            f"{one['evaluations_done'] / 1e6:.3g}",
            int(one["attempt"]),
            one["process"],
        )
        for _, one in slowest.iterrows()
    ]
    return Table.of("Slowest tiles", columns, rows)


def memory_table(tiles: "pandas.DataFrame", promised: int) -> Table:
    """Memory that was promised to a worker, and what each took at its peak.

    Parameters
    ----------
    tiles : with their processes
    promised : of a worker with one thread, by the plan [bytes]
    """
    columns = [
        Column("worker", long=True),
        *numbers(("tiles at once", ""), ("promised", ""), ("taken", ""), ("taken of promised", "")),
        *numbers(("taken of the device", ""), ("blocks halved", "")),
    ]
    rows = []
    grouped = sorted(
        tiles.groupby("process"), key=lambda one: -int(one[1]["memory_peak_bytes"].max())
    )
    for name, some in grouped[:_WORKERS]:
        peak, predicted = (
            int(some[f"memory_{which}_bytes"].max()) for which in ("peak", "predicted")
        )
        device = some["memory_device_peak_bytes"].dropna()
        rows.append(
            (
                name,
                _at_once(some),
                size(predicted),
                size(peak),
                share(peak, predicted),
                size(int(device.max())) if len(device) else None,
                int(some["halvings"].sum()),
            )
        )
    notes = [
        f"The plan promises {size(promised)} to a worker with one thread; what is taken is that of "
        "the process, with all tiles that it computes at once.",
        *_more(len(grouped) - len(rows), "workers"),
    ]
    return Table.of("Memory", columns, rows, notes)


def _at_once(tiles: "pandas.DataFrame") -> int:
    """How many tiles a process computed at the same time, at most."""
    starts = tiles["start"].to_numpy("datetime64[us]")
    ends = np.sort(starts + (1e6 * tiles["time_s"].to_numpy()).astype("timedelta64[us]"))
    begun = np.sort(starts)
    return int((np.arange(1, len(begun) + 1) - np.searchsorted(ends, begun, side="right")).max())


def lookup_table(status: Status, counted: set[str], default_F: float = 0.0) -> Table:
    """What the look-ups of structure factors met, over all tiles that are done.

    Parameters
    ----------
    status : with their sums
    counted : how, by the sidecars
    default_F : F of a reflection that no source gives [electrons]
    """
    looked = status.lookups
    columns = [Column("they met"), *numbers(("number", ""), ("share", ""))]
    told = (
        ("an F other than 0", looked.in_range),
        ("an F that is given as 0", looked.zero),
        ("absent by symmetry", looked.forbidden),
        ("inside the ranges, but not given", looked.absent),
        ("outside the ranges", looked.out_of_range),
        *([("not told by the kernel", looked.uncounted)] if looked.uncounted else ()),
        ("all", looked.total),
        ("of them too near the edge to interpolate", looked.interpolation_refused),
    )
    rows = [(name, number, share(number, looked.total)) for name, number in told]
    how = {
        frozenset({"exact"}): ["Every evaluation was counted."],
        frozenset({"sampled"}): ["Those of a fixed sample of pixels were counted."],
    }
    notes = how.get(frozenset(counted), ["Of some tiles a fixed sample was counted."])
    if default_F:
        notes.append(f"Where no F is given it is {default_F:g} electrons.")
    return Table.of("Look-ups of structure factors", columns, rows, notes if counted else [])


def departure_table(run: Run, tiles: "pandas.DataFrame") -> Table:
    """Traced pixels whose chain does not end at the pixel's stored value.

    Parameters
    ----------
    run : of the tiles
    tiles : some of them
    """
    columns = [
        Column("tile"),
        *numbers(("frame", ""), ("panel", ""), ("slow", ""), ("fast", "")),
        *numbers(("departure", "photons")),
    ]
    departing = tiles[tiles["departures"] > 0].nlargest(_DEPARTURES, "largest_departure_photons")
    numbers_of = departing["index"].to_numpy(dtype=np.int64)
    rows = [
        (
            sidecar["tile"]["id"],
            *(trace["frame"], trace["panel"], *trace["pixel"]),
            trace["departure"],
        )
        for _, sidecar in sidecars_of(run, np.sort(numbers_of), run.sidecar)
        for trace in sidecar["traces"]
        if trace["departure"]
    ]
    departed = int(tiles["departures"].sum())
    traced = int(tiles["traces"].sum())
    none = "none departs" if not departed else f"{departed} depart"
    told = (
        f"Of {traced} pixels whose chain was followed step by step in float64, {none} from what "
        "the kernel stored by more than its error explains."
    )
    return Table.of("Departures", columns, rows, [told])


def failure_table(status: Status) -> Table:
    """Tiles that were given up."""
    columns = [
        Column("tile"),
        Column("attempts", numbers=True),
        Column("worker", long=True),
        Column("last error", long=True),
    ]
    rows = [(one.tile, one.attempts, one.worker, one.error) for one in status.failed]
    more = _more(len(rows) - _DEPARTURES, "tiles")
    return Table.of("Tiles that were given up", columns, rows[:_DEPARTURES], more)


def span(tiles: "pandas.DataFrame") -> str:
    """From the beginning of the first tile to the end of the last, as people say it."""
    import pandas

    ends = tiles["start"] + pandas.to_timedelta(tiles["time_s"], unit="s")
    return seconds((ends.max() - tiles["start"].min()).total_seconds())


def _more(number: int, what: str) -> list[str]:
    return [f"and {number} more {what}"] if number > 0 else []


def _clock(moment: Any, later: float = 0.0) -> str:
    """A moment, so many seconds later, to the second."""
    import pandas

    return f"{moment + pandas.Timedelta(seconds=later):%Y-%m-%d %H:%M:%S}"
