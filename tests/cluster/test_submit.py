"""Runs made by workers: the same bytes as in one process, a true sidecar for every tile."""

import contextlib
import dataclasses
import hashlib
import importlib
import json
import os
import shutil
import tempfile
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import zarr

import tiled_sim as ts
from support.faults import sabotage, taking
from support.processes import PATIENCE, worker
from support.runs import block
from support.witness import Witness
from tiled_sim.cli.main import main
from tiled_sim.cluster import connect
from tiled_sim.cluster.page import registration
from tiled_sim.cluster.submit import compute_missing, submit
from tiled_sim.errors import (
    CoverageError,
    InputFileError,
    StoreError,
    TiledSimError,
    TileError,
    UsageError,
)
from tiled_sim.kernels.packages import has_compiler
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run
from tiled_sim.run.status import Progress
from tiled_sim.store.control import Control
from tiled_sim.store.sidecar import SCHEMA

#: Nobody answers there; what must be refused before a cluster is asked for fails otherwise.
NOWHERE = "tcp://127.0.0.1:1"
TRACED = ((5, 40), (70, 3))


@pytest.fixture(scope="module")
def witness():
    return Witness()


@pytest.fixture(scope="module")
def run(still, address, witness, tmp_path_factory):
    """A finished run of 9 tiles."""
    path = tmp_path_factory.mktemp("submit") / "run.zarr"
    return submit(
        still(), path, cluster=address, tile=(32, 32), trace_pixels=TRACED, listener=witness
    )


def pixels_of(run, tile):
    """What is stored of a tile, by zarr alone."""
    image = zarr.open_group(run.path, mode="r")["0/image"]
    return np.asarray(image[region_of(tile)])


def region_of(tile):
    """Where the pixels of a tile lie, by its sidecar."""
    return tuple(slice(*tile[axis]) for axis in ("frames", "panels", "slow", "fast"))


def is_image_of(run, experiment):
    return run.image.values.tobytes() == ts.simulate(experiment).values.tobytes()


def snapshot(path):
    """Every file below a path: its content and when it was written."""
    return {
        file: (file.read_bytes(), file.stat().st_mtime_ns)
        for file in path.rglob("*")
        if file.is_file()
    }


# The image


@pytest.mark.parametrize("tile", [(16, 32), 64, (512, 512)], ids=["16x32", "64", "whole"])
def test_the_image_is_that_of_simulate_to_the_byte_whatever_the_tiles(
    still, address, tmp_path, tile
):
    experiment = still()
    made = submit(experiment, tmp_path / "run.zarr", cluster=address, tile=tile)
    assert is_image_of(made, experiment)


@pytest.mark.slow  # half a minute to compile, once for a machine
@pytest.mark.skipif(not has_compiler(), reason="no C++ compiler is installed")
@pytest.mark.parametrize("precision", ["float64", "mixed"])
def test_the_compiled_kernel_gives_the_same_bytes_whatever_the_tiles(
    still, address, tmp_path, precision
):
    experiment = still("-oversample", 3)
    how = {"kernel": "compiled", "precision": precision}
    simulated = ts.simulate(experiment, **how).values.tobytes()
    for tile in ((16, 32), (96, 96)):
        path = tmp_path / f"{tile[0]}.zarr"
        made = submit(experiment, path, cluster=address, tile=tile, **how)
        assert made.image.values.tobytes() == simulated
        assert {s["computation"]["kernel"] for s in made.sidecars} == {"compiled"}


def test_one_worker_and_three_give_the_same_bytes(still, client, address, tmp_path):
    experiment = still("-oversample", 2)

    def computed(cluster, name):
        made = submit(experiment, tmp_path / name, cluster=cluster, tile=(16, 16))
        pids = {sidecar["worker"]["pid"] for sidecar in made.sidecars}
        return made.image.values.tobytes(), len(pids)

    one, alone = computed("local:1", "one.zarr")
    with worker(address, "--no-nanny"):
        client.wait_for_workers(3, timeout=PATIENCE)
        client.run(importlib.import_module, "tiled_sim.cluster.worker")
        with sabotage(client, taking(0.1)):  # so that it lasts until all have been looked over
            three, together = computed(address, "three.zarr")
    assert one == three == ts.simulate(experiment).values.tobytes()
    assert (alone, together) == (1, 3)


