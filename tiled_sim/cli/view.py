"""``tiled-sim view``: a picture of a run, or a page in the browser."""

import argparse
import contextlib
import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiled_sim.cli.image_bar import image_bar
from tiled_sim.cli.numbers import whole_number
from tiled_sim.cli.panels import add_panel_option, panel_of
from tiled_sim.cli.parser import Parser
from tiled_sim.cli.printing import print_json
from tiled_sim.errors import StoreError, UsageError

if TYPE_CHECKING:
    from tiled_sim.model.grid import Tile
    from tiled_sim.run.run import Run

_EPILOG = """\
All panels of a frame are drawn where they are seen along the beam, looking downstream from the
source, y up; x, to the left, and y are in the frame with z along the beam. Where panels hide each
other, the brighter pixel is shown. One panel alone is drawn along its own axes, pixel (0, 0) at the
upper left. Grey are gaps and masked pixels, light blue what is not computed yet.

--web serves a page to look at a run with: pan and zoom, what is under the cursor, where a value
comes from. It listens on this machine alone; from another, open a tunnel to the port that is
printed (ssh -L PORT:127.0.0.1:PORT HOST) and the address as it is printed. Ctrl-C ends it.
"""
_OF_PICTURES = {"--out": "out", "--panel": "panel", "--panel-names": "panel_names"}
_LAST_PORT = 65535
_OF_PAGES = {"--against": "against"}
_OF_WEB = {"--port": "port"}


def parser() -> Parser:
    """The options of the verb."""
    made = Parser("view", "A picture of a run: log scale, millimetres, resolution rings.", _EPILOG)
    made.add_argument("run", metavar="RUN.zarr")
    made.add_argument("--out", metavar="FILE.png", help="the picture (RUN.png)")
    made.add_argument(
        "--frame", type=whole_number, metavar="N", help="which exposure (the first that is done)"
    )
    add_panel_option(made, "this panel alone (all)")
    made.add_argument(
        "--panel-names", action="store_true", help="write the name of every panel on it"
    )
    made.add_argument(
        "--counts", action="store_true", help="the counts, if the run has any, not expected photons"
    )
    made.add_argument(
        "--web", action="store_true", help="serve a page that shows the run; writes no picture"
    )
    made.add_argument(
        "--port", type=whole_number, metavar="N", help="for --web: listen there (any that is free)"
    )
    made.add_argument(
        "--against",
        metavar="B.zarr",
        help="for --web and --static: a run to show beside it, their difference",
    )
    made.add_argument(
        "--static",
        metavar="OUT",
        help="write that page with all of the run as a folder for any web server",
    )
    return made


def run(words: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    options = parser().parse(words)
    _require_one_kind(options)
    from tiled_sim.run.run import Run
    from tiled_sim.run.status import Progress, chosen_frame

    found = Run(options.run)
    if options.frame is None:
        options.frame = chosen_frame(found, Progress.known(found).states)
    if options.counts and found.experiment.noise is None:
        raise UsageError(
            f"--counts: {found.path} has no counts, it was made without noise; leave --counts out, "
            "or simulate with --noise"
        )
    if options.web or options.static:
        frames = len(found.experiment.exposures)
        if options.frame >= frames:
            raise UsageError(f"--frame {options.frame}: the run has frames 0 to {frames - 1}")
        first = {"frame": options.frame, "quantity": "counts" if options.counts else "image"}
        return _serve(found, options, first) if options.web else _write(found, options, first)
    return _draw(found, options)


def _require_one_kind(options: argparse.Namespace) -> None:
    """Refuse options that go with another kind of view."""
    kind = "--web" if options.web else "--static" if options.static else ""
    if options.web and options.static:
        raise UsageError("--web serves and --static writes: give one of them")
    for kinds, what, of_them in (
        (("",), "a picture", _OF_PICTURES),
        (("--web", "--static"), "--web and --static", _OF_PAGES),
        (("--web",), "--web", _OF_WEB),
    ):
        for option, name in of_them.items():
            if kind not in kinds and getattr(options, name) not in (None, False):
                raise UsageError(f"{option} is for {what}; leave it out")
    if options.port is not None and options.port > _LAST_PORT:
        raise UsageError(f"--port {options.port} is none; they go up to {_LAST_PORT}")


def _with_other(found: "Run", options: argparse.Namespace) -> "list[Run]":
    """The run, and the one to compare with."""
    from tiled_sim.run.run import Run
    from tiled_sim.viewer.comparing import require_alike

    if options.against is None:
        return [found]
    other = Run(options.against)
    require_alike(found, other)
    return [found, other]


def _serve(found: "Run", options: argparse.Namespace, first: dict[str, Any]) -> int:
    """Show it in a browser, until Ctrl-C."""
    from tiled_sim.viewer.server import Viewer, serve

    runs = _with_other(found, options)

    def tell(viewer: Viewer) -> None:
        if options.json:
            told = {"run": str(found.path), "url": viewer.url, "port": viewer.port}
            print(json.dumps(told, ensure_ascii=False), flush=True)
            return
        print(f"open      {viewer.url}")
        print(f"elsewhere ssh -L {viewer.port}:127.0.0.1:{viewer.port} {socket.gethostname()}")
        print("Ctrl-C ends it", flush=True)

    with contextlib.suppress(KeyboardInterrupt):
        serve(runs, options.port or 0, tell, first)
    return 0


def _write(found: "Run", options: argparse.Namespace, first: dict[str, Any]) -> int:
    """Write it as a folder."""
    from tiled_sim.viewer.static import write_static

    out = Path(options.static)
    runs = _with_other(found, options)
    for one in runs:
        one.require_beside(out, "--static")
    images = len(runs) * len(found.experiment.exposures)
    with image_bar(images, shown=not options.json) as advance:
        write_static(runs, out, first, advance)
    if options.json:
        print_json({"run": str(found.path), "folder": str(out)})
    else:
        print(out)
    return 0


def _draw(found: "Run", options: argparse.Namespace) -> int:
    """Write a picture."""
    from tiled_sim.instruments.pictures import write_picture

    path = Path(options.out) if options.out else Path(f"{found.path.stem}.png")
    found.require_beside(path, "--out")
    write_picture(
        found,
        path,
        frame=options.frame,
        panel=panel_of(options, found.experiment.detector),
        counts=options.counts,
        names=options.panel_names,
    )
    undone = _undone(found, options.frame)
    if options.json:
        print_json({"run": str(found.path), "picture": str(path), "missing": undone})
        return 0
    print(path)
    if undone:
        one = undone == 1
        print(
            f"note      {undone} tile{'' if one else 's'} of frame {options.frame} "
            f"{'is' if one else 'are'} not computed; `tiled-sim resume {found.path}` computes "
            f"{'it' if one else 'them'}"
        )
    return 0


def _undone(found: "Run", frame: int) -> int:
    """How many of the tiles that hold a frame are not committed."""
    grid = found.plan.grid
    return sum(not _is_done(found, grid[index]) for index in grid.of_frame(frame))


def _is_done(found: "Run", tile: "Tile") -> bool:
    try:
        return found.committed(tile) is not None
    except StoreError:
        return False  # what stands in its place hinders who computes it, not who looks
