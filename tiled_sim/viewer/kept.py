"""Things that are kept while there is room."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """A few things by their keys; those that were not asked for the longest go first.

    Parameters
    ----------
    most : of all together [byte]
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._things: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value | None:
        """What is kept; None: nothing."""
        with self._lock:
            found = self._things.get(key)
            if found is None:
                return None
            self._things.move_to_end(key)
            return found[0]

    def put(self, key: Key, value: Value, size: int) -> None:
        """Keep it, in place of what was kept by this key.

        Parameters
        ----------
        key, value : of the thing
        size : [byte]
        """
        with self._lock:
            before = self._things.pop(key, None)
            self._held += size - (before[1] if before else 0)
            self._things[key] = (value, size)
            while self._held > self._most and len(self._things) > 1:
                _, (_, gone) = self._things.popitem(last=False)
                self._held -= gone
