"""Everything that the pixels of one panel in one frame share."""

from dataclasses import dataclass, replace

import numpy as np

from tiled_sim.model.beam import Beam, Spectrum
from tiled_sim.model.crystal import Crystal
from tiled_sim.model.detector import Detector, Panel
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.first_evaluation import FirstEvaluation
from tiled_sim.model.sampling import Sampling
from tiled_sim.physics.vectors import Array, as_tuple


@dataclass(frozen=True, eq=False)
class Scene:
    """One panel in one frame, ready to be summed.

    Parameters
    ----------
    panel, detector, beam, crystal, sampling : of the experiment
    angles : phi of each step [rad], as they act
    orientations : (phi, domain, 3, 3) rows a, b, c [Å]
    first : the evaluation with orientations of its own, or None
    first_orientations : (phi, domain, 3, 3), for `first` only [Å]
    steps : terms in a pixel's sum
    c_compat : replay the C program's faults
    spectrum : the sources that are summed; all of the beam's, or one
    """

    panel: Panel
    detector: Detector
    beam: Beam
    crystal: Crystal
    sampling: Sampling
    angles: tuple[float, ...]
    orientations: Array
    first: FirstEvaluation | None
    first_orientations: Array
    steps: int
    c_compat: bool
    spectrum: Spectrum

    @classmethod
    def of(
        cls,
        experiment: Experiment,
        frame: int,
        panel: int,
        first: FirstEvaluation | None = None,
    ) -> "Scene":
        """The scene of one panel in one frame.

        Parameters
        ----------
        first : of `first_evaluation`; only ``c_compat`` uses it
        """
        exposure = experiment.exposures[frame]
        angles = exposure.angles
        acting, first_acting = carried_over(angles) if experiment.c_compat else (angles, angles)
        domains = experiment.crystal.domains.rotations()

        def orientations(phis: tuple[float, ...]) -> Array:
            vectors = experiment.crystal.direct_vectors
            rotations = replace(exposure, angles=phis).rotations
            # rows are vectors, so the mosaic rotation, applied last, stands leftmost transposed
            return np.einsum("mij,tjk,vk->tmvi", domains, rotations, vectors)

        every = orientations(acting)
        return cls(
            panel=experiment.detector.panels[panel],
            detector=experiment.detector,
            beam=experiment.beam,
            crystal=experiment.crystal,
            sampling=experiment.sampling,
            angles=acting,
            orientations=every,
            first=first if acting != first_acting else None,
            first_orientations=every if acting == first_acting else orientations(first_acting),
            steps=experiment.steps,
            c_compat=experiment.c_compat,
            spectrum=experiment.beam.spectrum,
        )

    @property
    def weighs_terms(self) -> bool:
        """Whether terms of one pixel differ in absorption, polarization or solid angle."""
        sampling = self.sampling
        return (
            self.detector.sensor is not None
            or sampling.oversample_polar
            or sampling.oversample_omega
        )

    @property
    def weights(self) -> tuple[float, ...]:
        """Of the sources, mean 1; all 1 as the C program has it."""
        weights = self.spectrum.relative_weights()
        return (1.0,) * len(weights) if self.c_compat else weights

    def layers(self) -> list[Panel]:
        """The panel at the front of each layer of the sensor, deeper ones farther away."""
        panel, sensor = self.panel, self.detector.sensor
        if sensor is None or self.detector.curvature_radius is not None:
            return [panel] * self.detector.layers
        origins = (
            np.array(panel.origin) + sensor.depth(layer) * np.array(panel.normal)
            for layer in range(sensor.layers)
        )
        return [replace(panel, origin=as_tuple(origin)) for origin in origins]

    def single_step(self, source: int, phi: int, domain: int) -> "Scene":
        """The scene of one source, phi step and mosaic domain alone, given by their numbers."""
        step = slice(phi, phi + 1), slice(domain, domain + 1)
        return replace(
            self,
            spectrum=replace(self.spectrum[source : source + 1], weight=np.ones(1)),
            angles=self.angles[step[0]],
            orientations=self.orientations[step],
            first_orientations=self.first_orientations[step],
            steps=self.sampling.oversample**2,
        )


def thinned(experiment: Experiment, most: int) -> Experiment:
    """An experiment with fewer orientations, for whoever looks at its optics, or at a sample.

    Parameters
    ----------
    experiment : with any number of phi steps and mosaic domains
    most : phi steps, and mosaic domains, that are kept where together there are more than their
        square
    """
    exposures, crystal = experiment.exposures, experiment.crystal
    if exposures.steps * crystal.domains.count <= most**2:
        return experiment
    steps = min(exposures.steps, most)
    fewer = replace(crystal.domains, count=min(crystal.domains.count, most))
    step = exposures.step * exposures.steps / steps
    return replace(
        experiment,
        exposures=replace(exposures, steps=steps, step=step),
        crystal=replace(crystal, domains=fewer),
    )


def carried_over(angles: tuple[float, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The angles that act in the C program, which does not turn the crystal where phi is 0.

    Such a step keeps the orientation of the step evaluated before it: the one before in the same
    sweep, or the last of the sweep before, or none at the very first evaluation.

    Returns
    -------
    angles of every sweep but the first, and of the first [rad]
    """

    def sweep(held: float) -> tuple[float, ...]:
        acting = []
        for angle in angles:
            held = angle if angle != 0.0 else held
            acting.append(held)
        return tuple(acting)

    first = sweep(0.0)
    return sweep(first[-1]), first
