"""How many workers a cluster is taken to have before it is asked."""

import pytest
from dask.system import CPU_COUNT

from tiled_sim.cluster import resources
from tiled_sim.cluster.resources import workers_of
from tiled_sim.kernels.devices import TILES_ON_A_GPU


def profile(tmp_path, *lines):
    file = tmp_path / "profile.toml"
    file.write_text("\n".join(('memory = "8 GB"', *lines)))
    return f"slurm:{file}"


def test_workers_are_as_many_as_asked():
    workers = workers_of("local:3x2", "cpu")
    assert (workers.count, workers.threads, workers.source) == (3, 2, "as asked")


def test_by_default_they_are_as_many_as_cores():
    workers = workers_of("local", "cpu")
    assert (workers.count, workers.cores) == (CPU_COUNT, CPU_COUNT)
    assert workers.source == "as many as this machine has cores"


def test_a_scheduler_is_not_asked_and_that_is_said():
    workers = workers_of("tcp://10.0.0.1:8786", "auto")
    assert workers.count == CPU_COUNT
    assert "tcp://10.0.0.1:8786 is not asked" in workers.source


@pytest.mark.parametrize(
    ("lines", "count", "threads"),
    [(["cores = 6"], 6, 1), (["cores = 6", "jobs = 4", "processes = 2"], 8, 3)],
)
def test_those_of_slurm_are_those_of_all_jobs(tmp_path, lines, count, threads):
    workers = workers_of(profile(tmp_path, *lines), "auto")
    assert (workers.count, workers.threads) == (count, threads)
    assert "profile" in workers.source


def test_a_gpu_computes_several_tiles_at_a_time(monkeypatch):
    monkeypatch.setattr(resources, "visible_gpus", lambda: ["0", "1", "2"])
    for cluster, count in (("gpu", 3), ("gpu:2", 2)):
        workers = workers_of(cluster, "auto")
        assert (workers.count, workers.threads) == (count, TILES_ON_A_GPU)
        assert workers.device == "cuda"