def test_the_image_has_the_coordinates_of_simulate(run):
    simulated = ts.simulate(run.experiment)
    stored = run.image
    assert stored.dims == simulated.dims
    for name in simulated.coords:
        np.testing.assert_array_equal(stored[name], simulated[name])
    assert stored.attrs["units"] == simulated.attrs["units"]


@pytest.fixture(scope="module")
def many(still, address, tmp_path_factory):
    """Two frames of two panels, and the run of them."""
    experiment = still("-osc", 2, "-phisteps", 2, "-phi", 1)
    (panel,) = experiment.detector.panels
    x, y, z = panel.origin
    experiment = dataclasses.replace(
        experiment,
        exposures=dataclasses.replace(experiment.exposures, count=2),
        detector=dataclasses.replace(
            experiment.detector,
            panels=(panel, dataclasses.replace(panel, origin=(x, y, z - 0.03), name="left")),
        ),
    )
    path = tmp_path_factory.mktemp("many") / "run.zarr"
    return submit(experiment, path, cluster=address, tile=(64, 48))


@pytest.mark.parametrize("frame", [0, 1])
@pytest.mark.parametrize("panel", [0, 1])
def test_every_panel_of_every_frame_lands_in_its_place(many, frame, panel):
    whole = many.experiment
    alone = dataclasses.replace(
        whole,
        exposures=dataclasses.replace(
            whole.exposures,
            start=whole.exposures.start + whole.exposures.oscillation * frame,
            count=1,
        ),
        detector=dataclasses.replace(whole.detector, panels=(whole.detector.panels[panel],)),
    )
    stored = many.image.sel(frame=frame, panel=panel).values
    assert stored.tobytes() == ts.simulate(alone).values.tobytes()


def test_no_two_panels_or_frames_are_alike(many):
    images = many.image.values.reshape(4, -1)
    assert len({image.tobytes() for image in images}) == 4


@pytest.fixture(scope="module")
def masked(data, address, tmp_path_factory):
    """A detector with a mask and a region of interest, and the run of it."""
    words = (
        "-cell 70 80 90 75 85 95 -misset 10 20 30 -lambda 1 -N 5 -oversample 2 -roi 20 99 40 111"
    )
    experiment = ts.Experiment.from_nanobragg(
        ["-hkl", str(data / "p1.hkl"), "-mask", str(data / "mask.img"), *words.split()]
    )
    path = tmp_path_factory.mktemp("masked") / "run.zarr"
    return submit(experiment, path, cluster=address, tile=(32, 32))


def test_a_masked_image_is_that_of_simulate(masked):
    assert is_image_of(masked, masked.experiment)


def test_masked_pixels_are_zero_and_the_others_as_without_a_mask(masked):
    (panel,) = masked.experiment.detector.panels
    bare = dataclasses.replace(
        masked.experiment,
        detector=dataclasses.replace(
            masked.experiment.detector,
            panels=(dataclasses.replace(panel, mask=None, region=None),),
        ),
    )
    live = masked.mask.values == 0
    image = masked.image.values[0]
    assert 0 < live.sum() < live.size
    assert not image[~live].any()
    assert image[live].tobytes() == ts.simulate(bare).values[0][live].tobytes()


def test_only_live_pixels_are_planned_and_evaluated(masked):
    live = masked.mask.values[0] == 0
    for sidecar in masked.sidecars:
        window = slice(*sidecar["tile"]["slow"]), slice(*sidecar["tile"]["fast"])
        count = int(live[window].sum()) * masked.experiment.steps
        assert sidecar["evaluations"]["planned"] == sidecar["evaluations"]["done"] == count


