"""What dask loads into workers that a command starts (``distributed.worker.preload``)."""

import time

from tiled_sim.simulation.simulator import Simulator


def dask_setup(worker):
    """Have every tile take its time."""
    real = Simulator.simulate_tile

    def simulate_tile(self, tile, *arguments, **options):
        time.sleep(0.1)
        return real(self, tile, *arguments, **options)

    Simulator.simulate_tile = simulate_tile
