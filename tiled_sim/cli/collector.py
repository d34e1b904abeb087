"""Python's garbage collector while a command imports what it needs."""

import gc
import sys
from typing import Any

#: Objects between two looks for garbage; Python's 700 make a tenth of a command's start of it.
_RARELY = 20_000


def collect_rarely_while_importing() -> None:
    """Look seldom for garbage until nothing more is imported.

    Imports leave hardly any, but each look goes over all that they have made. Afterwards it is as
    it was: images and structure factors that zarr has read stay in cycles until they are found.
    """
    usual = gc.get_threshold()
    imported = len(sys.modules)

    def look(phase: str, _: dict[str, Any]) -> None:
        nonlocal imported
        if phase == "start":
            return
        before, imported = imported, len(sys.modules)
        if imported == before:
            gc.callbacks.remove(look)
            gc.set_threshold(*usual)

    gc.callbacks.append(look)
    gc.set_threshold(_RARELY, *usual[1:])
