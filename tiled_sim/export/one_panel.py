"""Formats of one image a file hold one panel."""

from tiled_sim.errors import UsageError
from tiled_sim.export.selection import Selection


def require_one_panel(selection: Selection, to: str) -> None:
    """Refuse several panels.

    Raises
    ------
    UsageError
        with formats that hold them
    """
    if len(selection.panels) > 1:
        raise UsageError(
            f"--to {to}: an image holds one panel, and there are {len(selection.panels)}: name "
            "one by --panels, or export all with --to nxmx, --to npy or, as they are seen, --to "
            "ome-zarr"
        )
