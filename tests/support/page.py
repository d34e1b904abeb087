"""What drivers and workers tell the page on the dashboard, and what it answers."""

import json
import threading
import urllib.request
from contextlib import contextmanager
from importlib import resources
from types import SimpleNamespace

import jsonschema

from support.faults import sabotage, waiting_for
from support.processes import PATIENCE, eventually
from tiled_sim.cluster.lease import RunCancelledError
from tiled_sim.cluster.page import topics
from tiled_sim.cluster.page.registration import link_of
from tiled_sim.cluster.submit import submit
from tiled_sim.store.control import Control

SCHEMA = json.loads(
    resources.files("tiled_sim.cluster.page").joinpath("tiles.schema.json").read_bytes()
)


def beginning(run_id, *, tiles=(2, 3), client="driver", done=b"", path="/data/run.zarr", **more):
    """What a driver tells of a run of one panel with tiles of 16 × 16 pixels."""
    return {
        "run_id": run_id,
        "state": "running",
        "path": path,
        "shape": [1, 1, tiles[0] * 16, tiles[1] * 16],
        "tile": [1, 1, 16, 16],
        "factor": 1,
        "evaluations": 1000,
        "kernel": "reference",
        "precision": "float64",
        "attempts": 3,
        "client": client,
        "left": 0,
        "computed": tiles[0] * tiles[1],
        "seconds": 12.0,
        "counts": False,
        "default_F": 0.0,
        "faintest": 1e-12,
        "token": "",
        "arrangement": None,
        "geometry": None,
        "done": done,
        "thumbnails": [],
        **more,
    }


def finished(seconds=2.0, **more):
    """What a worker tells of a tile that is done, beside which and where."""
    lookups = {"in_range": 6, "zero": 1, "absent": 2, "out_of_range": 1}
    return {
        "evaluations": 500,
        "seconds": {"kernel": seconds},
        "lookups": {**lookups, "interpolation_refused": 0, "counted": "exact"},
        **more,
    }


def get(address):
    with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
        return answer.read()


def tiles_of(link, run_id="", **query):
    """The answer of tiles.json, which must follow its schema."""
    words = "&".join(f"{name}={value}" for name, value in {"run": run_id, **query}.items())
    document = json.loads(get(f"{link}/tiles.json?{words}"))
    jsonschema.validate(document, SCHEMA)
    return document


def begin(client, run_id, **changes):
    told = beginning(run_id, client=client.id, **changes)
    client.log_event(topics.RUNS, told)


def tell(client, run_id, *messages):
    """Have a worker log events, as it does while it computes."""

    def log(topic, messages):
        from distributed import get_worker

        worker = get_worker()
        for message in messages:
            worker.log_event(topic, {"tiles": [{"worker": worker.address, **message}]})

    topic = f"{topics.TILES}{run_id}"
    return client.submit(log, topic, messages, pure=False).result(timeout=PATIENCE)


@contextmanager
def held(experiment, address, client, folder):
    """A run of which no tile is done before ``open`` is called: ``path``, ``open``, ``errors``."""
    flag, path, errors = folder / "go", folder / "run.zarr", []

    def drive():
        try:
            submit(experiment, path, cluster=address, tile=(32, 32), kernel="reference")
        except RunCancelledError as error:
            errors.append(error)

    driver = threading.Thread(target=drive)
    with sabotage(client, waiting_for(str(flag))):
        driver.start()
        try:
            link = link_of(client)
            eventually(lambda: running_at(link, path))
            yield SimpleNamespace(path=path, open=flag.touch, errors=errors, driver=driver)
        finally:
            flag.touch()
            Control(path).cancel()
            driver.join(PATIENCE)


def running_at(link, path):
    """What the page says of a run with two tiles that are being computed; None before."""
    run = tiles_of(link)["run"]
    ours = run and run["path"] == str(path) and run["counts"]["running"] == 2
    return run if ours else None
