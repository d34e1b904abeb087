"""Everything that the pixels of one frame share."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tiled_sim.kernels.panels import Panels
from tiled_sim.model.beam import Beam, Spectrum
from tiled_sim.model.crystal import Crystal
from tiled_sim.model.detector import Detector
from tiled_sim.model.energies import factor_wavelengths, grids_of_sources
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Rotation
from tiled_sim.model.first_evaluation import FirstEvaluation
from tiled_sim.model.frame import frame_of
from tiled_sim.model.sampling import Sampling
from tiled_sim.physics.vectors import Array, Vector


@dataclass(frozen=True, eq=False)
class Scene:
    """One frame, ready to be summed.

    Parameters
    ----------
    panels, detector, beam, crystal, sampling : of the experiment, as the frame has them
    angles : phi of each step [rad], as they act
    orientations : (phi, domain, 3, 3) rows a, b, c [Å]
    firsts : of each panel the evaluation with orientations of its own, or None; empty: of none
    first_orientations : (phi, domain, 3, 3), for `firsts` only [Å]
    steps : terms in a pixel's sum
    c_compat : replay the C program's faults
    spectrum : the sources that are summed; all of the beam's, or one
    domain_weights : of the mosaic domains, mean 1, float64 (domain,); None: all count alike
    grids : number of the grid that each source looks F up in; empty: there is one for all
    orientation : rows of the rotation by which the frame turns the crystal at phi 0, before phi;
        None: the crystal stands as it is
    """

    panels: Panels
    detector: Detector
    beam: Beam
    crystal: Crystal
    sampling: Sampling
    angles: tuple[float, ...]
    orientations: Array
    firsts: tuple[FirstEvaluation | None, ...]
    first_orientations: Array
    steps: int
    c_compat: bool
    spectrum: Spectrum
    domain_weights: Array | None = None
    grids: tuple[int, ...] = ()
    orientation: tuple[Vector, Vector, Vector] | None = None

    @classmethod
    def of(
        cls,
        experiment: Experiment,
        frame: int,
        firsts: tuple[FirstEvaluation | None, ...] = (),
        panels: Panels | None = None,
    ) -> "Scene":
        """The scene of one frame; of several crystals it is that of the first.

        Parameters
        ----------
        experiment : what to simulate; `each_alone` gives that of every crystal
        frame : number
        firsts : of `first_evaluations`; only ``c_compat`` uses them
        panels : of the experiment's detector, where other scenes share them
        """
        exposure, of_frame = experiment.exposures[frame], frame_of(experiment, frame)
        if panels is None or of_frame.detector is not experiment.detector:
            panels = Panels(of_frame.detector)
        angles = exposure.angles
        acting, first_acting = carried_over(angles) if experiment.c_compat else (angles, angles)

        def orientations(phis: tuple[float, ...]) -> Array:
            return of_frame.crystal.in_domains(replace(exposure, angles=phis).rotations)

        every = orientations(acting)
        return cls(
            panels=panels,
            detector=of_frame.detector,
            beam=of_frame.beam,
            crystal=of_frame.crystal,
            sampling=experiment.sampling,
            angles=acting,
            orientations=every,
            firsts=firsts if acting != first_acting else (),
            first_orientations=every if acting == first_acting else orientations(first_acting),
            steps=len(of_frame.beam.spectrum)
            * (every.shape[0] * every.shape[1])
            * experiment.sampling.oversample**2,
            c_compat=experiment.c_compat,
            spectrum=of_frame.beam.spectrum,
            domain_weights=of_frame.crystal.domains.weights,
            grids=grids_of_sources(factor_wavelengths(experiment), of_frame.beam.spectrum),
            orientation=exposure.orientation,
        )

    @property
    def fluence(self) -> float:
        """Of the frame, times the crystal's share of it [photons/m²]."""
        return self.beam.fluence * self.crystal.share

    @property
    def weighs_terms(self) -> bool:
        """Whether terms of one pixel differ in absorption, polarization or solid angle."""
        sampling = self.sampling
        return bool(self.detector.sensors) or sampling.oversample_polar or sampling.oversample_omega

    @cached_property
    def weights(self) -> tuple[float, ...]:
        """Of the sources, mean 1; all 1 as the C program has it."""
        weights = self.spectrum.relative_weights()
        return (1.0,) * len(weights) if self.c_compat else weights

    def grid_of(self, source: int) -> int:
        """Number of the grid that a source looks F up in."""
        return self.grids[source] if self.grids else 0

    def first(self, panel: int) -> FirstEvaluation | None:
        """Of a panel the evaluation with orientations of its own."""
        return self.firsts[panel] if self.firsts else None

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
            domain_weights=None,
            grids=self.grids[source : source + 1],
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
    if isinstance(exposures, Rotation):
        step = exposures.step * exposures.steps / steps
        exposures = replace(exposures, steps=steps, step=step)
    else:
        exposures = replace(exposures, steps=steps)
    fewer = replace(crystal, domains=crystal.domains.some(most))
    return replace(experiment, exposures=exposures, crystal=fewer)


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
