"""A run: its experiment, image, sidecars and state, read from its store."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tiled_sim.errors import ExperimentError, StoreError
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.grid import Tile
from tiled_sim.model.inputs import Inputs
from tiled_sim.plan.plan import Plan
from tiled_sim.run.difference import first_difference
from tiled_sim.run.status import Status, status_of
from tiled_sim.store.run_files import RunFiles
from tiled_sim.store.run_store import FORMAT, NOT_COUNTED, RunStore
from tiled_sim.store.schema import check_of
from tiled_sim.store.sidecar import SidecarError, counts_digest, image_digest

if TYPE_CHECKING:
    import xarray as xr

    from tiled_sim.simulation.simulator import Simulator

_AGAIN = "submit the run again to another --out"
_HASH = {"type": "string", "pattern": "^[0-9a-f]{8,64}$"}
_NO_HASH = {"type": "null"}
_NUMBER = {"type": "number"}
#: What no hash guards of the attributes of a run, as far as it is read again.
_UNGUARDED = check_of(
    {
        "type": "object",
        "required": ["run_id", "experiment", "structure_factors", "plan", "hashes"],
        "properties": {
            "run_id": {"type": "string"},
            "experiment": {"type": "object"},
            "plan": {"type": "object"},
            "hashes": {
                "type": "object",
                "required": ["experiment", "structure_factors", "mask", "background", "plan"],
                "properties": {"experiment": _HASH, "plan": _HASH},
                "additionalProperties": {"anyOf": [_HASH, _NO_HASH]},
            },
            "structure_factors": {
                "type": ["object", "null"],
                "required": [
                    *("path", "format", "size", "sha256", "count", "negative"),
                    *("notes", "minimum", "maximum", "coverage"),
                ],
                "properties": {
                    "path": {"type": "string"},
                    "format": {"type": "string"},
                    "sha256": {"type": "string"},
                    **dict.fromkeys(("size", "count", "negative"), _NUMBER),
                    "notes": {"type": "array", "items": {"type": "string"}},
                    "minimum": {"type": "array", "items": _NUMBER, "minItems": 3, "maxItems": 3},
                    "maximum": {"type": "array", "items": _NUMBER, "minItems": 3, "maxItems": 3},
                    "coverage": {
                        "type": "object",
                        "required": ["fraction", "reflections", "missing", "in_range"],
                        "additionalProperties": {"type": ["number", "null"]},
                    },
                },
            },
        },
    }
)


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
        fault = _UNGUARDED(attributes)
        if fault:
            raise StoreError(_spoilt(path, f"tiled_sim{fault}"))
        self.run_id: str = attributes["run_id"]
        self.hashes: dict[str, str | None] = attributes["hashes"]
        try:
            self.experiment = self.store.read_experiment()
            self.plan = Plan.from_dict(attributes["plan"])
        except Exception as error:  # they may hold anything, if they were edited
            raise StoreError(_spoilt(path, f"they lack or spoil {error}")) from error
        if attributes["format"] != FORMAT:
            return  # its hashes are those of documents that are spelt otherwise
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
    def image(self) -> "xr.DataArray":
        """The image, lazily: float32 (frame, panel, slow, fast) [photons], coordinates in mm.

        NaN where nothing has been computed yet.
        """
        return self._level_0("image")

    @property
    def counts(self) -> "xr.DataArray":
        """The counts, lazily: (frame, panel, slow, fast) [ADU], coordinates in mm.

        int32 of a run whose tiles are all done; else float64, NaN where nothing was computed yet.

        Raises
        ------
        StoreError
            if the run was made without noise
        """
        self.store.require_counts()
        counts = self._level_0("counts")
        if self.status().complete:
            return counts
        return counts.where(counts != NOT_COUNTED)

    @property
    def mask(self) -> "xr.DataArray":
        """The mask, lazily: uint8 (panel, slow, fast), 0 = live."""
        return self._level_0("mask")

    def _level_0(self, name: str) -> "xr.DataArray":
        import xarray as xr  # takes a while, and `status` needs no image

        files = RunFiles(self.path / "0", read_only=True)
        return xr.open_zarr(files, consolidated=True, mask_and_scale=False)[name]

    def sidecar(self, tile: Tile) -> dict[str, Any] | None:
        """The valid sidecar of a tile of this run, or None if the tile must be computed.

        Raises
        ------
        StoreError
            if something stands in its place that cannot be read, nor replaced
        """
        try:
            found = self.store.read_sidecar(self.plan.id_of(tile))
        except SidecarError:
            return None
        if found is None or found["hashes"] != self.hashes or found["run_id"] != self.run_id:
            return None
        ranges = [found["tile"][name] for name in ("frames", "panels", "slow", "fast")]
        if ranges != [list(part) for part in tile.ranges]:
            return None
        has_noise = self.experiment.noise is not None
        return found if (found["counts"] is not None) == has_noise else None

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
        """How far the run is, from the store alone. Raises as `status_of`."""
        return status_of(self)

    def faults(self) -> Iterator[str]:
        """What is wrong with the run: tiles missing, digests that differ, NaN, strangers."""
        expected = set()
        for tile in self.plan:
            expected.add(self.plan.id_of(tile))
            yield from (f"{self.plan.id_of(tile)}: {fault}" for fault in self._faults_of(tile))
        for found in self.store.sidecar_ids():
            if found not in expected:
                yield f"{found}: a sidecar of no tile of this run"

    def _faults_of(self, tile: Tile) -> Iterator[str]:
        found = self.sidecar(tile)
        if found is None:
            yield "not computed, or its sidecar is damaged"
            return
        try:
            image = self.store.read_part(tile)
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
            counts = self.store.read_counts_part(tile)
        except (OSError, ValueError, RuntimeError) as error:  # zarr and zstd, of damage
            yield f"the counts cannot be read: {error}"
            return
        if counts_digest(counts) != digest:
            yield "the counts are not those that were committed (SHA-256)"

    def simulator(self, device: str, plan: Plan | None = None) -> "Simulator":
        """What computes its tiles, with the inputs of its store.

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
        # torch takes seconds to import, and `status` needs none
        from tiled_sim.kernels.devices import device_of, resolve_device
        from tiled_sim.simulation.simulator import Simulator

        plan = self.plan if plan is None else plan
        where = resolve_device(device_of(plan.settings, device))
        return Simulator(self.experiment, self.inputs(), plan, where)

    def inputs(self) -> Inputs:
        """What the run was made with, from its store, and no more and no less.

        Raises
        ------
        StoreError
            if they cannot be read, or are not those that the run was made with
        """
        try:
            inputs = self.store.read_inputs()
            found = inputs.hashes
        except (OSError, ValueError, RuntimeError) as error:  # zarr and zstd, of damage
            raise StoreError(
                f"{self.path}: an input that is kept in the store cannot be read ({error}); "
                f"{_AGAIN}"
            ) from error
        for name, value in found.items():
            if value != self.hashes.get(name):
                raise StoreError(
                    f"{self.path}: the {name.replace('_', ' ')} in the store has SHA-256 {value}, "
                    f"the run was made with {self.hashes.get(name)}; {_AGAIN}"
                )
        return inputs


def _spoilt(path: str | Path, how: str) -> str:
    return (
        f"{path}: the attributes in its zarr.json are not those of a run: {how}; it was made by "
        "another version, or edited"
    )


def open_run(path: str | Path) -> Run:
    """Open a run to read.

    Raises
    ------
    StoreError
        if there is no run at the path, or it is damaged
    """
    return Run(path)
