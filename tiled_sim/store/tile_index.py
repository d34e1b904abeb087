"""Which tiles of a run are done, in one read: a hint that whoever hands them out keeps.

``tiles/index`` has a byte for each tile in the order of their numbers, and ``tiles/summary.json``
holds the sums over the tiles that it calls done. Nothing is decided by them: a tile is done by its
sidecar. They are believed only together, and only of the run that they name; where they are stale,
a tile that they do not know is looked for, and `verify` and `resume` read the sidecars anyway.
"""

import contextlib
import hashlib
import time
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tiled_sim.store import strict_json
from tiled_sim.store.location import objects_of
from tiled_sim.store.objects import Objects
from tiled_sim.store.place import Place

UNKNOWN, DONE, FAILED = 0, 1, 2
_INDEX, _SUMMARY = "tiles/index", "tiles/summary.json"
#: Reads of the two files, should one be written between them, and the pause before another.
_READS, _SECONDS_BETWEEN = 5, 0.02


class Known(NamedTuple):
    """What is known of the tiles of a run.

    Parameters
    ----------
    states : of each tile, by its number, uint8 (tiles,): `UNKNOWN`, `DONE` or `FAILED`
    summary : over the tiles that are done, plain JSON values
    """

    states: npt.NDArray[np.uint8]
    summary: dict[str, Any]


class TileIndex:
    """The folder ``tiles`` of a run.

    Parameters
    ----------
    place : of the run
    run_id : of the run
    """

    def __init__(self, place: Place, run_id: str) -> None:
        self._objects = objects_of(place)
        self._run_id = run_id

    @staticmethod
    def create(objects: Objects, tiles: int) -> None:
        """Write down that nothing is known of so many tiles.

        Parameters
        ----------
        objects : of the run
        tiles : of it
        """
        objects.put(_INDEX, bytes(tiles))

    def read(self, tiles: int) -> Known | None:
        """What was written last; None where there is nothing to be believed.

        Parameters
        ----------
        tiles : of the run
        """
        for attempt in range(_READS):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                document = strict_json.loads(self._objects.get(_SUMMARY))
                states = self._objects.get(_INDEX)
                if document["run_id"] != self._run_id or len(states) != tiles:
                    return None
                if document["index_sha256"] == hashlib.sha256(states).hexdigest():
                    return Known(np.frombuffer(states, np.uint8).copy(), dict(document["summary"]))
            if not self._objects.exists(_SUMMARY):
                return None
            if attempt < _READS - 1:
                time.sleep(_SECONDS_BETWEEN)
        return None

    def write(self, known: Known) -> None:
        """Replace what is known; the run is not made, should it be gone.

        Raises
        ------
        OSError
            it cannot be written
        """
        states = known.states.tobytes()
        document = {
            "run_id": self._run_id,
            "index_sha256": hashlib.sha256(states).hexdigest(),
            "summary": known.summary,
        }
        self._objects.put(_INDEX, states)
        self._objects.put(_SUMMARY, strict_json.dumps(document).encode())
