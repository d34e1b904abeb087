"""What a nanoBragg command asks for besides the run: written and printed when it is complete."""

import os
from typing import TYPE_CHECKING

from tiled_sim.errors import StoreError, UsageError
from tiled_sim.read.nanobragg.outputs import Outputs

if TYPE_CHECKING:
    from tiled_sim.run.run import Run


def require_possible(outputs: Outputs, run: str, *, detach: bool) -> None:
    """Make sure, before the run is computed, that what is asked for can be had.

    Parameters
    ----------
    outputs : what is asked for
    run : where the run is, or will be
    detach : nobody waits for the run

    Raises
    ------
    UsageError
        for what cannot be had
    StoreError
        for a file that exists, or cannot be written
    """
    waiting = [*outputs.files, *(["-printout_pixel"] if outputs.printed else [])]
    if detach and waiting:
        raise UsageError(
            f"what {' '.join(waiting)} asks for is made when the run is complete, which --detach "
            "does not wait for; leave one of them out"
        )
    for option, path in outputs.files.items():
        _refuse_existing(option, path)
        if os.path.realpath(path) == os.path.realpath(run):
            raise UsageError(f"{option} {path} is the name of the run; give the file another")
    twice = len(outputs.files) - len({os.path.realpath(path) for path in outputs.files.values()})
    if twice:
        raise UsageError(f"{' '.join(outputs.files)}: two of them name the same file")


def _refuse_existing(option: str, path: str) -> None:
    if not os.access(os.path.dirname(path) or ".", os.W_OK):
        raise StoreError(f"{option} {path}: its folder does not exist or cannot be written")
    if os.path.exists(path):
        raise StoreError(f"{option} {path} exists already and would be overwritten; name another")


def require_traced(run: "Run", outputs: Outputs) -> None:
    """Make sure that a run keeps the chain of every pixel that is asked for.

    Raises
    ------
    UsageError
        for a pixel that is not traced
    """
    for pixel in outputs.pixels:
        if pixel not in run.plan.trace_pixels:
            raise UsageError(
                f"{run.path} was made without a trace of slow {pixel[0]}, fast {pixel[1]}, and a "
                "run's plan is not changed; leave -printout_pixel and -trace_pixel out"
            )


def write_outputs(run: "Run", outputs: Outputs) -> None:
    """Write the files that the options name.

    Parameters
    ----------
    run : complete
    outputs : what is asked for

    Raises
    ------
    StoreError
        if one exists or cannot be written
    """
    from tiled_sim.export.float_image import write_float_image
    from tiled_sim.io.fdump import write_fdump

    if outputs.fdump is not None:
        found = run.store.read_structure_factors()
        assert found is not None  # -dump is an output only beside -hkl
        write_fdump(outputs.fdump, found, run.experiment.structure_factors.default_F)
    if outputs.float_image is not None:
        write_float_image(outputs.float_image, run.store)
    if outputs.integer_image is not None or outputs.grey_image is not None:
        _write_scaled(run, outputs)
    if outputs.count_image is not None:
        from tiled_sim.export.smv import write_count_image

        assert outputs.camera is not None  # `Command.outputs` has it
        write_count_image(outputs.count_image, run.store, outputs.camera, outputs.offset)


def _write_scaled(run: "Run", outputs: Outputs) -> None:
    from tiled_sim.export.panel_image import statistics
    from tiled_sim.export.pgm import grey_scale, write_pgm
    from tiled_sim.export.smv import integer_scale, write_integer_image

    found = statistics(run.store, masked_too=run.experiment.c_compat)
    scale = outputs.scale or integer_scale(found)
    if outputs.integer_image is not None:
        assert outputs.camera is not None  # `Command.outputs` has it
        path, offset = outputs.integer_image, outputs.offset
        write_integer_image(path, run.store, outputs.camera, scale, offset)
    if outputs.grey_image is not None:
        grey = outputs.grey_scale or grey_scale(found) or scale
        write_pgm(outputs.grey_image, run.store, grey)


def printed_pixel(run: "Run", outputs: Outputs) -> list[str]:
    """What ``-printout_pixel`` prints, in the lines of the C program; nothing if it is not given.

    As there, where the values of one step are shown they are those of the last phi step, here of
    the first source and mosaic domain. The second value of stol [1/Å] is that of the angle to the
    beam, which C takes to be along X.
    """
    if outputs.printed is None:
        return []
    from tiled_sim.cli.printout import printout_lines

    slow, fast = outputs.printed
    for tile in run.plan:
        if slow in range(*tile.slow) and fast in range(*tile.fast):
            sidecar = run.sidecar(tile)
            for trace in [] if sidecar is None else sidecar["traces"]:
                if trace["pixel"] == [slow, fast]:
                    return printout_lines(run.experiment, trace)
    raise StoreError(
        f"{run.path} holds no trace of slow {slow}, fast {fast}: `verify` looks closer"
    )
