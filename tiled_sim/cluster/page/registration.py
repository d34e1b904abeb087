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

from tiled_sim.cluster.lease import Lease, RunCancelledError
from tiled_sim.cluster.page import topics
from tiled_sim.cluster.page.guard import digest_of
from tiled_sim.cluster.page.panels import arrangement, geometry
from tiled_sim.cluster.page.plugin import NAME, PagePlugin
from tiled_sim.cluster.page.thumbnail import factor_of, thumbnail_of
from tiled_sim.errors import StoreError
from tiled_sim.physics.constants import R_E_SQR
from tiled_sim.run.run import Run
from tiled_sim.store.control import Control, new_token
from tiled_sim.versions import __version__

logger = logging.getLogger(__name__)

#: A scheduler that does not answer holds no run up for longer.
_SECONDS_TO_TELL = 10
#: Reading what is done already into the preview takes no longer, nor more panels than these, or
#: than a frame has.
_SECONDS_TO_FILL = 2.0
_PANELS_TO_FILL = 8
#: Of what an electron scatters into a steradian, a pixel with less is as good as empty: a hundred
#: thousandth of an electron in a pixel of 0.1 mm at 300 mm would give as much.
_FAINTEST = 1e-12


@contextmanager
def shown(
    client: Client,
    run: Run,
    tiles: npt.NDArray[np.int64],
    attempts: int,
    left: Sequence[int] | npt.NDArray[np.int64] = (),
    lease: Lease | None = None,
) -> Iterator[int]:
    """Show a run on the page, and after the block how it ended.

    Parameters
    ----------
    client, run, tiles, attempts, left : as `register_page`
    lease : that is asked to stop when the page is; None: nobody is

    Yields
    ------
    as `register_page` returns
    """
    topic = topics.STOP + run.run_id

    def hear(event: tuple[float, dict[str, Any]]) -> None:
        if lease is not None and event[1].get("client") == client.id:
            lease.ask_to_stop()

    client.subscribe_topic(topic, hear)
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
        if client.status == "running":
            client.unsubscribe_topic(topic)


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
    seconds = plan.seconds * len(tiles) / len(plan)
    return {
        "run_id": run.run_id,
        "state": topics.RUNNING,
        "path": str(run.path.absolute()),
        "shape": list(plan.grid.shape),
        "tile": list(plan.grid.tile),
        "factor": factor,
        "evaluations": run.experiment.evaluations,
        "computed": len(tiles),
        "seconds": seconds if math.isfinite(seconds) else None,
        "counts": run.experiment.noise is not None,
        "default_F": run.experiment.structure_factors.default_F,
        "faintest": _FAINTEST * run.experiment.beam.fluence * R_E_SQR,
        "kernel": plan.settings.kernel,
        "precision": plan.settings.precision,
        "attempts": attempts,
        "client": client.id,
        "token": _token(run),
        "arrangement": arrangement(run.experiment),
        "geometry": geometry(run.experiment),
        "done": np.packbits(done).tobytes(),
        "left": len(left),
        "thumbnails": _thumbnails(run, np.flatnonzero(done), factor),
    }


def _token(run: Run) -> str:
    """Digest of a new token that lets others stop the run; empty where it cannot be left there."""
    token = new_token()
    try:
        Control(run.path).write_token(token)
    except (OSError, StoreError):  # a full disk, of which the tiles tell
        return ""
    return digest_of(token)


def _thumbnails(run: Run, done: npt.NDArray[np.int64], factor: int) -> list[tuple[int, bytes]]:
    """Of tiles that are done already, the last first, as many as there is time for."""
    _, panels, *of_panel = run.plan.grid.counts
    most = max(_PANELS_TO_FILL, panels) * math.prod(of_panel)
    until = time.monotonic() + _SECONDS_TO_FILL
    noise = run.experiment.noise is not None
    thumbnails = []
    for index in done[: -most - 1 : -1].tolist():
        if time.monotonic() > until:
            break
        tile = run.plan[index]
        try:
            image = run.store.read_part(tile)
            counts = run.store.read_counts_part(tile) if noise else None
        except StoreError:  # of damage, which `verify` tells
            continue
        thumbnails.append((index, thumbnail_of(tile, image, factor, counts)))
    return thumbnails


def _tell(client: Client, topic: str, told: dict[str, Any]) -> None:
    _call(client, "log_event", topic=topic, msg=told)


def _call(client: Client, what: str, **arguments: Any) -> Any:
    """Answer of the scheduler."""
    return client.sync(
        getattr(client.scheduler, what), callback_timeout=_SECONDS_TO_TELL, **arguments
    )