def test_a_tile_without_live_pixels_is_done_with_nothing_to_trace(masked):
    sidecar = masked.store.read_sidecar("f00000/p000/r0000c0000")
    assert sidecar["evaluations"]["done"] == 0
    assert sidecar["traces"] == []
    assert not pixels_of(masked, sidecar["tile"]).any()


def test_the_phi_carry_over_of_c_does_not_depend_on_the_tiles(still, address, tmp_path):
    options = ("-phi", 0, "-osc", 1, "-phisteps", 4)
    experiment = still(*options, c_compat=True)
    whole = ts.simulate(experiment).values
    tiled = submit(experiment, tmp_path / "run.zarr", cluster=address, tile=(16, 48)).image.values
    assert tiled.tobytes() == whole.tobytes()
    assert tiled.tobytes() != ts.simulate(still(*options)).values.tobytes()


def test_the_first_pixel_of_c_is_alone_in_not_carrying_over(still, address, tmp_path):
    experiment = still("-phi", 0, "-osc", 1, "-phisteps", 4, c_compat=True)
    prepared = prepare(experiment, tile=(16, 48))
    (first,) = prepared.plan.first_evaluations
    without = dataclasses.replace(
        prepared, plan=dataclasses.replace(prepared.plan, first_evaluations=())
    )
    runs = []
    for name, plan in (("first", prepared), ("without", without)):
        made = create_run(plan, tmp_path / f"{name}.zarr")
        runs.append(compute_missing(made, cluster=address).image.values)
    differing = np.argwhere(runs[0] != runs[1])
    assert differing.tolist() == [[0, 0, first.slow, first.fast]]


# Sidecars


def test_every_tile_has_a_sidecar_that_the_schema_accepts(run):
    validator = jsonschema.Draft202012Validator(SCHEMA)
    files = sorted(run.path.glob("traces/f*/p*/*.json"))
    assert len(files) == len(run.plan) == 9
    for file in files:
        validator.validate(json.loads(file.read_bytes()))


def test_the_tiles_of_the_sidecars_cover_every_pixel_once(many):
    seen = np.zeros(many.experiment.shape, int)
    for sidecar in many.sidecars:
        tile = sidecar["tile"]
        seen[region_of(tile)] += 1
    assert (seen == 1).all()


def test_the_digest_of_a_sidecar_is_that_of_the_stored_bytes(run):
    for sidecar in run.sidecars:
        stored = pixels_of(run, sidecar["tile"]).astype("<f4")
        assert hashlib.sha256(stored.tobytes()).hexdigest() == sidecar["image"]["sha256"]


def test_a_sidecar_says_what_the_stored_pixels_are(run):
    for sidecar in run.sidecars:
        stored = pixels_of(run, sidecar["tile"]).astype(np.float64)
        said = sidecar["image"]
        place = np.unravel_index(stored.argmax(), stored.shape)
        first = [part.start for part in region_of(sidecar["tile"])]
        assert said["sum"] == pytest.approx(stored.sum(), rel=1e-12)
        assert said["mean"] == pytest.approx(stored.mean(), rel=1e-12)
        assert said["max"] == stored.max()
        assert said["max_at"] == [a + b for a, b in zip(first, place, strict=True)]
        assert said["nan"] == 0


def test_the_look_ups_of_a_tile_add_up_to_its_evaluations(run):
    for sidecar in run.sidecars:
        counts = dict(sidecar["structure_factor_lookups"])
        assert counts.pop("counted") == "exact"
        counts.pop("interpolation_refused")
        slow, fast = (stop - start for start, stop in map(sidecar["tile"].get, ("slow", "fast")))
        steps = run.experiment.steps
        assert sum(counts.values()) == sidecar["evaluations"]["done"] == slow * fast * steps


