"""How runs and plans are told to people."""

import json
import math
from typing import TYPE_CHECKING, Any

from tiled_sim.model.settings import REFERENCE

if TYPE_CHECKING:
    from tiled_sim.model.experiment import Experiment
    from tiled_sim.plan.plan import Plan
    from tiled_sim.run.run import Run
    from tiled_sim.run.status import Status
    from tiled_sim.run.sums import Counted


_FAILURES_SHOWN = 5


def number(value: float) -> str:
    """A large count in three digits: 62.2 M."""
    for limit, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g} {letter}"
    return f"{value:.3g}"


def rate(evaluations: float) -> str:
    """Evaluations in a second: 62.2 Meval/s."""
    told = number(evaluations)
    return f"{told}eval/s" if told[-1].isalpha() else f"{told} eval/s"


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def provenance_lines(found: dict[str, Any] | None, default_F: float) -> list[str]:
    """Where F comes from: file, hash, ranges, count, coverage."""
    if found is None:
        return [f"F         {default_F:g} electrons everywhere: no file is named"]
    low, high = found["minimum"], found["maximum"]
    ranges = ", ".join(f"{n} {a}..{b}" for n, a, b in zip("hkl", low, high, strict=True))
    coverage = found["coverage"]
    where = "outside the grid" if found["format"] == "fdump" else "elsewhere"
    group, forbidden = found.get("space_group"), coverage.get("forbidden", 0)
    allowed, absences = "", []
    if forbidden:
        allowed = f" that {group} allows"
        absences = [f"          {forbidden} more are absent by the symmetry of {group}: F = 0"]
    plural = "" if found["count"] == 1 else "s"
    lines = [
        f"F         {found['path']} ({found['format']}, {found['size']} bytes)",
        f"          sha256 {found['sha256']}",
        f"          {found['count']} reflection{plural}, {ranges}; {default_F:g} electrons {where}",
        f"          covers {100 * coverage['fraction']:.4g} % of the {coverage['reflections']} "
        f"reflections in reach{allowed}; {coverage['missing']} are not given, "
        f"{coverage['reflections'] - coverage['in_range']} of them outside the ranges",
        *absences,
    ]
    if found["negative"]:
        lines.append(f"          {found['negative']} are negative (only F² counts)")
    return lines + [f"          {note}" for note in found["notes"]]


def plan_line(plan: "Plan") -> str:
    """Tiles of a plan, and what they are predicted to take."""
    frames, panels, slow, fast = plan.grid.tile
    several = ""
    if frames * panels > 1:
        several = f" of {_counted(frames, 'frame')} x {_counted(panels, 'panel')}"
    about = f"about {duration(plan.seconds)}" if plan.seconds >= 0.1 else "less than 0.1 s"
    taking = "" if math.isinf(plan.seconds) else f", {about} of a core"
    return (
        f"{len(plan)} of {slow} x {fast} pixels{several} for "
        f"{_counted(plan.workers, 'worker')}{taking}"
    )


def _counted(count: int, name: str) -> str:
    return f"{count} {name}{'' if count == 1 else 's'}"


def plan_document(plan: "Plan", experiment: "Experiment") -> dict[str, Any]:
    """The same for scripts."""
    return {
        "tiles": len(plan),
        "tile": list(plan.grid.tile),
        "workers": plan.workers,
        "seconds": None if math.isinf(plan.seconds) else plan.seconds,
        "evaluations": experiment.evaluations,
        "bytes_of_worker": plan.bytes_of_worker,
    }


def summary(run: "Run", status: "Status", seconds: float | None = None) -> list[str]:
    """What a finished run is."""
    image = " x ".join(map(str, run.experiment.shape))
    looked, settings = status.lookups, run.plan.settings
    lines = [
        f"run       {run.path} ({status.done} of {status.tiles} tiles)",
        f"image     {image} (frame x panel x slow x fast), "
        f"{_counted(run.experiment.steps, 'step')} a pixel",
        *provenance_lines(
            run.attributes["structure_factors"], run.experiment.structure_factors.default_F
        ),
        f"kernel    {settings.kernel}, {settings.precision} precision ({settings.reason})",
    ]
    if run.experiment.structure_factors.path is not None:  # without a file all meet the same F
        lines.append(
            f"look-ups  {number(looked.in_range)} in range, {number(looked.zero)} at zero, "
            f"{number(looked.absent)} absent, {number(looked.out_of_range)} out of range"
            + (f", {number(looked.forbidden)} absent by symmetry" if looked.forbidden else "")
            + ("" if settings.kernel == REFERENCE else ", of a fixed sample")
        )
    if looked.interpolation_refused:
        lines.append(
            f"          {number(looked.interpolation_refused)} too near the edge to interpolate: "
            "nearest node"
        )
    lines += sensor_lines(run.experiment)
    if run.experiment.c_compat:
        lines.append("physics   --c-compat: the C program's faults are replayed")
    lines += [f"note      {note}" for note in run.experiment.notes]
    lines.append(f"sum       {status.total:.8g} photons")
    if status.peak_at is not None:
        frame, panel, slow, fast = status.peak_at
        lines.append(
            f"peak      {status.peak:.7g} photons at slow {slow}, fast {fast}"
            f" (frame {frame}, panel {panel})"
        )
    if run.experiment.noise is not None and status.counted is not None:
        lines.append(noise_line(run.experiment))
        lines.append(_counted_line(status.counted))
    if seconds is not None:
        lines.append(f"time      {duration(seconds)}")
    return lines


