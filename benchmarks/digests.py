"""Whether two builds make the same images: SHA-256 of float32 pixels, summed in float64.

Every image is made in process by `tiled_sim.simulate` with each kernel that can, and by
`tiled-sim submit` with the last of them, read back from the run with zarr; what only the command
line can say (counts, C's faults), by `submit` with each.
"""

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from builds import Build, BuildError, Inside, finished
from cases import Picture


def compare_bytes(builds: tuple[Build, Build], pictures: Iterable[Picture]) -> list[dict]:
    """A row for each image, kernel and way to make it.

    Parameters
    ----------
    builds : then, now; they work beside each other
    pictures : to make
    """
    rows = []
    with ExitStack() as stack:
        pair = [stack.enter_context(Inside(build)) for build in builds]
        for picture in pictures:
            print(picture.name, file=sys.stderr)
            if not picture.command_only:
                rows += list(_simulated(pair, picture))
            rows += list(_submitted(builds, picture))
    return rows


def _simulated(pair: list[Inside], picture: Picture) -> Iterator[dict]:
    for kernel in picture.kernels:
        for process in pair:
            process.ask(
                folder=str(picture.folder), words=list(picture.words), kernel=f"{kernel} float64"
            )
        then, now = (process.answer() for process in pair)
        yield _row(picture, f"simulate, {kernel}", then, now)


def _submitted(builds: tuple[Build, Build], picture: Picture) -> Iterator[dict]:
    for kernel in picture.kernels if picture.command_only else picture.kernels[-1:]:
        with tempfile.TemporaryDirectory() as folder:
            runs = [Path(folder) / f"{name}.zarr" for name in ("then", "now")]
            started = [
                build.submit(
                    run,
                    f"{kernel} float64",
                    list(picture.words),
                    folder=picture.folder,
                    cluster="local",
                )
                for build, run in zip(builds, runs, strict=True)
            ]
            then, now = (_arrays(*each) for each in zip(started, runs, strict=True))
        for name in sorted(then.keys() | now.keys()):
            missing = {"error": f"no {name}"}
            yield _row(
                picture,
                f"submit, {kernel}: {name}",
                then.get(name, missing),
                now.get(name, missing),
            )


def _arrays(process: subprocess.Popen[bytes], run: Path) -> dict[str, dict[str, Any]]:
    """Of a run that is being made the digests of its image, and of its counts if it has them."""
    try:
        finished(process)
    except BuildError as error:
        return {"image": {"error": str(error)}}
    level = zarr.open_group(run, mode="r")["0"]
    assert isinstance(level, zarr.Group)
    return {
        name: _digest(np.asarray(level[name][...]), kind)
        for name, kind in (("image", "<f4"), ("counts", "<i4"))
        if name in level
    }


def _digest(pixels: np.ndarray, kind: str) -> dict[str, Any]:
    pixels = np.ascontiguousarray(pixels, dtype=kind)
    return {
        "shape": list(pixels.shape),
        "sha256": hashlib.sha256(pixels).hexdigest(),
        "brightest": float(pixels.max()),
    }


def _row(picture: Picture, way: str, then: dict[str, Any], now: dict[str, Any]) -> dict:
    """Two images beside each other; an image of nothing, or NaN, would prove nothing."""
    same = all(
        "error" not in each
        and (each["shape"], each["sha256"]) == (then["shape"], then["sha256"])
        and each["brightest"] > 0
        for each in (then, now)
    )
    return {
        "picture": picture.name,
        "way": way,
        "then": _told(then),
        "now": _told(now),
        "same": same,
    }


def _told(answer: dict[str, Any]) -> str:
    if "error" in answer:
        return answer["error"]
    return answer["sha256"] if answer["brightest"] > 0 else "nothing but 0 or NaN"


def table_of_bytes(rows: list[dict]) -> str:
    """The rows as a Markdown table."""
    lines = ["| image | made by | then | now | same |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {row['picture']} | {row['way']} | {row['then']} | {row['now']} | {'yes' if row['same'] else '**no**'} |"
        for row in rows
    ]
    return "\n".join(lines)
