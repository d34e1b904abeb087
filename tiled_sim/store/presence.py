"""Whether a run is still there, and still the same."""

from collections.abc import Hashable

from tiled_sim.errors import StoreError
from tiled_sim.store import strict_json
from tiled_sim.store.location import objects_of
from tiled_sim.store.place import Place


class RunRemovedError(StoreError):
    """A run that was removed, or replaced by another, while it was computed."""


class Presence:
    """A look at the place of a run, cheap enough for every tile.

    Parameters
    ----------
    place : of the run
    run_id : of it
    """

    def __init__(self, place: Place, run_id: str) -> None:
        self._place = place
        self._objects = objects_of(place)
        self._run_id = run_id
        self._seen: Hashable | None = None
        self._seen = self._identity_now()

    def require(self) -> None:
        """Make sure that the run is there.

        Raises
        ------
        RunRemovedError
            it is gone, or another has taken its place
        """
        found = self._identity_now()
        if found is not None and found == self._seen:
            return
        # some file systems give a directory another number when they look at it again
        if found is None or not self._is_this_run():
            raise RunRemovedError(
                f"{self._place} was {'removed' if found is None else 'replaced by another run'} "
                "while it was computed: nothing more is computed, and nothing written"
            )
        self._seen = found

    def _identity_now(self) -> Hashable | None:
        """Of what is there; None if that is gone; what it was if that cannot be seen."""
        try:
            return self._objects.identity()
        except OSError:
            return self._seen  # of a file system that hangs or is cut off, writing will tell

    def _is_this_run(self) -> bool:
        try:
            document = strict_json.loads(self._objects.get("zarr.json"))
            return bool(document["attributes"]["tiled_sim"]["run_id"] == self._run_id)
        except FileNotFoundError:
            return False
        except (OSError, ValueError, LookupError, TypeError):
            return True  # damaged, but that is not for us to tell
