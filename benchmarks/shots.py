"""What many shots cost: the figures of docs/benchmarks.md, 'Many shots'.

    python benchmarks/shots.py tiles [--count 50] [--tile 256] [--workers 2] [--json]
    python benchmarks/shots.py runs --against COMMIT [--count 50] [--repeat 3] [--json]

Random stills of 1 Mpx in 16 panels. ``tiles`` computes that many shots in tiles of one panel with
the real kernel and the real store, on a scheduler process and workers that are warm, and tells
what each process spent on a tile, and what kernel and compression alone take of that. ``runs``
runs whole commands in turn: `tiled-sim submit` of this checkout with one shot and with that many,
and the commit's with one frame of the same panels; a thousand shots are reckoned from these. All
is processor time, user and system, which other work on the machine disturbs less than the clock.
"""

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import psutil
from builds import Build, BuildError, finished, of_commit, this_checkout
from cases import ROOT
from distributed import Client
from numcodecs import zstd
from scale import SECONDS_TO_START, cluster, processor_seconds

from tiled_sim.cluster.driver import drive
from tiled_sim.cluster.listener import Silent
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.settings import Settings
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run
from tiled_sim.run.status import Progress

KERNEL = "compiled float64"
SIDE, GAP, PIXEL = 256, 12, 0.075
#: Tiles that kernel and compression are timed on alone.
_ALONE = 200
#: Of the compression of shards.
_LEVEL = 1
#: What is reckoned from fewer.
_MANY = 1000


def document(shots: int | None = None) -> str:
    """Sixteen panels of 256 × 256 pixels around the beam; without shots as both builds read it."""
    panels = "".join(
        f"[[detector.panels]]\n"
        f"origin_mm = [{_corner(column)}, {_corner(row)}, 100]\n"
        "fast_axis = [1, 0, 0]\nslow_axis = [0, 1, 0]\n"
        for row in range(4)
        for column in range(4)
    )
    return f"""
[beam]
energy_eV = 9500
fluence_photons_per_m2 = 1e27
[crystal]
cell_A = [53.91, 23.1, 23.1]
cell_angles_deg = [90, 110.4, 90]
misset_deg = [12, 34, 56]
cells = [20, 46, 46]
shape = "round"
[detector]
pixels = [{SIDE}, {SIDE}]
pixel_size_mm = {PIXEL}
{panels}
[sampling]
oversample = 1
interpolate = false
[structure_factors]
hkl = "{ROOT / "examples" / "2erl.hkl"}"
{"" if shots is None else f"[frames]{chr(10)}random_shots = {shots}"}
"""


def _corner(number: int) -> float:
    """Along an axis, of a panel of four [mm]."""
    return round(((SIDE + GAP) * (number - 2) + GAP / 2) * PIXEL, 4)


def create(folder: Path, shots: int, tile: int) -> Run:
    """A run of shots, in tiles of one panel, of which nothing is computed yet."""
    file = folder / f"{shots}.toml"
    file.write_text(document(shots))
    name, precision = KERNEL.split()
    prepared = prepare(
        Experiment.from_toml(file),
        Settings(name, precision),
        tile=(tile, tile),
        require_coverage=None,
    )
    return create_run(prepared, folder / f"{shots}.zarr")


def measure_tiles(count: int, tile: int, workers: int) -> dict[str, float]:
    """What scheduler, driver and workers spend on a tile, and kernel and compression alone."""
    with tempfile.TemporaryDirectory() as name, cluster(workers, Path(name)) as made:
        folder = Path(name)
        address, scheduler, others = made
        processes = (scheduler, psutil.Process(), *others)
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=SECONDS_TO_START)
            first = create(folder, 4 * workers, tile)  # torch and the kernel are loaded with it
            drive(first, client, Progress(first), "cpu", Silent())
            run = create(folder, count, tile)
            before = [processor_seconds(each) for each in processes]
            drive(run, client, Progress(run), "cpu", Silent())
            after = [processor_seconds(each) for each in processes]
            # in a worker, whose memory is set otherwise than this process's
            one, *_ = client.scheduler_info()["workers"]
            ((kernel, compression),) = client.run(alone, str(run.path), workers=[one]).values()
        tiles = len(run.plan)
        scheduling, driving, *working = (
            (then - now) / tiles * 1e3 for now, then in zip(before, after, strict=True)
        )
        began = time.process_time()
        Run(run.path).status()
        telling = time.process_time() - began
    whole = scheduling + driving + sum(working)
    return {
        "tiles": tiles,
        "pixels of a tile": tile * tile,
        "workers [ms/tile]": sum(working),
        "scheduler [ms/tile]": scheduling,
        "driver [ms/tile]": driving,
        "of it kernel [ms/tile]": kernel,
        "of it compression [ms/tile]": compression,
        "all beside kernel and compression [ms/tile]": whole - kernel - compression,
        "status [s]": telling,
    }


