"""A run, or two, as a folder of static files: the page, and tiles in a few large files.

    OUT/index.html, viewer.css, js/…      the page
    OUT/data/start.json                   how many runs there are, what is shown first
    OUT/data/0/run.json                   as the server has it, and ``packed``
               frames.jsonl               a line a frame, all of the same length
               image.tiles, image.index   tiles (`tiled_sim.viewer.encoding`), frame by frame, of
                                          each the finest level first, row by row; where each
                                          begins, and where the last ends, float64
               counts.tiles, counts.index where there are counts
               sidecars.jsonl, …index     of the tiles of the run, in their order; of one that is
                                          not done nothing
               spots.columns, …index      of each frame its spots, as the server has them, with
                                          ``photons`` and centroids: deflated JSON
    OUT/data/1/…                          the run to compare with

A page reads of them what it shows, by ranges of bytes.
"""

import json
import secrets
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tiled_sim.errors import StoreError
from tiled_sim.export.parallel import cores, in_order
from tiled_sim.run.run import Run
from tiled_sim.viewer.description import Frames, describe_run
from tiled_sim.viewer.encoding import encode
from tiled_sim.viewer.files import content_of, page_files
from tiled_sim.viewer.mosaic import Mosaic, Place
from tiled_sim.viewer.spots import Spots

_MOST_AT_ONCE = 8


def write_static(
    runs: Sequence[Run], out: Path, settings: dict[str, Any], advance: Callable[[int], None]
) -> None:
    """Write the folder; it is there whole, or not at all.

    Parameters
    ----------
    runs : one, or two to compare; finished or not: later they are not looked at again
    out : the folder, which must not exist
    settings : what the page shows first: ``frame`` and ``quantity``
    advance : is told of each frame of each run that is written

    Raises
    ------
    StoreError
        if it exists or cannot be written, or the image is damaged
    """
    if out.exists() or out.is_symlink():
        raise StoreError(f"{out} exists already; name another folder, or remove it")
    parts = out.parent / f".{out.name}.{secrets.token_hex(4)}.tmp"
    try:
        parts.mkdir()
        try:
            _write(runs, parts, settings, advance)
            parts.rename(out)
        finally:
            shutil.rmtree(parts, ignore_errors=True)
    except OSError as error:
        raise StoreError(f"{out} cannot be written ({error.strerror or error})") from error


def _write(
    runs: Sequence[Run], out: Path, settings: dict[str, Any], advance: Callable[[int], None]
) -> None:
    for name in page_files():
        path = out / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content_of(name))
    for number, run in enumerate(runs):
        data = out / "data" / str(number)
        data.mkdir(parents=True)
        _write_run(run, data, advance)
    _write_json(out / "data" / "start.json", {"kind": "packed", "runs": len(runs), **settings})


def _write_run(run: Run, data: Path, advance: Callable[[int], None]) -> None:
    mosaic = Mosaic(run)
    frame_bytes = _write_frames(data / "frames.jsonl", run)
    described = {
        **describe_run(mosaic),
        "offers": {"chain": False, "spots": True, "status": False},
        "packed": {"frame_bytes": frame_bytes},
    }
    _write_json(data / "run.json", described)
    sidecars = (run.sidecar(tile) for tile in run.plan)
    _pack(data, "sidecars", "jsonl", (b"" if one is None else _line(one) for one in sidecars))
    _pack(data, "spots", "columns", _spots(mosaic))
    quantities = [quantity["name"] for quantity in described["quantities"]]
    for quantity in quantities:
        last = quantity == quantities[-1]
        _pack(data, quantity, "tiles", _tiles(mosaic, quantity, advance if last else _nothing))


def _nothing(_: int) -> None:
    """Nobody is told."""


def _tiles(mosaic: Mosaic, quantity: str, advance: Callable[[int], None]) -> Iterator[bytes]:
    """All tiles of a quantity, in order."""

    def made(place: Place) -> bytes:
        return encode(mosaic.tile(place))

    for frame in range(len(mosaic.run.experiment.exposures)):
        yield from in_order(made, mosaic.places(quantity, frame), min(_MOST_AT_ONCE, cores()))
        advance(1)


def _spots(mosaic: Mosaic) -> Iterator[bytes]:
    """Those of each frame, with their photons."""
    spots = Spots(mosaic.run, mosaic.pixels)
    panels = range(len(mosaic.run.experiment.detector.panels))
    for frame in range(len(mosaic.run.experiment.exposures)):
        columns = {**spots.of_frame(frame), "photons": spots.photons(frame, panels)}
        yield zlib.compress(_line(columns))


def _write_frames(path: Path, run: Run) -> int:
    """Write a line a frame, as long as the longest; how long that is [byte]."""
    frames = Frames(run.experiment)
    describe = partial(map, lambda frame: _line(frames.describe(frame)))
    count = range(len(run.experiment.exposures))
    longest = max(map(len, describe(count)))
    with path.open("wb") as file:
        for line in describe(count):
            file.write(line[:-1].ljust(longest - 1) + b"\n")
    return longest


def _pack(folder: Path, name: str, ending: str, parts: Iterable[bytes]) -> None:
    """Write parts one after the other, and where each begins and the last ends."""
    end = 0
    with (
        (folder / f"{name}.{ending}").open("wb") as file,
        (folder / f"{name}.index").open("wb") as index,
    ):
        index.write(bytes(8))
        for part in parts:
            file.write(part)
            end += len(part)
            index.write(np.array(end, dtype="<f8").tobytes())


def _line(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _write_json(path: Path, document: Any) -> None:
    path.write_bytes(_line(document))