def test_a_sidecar_names_what_its_tile_was_computed_from(run):
    hashes = {
        "experiment": run.experiment.sha256,
        **run.inputs().hashes,
        "plan": run.plan.sha256,
    }
    for sidecar in run.sidecars:
        assert sidecar["hashes"] == hashes
        assert sidecar["run_id"] == run.run_id


def test_a_sidecar_names_the_worker_that_computed_it(run, client):
    workers = client.scheduler_info(n_workers=-1)["workers"]
    names = {str(worker["name"]) for worker in workers.values()}
    for sidecar in run.sidecars:
        assert sidecar["worker"]["name"] in names
        assert sidecar["worker"]["pid"] != os.getpid()
        assert sidecar["worker"]["attempt"] == 1


def test_a_traced_pixel_is_recorded_in_the_tile_that_holds_it(run):
    found = {
        sidecar["tile"]["id"]: [t["pixel"] for t in sidecar["traces"] if t["reason"] == "requested"]
        for sidecar in run.sidecars
    }
    expected = {name: [] for name in found} | {
        "f00000/p000/r0000c0001": [[5, 40]],
        "f00000/p000/r0002c0000": [[70, 3]],
    }
    assert found == expected


def test_a_trace_ends_in_the_value_of_the_image(run):
    image = run.image.values[0, 0]
    traces = [trace for sidecar in run.sidecars for trace in sidecar["traces"]]
    assert len(traces) == len(run.plan) + len(TRACED)
    for trace in traces:
        assert trace["values"]["floatimage_accumulated"] == image[tuple(trace["pixel"])]


def test_the_brightest_pixel_of_every_tile_is_traced(run):
    for sidecar in run.sidecars:
        (brightest,) = (t for t in sidecar["traces"] if t["reason"] == "brightest")
        place = [brightest["frame"], brightest["panel"], *brightest["pixel"]]
        assert place == sidecar["image"]["max_at"]


def test_a_listener_is_told_of_every_tile_and_of_the_end(run, witness):
    assert witness.missing == 9
    assert sorted(witness.done) == [run.plan.id_of(tile) for tile in run.plan]
    assert witness.failed == []
    assert witness.finished == 1


# What is refused, and leaves nothing behind


def test_a_run_named_as_a_file_of_another_format_is_refused(still, tmp_path):
    with pytest.raises(UsageError, match=r"a run \S+x\.h5 would be zarr, and the name says HDF5"):
        submit(still(), tmp_path / "x.h5", cluster=NOWHERE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [None, "mine"], ids=["a folder", "a file"])
def test_a_path_that_exists_is_refused_and_left_as_it_was(still, tmp_path, content):
    path = tmp_path / "run.zarr"
    if content is None:
        path.mkdir()
        (path / "notes.txt").write_text("mine")
    else:
        path.write_text(content)
    before = snapshot(tmp_path)
    with pytest.raises(StoreError, match=r"exists already.*another path.*tiled-sim resume"):
        submit(still(), path, cluster=NOWHERE)
    assert snapshot(tmp_path) == before


def test_a_run_is_not_overwritten_by_another(still, run):
    before = snapshot(run.path)
    with pytest.raises(StoreError, match="exists already"):
        submit(still("-N", 7), run.path, cluster=NOWHERE)
    assert snapshot(run.path) == before


def test_a_stub_of_structure_factors_is_refused_with_the_numbers(still, tmp_path):
    stub = tmp_path / "stub.hkl"
    stub.write_text("1 2 3 100\n")
    with pytest.raises(CoverageError, match=r"stub\.hkl gives \d of \d{3,} .*require_coverage"):
        submit(still("-hkl", stub), tmp_path / "run.zarr", cluster=NOWHERE)
    assert list(tmp_path.iterdir()) == [stub]


def test_a_stub_goes_through_when_no_coverage_is_required(still, tmp_path):
    stub = tmp_path / "stub.hkl"
    stub.write_text("1 2 3 100\n")
    prepared = prepare(still("-hkl", stub), require_coverage=0.0)
    assert prepared.coverage.fraction < 0.01


