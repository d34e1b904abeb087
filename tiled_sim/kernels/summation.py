"""The sum over layers, subpixels and sources of a pixel, whatever sums the steps of one."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tiled_sim.kernels.blocks import Blocks, Pixels
from tiled_sim.kernels.kernel import Progress, after_steps
from tiled_sim.kernels.light import Light, lights_of
from tiled_sim.kernels.lookups import Lookups
from tiled_sim.kernels.optics import Optics
from tiled_sim.kernels.recorder import Recorder
from tiled_sim.kernels.scene import Scene
from tiled_sim.physics import geometry
from tiled_sim.physics.constants import R_E_SQR
from tiled_sim.physics.geometry import Vectors


class ScatteringVectors(NamedTuple):
    """Scattering vectors of a subpixel and a source: what phi steps and domains share.

    Parameters
    ----------
    pixels : whose subpixel it is
    layer, subpixel, source : numbers; of sources taken together that of the first
    q : [1/Å], one for each pixel; of sources taken together (sources, pixels)
    seen : pixels that dmin lets through, as q; None: all
    recorder : told the values of its pixel, of the last layer and subpixel
    progress : told how many more steps have been summed
    """

    pixels: Pixels
    layer: int
    subpixel: int
    source: int
    q: Vectors
    seen: Tensor | None
    recorder: Recorder | None
    progress: Progress

    @property
    def counted(self) -> Tensor:
        """Pixels whose evaluations count: live ones that dmin lets through."""
        return self.pixels.live if self.seen is None else self.pixels.live & self.seen

    def at_first(self, scene: Scene) -> Tensor | None:
        """Which of the pixels is the C program's first evaluation, or None if none is."""
        assert isinstance(self.pixels.panel, int)
        first = scene.first(self.pixels.panel)
        if first is None or (self.subpixel, self.source) != (first.subpixel, first.source):
            return None
        is_first = (self.pixels.slow == first.slow) & (self.pixels.fast == first.fast)
        return is_first if bool(is_first.any()) else None


#: Sums F_cell² · F_latt² over phi steps and domains [electron²], and counts what it looks up.
SumOfSteps = Callable[[ScatteringVectors, Lookups], Tensor]


def photons_by_panel(
    blocks: Blocks, photons: Callable[[Pixels], tuple[Tensor, Lookups]]
) -> tuple[Tensor, Lookups]:
    """Photons of blocks, (blocks, 256), by what takes pixels of one panel, and what they met."""
    parts, lookups = [], Lookups()
    for some in blocks.by_panel():
        part, met = photons(some.pixels())
        parts.append(part)
        lookups.add(met)
    return torch.cat(parts).view(blocks.live.shape), lookups


class _Sums:
    """What the steps of the sources add up to in some pixels, term by term [electron²].

    All sources are in one tensor: hundreds of small ones would each leave its hole in the heap.

    Parameters
    ----------
    sources : number of them
    like : a tensor of the pixels' shape
    weighed : whether terms of one pixel have factors of their own; else only `I` is kept
    """

    def __init__(self, sources: int, like: Tensor, weighed: bool) -> None:
        self._weighed = weighed
        of_sources = like.new_zeros((4 if weighed else 1, sources, *like.shape))
        #: F_cell² · F_latt², (source, pixels).
        self.I = of_sources[0]
        if weighed:
            #: … times the share that the layer absorbs, times polarization, times solid angle.
            self.captured, self.polarized, self.whole = of_sources[1:]

    def add(
        self,
        source: int | slice,
        intensity: Tensor,
        capture: Tensor | None,
        polar: Tensor,
        omega: Tensor,
    ) -> None:
        """Add a term of a source, or of each of some, with its factors; ``capture`` None is 1."""
        self.I[source] += intensity
        if self._weighed:
            captured = intensity if capture is None else intensity * capture
            self.captured[source] += captured
            self.polarized[source] += captured * polar
            self.whole[source] += captured * polar * omega


