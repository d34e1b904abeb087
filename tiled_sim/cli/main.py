"""``tiled-sim VERB …``: finds the verb, runs it, turns errors into messages and exit codes."""

import contextlib
import difflib
import importlib
import json
import logging
import os
import sys
import warnings
from collections.abc import Sequence

from tiled_sim.cluster.descriptors import OF_READER, require_descriptors
from tiled_sim.errors import StoreError, TiledSimError, UsageError
from tiled_sim.versions import __version__
from tiled_sim.wording import on_command_line

VERBS = {
    "submit": "simulate an experiment into a new run",
    "resume": "compute what a run lacks",
    "status": "how far a run is",
    "watch": "follow a run that goes on elsewhere",
    "cancel": "stop computing a run, from anywhere that sees it",
    "verify": "whether all that a run holds is what was committed; mends it",
    "convert": "a run of today's format of one that an older tiled_sim made",
    "copy": "a run from a disk to an object store, or back; reads it back",
    "view": "a picture of a run",
    "report": "all about a run on one page: inputs, coverage, time, how to make it again",
    "traces": "how each tile of a run was computed, as a table",
    "export": "images of a run as other programs read them: NXmx and others",
    "trace": "what a pixel's value is made of, step by step; against another program's log",
    "plan": "what submit would do: tiles, memory, coverage; computes nothing",
    "probe": "what F is in each source, and which source a command would use",
    "sf": "structure factors of a model, as a list, an Fdump or an MTZ",
    "compare": "whether two images are the same: sums, peaks, errors, correlation",
    "geometry": "what a geometry file, or a detector that has a name, says; draws it",
    "domains": "the mosaic domains of an experiment, as rotation matrices and weights",
    "config": "the resolved experiment with every derived value, as TOML",
    "build": "compile all kernels for this machine now, and not when runs need them",
}

EXIT_CODES = """\
exit codes:
  0    done
  1    an error of the program itself: please report it
  2    an option or experiment that cannot be honoured
  3    an input file that is missing, malformed, or covers too little
  4    a run that exists already, does not exist, or is damaged
  5    tiles that failed, a run with faults, or one that is not complete: cancelled by `tiled-sim
       cancel RUN`, say, or taken over by another process; `tiled-sim resume RUN` goes on
  6    images that differ by more than the thresholds
  7    a trace that departs from the one it is held against
  10   probe: a reflection is in range, but not given
  11   probe: a reflection is out of the ranges
  12   probe: a source cannot be read
  130  interrupted; `tiled-sim resume RUN` goes on"""


def usage() -> str:
    """The text of ``tiled-sim --help``."""
    verbs = "\n".join(f"  {verb:8} {what}" for verb, what in VERBS.items())
    return (
        "tiled-sim VERB …    (the same as python -m tiled_sim VERB …)\n\n"
        "X-ray diffraction images of large detectors by the physics of nanoBragg.\n\n"
        f"verbs:\n{verbs}\n\n"
        "A nanoBragg command becomes a tiled-sim command by writing `tiled-sim submit --out "
        "RUN.zarr`\nfor `nanoBragg`. One dash is nanoBragg's, two dashes are ours; between numbers "
        "of one of ours\nare blanks or commas.\n"
        "`tiled-sim VERB --help` lists the options of a verb.\n\n"
        f"{EXIT_CODES}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; the exit code.

    Parameters
    ----------
    arguments : without the program's name; None: those of this process
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    _open_streams()
    with on_command_line():
        return _run(words)


def _open_streams() -> None:
    """Have what was closed before we began lead nowhere: files that are made took its place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  as long as we are


def _run(words: list[str]) -> int:
    """Run a command line; what it raises is told."""
    # of the other reads of zarr, when one of them fails: that one is told
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        code = _dispatch(words)
        return code if _told() else StoreError.exit_code
    except TiledSimError as error:
        _report(str(error), error.exit_code, words)
        return error.exit_code
    except KeyboardInterrupt:
        # of a read of zarr that was begun: nobody waits for it any more
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
        _report("interrupted", 130, words)
        return 130
    except BrokenPipeError:
        _say_no_more()  # the reader of our output has left
        return 0
    except OSError as error:  # of a full disk, say: there is nothing wrong with the program
        if error.errno is None:
            raise
        message = f"cannot go on: {error.strerror or error}"
        if error.filename is None:  # of standard output, mostly, where nothing more can be said
            _say_no_more()
            print(f"tiled-sim: {message}", file=sys.stderr)
        else:
            _report(f"{message}: {error.filename}", StoreError.exit_code, words)
        return StoreError.exit_code


def _told() -> bool:
    """Whether standard output took what is still to be printed of what was done."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _say_no_more()
        why = error.strerror or error
        print(f"tiled-sim: done, but standard output does not take it: {why}", file=sys.stderr)
        return False
    return True


def _say_no_more() -> None:
    """Have what is still to be printed go nowhere, lest Python complains when it ends."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("--help", "-h", "help"):
        print(usage())
        return 0
    if words[0] == "--version":
        print(f"tiled_sim {__version__}")
        return 0
    verb, *rest = words
    if verb not in VERBS:
        nearest = difflib.get_close_matches(verb, VERBS, n=1)
        hint = f"did you mean {nearest[0]}?" if nearest else f"the verbs are {', '.join(VERBS)}"
        if verb.startswith("-"):
            hint = f"write `tiled-sim submit --out RUN.zarr {verb} …` to simulate"
        raise UsageError(f"{verb!r} is not a verb; {hint}")
    require_descriptors(OF_READER)
    return importlib.import_module(f"tiled_sim.cli.{verb}").run(rest)


def _report(message: str, code: int, words: list[str]) -> None:
    if "--json" in words:
        with contextlib.suppress(OSError):
            print(json.dumps({"error": message, "exit_code": code}), flush=True)
            return
        _say_no_more()  # standard output does not take it
    print(f"tiled-sim: {message}", file=sys.stderr)
