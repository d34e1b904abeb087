"""PNG pictures, as ``view`` draws them: log scale, millimetres, resolution rings."""

from collections.abc import Callable

from tiled_sim.errors import UsageError
from tiled_sim.export.frame_files import file_names
from tiled_sim.export.output import Output
from tiled_sim.export.selection import Selection
from tiled_sim.instruments.new_picture import DPI
from tiled_sim.instruments.pictures import picture

ENDING = ".png"


def write(selection: Selection, output: Output, advance: Callable[[int], None]) -> tuple[str, ...]:
    """Write a picture of every frame, one after the other. See `tiled_sim.export.formats.Writer`.

    Of one panel it is that panel's own, of all the assembled detector's.
    """
    panels = len(selection.experiment.detector.panels)
    if 1 < len(selection.panels) < panels:
        raise UsageError(
            f"--to png: a picture is of one panel or of all, not of {len(selection.panels)} of "
            f"{panels}; name one by --panels, or leave it out"
        )
    panel = selection.panels[0] if len(selection.panels) == 1 else None
    names = file_names(selection, output, ENDING)
    every = tuple(names.values())
    done = output.begin(every)
    for frame, name in names.items():
        if name not in done:
            figure = picture(selection.run, frame, panel, counts=selection.counts)
            with output.file(name) as place:
                figure.savefig(place, dpi=DPI, format="png")
        advance(len(selection.panels))
    output.finish(every)
    return ()
