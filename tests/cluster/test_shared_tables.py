"""Structure factors that the workers of a machine share: files that they map, and that vanish."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from support.faults import (
    befalling_the_victim,
    dying,
    once,
    sabotage,
    waiting_for,
)
from support.processes import PATIENCE, eventually
from support.runs import assert_whole
from support.witness import Witness
from tiled_sim.cluster import shared_tables, table_files
from tiled_sim.cluster.scratch import Scratch
from tiled_sim.cluster.submit import compute_missing
from tiled_sim.run.run import Run
from tiled_sim.simulation.simulator import Simulator


def sharing(*others):
    """A fault that is none: tables of any size are shared. Then what else befalls workers."""

    def fault(patch):
        from tiled_sim.cluster import shared_tables

        patch.setattr(shared_tables, "LEAST", 0)
        for other in others:
            other(patch)

    return fault


def maps_of(client):
    """Files of shared tables that each worker has mapped."""

    def mapped():  # inside, so that workers get it by its code
        from pathlib import Path

        maps = Path("/proc/self/maps").read_text().splitlines()
        return sorted({line.split()[-1] for line in maps if "tiled_sim-tables" in line})

    return list(client.run(mapped).values())


def left_over(client, run):
    """Entries of a run where the workers of a cluster share tables."""
    places = client.run(lambda dask_worker: dask_worker.local_directory).values()
    folders = {Path(place).parent / shared_tables._FOLDER for place in places}
    names = (path for folder in folders if folder.exists() for path in folder.iterdir())
    return [path for path in names if path.name.startswith(shared_tables._name_of(run))]


def test_workers_of_a_machine_map_the_same_files_and_leave_none_behind(
    run, undisturbed, client, address, tmp_path
):
    gate = tmp_path / "gate"
    with sabotage(client, sharing(waiting_for(str(gate)))):
        computing = threading.Thread(
            target=lambda: compute_missing(run, cluster=address)  # waits for the gate
        )
        computing.start()
        try:
            eventually(lambda: all(maps_of(client)))
            first, second = maps_of(client)
        finally:
            gate.touch()
            computing.join(PATIENCE)
    assert first == second
    assert {Path(file).name for file in first} == {"0_amplitude.npy", "0_kind.npy"}
    assert_whole(run.path, undisturbed)
    assert left_over(client, run) == []
    assert maps_of(client) == [[], []]


def test_a_worker_that_is_killed_leaves_no_files_behind(
    run, undisturbed, client, address, tmp_path
):
    flag = str(tmp_path / "struck")
    with sabotage(client, sharing(befalling_the_victim(once(flag, dying())))):
        compute_missing(run, cluster=address)
    assert Path(flag).exists()
    assert_whole(run.path, undisturbed)
    client.wait_for_workers(2, timeout=PATIENCE)
    assert left_over(client, run) == []


def without_room():
    """A fault: a disk is full."""

    def fault(patch):
        import shutil
        from types import SimpleNamespace

        patch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))

    return fault


def test_a_full_disk_is_told_once_and_costs_memory_alone(run, undisturbed, client, address):
    witness = Witness()
    with sabotage(client, sharing(without_room())):
        compute_missing(run, cluster=address, listener=witness)
    (note,) = witness.notes
    assert "do not share their structure factors" in note
    assert "No space left on device" in note
    assert_whole(run.path, undisturbed)
    assert left_over(client, run) == []


def test_small_tables_are_not_shared(run, client, address):
    seen = []
    witness = Witness(1, lambda: seen.extend(maps_of(client)))
    compute_missing(run, cluster=address, listener=witness)
    assert seen == [[], []]


# What is mapped, and what kernels make of it


def files_of(run, folder):
    """The files of its tables, in a folder."""
    folder.mkdir()
    table_files.write_tables(folder, shared_tables._tables(run))
    return folder


@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        ("reference", ()),
        ("reference", ("-interpolate",)),
        ("compiled", ()),
        ("spots", ("-default_F", 3)),
    ],
)
def test_a_mapped_table_gives_the_same_bytes(make_run, tmp_path, kernel, words):
    run = make_run(kernel, *words, "-gauss_xtal")
    table = table_files.read_tables(files_of(run, tmp_path / "files"))
    (tile,) = run.plan
    plain = Simulator(run.experiment, run.inputs(), run.plan, torch.device("cpu"))
    shared = run.simulator("cpu", table=table)
    assert shared.inputs.factors is None
    image = shared.simulate_tile(tile).image
    assert image.any()
    assert image.tobytes() == plain.simulate_tile(tile).image.tobytes()


def test_kernels_ask_a_mapped_table_for_nothing_that_is_not_in_its_files(make_run, tmp_path):
    run = make_run("spots", "-gauss_xtal")
    table = table_files.read_tables(files_of(run, tmp_path / "files"))
    before = set(table.arrays)
    (tile,) = run.plan
    run.simulator("cpu", table=table).simulate_tile(tile)
    assert set(table.arrays) == before == {"amplitude", "kind", "squares_float64"}


def test_its_size_is_that_of_its_files(make_run, tmp_path):
    run = make_run("spots", "-gauss_xtal")
    files = files_of(run, tmp_path / "files").glob("*.npy")
    size = sum(np.load(file).nbytes for file in files)
    assert 0.5 * size < shared_tables._size_of_table(run, "cpu") <= size


def test_a_file_that_is_damaged_is_not_believed(make_run, tmp_path):
    folder = files_of(make_run("reference"), tmp_path / "files")
    with open(folder / "0_amplitude.npy", "r+b") as file:
        file.seek(-3, 2)
        file.write(b"\x7f")
    with pytest.raises(table_files.DamagedTablesError, match=r"0_amplitude\.npy is damaged"):
        table_files.read_tables(folder)


def test_damaged_files_are_made_anew(make_run, tmp_path):
    run = make_run("reference")
    scratch = Scratch(tmp_path / "scratch")
    name = shared_tables._name_of(run)
    before = scratch.hold(name, lambda folder: (folder / "tables.json").write_text("nonsense"))
    table, held = shared_tables._held_table(run, scratch, 0)
    assert table.minimum == run.inputs().factors.minimum
    held.release()
    before.release()
    assert not (tmp_path / "scratch").exists()


@pytest.fixture
def make_run(still, tmp_path):
    """``make_run(kernel, *words)``: a run of one tile, with nothing computed."""
    from tiled_sim.model.settings import Settings
    from tiled_sim.plan.prepare import prepare
    from tiled_sim.run.creation import create_run

    def make(kernel, *words) -> Run:
        prepared = prepare(still(*words), Settings(kernel), require_coverage=None)
        return create_run(prepared, tmp_path / "one.zarr")

    return make
