"""What dask loads into workers that a command starts (``distributed.worker.preload``)."""

import time

from tiled_sim.simulation import Simulator


def dask_setup(worker):
    """Have every tile take its time."""
    real = Simulator.simulate_tile

    def simulate_tile(self, tile, mask):
        time.sleep(0.1)
        return real(self, tile, mask)

    Simulator.simulate_tile = simulate_tile
