"""Measure the export of counts to NXmx against h5py: a table of docs/benchmarks.md.

    python benchmarks/export.py [--frames N] [--repeat N] [--folder PATH]

Runs of an Eiger2 16M are filled with random counts of some means, without being computed.
Then `tiled_sim.export_run` takes turns with h5py, each in a process of its own. h5py writes counts
that it has in memory, with the same chunks and the same filter, by itself; we read them from the
run and decode them before, and have all cores. Time begins after the imports. Ours ends when all is
on disk; h5py's when the file is closed, which may be in the system's memory.

The least of all turns is told, by the clock and of the processor, and the most memory of ours.
"""

import argparse
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.stores import sidecar_of
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.readout import Noise
from tiled_sim.model.settings import BY_REFERENCE
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.store.run_store import RunStore

WORDS = (
    "-distance 200 -cell 78 78 38 90 90 90 -lambda 1 -N 20 -default_F 100 -phi 0 -osc 0.1 "
    "-phisteps 1 -oversample 1"
)
#: Of the counts, which are Poisson's.
MEANS = (0.02, 0.3, 2.0, 20.0)
#: So many frames differ.
DIFFERENT = 6
BEGIN = """
import resource, sys, time
import h5py, hdf5plugin, numpy as np
import tiled_sim.export.nxmx
from tiled_sim import export_run, open_run

def told(began):
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(time.perf_counter() - began[0], time.process_time() - began[1], used.ru_maxrss * 1024)

run, out = open_run(sys.argv[1]), sys.argv[2]
frames, _, slow, fast = run.store.shape
"""
BY_H5PY = f"""{BEGIN}
few = [run.store.read_counts(n, 0, slice(0, slow), slice(0, fast)) for n in range(6)]
began = time.perf_counter(), time.process_time()
with h5py.File(out, "w") as file:
    made = file.create_dataset(
        "data", (frames, slow, fast), "<i4", chunks=(1, slow, fast),
        **hdf5plugin.Bitshuffle(cname="lz4"),
    )
    for number in range(frames):
        made[number] = few[number % len(few)]
told(began)
"""
BY_US = f"""{BEGIN}
began = time.perf_counter(), time.process_time()
export_run(run, out, to="nxmx", counts=True)
told(began)
"""


def make(path: Path, mean: float, frames: int) -> None:
    """A run whose counts have a mean, of a beam that went nowhere."""
    experiment = Experiment.from_nanobragg(WORDS.split(), detector="Eiger2 16M")
    exposures = dataclasses.replace(experiment.exposures, count=frames)
    experiment = dataclasses.replace(experiment, exposures=exposures, noise=Noise())
    run = create_run(prepare(experiment, BY_REFERENCE, require_coverage=0), path)
    store = RunStore.open(path, "r+")
    for tile in run.plan:
        store.write_tile(tile, np.zeros(tile.shape, np.float32))
        frame, *place = run.plan.grid.place_of(tile.index)
        random = np.random.default_rng([frame % DIFFERENT, *place])
        store.write_counts(tile, random.poisson(mean, tile.shape).astype(np.int32))
        document = sidecar_of(run.plan.id_of(tile)) | {"run_id": run.run_id, "hashes": run.hashes}
        document["tile"]["index"] = tile.index
        for name, ends in zip(("frames", "panels", "slow", "fast"), tile.ranges, strict=True):
            document["tile"][name] = list(ends)
        store.write_sidecar(document)


def turn(script: str, run: Path, folder: Path) -> tuple[float, ...]:
    """Seconds by the clock and of the processor, and the most memory [byte], of a process."""
    folder.mkdir()
    try:
        done = subprocess.run(
            [sys.executable, "-c", script, str(run), str(folder / "out.nxs")],
            check=True,
            capture_output=True,
            text=True,
        )
    finally:
        shutil.rmtree(folder)
    return tuple(float(figure) for figure in done.stdout.split())


def measure(run: Path, frames: int, repeat: int) -> dict[str, Any]:
    """Least times of a frame [ms] of both, and the most memory of ours [MB]."""
    turns: dict[str, list[tuple[float, ...]]] = {"h5py": [], "ours": []}
    for _ in range(repeat):
        for name, script in (("h5py", BY_H5PY), ("ours", BY_US)):
            turns[name].append(turn(script, run, run.with_name("out")))
    best = {
        name: [1e3 * min(column) / frames for column in list(zip(*found, strict=True))[:2]]
        for name, found in turns.items()
    }
    memory = max(found[2] for found in turns["ours"]) / 1e6
    return {**best, "faster": best["h5py"][0] / best["ours"][0], "memory": memory}


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where runs are made (default: temporary)")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for mean in MEANS:
            run = Path(folder) / "run.zarr"
            make(run, mean, options.frames)
            rows.append({"mean": mean, **measure(run, options.frames, options.repeat)})
            shutil.rmtree(run)
            print(json.dumps(rows[-1]), file=sys.stderr)
    print(f"{options.frames} frames, load {os.getloadavg()[-1]:.1f} on {os.cpu_count()} cores\n")
    print(
        "| mean count | h5py: ms a frame (processor) | export (processor) | faster | memory: MB |"
    )
    print("| --- | --- | --- | --- | --- |")
    for row in rows:
        (theirs, busy), (ours, worked) = row["h5py"], row["ours"]
        print(
            f"| {row['mean']:.3g} | {theirs:.0f} ({busy:.0f}) | {ours:.0f} ({worked:.0f}) "
            f"| {row['faster']:.2f} x | {row['memory']:.0f} |"
        )


if __name__ == "__main__":
    main()
