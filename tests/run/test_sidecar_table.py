"""Sidecars as a table: a row each, with what they say in flat columns."""

import numpy as np
import pandas
import pytest

from support.exports import TILTED, experiment_of, filled_run
from tiled_sim.model.readout import Noise
from tiled_sim.run import sidecar_table as module
from tiled_sim.run.sidecar_table import COLUMNS, row_of, tables_of_sidecars


@pytest.fixture(scope="module", params=[None, Noise()], ids=["photons", "counts"])
def run(request, tmp_path_factory):
    """A run of twelve tiles, one of which is not done."""
    experiment = experiment_of(TILTED, frames=3, noise=request.param)
    path = tmp_path_factory.mktemp("table") / "run.zarr"
    return filled_run(path, experiment, tile=(32, 32), undone=(5,))


def test_a_row_is_a_sidecar_and_columns_say_what_it_says(run):
    table = run.sidecar_table()
    assert len(table) == 11
    for row, sidecar in zip(table.to_dict("records"), run.sidecars, strict=True):
        assert row["tile"] == sidecar["tile"]["id"]
        assert [row["slow_first"], row["slow_stop"]] == sidecar["tile"]["slow"]
        assert row["host"] == sidecar["worker"]["host"]
        assert row["start"] == pandas.Timestamp(sidecar["time"]["start"])
        assert row["time_kernel_s"] == sidecar["time"]["seconds"]["kernel"]
        assert row["time_s"] == pytest.approx(sum(sidecar["time"]["seconds"].values()))
        assert row["memory_peak_bytes"] == sidecar["memory"]["peak_bytes"]
        assert row["lookups_absent"] == sidecar["structure_factor_lookups"]["absent"]
        assert row["image_sum_photons"] == sidecar["image"]["sum"]
        assert row["traces"] == len(sidecar["traces"])


def test_every_column_has_its_type_whatever_the_run(run):
    table = run.sidecar_table()
    assert {name: str(kind) for name, kind in table.dtypes.items()} == COLUMNS


def test_counts_are_missing_where_there_are_none(run):
    has_counts = run.experiment.noise is not None
    assert run.sidecar_table()["counts_sum_ADU"].notna().all() == has_counts


def test_the_device_of_a_tile_on_a_cpu_has_taken_nothing_that_is_known(run):
    assert run.sidecar_table()["memory_device_peak_bytes"].isna().all()


def test_tables_of_some_rows_each_are_the_whole_table(run, monkeypatch):
    monkeypatch.setattr(module, "_SIDECARS_AT_A_TIME", 4)
    parts = list(tables_of_sidecars(run))
    assert [len(part) for part in parts] == [4, 4, 3]
    pandas.testing.assert_frame_equal(
        pandas.concat(parts, ignore_index=True), run.sidecar_table(), check_dtype=True
    )


def test_a_run_without_a_tile_has_a_table_without_a_row(tmp_path):
    run = filled_run(tmp_path / "run.zarr", experiment_of(TILTED), undone=range(9))
    table = run.sidecar_table()
    assert len(table) == 0
    assert list(table) == list(COLUMNS)


def test_the_largest_departure_of_a_tile_is_told_without_its_sign(run):
    sidecar = next(run.sidecars)
    trace = {**sidecar["traces"][0], "departure": -0.25}
    row = row_of({**sidecar, "traces": [trace, {**trace, "departure": 0.125}]})
    assert (row["departures"], row["largest_departure_photons"]) == (2, 0.25)


def test_numbers_of_tiles_choose_rows(run):
    (some,) = tables_of_sidecars(run, np.array([2, 5, 7]))
    assert list(some["index"]) == [2, 7]
