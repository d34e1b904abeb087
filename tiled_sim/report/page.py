"""A page of one file that tells all about a run."""

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from tiled_sim.errors import MissingExtraError, StoreError, UsageError
from tiled_sim.instruments.scale import NOT_COMPUTED
from tiled_sim.io.new_file import require_new, write_new
from tiled_sim.report.again import again
from tiled_sim.report.parameters import parameter_tables
from tiled_sim.report.pixels import Histogram, drawing, histogram, histogram_table
from tiled_sim.report.provenance import provenance_tables
from tiled_sim.report.shells import shell_table
from tiled_sim.report.table import counted
from tiled_sim.report.tiles import (
    departure_table,
    failure_table,
    lookup_table,
    memory_table,
    sampled,
    slowest_table,
    span,
    stage_table,
    tiles_of,
    worker_table,
)
from tiled_sim.run.run import Run
from tiled_sim.run.status import Progress, Status, chosen_frame, status_of
from tiled_sim.store.tile_index import DONE
from tiled_sim.versions import __version__

if TYPE_CHECKING:
    from jinja2 import Template

#: Of a picture: narrow, so that its labels can be read where the page is [inch].
_WIDTH, _DPI = 6.4, 160
#: Colours of its palette: of the scale of values, and of lines and letters, no finer than Pillow
#: tells them apart.
_OF_SCALE, _GREYS = 224, 18
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a part of the page is not there, and whether that is a damage of the run."""

    why: str
    damage: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG within the page: its address, and what it shows in words."""

    address: str
    text: str


def write_report(run: Run, path: str | Path, *, frame: int | None = None) -> int:
    """Write all about a run as an HTML page of one file, which needs no network.

    Parameters
    ----------
    run : finished or not
    path : of the page; must not exist
    frame : whose picture and pixels are shown; None: the first that is done, if one is

    Returns
    -------
    the frame that is shown

    Raises
    ------
    UsageError
        if there is no such frame
    StoreError
        if the page exists or cannot be written, or the state of the run cannot be read
    """
    require_new(path)
    progress = Progress.found(run)
    chosen = chosen_frame(run, progress.states) if frame is None else frame
    frames = run.experiment.shape[0]
    if not 0 <= chosen < frames:
        raise UsageError(f"--frame {chosen}: the run has frames 0 to {frames - 1}")
    write_new(path, [_page(run, progress, chosen).encode(errors="replace")])
    return chosen


