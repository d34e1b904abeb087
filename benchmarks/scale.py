"""What many tiles and many pixels cost: the figures of docs/scale.md.

    python benchmarks/scale.py tiles [--count 102400] [--workers 2] [--json]
    python benchmarks/scale.py pixels [--side 32768] [--workers 2] [--json]

``tiles`` sends that many tiles of a kernel that does nothing, each said to take a second so that
each is a task of its own, through a real scheduler process and real workers, and tells what
scheduler, driver and workers spent on each. ``pixels`` computes a square image of one step a pixel
into a real store, and tells where the time went.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import psutil
from distributed import Client
from distributed.protocol.pickle import dumps

from tiled_sim.cluster import driver
from tiled_sim.cluster.batches import A_THREAD
from tiled_sim.cluster.environment import WORKER_ENVIRONMENT
from tiled_sim.cluster.listener import Silent
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.settings import Settings
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.status import Progress

LINE = (
    "-default_F 100 -cell 70 80 90 90 90 90 -lambda 1 -N 5 -distance 1000 -pixel 0.05 "
    "-oversample 1 -nointerpolate -detpixels"
)
TILE = 256
#: Of 2 × 2 pixels, as tiles have them when there are a hundred thousand.
THUMBNAIL = {"attempt": 1, "thumbnail": bytes(8)}
SECONDS_TO_START = 60


def nothing(
    path: str, run_id: str, device: str, tiles: list[tuple[int, int]], factor: int, frames: int
) -> list[dict[str, Any]]:
    """A batch whose tiles take a second each, as they say; tells what a real one tells."""
    from tiled_sim.cluster.events import Bulletin
    from tiled_sim.cluster.page.topics import DONE, RUNNING

    records = []
    with Bulletin(run_id) as bulletin:
        for tile, attempt in tiles:
            bulletin.tell({"tile": tile, "state": RUNNING, "attempt": attempt})
            lookups = dict.fromkeys(("in_range", "zero", "absent", "out_of_range"), 65536)
            told = {
                "tile": tile,
                "evaluations": 65536,
                "seconds": {"kernel": 0.98, "trace": 0.01, "write": 0.01},
                "lookups": {**lookups, "counted": "sampled"},
            }
            sums = {
                "tile": {"index": tile},
                "evaluations": {"done": 65536},
                "time": {"seconds": {"kernel": 0.98}},
                "image": {"sum": 1.0, "max": 1.0, "max_at": [0, 0, 0, tile], "nan": 0},
                "structure_factor_lookups": lookups,
                "counts": None,
            }
            name = f"f00000/p000/r{tile // 320:04d}c{tile % 320:04d}"
            records.append({**told, "id": name, "departures": [], "sums": sums})
            bulletin.tell({**told, "state": DONE, **THUMBNAIL})
    return records


@contextmanager
def cluster(workers: int, folder: Path) -> Iterator[tuple[str, psutil.Process, list]]:
    """A scheduler and workers as processes of their own: address, scheduler, workers."""
    file = folder / "scheduler.json"
    dask = Path(sys.executable).with_name("dask")
    options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    local = ["--host", "127.0.0.1", "--scheduler-file", file]
    ports = ["--port", "0", "--dashboard-address", "127.0.0.1:0"]
    alone = ["--nthreads", "1", "--no-nanny", "--no-dashboard"]
    environment = {**os.environ, **WORKER_ENVIRONMENT}
    started = [subprocess.Popen([dask, "scheduler", *local, *ports], **options)]
    try:
        deadline = time.monotonic() + SECONDS_TO_START
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        for _ in range(workers):
            started.append(
                subprocess.Popen([dask, "worker", *local, *alone], env=environment, **options)
            )
        address = json.loads(file.read_bytes())["address"]
        processes = [psutil.Process(process.pid) for process in started]
        yield address, processes[0], processes[1:]
    finally:
        for process in started:
            process.kill()  # a worker that has lost its scheduler would not end by being asked
            process.wait()


def processor_seconds(process: psutil.Process) -> float:
    """Processor time of a process so far [s]."""
    spent = process.cpu_times()
    return spent.user + spent.system


def measure_tiles(count: int, workers: int) -> dict[str, float]:
    """What scheduler, driver and workers spend on tiles that cost nothing."""
    columns = 320
    rows = -(-count // columns)
    with tempfile.TemporaryDirectory() as folder, cluster(workers, Path(folder)) as made:
        address, scheduler, others = made
        began = time.perf_counter()
        sides = f"-detpixels_f {columns * TILE} -detpixels_s {rows * TILE}"
        experiment = Experiment.from_nanobragg([*LINE.split()[:-1], *sides.split()])
        prepared = prepare(experiment, Settings("reference"), tile=(TILE, TILE))
        run = create_run(prepared, Path(folder) / "run.zarr")
        creating = time.perf_counter() - began
        # which goes along with each task: workers know no module of it
        driver.ByName = SimpleNamespace(of=lambda _: nothing)
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=SECONDS_TO_START)
            here = psutil.Process()
            before = [processor_seconds(each) for each in (scheduler, here, *others)]
            memory_before = scheduler.memory_info().rss
            began = time.perf_counter()
            # a real pyramid of pixels that nobody computed would be another benchmark
            driver.RunStore.finish = lambda store: None
            driver.drive(run, client, Progress(run), "cpu", Silent())
            elapsed = time.perf_counter() - began
            spent = [
                processor_seconds(each) - start
                for each, start in zip((scheduler, here, *others), before, strict=True)
            ]
            memory = scheduler.memory_info().rss
        message = (nothing, str(run.path), run.run_id, "cpu", [(0, 1)])
        tiles = len(run.plan)
        return {
            "tiles": tiles,
            "workers": workers,
            "creating the run [s]": creating,
            "handing out [s]": elapsed,
            "tiles a second": tiles / elapsed,
            "scheduler [ms/tile]": spent[0] / tiles * 1e3,
            "driver [ms/tile]": spent[1] / tiles * 1e3,
            "worker [ms/tile]": sum(spent[2:]) / tiles * 1e3,
            "scheduler memory before [MB]": memory_before / 1e6,
            "scheduler memory after [MB]": memory / 1e6,
            "task message [bytes]": len(dumps(("compute_batch", *message[1:]))),
            "tasks at the scheduler at once": A_THREAD * workers,
        }


def measure_pixels(side: int, workers: int) -> dict[str, float]:
    """Where the time of a large image goes."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run.zarr"
        began = time.perf_counter()
        ours = ["--json", "--out", run, "--cluster", f"local:{workers}", "--kernel", "compiled"]
        told = subprocess.run(
            [sys.executable, "-m", "tiled_sim", "submit", *ours, *LINE.split(), str(side)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        whole = time.perf_counter() - began
        assert json.loads(told)["complete"]
        stages: dict[str, float] = {}
        peak = predicted = 0
        for file in run.glob("traces/f*/p*/*.json"):
            sidecar = json.loads(file.read_bytes())
            for stage, seconds in sidecar["time"]["seconds"].items():
                stages[stage] = stages.get(stage, 0.0) + seconds
            peak = max(peak, sidecar["memory"]["peak_bytes"])
            predicted = sidecar["memory"]["predicted_bytes"]
        size = sum(file.stat().st_size for file in run.rglob("*") if file.is_file())
        return {
            "pixels": side * side,
            "workers": workers,
            "whole command [s]": whole,
            "Mpx/s": side * side / whole / 1e6,
            **{f"{stage}, all tiles [s]": seconds for stage, seconds in stages.items()},
            "peak of a worker [MB]": peak / 1e6,
            "predicted [MB]": predicted / 1e6,
            "store [GB]": size / 1e9,
        }


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=["tiles", "pixels"])
    parser.add_argument("--count", type=int, default=102_400)
    parser.add_argument("--side", type=int, default=32_768)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.what == "tiles":
        found = measure_tiles(options.count, options.workers)
    else:
        found = measure_pixels(options.side, options.workers)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        print("| what | figure |\n| --- | --- |")
        print("\n".join(f"| {name} | {value:.4g} |" for name, value in found.items()))


if __name__ == "__main__":
    main()
