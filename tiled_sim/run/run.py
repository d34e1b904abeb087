"""A run: its experiment, image, sidecars and state, read from its store."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from tiled_sim.errors import ExperimentError, StoreError
from tiled_sim.kernels.devices import device_of, resolve_device
from tiled_sim.kernels.reference import Lookups
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.grid import Tile
from tiled_sim.plan.plan import TilePlan
from tiled_sim.simulation.simulator import Simulator
from tiled_sim.store.control import Control, Driver, Failure
from tiled_sim.store.run_store import RunStore, tile_id
from tiled_sim.store.sidecar import SidecarError, counts_digest, image_digest


def id_of(tile: Tile) -> str:
    """Name of a tile in the store, ``f00000/p000/r0003c0007``."""
    return tile_id(tile.frame, tile.panel, tile.row, tile.column)


@dataclass(slots=True)
class Counted:
    """What the pixels of a run have counted so far.

    Parameters
    ----------
    total : sum [ADU]
    peak : largest [ADU]
    overloads : pixels at the saturation
    negative : pixels below 0
    """

    total: int = 0
    peak: int = 0
    overloads: int = 0
    negative: int = 0

    def add(self, found: dict[str, Any]) -> None:
        """Add what the sidecar of a tile says of its counts."""
        self.total += found["sum"]
        self.peak = max(self.peak, found["max"])
        self.overloads += found["overloads"]
        self.negative += found["negative"]


@dataclass(slots=True)
class Status:
    """How far a run is, from its sidecars alone.

    Parameters
    ----------
    tiles, done : number of tiles, and of those committed
    evaluations : done
    kernel_seconds : summed over tiles [s]
    total : sum of the image so far [photons]
    peak, peak_at : brightest pixel [photons] and its (frame, panel, slow, fast)
    nan : pixels that are not a number
    lookups : of structure factors
    missing : ids of the first tiles not done
    failed : tiles not done that were given up
    driver : who hands out the tiles, or did last; None if nobody has
    counted : with noise; None without
    """

    tiles: int
    done: int = 0
    evaluations: int = 0
    kernel_seconds: float = 0.0
    total: float = 0.0
    peak: float = 0.0
    peak_at: tuple[int, int, int, int] | None = None
    nan: int = 0
    lookups: Lookups = field(default_factory=Lookups)
    missing: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    driver: Driver | None = None
    counted: Counted | None = None

    @property
    def complete(self) -> bool:
        """Whether every tile is done."""
        return self.done == self.tiles

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


class Run:
    """A run on disk.

    Parameters
    ----------
    path : of the store

    Raises
    ------
    StoreError
        if there is no run, or it is damaged
    """

    def __init__(self, path: str | Path) -> None:
        self.store = RunStore.open(path)
        self.path = self.store.path
        attributes = self.store.attributes
        try:
            self.experiment = Experiment.from_dict(
                attributes["experiment"], self.store.read_arrays()
            )
            self.plan = TilePlan.from_dict(attributes["plan"])
            self.hashes: dict[str, str | None] = attributes["hashes"]
            self.run_id: str = attributes["run_id"]
        except ExperimentError as error:
            raise StoreError(
                f"{path}: the experiment that it holds cannot be: {error}; submit the run again to "
                "another --out"
            ) from error
        except (KeyError, TypeError) as error:
            raise StoreError(
                f"{path}: its attributes lack or spoil {error}; the run was made by another "
                "version, or its zarr.json was edited"
            ) from error
        for name, found in (("experiment", self.experiment.sha256), ("plan", self.plan.sha256)):
            if found != self.hashes.get(name):
                raise StoreError(
                    f"{path}: the {name} in its zarr.json is not the one the run was made with "
                    f"(SHA-256 {found}, not {self.hashes.get(name)})"
                )

    @property
    def attributes(self) -> dict[str, Any]:
        """What the store says of the run: experiment, provenance of F, plan, versions."""
        return self.store.attributes

    @property
    def image(self) -> xr.DataArray:
        """The image, lazily: float32 (frame, panel, slow, fast) [photons], coordinates in mm.

        NaN where nothing has been computed yet.
        """
        return xr.open_zarr(self.path / "0", consolidated=True)["image"]

    @property
    def counts(self) -> xr.DataArray:
        """The counts, lazily: int32 (frame, panel, slow, fast) [ADU], coordinates in mm.

        -2147483648 where nothing has been computed yet.

        Raises
        ------
        StoreError
            if the run was made without noise
        """
        self.store.require_counts()
        return xr.open_zarr(self.path / "0", consolidated=True, mask_and_scale=False)["counts"]

    @property
    def mask(self) -> xr.DataArray:
        """The mask, lazily: uint8 (panel, slow, fast), 0 = live."""
        return xr.open_zarr(self.path / "0", consolidated=True, mask_and_scale=False)["mask"]

    def sidecar(self, tile: Tile) -> dict[str, Any] | None:
        """The valid sidecar of a tile of this run, or None if the tile must be computed."""
        try:
            found = self.store.read_sidecar(id_of(tile))
        except SidecarError:
            return None
        if found is None or found["hashes"] != self.hashes:
            return None
        return found

    @property
    def sidecars(self) -> Iterator[dict[str, Any]]:
        """Valid sidecars, in the order of the plan."""
        return (found for tile in self.plan if (found := self.sidecar(tile)) is not None)

    def require_same(self, experiment: Experiment) -> None:
        """Make sure that this is a run of an experiment.

        Raises
        ------
        ExperimentError
            naming the first field that differs
        """
        if experiment.sha256 == self.experiment.sha256:
            return
        field, here, there = first_difference(experiment.to_dict(), self.experiment.to_dict())
        raise ExperimentError(
            f"{self.path} is a run of another experiment: its {field} is {there!r}, not {here!r}. "
            "Submit this one to another --out, or resume the run as it is"
        )

    def missing(self) -> Iterator[Tile]:
        """Tiles without a valid sidecar, in the order of the plan."""
        return (tile for tile in self.plan if self.sidecar(tile) is None)

    def status(self) -> Status:
        """How far the run is, from the store alone."""
        control = Control(self.path)
        given_up = {failure.tile: failure for failure in control.failures()}
        status = Status(len(self.plan), driver=control.driver())
        status.counted = None if self.experiment.noise is None else Counted()
        sums = []
        for tile in self.plan:
            found = self.sidecar(tile)
            if found is None:
                if len(status.missing) < 10:
                    status.missing.append(id_of(tile))
                if id_of(tile) in given_up:
                    status.failed.append(given_up[id_of(tile)])
                continue
            status.done += 1
            status.evaluations += found["evaluations"]["done"]
            status.kernel_seconds += found["time"]["seconds"]["kernel"]
            status.nan += found["image"]["nan"]
            sums.append(found["image"]["sum"])
            if status.counted is not None:
                status.counted.add(found["counts"])
            counts = found["structure_factor_lookups"]
            status.lookups.add(Lookups(**{k: v for k, v in counts.items() if k != "counted"}))
            if found["image"]["max"] > status.peak:
                status.peak = found["image"]["max"]
                slow, fast = found["image"]["max_at"]
                status.peak_at = (tile.frame, tile.panel, slow, fast)
        status.total = math.fsum(sums)
        return status

    def faults(self) -> Iterator[str]:
        """What is wrong with the run: tiles missing, digests that differ, NaN, strangers."""
        expected = set()
        for tile in self.plan:
            expected.add(id_of(tile))
            yield from (f"{id_of(tile)}: {fault}" for fault in self._faults_of(tile))
        for found in self.store.sidecar_ids():
            if found not in expected:
                yield f"{found}: a sidecar of no tile of this run"

    def _faults_of(self, tile: Tile) -> Iterator[str]:
        found = self.sidecar(tile)
        if found is None:
            yield "not computed, or its sidecar is damaged"
            return
        try:
            image = self.store.read_tile(
                tile.frame, tile.panel, slice(*tile.slow), slice(*tile.fast)
            )
        except (OSError, ValueError, RuntimeError) as error:  # zarr and zstd, of damage
            yield f"the image cannot be read: {error}"
            return
        if image_digest(image) != found["image"]["sha256"]:
            yield "the image is not the one that was committed (SHA-256)"
        if np.isnan(image).any():
            yield f"{int(np.isnan(image).sum())} pixels are NaN"
        if found["counts"] is not None:
            yield from self._faults_of_counts(tile, found["counts"]["sha256"])

    def _faults_of_counts(self, tile: Tile, digest: str) -> Iterator[str]:
        try:
            counts = self.store.read_counts(
                tile.frame, tile.panel, slice(*tile.slow), slice(*tile.fast)
            )
        except (OSError, ValueError, RuntimeError) as error:  # zarr and zstd, of damage
            yield f"the counts cannot be read: {error}"
            return
        if counts_digest(counts) != digest:
            yield "the counts are not those that were committed (SHA-256)"

    def simulator(self, device: str, plan: TilePlan | None = None) -> Simulator:
        """What computes its tiles, with the structure factors of its store.

        Parameters
        ----------
        device : name of the torch device
        plan : of other tiles; None: its own

        Raises
        ------
        StoreError
            if they cannot be read, or are not those that the run was made with
        UsageError
            for a device that is not there
        """
        try:
            structure_factors = self.store.read_structure_factors()
            amorphous = self.store.read_amorphous()
        except (OSError, ValueError, RuntimeError) as error:  # zarr and zstd, of damage
            raise StoreError(
                f"{self.path}: the structure factors or the table of the background in the store "
                f"cannot be read ({error}); submit "
                "the run again to another --out"
            ) from error
        found = None if structure_factors is None else structure_factors.sha256
        if found != self.hashes["structure_factors"]:
            raise StoreError(
                f"{self.path}: the structure factors in the store have SHA-256 {found}, the run "
                f"was made with {self.hashes['structure_factors']}"
            )
        plan = self.plan if plan is None else plan
        where = resolve_device(device_of(plan.choice, device))
        return Simulator(self.experiment, structure_factors, plan, where, amorphous)


def first_difference(here: Any, there: Any, name: str = "experiment") -> tuple[str, Any, Any]:
    """Name and both values of the first field in which two documents differ.

    Parameters
    ----------
    here, there : plain JSON values that are not equal
    name : of both
    """
    if isinstance(here, dict) and isinstance(there, dict):
        for key in [*here, *(key for key in there if key not in here)]:
            if here.get(key) != there.get(key):
                return first_difference(here.get(key), there.get(key), f"{name}.{key}")
    if isinstance(here, list) and isinstance(there, list) and len(here) == len(there):
        for number, (one, other) in enumerate(zip(here, there, strict=True)):
            if one != other:
                return first_difference(one, other, f"{name}[{number}]")
    return name.removeprefix("experiment."), here, there


def open_run(path: str | Path) -> Run:
    """Open a run to read.

    Raises
    ------
    StoreError
        if there is no run at the path, or it is damaged
    """
    return Run(path)