@cache
def template(name: str) -> "Template":
    """A template of this package; what it is filled with is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("tiled_sim.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template(name)


def picture(run: Run, frame: int, *, counts: bool, small: bool = False) -> Picture:
    """The picture of a frame, all panels as they are seen along the beam.

    Parameters
    ----------
    run : finished or not
    frame : which exposure
    counts : the counts in place of the expected photons
    small : half as fine

    Raises
    ------
    MissingExtraError
        without matplotlib
    StoreError
        if the image is damaged
    """
    from tiled_sim.instruments import pictures

    figure, file = pictures.picture(run, frame, None, counts=counts), io.BytesIO()
    width, height = figure.get_size_inches()
    figure.set_size_inches(_WIDTH, height * _WIDTH / width)
    title = figure.axes[0].get_title().replace(r"\$", "$")
    figure.axes[0].set_title("")
    figure.savefig(file, dpi=_DPI // 2 if small else _DPI, format="png")
    what = "Counts" if counts else "Expected photons"
    return Picture(
        f"data:image/png;base64,{base64.b64encode(_of_fewer_colours(file)).decode()}",
        f"{what} of frame {frame} ({title}), on a logarithmic scale, with rings of resolution",
    )


def _of_fewer_colours(file: io.BytesIO) -> bytes:
    """A PNG in a third of its bytes, of a palette that has the whole scale."""
    import matplotlib
    from PIL import Image  # matplotlib brings it

    scale = matplotlib.colormaps["inferno"](np.linspace(0.0, 1.0, _OF_SCALE))[:, :3]
    greys = np.linspace(0.0, 1.0, _GREYS)[:, None].repeat(3, axis=1)
    # what is not computed, as it is and under a ring; names of panels
    others = [matplotlib.colors.to_rgb(color) for color in (NOT_COMPUTED, "#d3dfed", "cyan")]
    palette, reduced = Image.new("P", (1, 1)), io.BytesIO()
    colours = np.concatenate([scale, greys, others])
    palette.putpalette((colours * 255.0).round().astype(np.uint8).tobytes())
    with Image.open(file) as image:
        few = image.convert("RGB").quantize(palette=palette, dither=Image.Dither.NONE)
        few.save(reduced, format="png", optimize=True)
    return reduced.getvalue()


def _page(run: Run, progress: Progress, frame: int) -> str:
    status = status_of(run, progress)
    done = np.flatnonzero(progress.states == DONE)
    looked_at = sampled(done)
    tiles = tiles_of(run, looked_at)
    has_counts = run.experiment.noise is not None
    histograms = [_or_fault(lambda: _drawn(run, frame, counts=False))]
    if has_counts:
        histograms.append(_or_fault(lambda: _drawn(run, frame, counts=True)))
    told = {
        "name": run.path.name,
        "path": str(run.path),
        "frame": frame,
        "facts": _facts(run, status),
        "status": status,
        "complete": status.complete,
        "notes": run.experiment.notes,
        "c_compat": run.experiment.c_compat,
        "picture": _or_fault(lambda: picture(run, frame, counts=False)),
        "counts": _or_fault(lambda: picture(run, frame, counts=True)) if has_counts else None,
        "parameters": parameter_tables(run.experiment),
        "provenance": provenance_tables(run),
        "shells": _or_fault(lambda: shell_table(run)),
        "histograms": histograms,
        "sidecars": len(tiles),
        "looked_at": len(looked_at),
        "span": span(tiles) if len(tiles) else "",
        "times": [stage_table(tiles), worker_table(tiles), slowest_table(tiles)],
        "memory": memory_table(tiles, run.plan.bytes_of_worker),
        "lookups": lookup_table(
            status, set(tiles["lookups_counted"]), run.experiment.structure_factors.default_F
        ),
        "departures": departure_table(run, tiles),
        "failures": failure_table(status),
        "again": again(run),
        "versions": sorted((run.attributes.get("versions") or {}).items()),
        "made": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC by tiled_sim {__version__}",
        "is_fault": lambda value: isinstance(value, Fault),
        "encoded": lambda text: base64.b64encode(text.encode()).decode(),
    }
    parts = (told["picture"], told["counts"], told["shells"], *histograms)
    lost = len(looked_at) - len(tiles)
    told["lost"] = lost
    told["damaged"] = lost > 0 or any(isinstance(part, Fault) and part.damage for part in parts)
    return template("report.html").render(told)


def _drawn(run: Run, frame: int, *, counts: bool) -> dict[str, Any]:
    """A histogram of a frame, with what is drawn of it."""
    found: Histogram = histogram(run, frame, counts=counts)
    return {"drawing": drawing(found), "table": histogram_table(found), "found": found}


def _or_fault(make: Callable[[], _Made]) -> _Made | Fault:
    """A part of the page, or why it is not there: the other parts can be told without it."""
    try:
        return make()
    except (StoreError, MissingExtraError) as error:
        return Fault(str(error), damage=isinstance(error, StoreError))


def _facts(run: Run, status: Status) -> list[tuple[str, str]]:
    """What a run is, in a few lines."""
    experiment, settings = run.experiment, run.plan.settings
    shape = " × ".join(map(counted, experiment.shape))
    sides = " × ".join(map(str, run.plan.grid.tile))
    rows = [
        ("run", str(run.path)),
        ("run id", run.run_id),
        ("created", str(run.attributes.get("created", "not said"))),
        ("image", f"{shape} (frame × panel × slow × fast)"),
        ("tiles", f"{counted(status.done)} of {counted(status.tiles)} done, each of up to {sides}"),
        ("kernel", f"{settings.kernel}, {settings.precision} precision ({settings.reason})"),
        ("evaluations", f"{counted(status.evaluations)} done"),
        ("sum", f"{status.total:.8g} photons"),
    ]
    if status.peak_at is not None:
        where = "frame {}, panel {}, slow {}, fast {}".format(*status.peak_at)
        rows.append(("brightest pixel", f"{status.peak:.7g} photons ({where})"))
    if status.nan:
        rows.append(("no numbers", f"{counted(status.nan)} pixels"))
    if status.counted is not None:
        of_counts = status.counted
        rows.append(
            (
                "counts",
                f"sum {counted(of_counts.total)} ADU, largest {counted(of_counts.peak)} ADU, "
                f"{counted(of_counts.overloads)} at the saturation, "
                f"{counted(of_counts.negative)} below 0",
            )
        )
    return rows
