"""What drivers and workers tell the page on the dashboard, and what it answers."""

import json
import urllib.request
from importlib import resources

import jsonschema

from support.processes import PATIENCE
from tiled_sim.cluster.page import topics

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
        "computed": tiles[0] * tiles[1],
        "seconds": 12.0,
        "counts": False,
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
