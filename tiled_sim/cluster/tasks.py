"""Tasks as a scheduler sees them: it unpickles what it hands out, and need not load torch."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ByName:
    """A function that is imported where it is called, and not where its task is unpickled.

    Parameters
    ----------
    module, name : of a function at the top of a module
    """

    module: str
    name: str

    @classmethod
    def of(cls, function: Callable[..., Any]) -> "ByName":
        """The same function, to be called elsewhere."""
        return cls(function.__module__, function.__qualname__)

    def __call__(self, *arguments: Any) -> Any:
        """Call it."""
        return getattr(importlib.import_module(self.module), self.name)(*arguments)
