"""Which workers may compute a run: those that have been looked over and found right."""

import contextlib
import inspect
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from distributed import Client
from distributed.protocol.pickle import dumps

from tiled_sim.cluster import examiner
from tiled_sim.cluster.examination import Requirements
from tiled_sim.errors import TiledSimError
from tiled_sim.versions import versions

#: Longer than the examination may take; a worker that is not there after it has lost touch.
_SECONDS_TO_ADMIT = 90
#: For which only refused workers may be there before the run is given up.
_SECONDS_FOR_OTHERS = 10.0
_MOST_REASONS = 5
_SECONDS_BETWEEN_LOOKS = 0.1
#: A worker that has lost touch cannot be told, and holds nobody up.
_SECONDS_TO_TELL = 10


@dataclass(frozen=True, slots=True)
class Refusal:
    """A worker that computes no tile of a run.

    Parameters
    ----------
    worker : its address
    host : name of its machine
    reason : what is wrong, and the remedy
    """

    worker: str
    host: str
    reason: str

    def __str__(self) -> str:
        return f"worker {self.worker} on {self.host} computes nothing: {self.reason}"


class Admission:
    """The workers of a cluster as one run sees them, those that join later included.

    Parameters
    ----------
    client : of the cluster
    resource : that admitted workers have
    """

    def __init__(self, client: Client, resource: str) -> None:
        self._client = client
        self._resource = resource
        self._found: dict[str, Refusal] = {}  # without a reason: admitted
        self._told: set[str] = set()
        self._all_refused_since: float | None = None

    @property
    def resources(self) -> dict[str, float]:
        """For ``client.submit(…, resources=…)``: the task goes to admitted workers only."""
        return {self._resource: 1}

    def hear(self, event: tuple[float, dict[str, str]]) -> None:
        """Take an event of the examination."""
        _, told = event
        self._found[told["worker"]] = Refusal(told["worker"], told["host"], told["obstacle"])

    def threads(self) -> dict[str, int]:
        """Number of threads of each admitted worker that is there, by address."""
        return {
            worker: threads
            for worker, threads in self._client.nthreads().items()
            if worker in self._found and not self._found[worker].reason
        }

    def addresses(self) -> list[str]:
        """Admitted workers that are there."""
        return list(self.threads())

    def refusals(self) -> list[Refusal]:
        """Workers that were found wrong, in the order in which they came."""
        return [found for found in self._found.copy().values() if found.reason]

    def news(self) -> list[Refusal]:
        """Refusals that have not been asked for by this before."""
        fresh = [refusal for refusal in self.refusals() if refusal.worker not in self._told]
        self._told.update(refusal.worker for refusal in fresh)
        return fresh

    def obstacle(self) -> str:
        """Why nobody can compute, if all workers that are there have been refused ones for a while.

        Empty otherwise: one may be about to come, or to come back.
        """
        present = list(self._client.nthreads())
        refused = {refusal.worker: refusal for refusal in self.refusals()}
        if not present or not refused.keys() >= set(present):
            self._all_refused_since = None
            return ""
        now = time.monotonic()
        self._all_refused_since = self._all_refused_since or now
        if now - self._all_refused_since < _SECONDS_FOR_OTHERS:
            return ""
        reasons = "; ".join(str(refused[worker]) for worker in present[:_MOST_REASONS])
        others = len(present) - _MOST_REASONS
        more = f"; and so on for {others} others" if others > 0 else ""
        return f"no worker can compute the run: {reasons}{more}"

    def wait(self) -> None:
        """Wait until a worker is admitted.

        Raises
        ------
        TiledSimError
            if every worker is refused, with the reasons, or none has anything to say
        """
        deadline = time.monotonic() + _SECONDS_TO_ADMIT
        while not self.addresses():
            obstacle = self.obstacle()
            if obstacle:
                raise TiledSimError(obstacle)
            if time.monotonic() > deadline:
                raise TiledSimError(
                    f"no worker has said within {_SECONDS_TO_ADMIT} s whether it can compute the "
                    "run; look at the log of the scheduler and at those of the workers"
                )
            time.sleep(_SECONDS_BETWEEN_LOOKS)
            for event in self._client.get_events(self._resource) or ():
                self.hear(event)  # if it came before we were heard to listen


@contextmanager
def admitted(client: Client, requirements: Requirements) -> Iterator[Admission]:
    """Look over every worker, those that join before the end of the block included.

    Parameters
    ----------
    client : of the cluster
    requirements : of the run

    Raises
    ------
    TiledSimError
        if no worker is right, naming each with the reason
    """
    resource = f"tiled_sim-{requirements.run_id[:8]}-{uuid.uuid4().hex[:8]}"
    found = versions()
    expected = {name: found[name] for name in ("tiled_sim", "python", "torch")}
    plugin = examiner.Examiner(
        inspect.getsource(examiner), resource, expected, asdict(requirements)
    )
    admission = Admission(client, resource)
    client.subscribe_topic(resource, admission.hear)
    try:
        _tell(
            client, "register_worker_plugin", plugin=dumps(plugin), name=resource, idempotent=False
        )
        admission.wait()
        yield admission
    finally:
        if client.status == "running":
            client.unsubscribe_topic(resource)
            _tell(client, "unregister_worker_plugin", name=resource)


def _tell(client: Client, what: str, **arguments: Any) -> None:
    """Have the scheduler tell all workers; those that do not answer are left behind."""
    with contextlib.suppress(OSError, TimeoutError):
        client.sync(getattr(client.scheduler, what), callback_timeout=_SECONDS_TO_TELL, **arguments)
