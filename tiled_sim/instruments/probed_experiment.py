"""What an experiment meets of F: the reflections under a pixel."""

from tiled_sim.errors import UsageError
from tiled_sim.instruments.probe import UnderPixel, Verdict
from tiled_sim.kernels.devices import resolve_device
from tiled_sim.kernels.first import first_evaluations
from tiled_sim.kernels.reflections import reflections_under
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.structure_factors import StructureFactors
from tiled_sim.plan.reach import table_of
from tiled_sim.read.inputs import load_mask


def under_pixel(
    experiment: Experiment,
    verdict: Verdict,
    factors: StructureFactors | None,
    pixel: tuple[int, int],
    frame: int = 0,
    panel: int = 0,
    device: str = "cpu",
) -> UnderPixel:
    """The reflections that a pixel's steps look up, with their shares.

    Parameters
    ----------
    experiment : geometry, crystal and steps
    verdict, factors : the source that is used and its content, None if there is no file
    pixel : slow, fast
    frame, panel : numbers
    device : name of the torch device that computes the steps

    Raises
    ------
    UsageError
        if there is no such pixel or device
    """
    where = resolve_device(device)
    slow, fast = pixel
    numbers = {"frame": frame, "panel": panel, "slow": slow, "fast": fast}
    panels = experiment.detector.panels
    sides = panels[panel].pixels if 0 <= panel < len(panels) else experiment.detector.pixels
    counts = (*experiment.shape[:2], *sides)
    for (what, place), count in zip(numbers.items(), counts, strict=True):
        if not 0 <= place < count:
            raise UsageError(f"{what} {place} does not exist: the experiment has 0 to {count - 1}")
    mask = load_mask(experiment)
    width = experiment.detector.pixels[1]
    firsts = first_evaluations(
        experiment,
        lambda number: (
            mask(number, slice(row, row + 1), slice(0, width))[0]
            for row in range(experiment.detector.pixels[0])
        ),
    )
    F = 0.0 if verdict.reflections is None else verdict.reflections.default_F
    table = None
    if factors is not None:
        table = table_of(experiment, factors, where)
    known_F = table is not None or (
        verdict.reflections is not None and verdict.reflections.path is None
    )
    scene = Scene.of(experiment, frame, firsts)
    return UnderPixel(
        slow,
        fast,
        frame,
        panel,
        live=not mask(panel, slice(slow, slow + 1), slice(fast, fast + 1)).any(),
        steps=scene.steps,
        reflections=tuple(reflections_under(scene, table, F, pixel, panel, where)),
        known_F=known_F,
    )
