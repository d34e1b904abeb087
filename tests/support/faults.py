"""What is done to workers: they are slowed down, they raise, they die where the test says."""

import os
import signal
import time
from contextlib import contextmanager

import pytest
from distributed.diagnostics.plugin import WorkerPlugin

#: Number of the tile that a fault befalls, in the middle of the run.
VICTIM = 14
#: A gate that nobody opens opens by itself, lest workers of a failed test wait for ever.
SECONDS_OF_A_GATE = 60.0


def saboteur(fault):
    """A plugin that has ``fault(monkeypatch)`` done in every worker, later ones included."""

    class Saboteur(WorkerPlugin):  # inside, so that workers get it by its code
        name = "saboteur"

        def setup(self, worker):
            self.patch = pytest.MonkeyPatch()
            fault(self.patch)

        def teardown(self, worker):
            self.patch.undo()

    return Saboteur()


@contextmanager
def sabotage(client, fault):
    """Have ``fault(monkeypatch)`` done in every worker, until the end of the block."""
    client.register_plugin(saboteur(fault))
    try:
        yield
    finally:
        client.unregister_worker_plugin("saboteur")


def before_each_tile(what):
    """A fault: ``what(number)`` is done before a tile is computed."""

    def fault(patch):
        from tiled_sim.simulation.simulator import Simulator

        real = Simulator.simulate_tile

        def simulate_tile(self, tile, *arguments, **options):
            what(tile.index)
            return real(self, tile, *arguments, **options)

        patch.setattr(Simulator, "simulate_tile", simulate_tile)

    return fault


def befalling_the_victim(what):
    """A fault: ``what()`` is done before the victim is computed."""
    victim = VICTIM

    def befall(tile):
        if tile == victim:
            what()

    return before_each_tile(befall)


def taking(seconds):
    """A fault: every tile takes so long."""

    def take(_):
        time.sleep(seconds)

    return before_each_tile(take)


def waiting_for(flag):
    """A fault: no tile begins before a file is there."""

    def wait(_):
        deadline = time.monotonic() + SECONDS_OF_A_GATE
        while not os.path.exists(flag) and time.monotonic() < deadline:
            time.sleep(0.02)

    return before_each_tile(wait)


def once(flag, what):
    """Something that is done the first time only, whichever process comes first."""

    def done():
        try:
            open(flag, "x").close()
        except FileExistsError:
            return
        what()

    return done


def dying():
    """A function that kills its own process."""

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    return die


def raising(after=0.0):
    """A function that raises after so many seconds."""

    def raise_it():
        time.sleep(after)
        raise FloatingPointError("the kernel has met its match")

    return raise_it
