"""Sidecars as a table: a row a tile, flat columns with the unit in their names."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tiled_sim.run.status import sidecars_of

if TYPE_CHECKING:
    import pandas

    from tiled_sim.run.run import Run

#: Stages of a tile, of which not every sidecar tells all.
STAGES = ("kernel", "noise", "trace", "write")
_LOOKUPS = ("in_range", "out_of_range", "absent", "forbidden", "zero", "interpolation_refused")
_AXES = ("frame", "panel", "slow", "fast")
_SIDECARS_AT_A_TIME = 10_000
#: Types of the columns. Those with a capital letter have missing values.
COLUMNS: dict[str, str] = {
    "tile": "string",
    "index": "int64",
    **{f"{axis}_{end}": "int64" for axis in _AXES for end in ("first", "stop")},
    "worker": "string",
    "host": "string",
    "pid": "int64",
    "attempt": "int64",
    "device": "string",
    "dtype": "string",
    "precision": "string",
    "kernel": "string",
    "tiled_sim": "string",
    "torch": "string",
    "start": "datetime64[us, UTC]",
    "time_s": "float64",
    **{f"time_{stage}_s": "float64" for stage in STAGES},
    "memory_peak_bytes": "int64",
    "memory_predicted_bytes": "int64",
    "memory_device_peak_bytes": "Int64",
    "halvings": "int64",
    "evaluations_planned": "int64",
    "evaluations_done": "int64",
    "evaluations_skipped": "int64",
    "skipped_bound_photons": "float64",
    **{f"lookups_{name}": "int64" for name in _LOOKUPS},
    "lookups_counted": "string",
    "image_sum_photons": "float64",
    "image_max_photons": "float64",
    **{f"image_max_{axis}": "int64" for axis in _AXES},
    "image_mean_photons": "float64",
    "image_nan": "int64",
    "image_sha256": "string",
    "counts_sum_ADU": "Int64",
    "counts_max_ADU": "Int64",
    **{f"counts_max_{axis}": "Int64" for axis in _AXES},
    "counts_overloads": "Int64",
    "counts_negative": "Int64",
    "counts_sha256": "string",
    "traces": "int64",
    "departures": "int64",
    "largest_departure_photons": "float64",
}


def row_of(sidecar: Mapping[str, Any]) -> dict[str, Any]:
    """A sidecar as the values of a row, by `COLUMNS`; what it does not say is None.

    Parameters
    ----------
    sidecar : valid
    """
    tile, worker, computed = sidecar["tile"], sidecar["worker"], sidecar["computation"]
    seconds, memory, evaluations = sidecar["time"]["seconds"], sidecar["memory"], _of(sidecar)
    image, counts = sidecar["image"], sidecar["counts"]
    departures = [trace["departure"] for trace in sidecar["traces"] if trace["departure"]]
    row = {
        "tile": tile["id"],
        "index": tile["index"],
        **{
            f"{axis}_{end}": value
            for axis, name in zip(_AXES, ("frames", "panels", "slow", "fast"), strict=True)
            for end, value in zip(("first", "stop"), tile[name], strict=True)
        },
        **{"worker": worker["name"], "host": worker["host"], "pid": worker["pid"]},
        "attempt": worker["attempt"],
        **{name: computed[name] for name in ("device", "dtype", "precision", "kernel")},
        **{name: computed["versions"][name] for name in ("tiled_sim", "torch")},
        "start": sidecar["time"]["start"],
        "time_s": float(sum(seconds.values())),
        **{f"time_{stage}_s": float(seconds.get(stage, 0.0)) for stage in STAGES},
        **{f"memory_{name}": memory[name] for name in ("peak_bytes", "predicted_bytes")},
        "memory_device_peak_bytes": memory["device_peak_bytes"],
        "halvings": memory["halvings"],
        **evaluations,
        **_pixels("image", image, "photons"),
        "image_mean_photons": image["mean"],
        "image_nan": image["nan"],
        "traces": len(sidecar["traces"]),
        "departures": len(departures),
        "largest_departure_photons": float(max(map(abs, departures), default=0.0)),
    }
    if counts is not None:
        row |= _pixels("counts", counts, "ADU")
        row |= {f"counts_{name}": counts[name] for name in ("overloads", "negative")}
    return {name: row.get(name) for name in COLUMNS}


def _of(sidecar: Mapping[str, Any]) -> dict[str, Any]:
    """Evaluations and look-ups."""
    evaluations, looked = sidecar["evaluations"], sidecar["structure_factor_lookups"]
    return {
        **{f"evaluations_{name}": evaluations[name] for name in ("planned", "done", "skipped")},
        "skipped_bound_photons": evaluations["skipped_bound"],
        # absences by symmetry are told since they are known of
        **{f"lookups_{name}": looked.get(name, 0) for name in _LOOKUPS},
        "lookups_counted": looked["counted"],
    }


def _pixels(name: str, record: Mapping[str, Any], unit: str) -> dict[str, Any]:
    """Sum, extreme and digest of the image, or of the counts."""
    places = zip(_AXES, record["max_at"], strict=True)
    return {
        f"{name}_sum_{unit}": record["sum"],
        f"{name}_max_{unit}": record["max"],
        **{f"{name}_max_{axis}": place for axis, place in places},
        f"{name}_sha256": record["sha256"],
    }


def tables_of_sidecars(
    run: "Run", tiles: npt.NDArray[np.int64] | None = None
) -> Iterator["pandas.DataFrame"]:
    """The valid sidecars of a run as tables of the same columns, at least one, some rows each.

    Parameters
    ----------
    run : finished or not
    tiles : numbers of those that are wanted; None: all

    Raises
    ------
    StoreError
        if one cannot be read, nor replaced
    """
    numbers = np.arange(len(run.plan)) if tiles is None else tiles
    found = sidecars_of(run, numbers, run.sidecar)
    rows = (row_of(sidecar) for _, sidecar in found)
    some = tuple(islice(rows, _SIDECARS_AT_A_TIME))
    yield _table(some)
    while some := tuple(islice(rows, _SIDECARS_AT_A_TIME)):
        yield _table(some)


def sidecar_table(run: "Run", tiles: npt.NDArray[np.int64] | None = None) -> "pandas.DataFrame":
    """The same as one table."""
    import pandas

    return pandas.concat(list(tables_of_sidecars(run, tiles)), ignore_index=True)


def _table(rows: tuple[dict[str, Any], ...]) -> "pandas.DataFrame":
    import pandas

    columns = {}
    for name, kind in COLUMNS.items():
        values = [row[name] for row in rows]
        if name == "start":
            columns[name] = pandas.Series(
                pandas.to_datetime(values, utc=True, format="ISO8601"), dtype=kind
            )
        else:
            columns[name] = pandas.Series(values, dtype=kind)
    return pandas.DataFrame(columns)
