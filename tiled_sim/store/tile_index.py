"""Which tiles of a run are done, in one read: a hint that whoever hands them out keeps.

``tiles/index`` has a byte for each tile in the order of their numbers, and ``tiles/summary.json``
holds the sums over the tiles that it calls done. Nothing is decided by them: a tile is done by its
sidecar. They are believed only together, and only of the run that they name; where they are stale,
a tile that they do not know is looked for, and `verify` and `resume` read the sidecars anyway.
"""

import contextlib
import hashlib
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tiled_sim.store import durable, files, strict_json

UNKNOWN, DONE, FAILED = 0, 1, 2
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
    path : of the run
    run_id : of the run
    """

    def __init__(self, path: Path, run_id: str) -> None:
        self._states = path / "tiles" / "index"
        self._summary = path / "tiles" / "summary.json"
        self._run_id = run_id

    @staticmethod
    def create(path: Path, tiles: int) -> None:
        """Make the folder, with nothing known of so many tiles.

        Parameters
        ----------
        path : of the run
        tiles : of it
        """
        (path / "tiles").mkdir()
        durable.write_atomically(path / "tiles" / "index", bytes(tiles))

    def read(self, tiles: int) -> Known | None:
        """What was written last; None where there is nothing to be believed.

        Parameters
        ----------
        tiles : of the run
        """
        for attempt in range(_READS):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                document = strict_json.loads(files.read_file(self._summary))
                states = files.read_file(self._states)
                if document["run_id"] != self._run_id or len(states) != tiles:
                    return None
                if document["index_sha256"] == hashlib.sha256(states).hexdigest():
                    return Known(np.frombuffer(states, np.uint8).copy(), dict(document["summary"]))
            if not self._summary.exists():
                return None
            if attempt < _READS - 1:
                time.sleep(_SECONDS_BETWEEN)
        return None

    def write(self, known: Known) -> None:
        """Replace what is known; the folder is not made, should the run be gone.

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
        durable.write_atomically(self._states, states)
        durable.write_atomically(self._summary, strict_json.dumps(document).encode())
