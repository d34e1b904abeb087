"""Exporting a run: what is asked for is checked, written, and moved to its place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tiled_sim.errors import UsageError
from tiled_sim.export.formats import FORMATS, Format, format_of
from tiled_sim.export.output import Output
from tiled_sim.export.selection import Selection
from tiled_sim.model.frame import differing
from tiled_sim.run.run import Run
from tiled_sim.store.place import is_url
from tiled_sim.versions import __version__


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export made.

    Parameters
    ----------
    path : of the file or folder
    selection : what is in it
    notes : what the user should know of it
    """

    path: Path
    selection: Selection
    notes: tuple[str, ...]


def export_run(
    run: str | Path | Run,
    path: str | Path,
    *,
    to: str,
    frames: tuple[int, int] | None = None,
    panels: Sequence[int] | None = None,
    counts: bool | None = None,
    advance: Callable[[int], None] = lambda images: None,
) -> Exported:
    """Write frames of a run in another format.

    Everything is made in ``PATH.partial`` and moved when it is all there; what was stopped goes on
    if the same is asked for again.

    Parameters
    ----------
    run : the run, or its path
    path : of the file or folder to make, which must not exist
    to : name of a format: those of `tiled_sim.export.formats.FORMATS`
    frames : the first, and the one after the last; None: all
    panels : numbers of the panels, in order; None: all
    counts : the counts, or the expected photons; None: the counts where the run has them
    advance : called with the number of images, one a frame and panel, as they are done

    Raises
    ------
    UsageError
        for what is not there or what the format cannot say, and a package that is not installed
    TileError
        tiles of what is asked for have not been computed
    StoreError
        the path exists or cannot be written, or the run is damaged
    """
    found = run if isinstance(run, Run) else Run(run)
    form = format_of(to)
    selection = Selection.of(found, frames=frames, panels=panels, counts=counts)
    _require_by_frame(selection, to)
    target = _target(path, found)
    _require_own_ending(target, to)
    is_folder = _is_folder(target, form, selection)
    write = form.writer()
    with Output(target, is_folder, _identity(selection, to)) as output:
        if not form.geometry:
            selection.require_computed()
        notes = write(selection, output, advance)
    if form.whole and not selection.counts:
        notes = ("expected photons are rounded to whole numbers", *notes)
    return Exported(target, selection, notes)


#: Columns of listed exposures that no format says, and that move no spot.
_UNSAID = frozenset({"fluence", "cells", "vectors"})


def _require_by_frame(selection: Selection, to: str) -> None:
    """Refuse frames that differ in what the format says once for all."""
    by_frame = FORMATS[to].by_frame
    if by_frame is None:
        return
    differing_in = differing(selection.run.experiment.exposures, selection.frames)
    beyond = sorted(differing_in - _UNSAID - by_frame)
    if not beyond:
        return
    able = [
        name
        for name, form in FORMATS.items()
        if form.by_frame is not None and form.by_frame >= set(beyond)
    ]
    other = f", or say --to {' or '.join(able)}" if able else ""
    raise UsageError(
        f"--to {to}: the frames differ in {' and '.join(beyond)}, which it says once for all: name "
        f"one by --frames N:N+1{other}"
    )


def _target(path: str | Path, run: Run) -> Path:
    """Where an export is made: on a disk, and not among the files of the run."""
    if is_url(str(path)):
        scheme = str(path).split(":")[0]
        raise UsageError(
            f"--out {scheme}://…: exports are made on a disk; give a path, and copy what is there"
        )
    target = Path(path)
    run.require_beside(target, "--out")
    return target


def _require_own_ending(path: Path, to: str) -> None:
    """Refuse a name that promises another format."""
    if FORMATS[to].names(path):
        return
    for name, form in FORMATS.items():
        if form.names(path):
            raise UsageError(
                f"--out {path} would be {to}, and the name says {name}: end it in "
                f"{FORMATS[to].endings[0]}, or say --to {name}"
            )


def _is_folder(path: Path, form: Format, selection: Selection) -> bool:
    """Whether a path is that of a folder of files: where there is more than one, it must be."""
    if not form.file_a_frame:
        return False
    if not form.names(path):
        return True
    if len(selection.frames) > 1:
        raise UsageError(
            f"--out {path} names one file, and there are {len(selection.frames)} frames: leave "
            f"{path.suffix} out, which makes a folder of them, or name a frame by --frames"
        )
    return False


def _identity(selection: Selection, to: str) -> dict[str, object]:
    """What must be the same for an export to go on."""
    run = selection.run
    return {
        "tiled_sim": __version__,
        "format": to,
        "run": run.run_id,
        "experiment": run.hashes["experiment"],
        "frames": [selection.frames.start, selection.frames.stop],
        "panels": list(selection.panels),
        "values": selection.values,
    }
