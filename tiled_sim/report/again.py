"""The command that makes a run again."""

import shlex
from dataclasses import dataclass

from tiled_sim.errors import ExperimentError
from tiled_sim.model.exposures import Listed
from tiled_sim.read.toml.writer import write_toml
from tiled_sim.run.run import Run

#: Frames whose orientations are listed in a document, nine numbers each; more are too many.
_MOST_LISTED = 2000


@dataclass(frozen=True, slots=True)
class Again:
    """How a run is made again.

    Parameters
    ----------
    document : name of the file that the TOML goes into
    toml : the experiment; empty where it is too long
    command : that makes the same tiles of it
    notes : what else is needed
    """

    document: str
    toml: str
    command: str
    notes: tuple[str, ...]


def again(run: Run) -> Again:
    """How a run is made again, to the same hashes.

    Parameters
    ----------
    run : to be made again
    """
    name = run.path.stem
    document = f"{name}.toml"
    plan, settings = run.plan, run.plan.settings
    words = ["tiled-sim", "submit", document, "--out", f"{name}-again.zarr"]
    words += ["--kernel", settings.kernel, "--precision", settings.precision]
    words += ["--negligible", repr(settings.negligible)]
    words += ["--tile", "x".join(map(str, plan.grid.tile[2:]))]
    for slow, fast in plan.trace_pixels:
        words += ["--trace-pixel", str(slow), str(fast)]
    if plan.trace_panel is not None:
        words += ["--panel", str(plan.trace_panel)]
    coverage = (run.attributes["structure_factors"] or {}).get("coverage")
    if coverage is not None:
        words += ["--require-coverage", "0"]
    notes = [
        "Paths in the document count from the folder that it lies in; those of this run counted "
        "from the folder in which it was submitted."
    ]
    toml = ""
    exposures = run.experiment.exposures
    if isinstance(exposures, Listed) and exposures.source is None and len(exposures) > _MOST_LISTED:
        notes.append(
            f"The document lists {len(exposures)} orientations and is too long for this page: "
            f"{_WRITING.format(run=str(run.path), document=document)}"
        )
    else:
        try:
            toml = write_toml(run.experiment)
        except ExperimentError as error:
            notes.append(f"The document cannot be written: {error}")
    if run.attributes.get("earlier"):
        notes.append(
            "Frames were added to this run later: a run of all of them at once has the same images."
        )
    return Again(document, toml, shlex.join(words), tuple(notes))


_WRITING = (
    "in Python, `import tiled_sim; from tiled_sim.read.toml.writer import write_toml; "
    "open({document!r}, 'w').write(write_toml(tiled_sim.open_run({run!r}).experiment))` writes it."
)
