"""The truth of each frame as a table of shots, which ``--shots`` reads again."""

from collections.abc import Callable

from tiled_sim.export.output import Output
from tiled_sim.export.selection import Selection
from tiled_sim.export.tables import require_writer, write_table
from tiled_sim.model.exposures import Listed


def write(selection: Selection, output: Output, advance: Callable[[int], None]) -> tuple[str, ...]:
    """Write a row a frame. See `tiled_sim.export.formats.Writer`."""
    from tiled_sim.run.frames import frames_table

    require_writer(output)
    table = frames_table(selection.run.experiment, selection.frames).drop(columns="A")
    table.insert(0, "frame", table.index)
    exposures = selection.run.experiment.exposures
    if any(exposures[frame].angles[0] for frame in selection.frames):
        # a*, b*, c* are those of the first step: read again, they are not to be turned there
        table["start_rad"] = 0.0
    write_table(output, [table])
    advance(selection.images)
    if isinstance(exposures, Listed) and exposures.spectra is not None:
        return ("the spectrum of each shot is not said: the run has it in frames/spectra",)
    return ()
