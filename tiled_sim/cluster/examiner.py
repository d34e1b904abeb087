"""The plugin that looks over each worker of a run.

It reaches a worker as the text of this file, because the worker may have another version of
tiled_sim or none: above the examination itself nothing of tiled_sim is imported, and nothing that
other releases of Python or dask may lack is used.
"""

import asyncio
import functools
import importlib
import platform
import socket
import sys
from typing import Any

from distributed import Worker, WorkerPlugin
from distributed.core import Status

#: More than a worker will ever compute at once: what a task needs is to be admitted, not a share.
PLENTY = 1e6
#: After which a file system that does not answer is taken for absent.
_SECONDS_TO_LOOK = 60
#: Makes the plugin anew from its own text, which defines the class among the globals.
_REMAKE = "(exec(source), Examiner(source, **arguments))[1]"


class Examiner(WorkerPlugin):
    """Gives a resource to workers that are right for a run, and tells of every one it saw.

    Tasks that need the resource go to no other workers, whenever those joined. What was found is
    logged as an event under the name of the resource.

    Parameters
    ----------
    source : text of this module
    resource : name of the resource, of the event topic and of the plugin
    expected : ``tiled_sim``, ``python`` and ``torch``: versions as the client has them
    requirements : arguments of `tiled_sim.cluster.examination.obstacle`
    """

    def __init__(
        self, source: str, resource: str, expected: dict[str, str], requirements: dict[str, Any]
    ) -> None:
        self.source = source
        self.name = resource
        self.expected = expected
        self.requirements = requirements
        self._looking: asyncio.Task[None] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """As text, and the builtin that makes the plugin of it."""
        arguments = {
            "resource": self.name,
            "expected": self.expected,
            "requirements": self.requirements,
        }
        return eval, (_REMAKE, {"source": self.source, "arguments": arguments})

    def setup(self, worker: Worker) -> None:
        """Look the worker over in the background: its file system may not answer."""
        self._looking = asyncio.ensure_future(self._look_over(worker))

    async def teardown(self, worker: Worker) -> None:
        """Take the resource back, and what the workers of a machine share for the run."""
        if self._looking is not None:
            self._looking.cancel()
        computing = sys.modules.get("tiled_sim.cluster.worker")
        if computing is not None:
            release = functools.partial(computing.release, self.requirements["run_id"])
            await asyncio.get_running_loop().run_in_executor(None, release)
        if worker.status in (Status.running, Status.paused):
            await worker.set_resources(**{self.name: 0})

    async def _look_over(self, worker: Worker) -> None:
        obstacle = await self._obstacle()
        if not obstacle:
            await self._admit(worker)
        told = {"worker": worker.address, "host": socket.gethostname(), "obstacle": obstacle}
        worker.log_event(self.name, told)

    async def _admit(self, worker: Worker) -> None:
        await worker.set_resources(**{self.name: PLENTY})
        if worker.status == Status.running:
            # tasks that found no worker are looked at again when one starts to run, not when one
            # gets a resource
            worker.status = Status.paused
            worker.status = Status.running

    async def _obstacle(self) -> str:
        """Why the worker cannot compute the run; empty if it can."""
        looking = asyncio.get_running_loop().run_in_executor(None, self._examine)
        try:
            return await asyncio.wait_for(looking, _SECONDS_TO_LOOK)
        except TimeoutError:
            return (
                f"its file system has not answered within {_SECONDS_TO_LOOK} s; see whether "
                f"{self.requirements['path']} can be listed there"
            )
        except Exception as error:  # whatever it is, the worker cannot be trusted with tiles
            return f"the examination failed ({type(error).__name__}: {error}); see its log"

    def _examine(self) -> str:
        """The same, with blocking calls."""
        here = f"the Python of that worker, {sys.executable}"
        expected = self.expected["tiled_sim"]
        try:
            found = importlib.import_module("tiled_sim.versions").__version__
        except Exception as error:  # a broken installation may raise anything
            return (
                f"tiled_sim cannot be imported ({error}); install tiled_sim {expected} for {here}"
            )
        if found != expected:
            return f"it has tiled_sim {found}, the run {expected}; install that for {here}"
        if self._release(platform.python_version(), 2) != self._release(self.expected["python"], 2):
            return (
                f"it has Python {platform.python_version()}, the run {self.expected['python']}; "
                "start it with the same minor version"
            )
        return self._examine_further(here)

    def _examine_further(self, here: str) -> str:
        import torch

        found, expected = str(torch.__version__), self.expected["torch"]
        if self._release(found, 1) != self._release(expected, 1):
            return f"it has torch {found}, the run {expected}; install that for {here}"
        examination = importlib.import_module("tiled_sim.cluster.examination")
        return str(examination.obstacle(**self.requirements))

    def _release(self, version: str, parts: int) -> list[str]:
        return version.split(".")[:parts]
