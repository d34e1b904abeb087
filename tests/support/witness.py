"""A listener that remembers."""

from tiled_sim.cluster.listener import Silent


class Witness(Silent):
    """Remembers what it is told, and does something when so many tiles are done.

    Parameters
    ----------
    at : number of tiles
    then : what is done when they are done
    """

    def __init__(self, at=0, then=None):
        self.missing = None
        self.done = []
        self.failed = []
        self.warnings = []
        self.notes = []
        self.finished = 0
        self._at, self._then = at, then

    def started(self, run, missing, dashboard, left=0):
        self.missing = missing

    def tile_done(self, record):
        self.done.append(record["id"])
        if len(self.done) == self._at:
            self._then()

    def tile_failed(self, tile, error, final):
        self.failed.append((tile, error, final))

    def worker_refused(self, reason):
        self.warnings.append(reason)

    def worker_told(self, note):
        self.notes.append(note)

    def finishing(self):
        self.finished += 1