def alone(path: str) -> tuple[float, float]:
    """Kernel, and compression of the image, of the first tiles of a run alone [ms/tile]."""
    run = Run(path)
    simulator = run.simulator("cpu")
    tiles = [run.plan[index] for index in range(min(_ALONE, len(run.plan)))]
    simulator.simulate_tile(tiles[0])
    began = time.process_time()
    results = [simulator.simulate_tile(tile) for tile in tiles]
    spent = time.process_time() - began
    seconds = [result.seconds for result in results]
    # by the clock, which runs alike for the kernel and for the trace of its brightest pixel
    share = statistics.median(each["kernel"] / sum(each.values()) for each in seconds)
    began = time.process_time()
    for result in results:
        zstd.compress(result.image.tobytes(), _LEVEL)
    compressing = time.process_time() - began
    return spent * share / len(tiles) * 1e3, compressing / len(tiles) * 1e3


def measure_runs(builds: tuple[Build, Build], count: int, repeat: int) -> dict[str, float]:
    """Whole commands: a thousand shots in one run, and a thousand runs of a frame each."""
    then, now = builds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, shots in (("frame", None), ("one", 1), ("many", count)):
            (folder / f"{file}.toml").write_text(document(shots))
        spent: dict[str, list[float]] = {"frame": [], "one": [], "many": []}
        for turn in range(repeat):
            for file, build, where in (
                ("frame", then, "local"),
                ("one", now, "local:2"),
                ("many", now, "local:2"),
            ):
                out = folder / f"{file}{turn}.zarr"
                began = _waited_for()
                coverage = ["--require-coverage", "0"]
                words = [str(folder / f"{file}.toml"), *coverage]
                finished(build.submit(out, KERNEL, words, cluster=where))
                spent[file].append(_waited_for() - began)
    frame, one, many = (min(spent[file]) for file in ("frame", "one", "many"))
    a_shot = (many - one) / (count - 1)
    thousand = one + (_MANY - 1) * a_shot
    return {
        f"{then.name}, a run of one frame [s]": frame,
        f"{then.name}, {_MANY} such runs [s]": frame * _MANY,
        f"{now.name}, a run of one shot [s]": one,
        f"{now.name}, a run of {count} shots [s]": many,
        f"{now.name}, each shot more [s]": a_shot,
        f"{now.name}, a run of {_MANY} shots [s]": thousand,
        "times faster": frame * _MANY / thousand,
    }


def _waited_for() -> float:
    """Processor time of all processes that this one has waited for, and theirs [s]."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Run the command line; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=["tiles", "runs"])
    parser.add_argument("--count", type=int, default=50, help="shots")
    parser.add_argument("--tile", type=int, default=SIDE, help="side of a tile [pixel]")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--against", metavar="COMMIT", help="that has a run a frame")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.what == "runs" and not options.against:
        parser.error("runs compares this checkout with a commit: say --against COMMIT")
    try:
        if options.what == "tiles":
            found = measure_tiles(options.count, options.tile, options.workers)
        else:
            builds = of_commit(options.against), this_checkout()
            found = measure_runs(builds, options.count, options.repeat)
    except BuildError as error:
        print(f"shots.py: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        print("| what | figure |\n| --- | --- |")
        print("\n".join(f"| {name} | {value:.4g} |" for name, value in found.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
