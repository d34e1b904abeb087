"""The chain of a pixel, by the code that computes images: its block through a run's kernel."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tiled_sim.errors import UsageError
from tiled_sim.kernels.devices import device_of, one_torch_thread, resolve_device
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.grid import BLOCK, Tile, TileGrid
from tiled_sim.model.mask import NO_PIXEL
from tiled_sim.model.settings import BY_REFERENCE, COMPILED, NEGLIGIBLE, TRITON, Settings
from tiled_sim.plan.choice import build_kernel, choose_kernel
from tiled_sim.plan.planning import make_plan
from tiled_sim.plan.workers import Workers
from tiled_sim.read.inputs import load_inputs
from tiled_sim.run.run import Run
from tiled_sim.simulation.simulator import Simulator
from tiled_sim.simulation.trace import UNITS, Trace

#: A tile of one block, because a pixel has the same bits in every tile.
_TILE = (BLOCK, BLOCK)
_STEPS_TOLD = 100_000


@dataclass(frozen=True, slots=True)
class TracedPixel:
    """A pixel's chain, and what the kernel and a run's store have for it.

    Parameters
    ----------
    experiment : whose pixel it is
    frame, panel : of which image
    trace : the float64 chain
    photons : of the kernel, before it is rounded to float32 [photons]
    stored : pixel of the run's image; NaN where not yet computed, None without a run [photons]
    steps : every step of the sum, as `tiled_sim.simulation.steps.steps_of_pixel`; None: not asked
        for
    """

    experiment: Experiment
    frame: int
    panel: int
    trace: Trace
    photons: float
    stored: float | None
    steps: list[dict[str, Any]] | None

    @property
    def angles(self) -> tuple[float, ...]:
        """Phi of each step as the experiment has it, which under ``--c-compat`` may not act [°]."""
        return tuple(math.degrees(angle) for angle in self.experiment.exposures[self.frame].angles)

    @property
    def intensity(self) -> float:
        """I_before_scaling that the kernel's photons stand for [electron²]."""
        row = self.trace.values
        beside = row.get("diffuse_photons", 0.0) + row.get("background_photons", 0.0)
        beside += sum(row.get("other_crystals_photons", ()))
        chain, crystal = row["I_pixel_final"] - beside, self.photons - beside
        ratio = crystal / chain if chain else math.nan
        return 0.0 if crystal == 0.0 else row["I_before_scaling"] * ratio

    @property
    def kernel_difference(self) -> float:
        """Photons of the kernel less those of the chain, over those of the chain."""
        return relative(self.photons, self.trace.values["I_pixel_final"])

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        stored = self.stored
        document: dict[str, Any] = {
            "frame": self.frame,
            "panel": self.panel,
            "pixel": list(self.trace.pixel),
            "values": self.trace.values,
            "phi_steps": [
                {**step, "phi_deg": angle, "phi_acting_deg": step["phi_deg"]}
                for step, angle in zip(self.trace.phi_steps, self.angles, strict=True)
            ],
            "kernel": {
                "I_pixel_final": self.photons,
                "I_before_scaling": finite(self.intensity),
                "relative_difference": finite(self.kernel_difference),
            },
        }
        if stored is not None:
            document["stored"] = finite(stored)
        if self.steps is not None:
            document["steps"] = [_finite_step(step) for step in self.steps]
        return document


def relative(value: float, reference: float) -> float:
    """``value`` less ``reference``, over ``reference``; 0 where they are equal."""
    if value == reference:
        return 0.0
    return (value - reference) / reference if reference else math.copysign(math.inf, value)


def finite(value: float) -> float | None:
    """A number as JSON can say it: None for NaN and infinity."""
    return value if math.isfinite(value) else None


def _finite_step(step: dict[str, Any]) -> dict[str, Any]:
    if "kernel_intensity" not in step:
        return step
    return {**step, "kernel_intensity": finite(step["kernel_intensity"])}