def test_structure_factors_that_are_missing_are_refused(still, tmp_path):
    with pytest.raises(InputFileError, match=r"gone\.hkl"):
        submit(still("-hkl", tmp_path / "gone.hkl"), tmp_path / "run.zarr", cluster=NOWHERE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tile": (30, 32)}, "30 pixels along slow is not a multiple of 16"),
        ({"tile": (32, 0)}, "0 pixels along fast is not a multiple of 16"),
        ({"trace_pixels": [(96, 0)]}, r"trace_pixels=\(96, 0\) lies outside"),
        ({"trace_pixels": [(0, -1)]}, r"trace_pixels=\(0, -1\) lies outside"),
        ({"precision": "float16"}, "float16"),
        ({"device": "tpu"}, "device='tpu'"),
        ({"cluster": "anywhere"}, "cluster='anywhere'"),
    ],
)
def test_an_option_that_cannot_be_honoured_makes_no_run(still, tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        submit(still(), tmp_path / "run.zarr", **({"cluster": NOWHERE} | options))
    assert list(tmp_path.iterdir()) == []


def test_a_pixel_that_is_not_computed_is_not_traced(masked, tmp_path):
    live = masked.mask.values[0] == 0
    slow, fast = np.argwhere(~live)[0].tolist()
    with pytest.raises(UsageError, match=rf"trace_pixels=\({slow}, {fast}\) .*not computed"):
        submit(masked.experiment, tmp_path / "run.zarr", trace_pixels=[(slow, fast)])
    assert list(tmp_path.iterdir()) == []


def test_a_scheduler_that_does_not_answer_leaves_no_run_behind(
    still, tmp_path, closed_port, monkeypatch
):
    monkeypatch.setattr(connect, "_SECONDS_TO_CONNECT", 1)
    with pytest.raises(TiledSimError, match="no scheduler answers"):
        submit(still(), tmp_path / "run.zarr", cluster=f"tcp://127.0.0.1:{closed_port}")
    assert list(tmp_path.iterdir()) == []


def test_a_run_below_a_file_is_refused(still, address, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot be made.*another path"):
        submit(still(), tmp_path / "file" / "run.zarr", cluster=address)


@contextlib.contextmanager
def as_ordinary_user():
    """Without the right of root to write everywhere."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize("mode", [0o555, 0o000], ids=["read-only", "unreadable"])
def test_a_folder_that_may_not_be_written_is_refused(still, run, address, monkeypatch, mode):
    with tempfile.TemporaryDirectory() as above:
        folder = Path(above) / "folder"
        folder.mkdir()
        Path(above).chmod(0o755)
        folder.chmod(mode)
        monkeypatch.setenv("XDG_CACHE_HOME", above)  # that of root is not for others to look at
        with (
            as_ordinary_user(),
            pytest.raises(StoreError, match=r"cannot be made: Permission denied.*another path"),
        ):
            submit(still(), folder / "run.zarr", cluster=address)
        folder.chmod(0o755)
        assert list(folder.iterdir()) == []


# Tiles that fail


def test_a_tile_that_cannot_be_written_is_tried_three_times_and_told(small_run, address):
    run = small_run
    tile = run.plan[4]
    block(run, tile)
    witness = Witness()
    with pytest.raises(TileError) as caught:
        compute_missing(run, cluster=address, listener=witness)
    message = str(caught.value)
    assert "1 of 9 tiles failed 3 times" in message
    assert f"{run.plan.id_of(tile)}: {run.path} cannot be written (Is a directory" in message
    assert f"tiled-sim resume {run.path}" in message
    assert caught.value.exit_code == 5
    assert [(name, final) for name, _, final in witness.failed] == [
        (run.plan.id_of(tile), False),
        (run.plan.id_of(tile), False),
        (run.plan.id_of(tile), True),
    ]


def test_the_other_tiles_are_done_and_resume_computes_the_one_that_failed(small_run, address):
    run = small_run
    obstacle = block(run, run.plan[4])
    with pytest.raises(TileError):
        compute_missing(run, cluster=address)
    assert [run.plan.id_of(tile) for tile in run.missing()] == ["f00000/p000/r0001c0001"]
    obstacle.rmdir()
    witness = Witness()
    made = compute_missing(run, cluster=address, listener=witness)
    assert witness.done == ["f00000/p000/r0001c0001"]
    assert is_image_of(made, made.experiment)


def test_a_tile_that_fails_once_is_done_at_the_second_attempt(small_run, address):
    run = small_run
    obstacle = block(run, run.plan[4])

    class Remover(Witness):
        def tile_failed(self, tile, error, final):
            super().tile_failed(tile, error, final)
            obstacle.rmdir()

    witness = Remover()
    made = compute_missing(run, cluster=address, listener=witness)
    assert [final for _, _, final in witness.failed] == [False]
    assert made.store.read_sidecar(run.plan.id_of(run.plan[4]))["worker"]["attempt"] == 2
    assert is_image_of(made, made.experiment)


def fail_for(run, address):
    """What a run that cannot be computed says."""
    with pytest.raises(StoreError) as caught:
        compute_missing(run, cluster=address)
    assert list(run.path.glob("traces/**/*.json")) == []
    return str(caught.value)


def test_structure_factors_changed_in_the_store_are_a_clear_error(still, address, tmp_path):
    run = create_run(prepare(still()), tmp_path / "run.zarr")
    amplitude = zarr.open_group(run.path, mode="r+")["inputs/structure_factors/amplitude"]
    amplitude[0, 0, 0] = amplitude[0, 0, 0] + 1
    message = fail_for(run, address)
    assert "structure factors are damaged" in message
    assert "submit the run again" in message


def test_structure_factors_that_do_not_decode_are_a_clear_error(still, address, tmp_path):
    run = create_run(prepare(still()), tmp_path / "run.zarr")
    chunk = run.path / "inputs/structure_factors/amplitude/c/0/0/0"
    chunk.write_bytes(bytes(len(chunk.read_bytes())))
    message = fail_for(run, address)
    assert "an input that is kept in the store cannot be read" in message


def test_structure_factors_missing_from_the_store_are_a_clear_error(still, address, tmp_path):
    run = create_run(prepare(still()), tmp_path / "run.zarr")
    shutil.rmtree(run.path / "inputs/structure_factors")
    message = fail_for(run, address)
    assert "structure factors" in message


# Workers outlive runs


def test_workers_that_hold_a_run_compute_another_at_the_same_path(still, address, tmp_path):
    path = tmp_path / "run.zarr"
    first = submit(still(), path, cluster=address, tile=(32, 32))
    before = first.image.values.tobytes()
    shutil.rmtree(path)
    experiment = still("-misset", 11, 20, 30)
    second = submit(experiment, path, cluster=address, tile=(32, 32))
    assert is_image_of(second, experiment)
    assert second.image.values.tobytes() != before


def test_a_worker_holds_one_run_at_a_time(still, client, address, tmp_path):
    def held():
        from tiled_sim.cluster import worker

        return [path for path, _, _ in worker._workspaces]

    for name in ("first", "second"):
        path = tmp_path / f"{name}.zarr"
        submit(still(), path, cluster=address, tile=(16, 16))
    assert set(map(tuple, client.run(held).values())) == {(str(tmp_path / "second.zarr"),)}


def test_workers_refuse_a_run_that_was_replaced_at_its_path(still, address, tmp_path):
    path = tmp_path / "run.zarr"
    old = create_run(prepare(still()), path)
    shutil.rmtree(path)
    create_run(prepare(still("-N", 7)), path)
    with pytest.raises(TiledSimError, match="is another run there"):
        compute_missing(old, cluster=address)


def test_a_run_that_was_moved_away_is_an_error(still, address, tmp_path):
    run = create_run(prepare(still()), tmp_path / "run.zarr")
    shutil.move(run.path, tmp_path / "elsewhere.zarr")
    with pytest.raises(StoreError, match=r"run\.zarr: no such run"):
        compute_missing(run, cluster=address)


# Resuming


def test_a_complete_run_is_resumed_without_a_cluster(run):
    before = {file.name: file.stat().st_mtime_ns for file in run.path.glob("traces/**/*.json")}
    made = compute_missing(Run(run.path), cluster=NOWHERE)
    after = {file.name: file.stat().st_mtime_ns for file in run.path.glob("traces/**/*.json")}
    assert made.status().complete
    assert before == after


def test_resume_reads_structure_factors_from_the_store_and_not_from_their_file(
    data, still, address, tmp_path
):
    copy = tmp_path / "copy.hkl"
    shutil.copy(data / "p1.hkl", copy)
    run = create_run(prepare(still("-hkl", copy)), tmp_path / "run.zarr")
    copy.unlink()
    made = compute_missing(run, cluster=address)
    assert is_image_of(made, still())


@pytest.mark.parametrize("experiment", [None, "run.zarr", {}])
def test_what_is_no_experiment_is_refused(experiment, tmp_path):
    with pytest.raises(UsageError, match=r"make it by Experiment\.from_toml"):
        submit(experiment, tmp_path / "run.zarr")


def test_some_frames_are_computed_now_and_the_others_later(data, client, tmp_path):
    words = f"-hkl {data / 'p1.hkl'} -cell 70 80 90 75 85 95 -lambda 1 -N 5 -distance 100"
    words = f"{words} -detpixels 128 -pixel 0.3 -oversample 1 --random-shots 6 --no-progress"
    path, whole = tmp_path / "run.zarr", tmp_path / "whole.zarr"
    assert main(["submit", "--out", str(whole), "--tile", "64", *words.split()]) == 0
    submitted = ["submit", "--out", str(path), "--tile", "64", "--frames", "2:4", *words.split()]
    assert main(submitted) == 0
    run = Run(path)
    there = {frame for tile in run.plan if run.committed(tile) for frame in range(*tile.frames)}
    assert there == {2, 3}
    driver = Control(path).driver()
    assert driver.done == driver.missing == len(run.plan) - driver.left < len(run.plan)
    progress = Progress.surveyed(run, range(1, 3))
    described = registration._description(client, run, progress.missing, 3, progress.left)
    done = np.unpackbits(np.frombuffer(described["done"], np.uint8), count=len(run.plan))
    assert done.sum() == driver.done
    assert main(["resume", str(path), "--frames", "5:", "--no-progress"]) == 0
    assert main(["resume", str(path), "--frames", "5:6", "--no-progress"]) == 0
    assert not run.status().complete
    assert main(["resume", str(path), "--no-progress"]) == 0
    assert main(["verify", str(path)]) == 0
    np.testing.assert_array_equal(Run(path).image.values, Run(whole).image.values)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("--frames 0:7", "--frames 0:7 is no part of 0:6"),
        ("--frames 3", "'3' is not A:B"),
        ("--frames 0:2 -floatfile a.bin", "-floatfile: of all frames, and --frames computes some"),
        ("--frames 0:2 --detach --cluster tcp://127.0.0.1:1", "--frames with --detach"),
    ],
)
def test_frames_that_cannot_be_computed_alone_are_refused(tmp_path, capsys, words, complaint):
    path = tmp_path / "run.zarr"
    experiment = "-default_F 1 -cell 70 80 90 75 85 95 -lambda 1 -N 5 -distance 100 -detpixels 64"
    asked = f"submit --out {path} {experiment} --random-shots 6 {words}"
    assert main(asked.split()) == 2
    assert complaint in capsys.readouterr().err
    assert not path.exists()
