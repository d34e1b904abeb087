"""Runs of format 1, which tiled_sim 0.1 wrote: read as if they were of format 2.

`attributes` and `decode` turn what such a store says into what today's would say. Hashes of the
experiment and of the plan stay those of the documents as that version spelt them.
"""

import copy
import hashlib
import json
from typing import Any

from tiled_sim.errors import StoreError
from tiled_sim.model.beam import Source, Spectrum
from tiled_sim.model.experiment import Experiment
from tiled_sim.store import sidecar, strict_json
from tiled_sim.store.place import Place

FORMAT = 1
_SCHEMA = "tiled_sim sidecar 1"


def attributes(path: Place, found: dict[str, Any]) -> dict[str, Any]:
    """The ``tiled_sim`` attribute of a run as today's, but for the experiment and some hashes.

    Parameters
    ----------
    path : of the run
    found : the attribute as it is; `experiment` translates its experiment

    Raises
    ------
    StoreError
        experiment or plan are not those that the run was made with
    """
    try:
        hashes = found["hashes"]
        texts = {
            "experiment": _canonical(_hashed(found["experiment"])),
            "plan": _canonical(found["plan"]),
        }
        plan = _plan(found["plan"], found["kernel_reason"])
        wrong = [
            f"the {name} in its zarr.json is not the one the run was made with (SHA-256 {digest}, "
            f"not {hashes[name]})"
            for name, text in texts.items()
            if (digest := hashlib.sha256(text.encode()).hexdigest()) != hashes[name]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"{path}: its attributes lack or spoil {error}; the run was made by another version, "
            "or its zarr.json was edited"
        ) from error
    if wrong:
        raise StoreError(f"{path}: {wrong[0]}")
    return {**found, "plan": plan}


def experiment(document: dict[str, Any]) -> Experiment:
    """The experiment of a run.

    Raises
    ------
    KeyError, TypeError
        a field is missing or spoilt
    ExperimentError
        it cannot be
    """
    beam, crystal, detector = (dict(document[name]) for name in ("beam", "crystal", "detector"))
    sources = beam.pop("sources")
    spectrum = Spectrum.of(
        Source(tuple(one["incident"]), one["wavelength"], one["weight"]) for one in sources
    )
    beam["spectrum"] = {"sha256": spectrum.sha256, "count": len(spectrum)}
    crystal["domains"] = {
        "spread": crystal.pop("mosaic_spread"),
        "count": crystal.pop("mosaic_domains"),
        "seed": crystal.pop("mosaic_seed"),
    }
    detector["panels"] = [
        {**panel, "pixel_size": [panel["pixel_size"]] * 2} for panel in detector["panels"]
    ]
    others = {name: value for name, value in document.items() if name != "frames"}
    translated = {
        **others,
        "beam": beam,
        "crystal": crystal,
        "detector": detector,
        "exposures": document["frames"],
    }
    names = ("incident", "wavelength", "weight")
    arrays = {f"spectrum/{name}": getattr(spectrum, name) for name in names}
    return Experiment.from_dict(translated, arrays)


def decode(text: str | bytes, tile: str, hashes: dict[str, Any]) -> dict[str, Any]:
    """Sidecar of the tile with this id from its JSON text, as today's.

    Parameters
    ----------
    text : of the file
    tile : id
    hashes : of the run; taken over where those that the sidecar has are the same

    Raises
    ------
    SidecarError
        as `sidecar.decode`
    """
    try:
        found = strict_json.loads(text)
        if found["schema"] != _SCHEMA:
            raise ValueError(f"its schema is {found['schema']!r} instead of {_SCHEMA!r}")
        translated = strict_json.dumps(_sidecar(found, hashes))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise sidecar.SidecarError(f"sidecar of tile {tile} is damaged ({error})") from error
    return sidecar.decode(translated, tile)


def _sidecar(found: dict[str, Any], hashes: dict[str, Any]) -> dict[str, Any]:
    """A sidecar of one panel in one frame."""
    tile = dict(found["tile"])
    image = [tile.pop("frame"), tile.pop("panel")]
    ranges = {name: [n, n + 1] for name, n in zip(("frames", "panels"), image, strict=True)}
    same = all(value == hashes[name] for name, value in found["hashes"].items())
    counts = found["counts"]
    return {
        **found,
        "schema": sidecar.SCHEMA["title"],
        "tile": {**tile, **ranges},
        "hashes": hashes if same else found["hashes"],
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