class _Polarization:
    """The polarization factor of some pixels: one for each source, or one for all.

    Parameters
    ----------
    factors : number of them
    like : a tensor of the pixels' shape
    """

    def __init__(self, factors: int, like: Tensor) -> None:
        self._factors = like.new_zeros((factors, *like.shape))
        self._is_known = np.zeros(factors, dtype=np.bool_)

    def is_known(self, which: int | slice) -> bool:
        """Whether it, or each of some, has been set."""
        return bool(self._is_known[which].all())

    def set(self, which: int | slice, factor: Tensor | float) -> None:
        """Set a factor, or each of some, of all pixels."""
        self._factors[which] = factor
        self._is_known[which] = True

    def __getitem__(self, which: int | slice) -> Tensor:
        return self._factors[which]

    @property
    def of_sources(self) -> Tensor:
        """Those of all, (source, pixels)."""
        return self._factors


class PixelSum:
    """Sums layers, subpixels and sources of the pixels of a scene.

    Parameters
    ----------
    scene : the frame
    sources_at_a_time : whose steps are summed together, but for the C program's faults, which go
        by the order of the sources
    subpixels_at_a_time : of a pixel that is taken alone, the same; where they have no factors of
        their own, all but the first, whose are those of the pixel, and the last, which is told
    """

    def __init__(
        self, scene: Scene, sources_at_a_time: int = 1, subpixels_at_a_time: int = 1
    ) -> None:
        self._scene = scene
        self._optics = Optics(scene)
        self._sources_at_a_time = 1 if scene.c_compat else sources_at_a_time
        by_order = scene.c_compat or scene.weighs_terms or scene.sampling.dmin > 0.0
        self._subpixels_at_a_time = 1 if by_order else subpixels_at_a_time

    def photons(
        self,
        pixels: Pixels,
        sum_of_steps: SumOfSteps,
        recorder: Recorder | None = None,
        progress: Progress | None = None,
    ) -> tuple[Tensor, Lookups]:
        """Expected photons of each pixel, and what the look-ups met.

        Parameters
        ----------
        pixels : any number, of one panel; those that are not live are computed, and not counted
        sum_of_steps : called for every layer, subpixel and source, or sources taken together
        recorder : told the values of its pixel
        progress : told how many more evaluations are done

        Returns
        -------
        float64, one value a pixel [photons]
        """
        scene, optics = self._scene, self._optics
        sources = len(scene.spectrum)
        sums = _Sums(sources, pixels.slow, scene.weighs_terms)
        # the C program takes the factor of the first source for all
        polar = _Polarization(1 if scene.c_compat else sources, pixels.slow)
        omega = None
        lookups = Lookups()
        of_steps = after_steps(progress, int(pixels.live.sum()))
        assert isinstance(pixels.panel, int)
        lights = list(lights_of(scene.spectrum, self._sources_at_a_time, pixels.slow.device))
        places = list(self._places(pixels.panel))
        for number, (layer, subpixel) in enumerate(places, 1):
            told = recorder if number == len(places) else None
            position = optics.position(pixels, subpixel, layer)
            diffracted, distance = geometry.direction(position)
            if told is not None:
                told.record(position=position, distance=distance, diffracted=diffracted)
            if omega is None or scene.sampling.oversample_omega:
                omega = optics.omega(distance, layer, pixels.panel)
            first = subpixel if isinstance(subpixel, int) else int(subpixel[0])
            if first == 0 or scene.sampling.oversample_thick:
                capture = optics.captures(diffracted, layer, pixels.panel)
            for light in lights:
                q = geometry.scattering_vector(diffracted, light.incident, light.wavelength)
                seen = optics.within_resolution(q)
                slot = 0 if scene.c_compat else light.which
                self._polarize(polar, slot, diffracted, light, seen)
                if told is not None and light.number == 0:
                    _record_first(told, light, diffracted, q)
                vectors = ScatteringVectors(
                    pixels, layer, first, light.number, q, seen, told, of_steps
                )
                intensity = sum_of_steps(vectors, lookups)
                if not isinstance(subpixel, int):
                    intensity = intensity.sum(-1, keepdim=True)
                sums.add(light.which, intensity, capture(light.wavelength), polar[slot], omega)
        assert omega is not None
        return self._scale(sums, polar, omega, recorder), lookups

    def _places(self, panel: int) -> Iterator[tuple[int, int | Tensor]]:
        """Layer and subpixel of all that a pixel is made of, or subpixels taken together."""
        size, of_one = self._subpixels_at_a_time, self._optics.places(panel)
        if size == 1:
            yield from of_one
            return
        (layer, subpixel), *places = of_one
        yield layer, subpixel
        last = places.pop() if places else None
        for start in range(0, len(places), size):
            yield layer, torch.tensor([sub for _, sub in places[start : start + size]])
        if last is not None:
            yield last

    def _polarize(
        self,
        polar: _Polarization,
        slot: int | slice,
        diffracted: Vectors,
        light: Light,
        seen: Tensor | None,
    ) -> None:
        """Set the polarization factor where a pixel is first seen.

        With ``oversample_polar`` every term has its own.
        """
        is_known = polar.is_known(slot) and not self._scene.sampling.oversample_polar
        if is_known and seen is None:
            return
        factor = self._optics.polarization(diffracted, light.incident)
        if factor is None:
            polar.set(slot, 1.0)
            return
        if seen is not None:
            held = polar[slot] if is_known else torch.zeros_like(factor)
            factor = torch.where((held == 0.0) & seen, factor, held)
        polar.set(slot, factor)

    def _scale(
        self, sums: _Sums, polar: _Polarization, omega: Tensor, recorder: Recorder | None
    ) -> Tensor:
        """Photons from the sums of the sources: r_e² · fluence · I / steps · polar · omega."""
        scene = self._scene
        first = polar[0]
        if scene.weighs_terms:
            return self._scale_weighed(sums, first, omega, recorder)
        shared = len(scene.weights) == 1 or scene.c_compat
        total = _weighed(scene.weights, sums.I)
        polarized = total * first if shared else _weighed(scene.weights, sums.I, polar.of_sources)
        photons = R_E_SQR * scene.fluence / scene.steps * polarized * omega
        if recorder is not None:
            mean = first if shared else _ratio(polarized, total, first)
            recorder.record(I=total, capture=1.0, polar=mean, omega=omega, photons=photons)
        return photons

    def _scale_weighed(
        self,
        sums: _Sums,
        polar: Tensor,
        omega: Tensor,
        recorder: Recorder | None,
    ) -> Tensor:
        """Photons from sums whose terms have factors of their own.

        The recorder is told the mean of each factor over the pixel's intensity, so that the chain
        multiplies out; of a dark pixel the last.
        """
        I, captured, polarized, whole = (
            _weighed(self._scene.weights, terms)
            for terms in (sums.I, sums.captured, sums.polarized, sums.whole)
        )
        photons = R_E_SQR * self._scene.fluence / self._scene.steps * whole
        if recorder is not None:
            recorder.record(
                I=I,
                capture=_ratio(captured, I, torch.zeros_like(I)),
                polar=_ratio(polarized, captured, polar),
                omega=_ratio(whole, polarized, omega),
                photons=photons,
            )
        return photons