class Tracer:
    """Traces pixels of an experiment, or of a run.

    Parameters
    ----------
    simulator : planned in tiles of one block
    run : whose image the pixels are held against, or None
    """

    def __init__(self, simulator: Simulator, run: Run | None) -> None:
        self.simulator = simulator
        self._run = run

    @classmethod
    def of_experiment(
        cls,
        experiment: Experiment,
        pixels: Sequence[tuple[int, int]],
        settings: Settings,
        device: str,
    ) -> "Tracer":
        """Of an experiment that need not have been run.

        That its structure factors cover the detector is not asked: a trace shows what is missing.

        Parameters
        ----------
        experiment : what to trace
        pixels : (slow, fast) of those that `trace` will be asked for
        settings : with the kernel
        device : name of the torch device
        """
        for pixel in pixels:
            _require_inside(experiment, pixel)
        inputs = load_inputs(experiment)
        where = resolve_device(device_of(settings, device))
        plan = make_plan(
            experiment, inputs, settings, tile=_TILE, workers=Workers(device=where.type)
        )
        plan = dataclasses.replace(plan, trace_pixels=tuple(pixels))
        return cls(Simulator(experiment, inputs, plan, where), None)

    @classmethod
    def of_run(
        cls, run: Run, pixels: Sequence[tuple[int, int]], settings: Settings, device: str
    ) -> "Tracer":
        """Of a run, with the structure factors and the mask in its store.

        Parameters
        ----------
        run : finished or not
        pixels, settings, device : as `of_experiment`
        """
        for pixel in pixels:
            _require_inside(run.experiment, pixel)
        plan = dataclasses.replace(
            run.plan,
            grid=TileGrid(run.plan.grid.shape, (1, 1, *_TILE)),
            trace_pixels=tuple(pixels),
            trace_panel=None,
            settings=settings,
        )
        return cls(run.simulator(device, plan), run)

    def trace(
        self, pixel: tuple[int, int], *, frame: int = 0, panel: int = 0, steps: bool = False
    ) -> TracedPixel:
        """The chain of one of the pixels.

        Parameters
        ----------
        pixel : (slow, fast)
        frame, panel : of which image
        steps : whether to tell every step of the sum

        Raises
        ------
        UsageError
            for a frame or panel that is not there, a pixel that is not computed, or more steps
            than anyone reads
        """
        count = self.simulator.plan.evaluations_per_pixel
        if steps and count > _STEPS_TOLD:
            raise UsageError(
                f"--steps tells up to {_STEPS_TOLD} steps, and a pixel has {count}: trace it with "
                "less oversampling, or fewer mosaic domains, phi steps or sources"
            )
        simulator = self.simulator
        place = (frame, panel, *pixel)
        tile = self._tile(place)
        mask = simulator.inputs.mask(panel, slice(*tile.slow), slice(*tile.fast))
        found = mask[pixel[0] - tile.slow[0], pixel[1] - tile.fast[0]]
        if found & NO_PIXEL:
            of_panel = simulator.experiment.detector.panels[panel]
            slow, fast = of_panel.pixels
            raise UsageError(
                f"--pixel {pixel[0]} {pixel[1]} lies outside the {slow} x {fast} (slow x fast) "
                f"pixels of panel {panel}, {of_panel.name}"
            )
        if found != 0:
            raise UsageError(
                f"--pixel {pixel[0]} {pixel[1]} is masked or outside the region of interest on "
                f"panel {panel}, so it is not computed"
            )
        with one_torch_thread():
            traces = simulator.simulate_tile(tile).traces
            return TracedPixel(
                simulator.experiment,
                frame,
                panel,
                next(t for t in traces if (t.reason, t.pixel) == ("requested", pixel)),
                simulator.photons_of_pixel(place),
                self._stored(pixel, frame, panel),
                simulator.steps_of_pixel(place) if steps else None,
            )

    def _tile(self, place: tuple[int, int, int, int]) -> Tile:
        """The tile of the pixel's block."""
        grid = self.simulator.plan.grid
        for option, number, count in zip(("--frame", "--panel"), place, grid.shape, strict=False):
            if not 0 <= number < count:
                raise UsageError(f"{option} {number}: there are {count}, counted from 0")
        return grid.holding(*place)

    def _stored(self, pixel: tuple[int, int], frame: int, panel: int) -> float | None:
        if self._run is None:
            return None
        slow, fast = (slice(place, place + 1) for place in pixel)
        return float(self._run.store.read_tile(frame, panel, slow, fast)[0, 0])


def kernel_for_tracing(
    experiment: Experiment,
    *,
    kernel: str | None,
    precision: str | None,
    planned: Settings | None,
    device: str,
    compiling: Callable[[], None],
) -> Settings:
    """The kernel whose pixel is traced: the one asked for, or a run's own, or the reference.

    Parameters
    ----------
    experiment : what to trace
    kernel, precision : asked for; None: the run's own
    planned : of the run; None without one
    device : name of the torch device
    compiling : called before something is compiled

    Raises
    ------
    UsageError, KernelError
        for a kernel that cannot be had
    """
    own = planned or BY_REFERENCE
    where = resolve_device(device).type
    if kernel is None and precision is None:
        return build_kernel(own, experiment, asked=own.kernel, device=where, compiling=compiling)
    if kernel is None:
        fast = TRITON if where == "cuda" else COMPILED
        kernel = fast if precision == "mixed" else own.kernel
    asked = Settings(kernel, precision or own.precision, own.negligible or NEGLIGIBLE)
    settings = choose_kernel(experiment, asked, device=where, cores=1)
    return build_kernel(settings, experiment, asked=kernel, device=where, compiling=compiling)


def _require_inside(experiment: Experiment, pixel: tuple[int, int]) -> None:
    slow, fast = experiment.detector.pixels
    if not (0 <= pixel[0] < slow and 0 <= pixel[1] < fast):
        raise UsageError(
            f"--pixel {pixel[0]} {pixel[1]} lies outside the {slow} x {fast} (slow x fast) pixels "
            "of a panel"
        )


def trace_document(tracer: Tracer, traced: Sequence[TracedPixel]) -> dict[str, Any]:
    """Traces as one JSON document, which `tiled_sim.io.trace_log.read_trace_log` reads.

    Parameters
    ----------
    tracer : that made them
    traced : pixels
    """
    plan, experiment = tracer.simulator.plan, tracer.simulator.experiment
    return {
        "schema": "tiled_sim trace 1",
        "experiment": experiment.sha256,
        "c_compat": experiment.c_compat,
        "kernel": plan.settings.kernel,
        "precision": plan.settings.precision,
        "device": str(tracer.simulator.device),
        "units": UNITS,
        "pixels": [pixel.to_dict() for pixel in traced],
    }
