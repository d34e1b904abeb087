"""Frames of a run on the command line: ``--frames A:B``, half-open."""

import argparse
import re

from tiled_sim.cli.parser import Parser
from tiled_sim.errors import UsageError
from tiled_sim.model.frame import require_frames
from tiled_sim.model.values import shown
from tiled_sim.read.nanobragg.outputs import Outputs


def add_frames_option(parser: Parser) -> None:
    """The option that says which frames are computed now."""
    parser.add_argument(
        "--frames",
        type=frame_range,
        metavar="A:B",
        help="compute the tiles of frame A to the one before B, counted from 0; `resume` computes "
        "the others (all)",
    )


def frame_range(text: str) -> tuple[int, int | None]:
    """Read A:B, half-open; without A from the first, without B to the last."""
    found = re.fullmatch(r"(\d{0,9}):(\d{0,9})", text, re.ASCII)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{shown(text)} is not A:B, the first frame and the one after the last"
        )
    first, stop = found.groups()
    return int(first or 0), int(stop) if stop else None


def frames_within(frames: tuple[int, int | None] | None, count: int) -> tuple[int, int]:
    """The frames that are meant of so many; None: all.

    Raises
    ------
    UsageError
        for frames that are not there
    """
    first, stop = (0, None) if frames is None else frames
    stop = count if stop is None else stop
    require_frames((first, stop), count)
    return first, stop


def frames_of(options: argparse.Namespace, count: int, outputs: Outputs) -> tuple[int, int] | None:
    """The frames of ``--frames``; None: all.

    Parameters
    ----------
    options : of `add_frames_option`
    count : number of frames
    outputs : what is asked for besides, which needs all of them

    Raises
    ------
    UsageError
        for frames that are not there, and files that need them all
    """
    if options.frames is None:
        return None
    if outputs.files:
        raise UsageError(
            f"{' '.join(outputs.files)}: of all frames, and --frames computes some; leave one out"
        )
    return frames_within(options.frames, count)