def _record_first(recorder: Recorder, light: Light, diffracted: Vectors, q: Vectors) -> None:
    """Tell what is of the first source alone, before its phi steps."""
    several = isinstance(light.which, slice)
    recorder.record(
        incident=light.first.incident,
        wavelength=light.first.wavelength,
        q=Vectors(*(component[0] for component in q)) if several else q,
        cos_two_theta=diffracted.dot(light.first.incident),
    )
    recorder.phi_steps.clear()


def _weighed(weights: Sequence[float], terms: Tensor, factors: Tensor | None = None) -> Tensor:
    """Sum over sources of weight times term, times a factor, in the order of the sources.

    Parameters
    ----------
    weights : of the sources
    terms, factors : (source, pixels)
    """
    if terms.shape[1] == 1:
        # of one pixel all at once: a cumulative sum keeps the order, and so the bits
        of_each = terms.new_tensor(weights)[:, None] * terms
        return (of_each if factors is None else of_each * factors).cumsum(0)[-1]
    total = torch.zeros_like(terms[0])
    for number, weight in enumerate(weights):
        of_source = weight * terms[number]
        total += of_source if factors is None else of_source * factors[number]
    return total


def _ratio(above: Tensor, below: Tensor, otherwise: Tensor) -> Tensor:
    """A quotient, and another value where there is none."""
    return torch.where(below == 0.0, otherwise, above / below)