def sensor_lines(experiment: "Experiment") -> list[str]:
    """What absorbs photons, and what scatters them beside the crystal."""
    lines = []
    sensors, background = experiment.detector.sensors, experiment.background
    for sensor in sensors[:1]:
        others = f", the first of {len(sensors)} kinds" if sensors[1:] else ""
        lines.append(
            f"sensor    {sensor.thickness * 1e6:g} µm"
            f"{f' of {sensor.material}' if sensor.material else ''} in {sensor.layers} layers, "
            f"attenuation length {sensor.attenuation_length * 1e6:g} µm"
            f"{', by wavelength' if sensor.attenuation_table else ''}{others}"
        )
    diffuse = experiment.crystal.diffuse
    if diffuse is not None:
        gamma, sigma = (
            ", ".join(f"{value:g}" for value in dict.fromkeys(lengths))
            for lengths in (diffuse.gamma, diffuse.sigma)
        )
        lines.append(f"diffuse   gamma {gamma} Å, sigma {sigma} Å, {diffuse.nodes} nodes a step")
    if background is not None:
        lines += [
            f"amorphous {background.path or 'water, of the table that comes with the package'}",
            f"          sha256 {background.sha256}",
            f"          {background.thickness * 1e6:g} µm along the beam, "
            f"{background.area * 1e12:g} µm² in it, {background.density:g} g/cm³, "
            f"{background.molar_mass:g} g/mol: {background.molecules:.4g} molecules",
        ]
    return lines


def noise_line(experiment: "Experiment") -> str:
    """How photons are counted, with noise, in a line."""
    noise = experiment.noise
    assert noise is not None
    parts = [f"Poisson (seed {noise.seed})"]
    if noise.flicker:
        parts.append(f"flicker {100 * noise.flicker:g} %")
    if noise.calibration:
        parts.append(f"calibration {100 * noise.calibration:g} % (seed {noise.calibration_seed})")
    if noise.point_spread is not None:
        spread = noise.point_spread
        parts.append(
            f"{spread.kind} point spread of {spread.fwhm * 1e6:g} µm within "
            f"{noise.reach(experiment.detector)} pixels"
        )
    if noise.gain != 1.0 or noise.offset:
        parts.append(f"{noise.gain:g} ADU/photon + {noise.offset:g} ADU")
    if noise.readout:
        parts.append(f"read-out {noise.readout:g} ADU")
    parts.append(f"saturation {noise.saturation} ADU")
    return f"noise     {', '.join(parts)}"


def _counted_line(counted: "Counted") -> str:
    line = (
        f"counts    sum {counted.total} ADU, largest {counted.peak} ADU, "
        f"{counted.overloads} overloads"
    )
    return line + (f", {counted.negative} pixels below 0" if counted.negative else "")


def state_lines(status: "Status") -> list[str]:
    """Who computes a run that is not complete, what is missing and what failed."""
    lines = []
    driver = status.driver
    if driver is not None:
        lines.append(f"driver    {driver.state}: process {driver.pid} on {driver.host}")
        if driver.state == "running":
            lines.append(
                f"          {rate(driver.evaluations / max(driver.seconds, 1e-9))}, "
                + _time_left(driver.seconds_left)
            )
        if driver.error:
            lines.append(f"          {driver.error}")
    if status.missing:
        more = status.tiles - status.done - len(status.missing)
        ending = f" and {more} more" if more > 0 else ""
        lines.append(f"missing   {', '.join(status.missing)}{ending}")
    for failure in status.failed[:_FAILURES_SHOWN]:
        lines.append(
            f"failed    {failure.tile}, {failure.attempts} times, the last on {failure.worker}: "
            f"{failure.error}"
        )
    if len(status.failed) > _FAILURES_SHOWN:
        lines.append(f"          and {len(status.failed) - _FAILURES_SHOWN} more")
    return lines


def _time_left(seconds: float | None) -> str:
    return "no tile yet" if seconds is None else f"{duration(seconds)} left"


def summary_document(run: "Run", status: "Status") -> dict[str, Any]:
    """The same for scripts."""
    return {
        "run": str(run.path),
        "run_id": run.run_id,
        "shape": list(run.experiment.shape),
        "structure_factors": run.attributes["structure_factors"],
        "default_F": run.experiment.structure_factors.default_F,
        "hashes": run.hashes,
        "plan": plan_document(run.plan, run.experiment),
        "kernel": run.plan.settings.kernel,
        "precision": run.plan.settings.precision,
        "c_compat": run.experiment.c_compat,
        "sensor": run.experiment.to_dict()["detector"]["sensor"],
        "background": run.experiment.to_dict()["background"],
        "noise": run.experiment.to_dict()["noise"],
        "notes": list(run.experiment.notes),
        "status": status.to_dict(),
        "complete": status.complete,
    }


def print_json(document: dict[str, Any]) -> None:
    """One JSON document on standard output."""
    print(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
