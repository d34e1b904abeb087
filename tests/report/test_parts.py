"""Parts of the report: tables of panels, of inputs, of shells; the distribution of pixels."""

import dataclasses

import numpy as np
import pandas
import pytest

from support.exports import TILTED, chips, experiment_of, filled_run, shots
from tiled_sim.kernels.lookups import Lookups
from tiled_sim.model.crystal import Crystal
from tiled_sim.model.detector import Sensor
from tiled_sim.model.readout import Noise, PointSpread
from tiled_sim.plan.coverage import measure_coverage
from tiled_sim.read.inputs import load_inputs
from tiled_sim.report import pixels
from tiled_sim.report.parameters import parameter_tables
from tiled_sim.report.pixels import drawing, histogram, histogram_table
from tiled_sim.report.provenance import provenance_tables
from tiled_sim.report.shells import shell_table
from tiled_sim.report.tiles import MOST_SIDECARS, lookup_table, memory_table, sampled
from tiled_sim.run.status import Status


def by_caption(tables):
    return {table.caption: table for table in tables}


def test_many_panels_are_told_by_the_first_of_them():
    table = by_caption(parameter_tables(chips()))["Panels"]
    assert len(table.rows) == 12
    assert table.notes == ("and 4 more panels",)


def test_every_plain_field_of_the_crystal_is_told(still):
    experiment = still("-mosaic", 1, "-mosaic_domains", 3)
    told = dict(row[:2] for row in by_caption(parameter_tables(experiment))["Crystal"].rows)
    plain = {"a", "b", "c", "a*", "b*", "c*", "cells", "shape", "fudge", "share"}
    assert plain < set(told)
    assert len(plain) + 2 == len(Crystal.__dataclass_fields__)  # but for domains and diffuse
    assert told["mosaic spread"] == "1"


def test_mosaic_domains_are_told_once_in_words_of_the_field(still):
    experiment = still("-mosaic", 1, "-mosaic_domains", 3)
    rows = by_caption(parameter_tables(experiment))["Crystal"].rows
    assert [row for row in rows if row[0].startswith("mosaic")] == [
        ("mosaic spread", "1", "°"),
        ("mosaic domains", "3", ""),
        ("mosaic seed", "12345678", ""),
        ("mosaic kind", "nanobragg", ""),
    ]


def test_look_ups_of_every_kind_are_shares_of_all():
    looked = Lookups(in_range=60, zero=5, absent=20, forbidden=10, out_of_range=5)
    shown = {row[0]: row[1:] for row in lookup_table(Status(1, lookups=looked), {"exact"}).rows}
    assert shown["an F other than 0"] == ("60", "60 %")
    assert shown["absent by symmetry"] == ("10", "10 %")
    assert shown["inside the ranges, but not given"] == ("20", "20 %")
    assert shown["all"] == ("100", "100 %")


@pytest.mark.parametrize(("seconds", "together"), [(1.0, "1"), (1.5, "2"), (9.0, "3")])
def test_memory_is_told_with_how_many_tiles_a_process_computed_at_once(seconds, together):
    tiles = pandas.DataFrame(
        {
            "process": "here, process 7",
            "start": pandas.to_datetime([f"2026-11-30 10:00:0{second}" for second in range(3)]),
            "time_s": seconds,
            **{f"memory_{name}_bytes": 2**20 for name in ("peak", "predicted", "device_peak")},
            "halvings": 0,
        }
    )
    assert memory_table(tiles, 2**20).rows[0][1] == together


def test_what_look_ups_without_an_f_take_is_told():
    looked = Lookups(out_of_range=5)
    notes = lookup_table(Status(1, lookups=looked), {"exact"}, 30.0).notes
    assert notes == ("Every evaluation was counted.", "Where no F is given it is 30 electrons.")


def test_quantities_of_every_part_have_their_units():
    words = (
        f"{TILTED} -detector_abs 100 -detector_thick 300 -detector_thicksteps 2 -water 10 "
        "-phi 10 -osc 0.5 -phisteps 2"
    )
    noise = Noise(point_spread=PointSpread("gauss", 1e-4))
    tables = by_caption(parameter_tables(experiment_of(words, noise=noise)))
    told = {
        (caption, name): (value, unit)
        for caption, table in tables.items()
        if len(table.columns) == 3
        for name, value, unit in table.rows
    }
    assert told["Sensor", "thickness"] == ("300", "µm")
    assert told["Amorphous background", "thickness along the beam"] == ("10", "µm")
    assert told["Amorphous background", "density"] == ("1", "g/cm³")
    assert told["Frames", "oscillation"] == ("0.5", "°")
    assert told["Noise", "point spread fwhm"] == ("0.1", "mm")
    assert told["Structure factors", "default F"] == ("100", "electrons")


