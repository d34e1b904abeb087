"""What experiments and runs show of themselves in a notebook."""

import math
from html import escape

from tiled_sim.errors import MissingExtraError, StoreError, TiledSimError
from tiled_sim.model.experiment import Experiment
from tiled_sim.report.page import Fault, Picture, picture, template
from tiled_sim.report.parameters import parameter_tables, short_table
from tiled_sim.run.run import Run
from tiled_sim.run.status import Progress, chosen_frame, status_of
from tiled_sim.store.tile_index import DONE

#: Pixels of a frame whose picture is drawn unasked.
_MOST_PIXELS = 1 << 25


def experiment_html(experiment: Experiment) -> str:
    """Tables of its parameters, the first ones at once.

    Parameters
    ----------
    experiment : resolved
    """
    return template("notebook.html").render(
        short=short_table(experiment),
        tables=parameter_tables(experiment),
        notes=experiment.notes,
        run=None,
    )


def run_html(run: Run) -> str:
    """The same of a run, with how far it is, and a small picture of a frame that is done.

    Parameters
    ----------
    run : finished or not
    """
    try:
        progress = Progress.found(run)
        status = status_of(run, progress)
    except TiledSimError as error:  # to be shown, and not to be raised where a cell ends
        return f"<p><code>{escape(repr(run))}</code></p><p>{escape(str(error))}</p>"
    frame = chosen_frame(run, progress.states)
    return template("notebook.html").render(
        short=short_table(run.experiment),
        tables=parameter_tables(run.experiment),
        notes=run.experiment.notes,
        run={
            "path": str(run.path),
            "done": status.done,
            "tiles": status.tiles,
            "kernel": run.plan.settings.kernel,
            "total": f"{status.total:.6g}",
            "picture": _small(run, frame) if (progress.states == DONE).any() else None,
        },
    )


def _small(run: Run, frame: int) -> Picture | Fault:
    """A small picture of a frame, or why there is none."""
    pixels = sum(math.prod(panel.pixels) for panel in run.experiment.detector.panels)
    if pixels > _MOST_PIXELS:
        return Fault(f"A frame has {pixels} pixels: run.plot() draws one.")
    try:
        return picture(run, frame, counts=False, small=True)
    except (StoreError, MissingExtraError) as error:
        return Fault(str(error))
