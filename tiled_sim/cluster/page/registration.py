"""A driver's part of the page: it brings the page to the scheduler, and tells of its run."""

import logging
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from distributed import Client

from tiled_sim.cluster.lease import RunCancelledError
from tiled_sim.cluster.page import topics
from tiled_sim.cluster.page.panels import arrangement
from tiled_sim.cluster.page.plugin import NAME, PagePlugin
from tiled_sim.cluster.page.thumbnail import factor_of, thumbnail_of
from tiled_sim.errors import StoreError
from tiled_sim.run.run import Run
from tiled_sim.versions import __version__

logger = logging.getLogger(__name__)

#: A scheduler that does not answer holds no run up for longer.
_SECONDS_TO_TELL = 10
#: Reading what is done already into the preview takes no longer, nor more panels than these, or
#: than a frame has.
_SECONDS_TO_FILL = 2.0
_PANELS_TO_FILL = 8


@contextmanager
def shown(
    client: Client,
    run: Run,
    tiles: npt.NDArray[np.int64],
    attempts: int,
    left: Sequence[int] | npt.NDArray[np.int64] = (),
) -> Iterator[int]:
    """Show a run on the page, and after the block how it ended.

    Parameters
    ----------
    client, run, tiles, attempts, left : as `register_page`

    Yields
    ------
    as `register_page` returns
    """
    factor = register_page(client, run, tiles, attempts, left)
    state, text = topics.FINISHED, ""
    try:
        yield factor
    except BaseException as error:
        stopped = isinstance(error, RunCancelledError | KeyboardInterrupt)
        state = topics.CANCELLED if stopped else topics.FAILED
        text = str(error)
        raise
    finally:
        if factor and client.status == "running":
            told = {"run_id": run.run_id, "state": state, "error": text, "client": client.id}
            _attempt(_tell, client, topics.RUNS, told)


def register_page(
    client: Client,
    run: Run,
    tiles: npt.NDArray[np.int64],
    attempts: int,
    left: Sequence[int] | npt.NDArray[np.int64] = (),
) -> int:
    """Bring the page to a scheduler, unless it is there, and tell it of a run.

    Nothing that goes wrong here is an error: the run goes on without a page.

    Parameters
    ----------
    client : of the cluster
    run : to show
    tiles : numbers of those that will be computed
    attempts : after which a tile is given up
    left : numbers of those that are not done, and wait for somebody to ask for them; the others are
        done

    Returns
    -------
    factor of the thumbnails that workers are to send (see `thumbnail.reduce`); 0: none, because
    there is no page
    """
    return int(_attempt(_register, client, run, tiles, attempts, left) or 0)


def tell_failure(
    client: Client, run: Run, tile: int, *, attempts: int, final: bool, error: str, worker: str
) -> None:
    """Tell the page of an attempt in vain, which a worker that died of it cannot.

    What a worker has told itself may be told again.

    Parameters
    ----------
    client : of the cluster
    run : of the tile
    tile : its number in the plan
    attempts : in vain so far
    final : whether it is given up
    error, worker : what happened last, and where
    """
    told = {"tile": tile, "state": topics.FAILED, "attempt": attempts, "final": final}
    told |= {"error": error, "worker": worker}
    _attempt(_tell, client, topics.TILES + run.run_id, {"tiles": [told]})


def link_of(client: Client) -> str:
    """Address of the page; empty if the scheduler has no dashboard.

    Parameters
    ----------
    client : of the cluster
    """
    link = client.dashboard_link or ""
    return f"{link.removesuffix('/status')}/{NAME}" if link.endswith("/status") else link


def _attempt(action: Any, *arguments: Any) -> Any:
    """Result of an action; None if it fails, whatever another machine's software may raise."""
    try:
        return action(*arguments)
    except Exception as error:
        logger.info("no page on the dashboard: %s: %s", type(error).__name__, error)
        return None


def _register(
    client: Client,
    run: Run,
    tiles: npt.NDArray[np.int64],
    attempts: int,
    left: Sequence[int] | npt.NDArray[np.int64],
) -> int:
    found = _call(client, "versions", packages=["tiled_sim"])["packages"].get("tiled_sim")
    if found != __version__:
        logger.info(
            "no page on the dashboard: the scheduler has tiled_sim %s; install %s there",
            found,
            __version__,
        )
        return 0
    client.register_plugin(PagePlugin())
    description = _description(client, run, tiles, attempts, left)
    _tell(client, topics.RUNS, description)
    return int(description["factor"])


def _description(
    client: Client,
    run: Run,
    tiles: npt.NDArray[np.int64],
    attempts: int,
    left: Sequence[int] | npt.NDArray[np.int64] = (),
) -> dict[str, Any]:
    plan = run.plan
    done = np.ones(len(plan), np.bool_)
    done[tiles] = False
    done[np.asarray(left, dtype=np.int64)] = False
    factor = factor_of(*plan.grid.shape[1:])
    return {
        "run_id": run.run_id,
        "state": topics.RUNNING,
        "path": str(run.path.absolute()),
        "shape": list(plan.grid.shape),
        "tile": list(plan.grid.tile),
        "factor": factor,
        "evaluations": run.experiment.evaluations,
        "kernel": plan.settings.kernel,
        "precision": plan.settings.precision,
        "attempts": attempts,
        "client": client.id,
        "arrangement": arrangement(run.experiment),
        "done": np.packbits(done).tobytes(),
        "left": len(left),
        "thumbnails": _thumbnails(run, np.flatnonzero(done), factor),
    }


def _thumbnails(run: Run, done: npt.NDArray[np.int64], factor: int) -> list[tuple[int, bytes]]:
    """Of tiles that are done already, the last first, as many as there is time for."""
    _, panels, *of_panel = run.plan.grid.counts
    most = max(_PANELS_TO_FILL, panels) * math.prod(of_panel)
    until = time.monotonic() + _SECONDS_TO_FILL
    thumbnails = []
    for index in done[: -most - 1 : -1].tolist():
        if time.monotonic() > until:
            break
        tile = run.plan[index]
        try:
            image = run.store.read_part(tile)
        except StoreError:  # of damage, which `verify` tells
            continue
        thumbnails.append((index, thumbnail_of(tile, image, factor)))
    return thumbnails


def _tell(client: Client, topic: str, told: dict[str, Any]) -> None:
    _call(client, "log_event", topic=topic, msg=told)


def _call(client: Client, what: str, **arguments: Any) -> Any:
    """Answer of the scheduler."""
    return client.sync(
        getattr(client.scheduler, what), callback_timeout=_SECONDS_TO_TELL, **arguments
    )