def test_panels_with_sensors_of_their_own_tell_each_kind_once():
    experiment = chips()
    kinds = [Sensor(thickness=3e-4, attenuation_length=length) for length in (1e-4, 2e-4)]
    panels = tuple(
        dataclasses.replace(panel, sensor=kinds[number % 2])
        for number, panel in enumerate(experiment.detector.panels)
    )
    detector = dataclasses.replace(experiment.detector, panels=panels)
    tables = by_caption(parameter_tables(dataclasses.replace(experiment, detector=detector)))
    sensors = [table for caption, table in tables.items() if caption.startswith("Sensor of")]
    assert len(sensors) == 2
    assert [dict(row[:2] for row in table.rows)["attenuation length"] for table in sensors] == [
        "100",
        "200",
    ]


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """A run of shots that are listed."""
    return filled_run(tmp_path_factory.mktemp("listed") / "run.zarr", shots(2))


def test_shots_are_told_by_the_hashes_of_their_lists(listed):
    rows = by_caption(provenance_tables(listed))["Files and lists"].rows
    told = {name: digest for name, _, digest in rows}
    hashes = listed.experiment.exposures.hashes
    assert told["orientation of each frame"] == hashes["orientation"]


def test_without_a_file_every_reflection_has_one_f(listed):
    table = shell_table(listed)
    assert "F is 100 electrons at every node" in table.notes[1]
    assert table.rows[-1][2] == "0"


def test_a_list_that_gives_a_part_is_told_by_its_shells(still, data, tmp_path):
    experiment = still("-hkl", data / "few.hkl", "-detpixels", 32)
    run = filled_run(tmp_path / "run.zarr", experiment)
    due = measure_coverage(experiment, load_inputs(experiment).factors, run.inputs().mask)
    table = shell_table(run)
    assert 0 < due.given < due.reflections
    assert table.rows[-1][:3] == ("all", str(due.reflections), str(due.given))


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """A run of two frames."""
    experiment = experiment_of(TILTED, frames=2)
    return filled_run(tmp_path_factory.mktemp("frames") / "run.zarr", experiment, tile=(16, 64))


@pytest.mark.parametrize("frame", [0, 1])
def test_a_histogram_has_every_pixel_of_its_frame_once(frames, frame):
    found = histogram(frames, frame, counts=False)
    image = frames.image.values[frame, 0].astype(np.float64)
    assert found.live == image.size
    assert found.zero == (image == 0).sum()
    assert found.total == pytest.approx(image.sum())
    due, _ = np.histogram(image[image > found.edges[1]], found.edges[1:])
    np.testing.assert_array_equal(found.numbers[1:], due)
    assert found.numbers[0] == (image > 0).sum() - due.sum()


def test_of_a_large_frame_some_rows_are_looked_at(frames, monkeypatch):
    monkeypatch.setattr(pixels, "_MOST_PIXELS", 40 * 60 // 2)
    found = histogram(frames, 0, counts=False)
    assert found.live == (16 + 8) * 60
    assert found.share == 24 / 40


def test_the_numbers_of_a_histogram_are_told_in_full(frames):
    found = histogram(frames, 0, counts=False)
    table = histogram_table(found)
    assert len(table.rows) == len(found.numbers) + 3
    assert sum(len(row) == 3 for row in table.rows) == len(table.rows)


def test_bars_stand_within_their_axes_the_most_frequent_highest(frames):
    found = histogram(frames, 0, counts=False)
    drawn = drawing(found)
    assert len(drawn.bars) == np.count_nonzero(found.numbers)
    for bar in drawn.bars:
        assert drawn.left - 1e-6 <= bar.x
        assert bar.x + bar.width <= drawn.right + 1e-6
        assert drawn.top - 1e-6 <= bar.y
        assert bar.y + bar.height == pytest.approx(drawn.bottom)
    highest = min(drawn.bars, key=lambda bar: bar.y)
    assert highest.y == pytest.approx(drawn.top)
    heights = [bar.height for bar in drawn.bars]
    numbers = [number for number in found.numbers.tolist() if number]
    assert np.argmax(heights) == np.argmax(numbers)


def test_of_very_many_sidecars_some_are_read_evenly_over_all():
    done = np.arange(0, 3_000_000, 3)
    some = sampled(done)
    assert len(some) == MOST_SIDECARS
    assert (some[0], some[-1]) == (0, done[-1])
    assert np.isin(some, done).all()
    assert np.diff(some).max() <= 2 * np.diff(some).min()
    np.testing.assert_array_equal(sampled(done[:7]), done[:7])
