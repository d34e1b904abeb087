"""Runs of format 1, which tiled_sim 0.1 wrote: read as if they were of format 2.

`attributes` and `decode` turn what such a store says into what today's would say. Their hashes stay
those that were recorded, of documents as that version spelt them: they are checked here.
"""

import copy
import hashlib
import json
from typing import Any

from tiled_sim.errors import StoreError
from tiled_sim.model.experiment import Experiment
from tiled_sim.store import sidecar

FORMAT = 1
#: What its hashes do not cover.
_NOT_HASHED = {"mask": None, "background": None}
_SCHEMA = "tiled_sim sidecar 1"


def attributes(path: str, found: dict[str, Any]) -> dict[str, Any]:
    """The ``tiled_sim`` attribute of a run, its plan and hashes as today's.

    Parameters
    ----------
    path : of the run
    found : the attribute as it is; its experiment is translated by `experiment`

    Raises
    ------
    StoreError
        experiment or plan are not those that the run was made with
    KeyError, TypeError
        one is missing or spoilt
    """
    hashes = found["hashes"]
    for name, text in (
        ("experiment", _canonical(_hashed(found["experiment"]))),
        ("plan", _canonical(found["plan"])),
    ):
        digest = hashlib.sha256(text.encode()).hexdigest()
        if digest != hashes[name]:
            raise StoreError(
                f"{path}: the {name} in its zarr.json is not the one the run was made with "
                f"(SHA-256 {digest}, not {hashes[name]})"
            )
    plan = _plan(found["plan"], found.get("kernel_reason", "as planned"))
    return {**found, "plan": plan, "hashes": {**hashes, **_NOT_HASHED}}


def experiment(document: dict[str, Any]) -> Experiment:
    """The experiment of a run.

    Raises
    ------
    KeyError, TypeError
        a field is missing or spoilt
    ExperimentError
        it cannot be
    """
    return Experiment.from_dict(document)


def decode(text: str | bytes, tile: str) -> dict[str, Any]:
    """Sidecar of the tile with this id from its JSON text, as today's; see `sidecar.decode`.

    Raises
    ------
    SidecarError
        as there
    """
    try:
        found = json.loads(text)
        if found["schema"] != _SCHEMA:
            raise ValueError(f"its schema is {found['schema']!r} instead of {_SCHEMA!r}")
        translated = json.dumps(_sidecar(found))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise sidecar.SidecarError(f"sidecar of tile {tile} is damaged ({error})") from error
    return sidecar.decode(translated, tile)


def _sidecar(found: dict[str, Any]) -> dict[str, Any]:
    """A sidecar of one panel in one frame."""
    tile = dict(found["tile"])
    image = [tile.pop("frame"), tile.pop("panel")]
    ranges = {name: [n, n + 1] for name, n in zip(("frames", "panels"), image, strict=True)}
    counts = found["counts"]
    return {
        **found,
        "schema": sidecar.SCHEMA["title"],
        "tile": {**tile, **ranges},
        "hashes": {**found["hashes"], **_NOT_HASHED},
        "image": {**found["image"], "max_at": [*image, *found["image"]["max_at"]]},
        "counts": None if counts is None else {**counts, "max_at": [*image, *counts["max_at"]]},
        "traces": [{"frame": image[0], "panel": image[1], **trace} for trace in found["traces"]],
    }


def _plan(found: dict[str, Any], reason: str) -> dict[str, Any]:
    """The plan of tiles of one panel in one frame."""
    return {
        "grid": {"shape": found["shape"], "tile": [1, 1, *found["tile"]]},
        "settings": {
            "kernel": found["kernel"],
            "precision": found["precision"],
            "negligible": found["negligible"],
            "reason": reason,
        },
        "evaluations_per_pixel": found["steps"],
        "first_evaluations": found["first_evaluations"],
        "trace_pixels": found["trace_pixels"],
        "memory": {"fixed": 0, "per_pixel": 0},
        "seconds": None,
        "workers": 1,
    }


def _hashed(document: dict[str, Any]) -> dict[str, Any]:
    """What that version hashed of an experiment: not notes, nor where files lie."""
    plain = copy.deepcopy(document)
    del plain["notes"]
    del plain["structure_factors"]["path"], plain["structure_factors"]["column"]
    if plain["background"] is not None:
        del plain["background"]["path"]
    for panel in plain["detector"]["panels"]:
        del panel["name"]
        if panel["mask"] is not None:
            del panel["mask"]["path"]
    return plain


def _canonical(document: dict[str, Any]) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
