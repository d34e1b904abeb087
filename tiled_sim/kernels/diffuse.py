"""Diffuse scattering of the crystal: added to what any kernel sums of its reflections."""

import torch
from torch import Tensor

from tiled_sim.kernels.blocks import AT_A_TIME, Blocks, Pixels
from tiled_sim.kernels.kernel import Progress
from tiled_sim.kernels.lookups import Lookups
from tiled_sim.kernels.recorder import Recorder
from tiled_sim.kernels.scene import Scene
from tiled_sim.kernels.summation import PixelSum, ScatteringVectors, photons_by_panel
from tiled_sim.model.diffuse import Diffuse
from tiled_sim.model.settings import REFERENCE
from tiled_sim.physics import lattice
from tiled_sim.physics.diffuse import Halo, displaced, form_of_lengths, halo_volume
from tiled_sim.physics.kinds import FORBIDDEN
from tiled_sim.physics.lattice import Indices
from tiled_sim.physics.structure_factor import StructureFactorTable

#: By kind of device: so few that what is computed with stays in cache.
_BLOCKS_AT_A_TIME = {"cpu": AT_A_TIME[REFERENCE]}
#: A kind that is none.
_NOT_COUNTED = FORBIDDEN + 1


class DiffuseKernel:
    """Photons that a crystal scatters because its atoms are displaced.

    Of each subpixel, source, layer, phi step and domain, with all the factors that its reflections
    have; see `tiled_sim.physics.diffuse` for the intensity. F are those of nodes, whatever is
    interpolated.

    Parameters
    ----------
    scene : the frame
    diffuse : how far atoms move, and over what length together
    table : of structure factors; None: ``default_F`` everywhere
    default_F : [electron]
    device : where it runs
    """

    name = "diffuse"
    counts = True
    trace_error: float | None = None
    leaves_out = False
    skipped_bound = 0.0
    blocks_a_sample = 4
    #: As many as any other kernel takes: it is one beside another.
    blocks_at_a_time = 1 << 13

    def __init__(
        self,
        scene: Scene,
        diffuse: Diffuse,
        table: StructureFactorTable | None,
        default_F: float,
        device: torch.device,
    ) -> None:
        self.scene = scene
        self.table = table
        self._at_a_time = _BLOCKS_AT_A_TIME.get(device.type, AT_A_TIME[REFERENCE] * 16)
        self._pixel_sum = PixelSum(scene)
        self._reach = diffuse.reach
        self._default_F = default_F
        direct = scene.crystal.direct_vectors
        self._displacements = form_of_lengths(direct, diffuse.sigma)
        self._correlations = form_of_lengths(direct, diffuse.gamma)
        Na, Nb, Nc = scene.crystal.cells
        cells = float(Na) * float(Nb) * float(Nc)
        self._scale = halo_volume(diffuse.gamma) * cells / scene.crystal.volume

    def photons_of_blocks(
        self, blocks: Blocks, progress: Progress | None = None
    ) -> tuple[Tensor, Lookups]:
        """As `Kernel.photons_of_blocks`; its look-ups are none that are planned, nor told."""
        parts, lookups = [], Lookups()
        for some in blocks.split(self._at_a_time):
            part, met = photons_by_panel(some, self._photons)
            parts.append(part)
            lookups.add(met)
        return torch.cat(parts), lookups

    def trace(self, pixels: Pixels, recorder: Recorder) -> None:
        """As `Kernel.trace`, of one number."""
        recorder.record(diffuse=self._photons(pixels)[0])

    def _photons(self, pixels: Pixels) -> tuple[Tensor, Lookups]:
        return self._pixel_sum.photons(pixels, self._sum_of_steps)

    def _sum_of_steps(self, vectors: ScatteringVectors, lookups: Lookups) -> Tensor:
        """Sum over phi steps and domains of one subpixel and source [electron²]."""
        q = vectors.q
        total, weights = torch.zeros_like(q.x), self.scene.domain_weights
        for domains in self.scene.orientations:
            for number, orientation in enumerate(domains):
                a, b, c = orientation.tolist()
                index = lattice.indices(q.dot(a), q.dot(b), q.dot(c))
                B = self._displacements.at(index.h, index.k, index.l)
                halos = self._halos(index, vectors.counted, lookups, vectors.source)
                of_step = displaced(B) * halos
                total += of_step if weights is None else float(weights[number]) * of_step
        if vectors.seen is not None:
            total = torch.where(vectors.seen, total, 0.0)
        return self._scale * total

    def _halos(self, index: Indices, counted: Tensor, lookups: Lookups, source: int = 0) -> Tensor:
        """Sum over nodes of F² · Γ, but for the volume of Γ [electron²]; counts what it met."""
        halo = Halo(index, self._correlations)
        total = torch.zeros_like(index.h)
        if self.table is None:
            steps = range(-self._reach, self._reach + 1)
            for off in ((h, k, l) for h in steps for k in steps for l in steps):
                total += halo.at(off)
                lookups.out_of_range += int(counted.sum())
            return self._default_F**2 * total
        table = self.table.grids[self.scene.grid_of(source)]
        squares = table.squares(torch.float64)
        everything = bool(counted.all())
        met = torch.zeros(_NOT_COUNTED + 1, dtype=torch.int64, device=total.device)
        for off, nodes in table.neighbours(index, self._reach):
            total += squares.index_select(0, nodes) * halo.at(off)
            kind = table.kind_of(nodes)
            if not everything:
                kind = torch.where(counted, kind, _NOT_COUNTED)
            met += torch.bincount(kind, minlength=_NOT_COUNTED + 1)
        lookups.add(Lookups.of_kinds(met.tolist()))
        return total
