"""``tiled-sim export``: frames of a run in another program's format."""

from collections.abc import Sequence

from tiled_sim.cli.frames import frame_range, frames_within
from tiled_sim.cli.image_bar import image_bar
from tiled_sim.cli.panels import find_panel
from tiled_sim.cli.parser import Parser
from tiled_sim.cli.printing import print_json

_EPILOG = """\
Formats:
{formats}

All that is exported has to be computed; the frames that are can be named by --frames. Everything is
made in PATH.partial and moved to PATH when it is all there. What was interrupted goes on when the
same command is given again. Nothing is overwritten.
"""


def parser() -> Parser:
    """The options of the verb."""
    from tiled_sim.export.formats import FORMATS

    formats = "\n".join(f"  {name:10} {form.description}" for name, form in FORMATS.items())
    made = Parser(
        "export",
        "Write frames of a run as other programs read them.",
        _EPILOG.format(formats=formats),
    )
    made.add_argument("run", metavar="RUN.zarr")
    made.add_argument("--to", metavar="FORMAT", required=True, help="one of those below")
    made.add_argument(
        "--out",
        metavar="PATH",
        required=True,
        help="the file or folder to make; must not exist",
    )
    made.add_argument(
        "--frames",
        type=frame_range,
        metavar="A:B",
        help="from frame A to the one before B, counted from 0 (all)",
    )
    made.add_argument("--panels", metavar="NAME|N,…", help="these panels, in this order (all)")
    values = made.add_mutually_exclusive_group()
    values.add_argument("--counts", action="store_true", help="the counts (if the run has any)")
    values.add_argument(
        "--image", action="store_true", help="the expected photons (if the run has no counts)"
    )
    made.add_argument("--no-progress", action="store_true", help="show no progress bar")
    return made


def run(words: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    options = parser().parse(words)
    from tiled_sim.export.exporting import export_run
    from tiled_sim.run.run import Run

    found = Run(options.run)
    detector = found.experiment.detector
    panels = None
    if options.panels is not None:
        names = options.panels.split(",")
        panels = [find_panel(name, detector, option="--panels") for name in names]
    frames = frames_within(options.frames, len(found.experiment.exposures))
    images = (frames[1] - frames[0]) * (len(detector.panels) if panels is None else len(panels))
    with image_bar(images, shown=not (options.json or options.no_progress)) as advance:
        made = export_run(
            found,
            options.out,
            to=options.to,
            frames=frames,
            panels=panels,
            counts=True if options.counts else False if options.image else None,
            advance=advance,
        )
    selection = made.selection
    if options.json:
        print_json(
            {
                "run": str(found.path),
                "format": options.to,
                "path": str(made.path),
                "frames": [selection.frames.start, selection.frames.stop],
                "panels": list(selection.panels),
                "values": selection.values,
                "notes": list(made.notes),
            }
        )
        return 0
    print(made.path)
    for note in made.notes:
        print(f"note      {note}")
    return 0
