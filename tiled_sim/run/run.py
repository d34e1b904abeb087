"""A run: its experiment, image, sidecars and state, read from its store."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiled_sim.errors import ExperimentError, StoreError, UsageError
from tiled_sim.model.difference import first_difference
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.grid import Tile
from tiled_sim.model.inputs import Inputs
from tiled_sim.plan.plan import Plan
from tiled_sim.run.faults import faults_of_tiles
from tiled_sim.run.status import Status, status_of
from tiled_sim.store import files
from tiled_sim.store.growth import is_growing
from tiled_sim.store.place import RunURL
from tiled_sim.store.run_store import FORMAT, NOT_COUNTED, RunStore
from tiled_sim.store.schema import check_of
from tiled_sim.store.shards import DamagedPixelsError
from tiled_sim.store.sidecar import SidecarError

if TYPE_CHECKING:
    import matplotlib.axes
    import pandas
    import xarray as xr

    from tiled_sim.physics.structure_factor import StructureFactorTable
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
            "earlier": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["frames", "hashes"],
                    "properties": {"frames": {"type": "integer"}, "hashes": {"type": "object"}},
                },
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
    path : of the store, or its URL
    experiment : that it is probably of, whose frames, which may be many, are then not read and held
        once more; None: it is read

    Raises
    ------
    StoreError
        if there is no run, or it is damaged
    """

    def __init__(self, path: str | Path | RunURL, experiment: Experiment | None = None) -> None:
        self.store = RunStore.open(path)
        self.path = self.store.path
        attributes = self.store.attributes
        fault = _UNGUARDED(attributes)
        if fault:
            raise StoreError(_spoilt(path, f"tiled_sim{fault}"))
        self.run_id: str = attributes["run_id"]
        self.hashes: dict[str, str | None] = attributes["hashes"]
        try:
            if experiment is None or experiment.sha256 != self.hashes["experiment"]:
                experiment = self.store.read_experiment()
            self.experiment = experiment
            self.plan = Plan.from_dict(attributes["plan"])
        except StoreError as error:
            raise StoreError(f"{error}{self._lost()}") from error
        except Exception as error:  # they may hold anything, if they were edited
            if is_growing(self.store.objects):
                raise StoreError(
                    f"{path}: frames were being added to it when that was stopped; `tiled-sim "
                    f"resume {path}` finishes it"
                ) from error
            told = f"they lack or spoil {error}{self._lost()}"
            raise StoreError(_spoilt(path, told)) from error
        if attributes["format"] != FORMAT:
            return  # its hashes are those of documents that are spelt otherwise
        for name, found in (("experiment", self.experiment.sha256), ("plan", self.plan.sha256)):
            if found != self.hashes.get(name):
                raise StoreError(
                    f"{path}: the {name} in its zarr.json is not the one the run was made with "
                    f"(SHA-256 {found}, not {self.hashes.get(name)})"
                )

    def __repr__(self) -> str:
        frames, panels, slow, fast = self.plan.grid.shape
        image = f"{frames} x {panels} x {slow} x {fast} (frame x panel x slow x fast)"
        try:
            status = self.status()
        except StoreError:
            return f"<Run {self.path}: {image}; its state cannot be read>"
        return f"<Run {self.path}: {image}; {status.done} of {status.tiles} tiles are done>"

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
    def frames(self) -> "pandas.DataFrame":
        """What each frame was, a row each: `tiled_sim.run.frames.frames_table`.

        The column ``A`` holds rows a*, b*, c* [1/Å] at the frame's first step, in the run's lab.
        """
        from tiled_sim.run.frames import frames_table

        return frames_table(self.experiment)

    @property
    def mask(self) -> "xr.DataArray":
        """The mask, lazily: uint8 (panel, slow, fast), 0 = live."""
        return self._level_0("mask")

    def assembled(self, *, counts: bool = False) -> "xr.DataArray":
        """All panels of each frame as one picture, lazily: beam's eye view, looking downstream.

        Each panel is projected along the beam onto the plane across it. Dimensions are frame, y
        and x in the frame with z along the beam, y up and x left; y and x are coordinates in mm of
        the centres of the cells of a grid that is as fine as the smallest side of any pixel, from
        the upper left one on, so both decrease. ``attrs["axes"]`` has the directions of x, y and z
        in the run's lab frame. A cell has the value of the pixel that its centre lies on, which is
        copied and not interpolated, so that sums are not those of the image; NaN in gaps, at masked
        pixels, and where nothing has been computed yet. `tiled_sim.model.assembly.Assembly` says
        the rest.

        Parameters
        ----------
        counts : the counts in place of the expected photons

        Returns
        -------
        float32 (frame, y, x) [photon], or float64 [ADU] of the counts

        Raises
        ------
        StoreError
            if counts are asked for and the run was made without noise
        """
        from tiled_sim.run.assembled import assembled  # xarray takes a while to import

        return assembled(self.store, self.experiment, counts=counts)

    def spots(self, frame: int | None = None) -> "pandas.DataFrame":
        """The predicted reflections of a frame with their integrated intensities, a row each.

        Columns are ``frame``, ``panel``, of several crystals ``crystal``, ``h``, ``k``, ``l``,
        ``slow`` and ``fast`` of the centroid [pixel], and ``photons``: the pixels' own, shared out
        to the nodes of their steps as the steps share in the sum (docs/shots.md).

        Parameters
        ----------
        frame : which exposure; None: all

        Raises
        ------
        UsageError
            if there is no such frame
        TileError
            if tiles of it are not computed
        """
        from tiled_sim.export.spots import spots_table

        return spots_table(self, frame)

    def plot(
        self, frame: int | None = None, panel: int | None = None, *, counts: bool = False
    ) -> "matplotlib.axes.Axes":
        """Draw a frame in a new figure of pyplot, as `tiled-sim view` does; its axes.

        Parameters
        ----------
        frame : which exposure; None: the first that is done
        panel : the only panel to draw; None: all, as they are seen along the beam
        counts : the counts in place of the expected photons

        Raises
        ------
        UsageError
            if matplotlib is not installed, or the frame or panel does not exist
        StoreError
            if the image is damaged, or there are no counts
        """
        from tiled_sim.instruments.pictures import plot
        from tiled_sim.run.status import Progress, chosen_frame

        if frame is None:
            frame = chosen_frame(self, Progress.known(self).states)
        return plot(self, frame, panel, counts=counts)

    def _repr_html_(self) -> str:
        """What a notebook shows: parameters, how far it is, and a small picture."""
        from tiled_sim.report.notebook import run_html

        return run_html(self)

    def _level_0(self, name: str) -> "xr.DataArray":
        import xarray as xr  # takes a while, and `status` needs no image

        root = self.store.objects.arrays(read_only=True)
        return xr.open_zarr(root, group="0", consolidated=True, mask_and_scale=False)[name]

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
        if found is None or found["run_id"] != self.run_id:
            return None
        if not self._knows(found["hashes"], tile):
            return None
        ranges = [found["tile"][name] for name in ("frames", "panels", "slow", "fast")]
        if ranges != [list(part) for part in tile.ranges]:
            return None
        has_noise = self.experiment.noise is not None
        return found if (found["counts"] is not None) == has_noise else None

    def _knows(self, hashes: dict[str, str | None], tile: Tile) -> bool:
        """Whether they are the run's, or those that it had when a tile's frames were all it had."""
        return hashes == self.hashes or any(
            hashes == before["hashes"] and tile.frames[1] <= before["frames"]
            for before in self.attributes.get("earlier", ())
        )

    def committed(self, tile: Tile) -> dict[str, Any] | None:
        """The sidecar of a tile whose pixels are there, too; None if the tile must be computed.

        Raises
        ------
        StoreError
            if something stands in the place of a file that cannot be read, nor replaced
        """
        found = self.sidecar(tile)
        return None if found is None or any(self.store.faults_of_shards(tile)) else found

    @property
    def sidecars(self) -> Iterator[dict[str, Any]]:
        """Valid sidecars, in the order of the plan."""
        return (found for tile in self.plan if (found := self.sidecar(tile)) is not None)

    def sidecar_table(self) -> "pandas.DataFrame":
        """The same as a table: a row a sidecar, flat columns with the unit in their names.

        `tiled_sim.run.sidecar_table.COLUMNS` names them with their types. Lists within a sidecar,
        of traces and of what each frame was, stay there.
        """
        from tiled_sim.run.sidecar_table import sidecar_table

        return sidecar_table(self)

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

    def require_beside(self, path: Path, option: str) -> None:
        """Refuse to write among the files of the run.

        Parameters
        ----------
        path : of what is to be written
        option : that named it

        Raises
        ------
        UsageError
            it lies in the run
        """
        if isinstance(self.path, Path) and path.resolve().is_relative_to(self.path.resolve()):
            raise UsageError(
                f"{option} {path} is inside the run {self.path}: give a path beside it"
            )

    def missing(self) -> Iterator[Tile]:
        """Tiles that are not `committed`, in the order of the plan."""
        return (tile for tile in self.plan if self.committed(tile) is None)

    def status(self) -> Status:
        """How far the run is, from the store alone. Raises as `status_of`."""
        return status_of(self)

    def faults(self) -> Iterator[str]:
        """What is wrong with its tiles: missing, damaged, not as committed, NaN, strangers."""
        return (str(fault) for fault in faults_of_tiles(self))

    def simulator(
        self,
        device: str,
        plan: Plan | None = None,
        table: "StructureFactorTable | None" = None,
    ) -> "Simulator":
        """What computes its tiles, with the inputs of its store.

        Parameters
        ----------
        device : name of the torch device
        plan : of other tiles; None: its own
        table : of structure factors, if it is made already; None: it is made of the store's

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
        inputs = self.inputs(factors=table is None)
        return Simulator(self.experiment, inputs, plan, where, table=table)

    def inputs(self, *, factors: bool = True) -> Inputs:
        """What the run was made with, from its store, and no more and no less.

        Parameters
        ----------
        factors : with the structure factors

        Raises
        ------
        StoreError
            if they cannot be read, or are not those that the run was made with; naming the file
            that was lost, if one was
        """
        try:
            inputs = self.store.read_inputs(factors=factors)
            found = inputs.hashes
        except StoreError as error:
            raise StoreError(f"{error}{self._lost()}") from error
        except files.DAMAGE as error:
            if files.is_shortage(error):
                raise
            raise StoreError(
                f"{self.path}: an input that is kept in the store cannot be read ({error}); "
                f"{_AGAIN}{self._lost()}"
            ) from error
        for name, value in found.items():
            if (factors or name != "structure_factors") and value != self.hashes.get(name):
                raise StoreError(
                    f"{self.path}: the {name.replace('_', ' ')} in the store has SHA-256 {value}, "
                    f"the run was made with {self.hashes.get(name)}; {_AGAIN}{self._lost()}"
                )
        return inputs

    def _lost(self) -> str:
        """Which file of an input was lost, to end a sentence with; empty if none was."""
        try:
            lost = list(self.store.lost_files_of_inputs())
        except (StoreError, *files.DAMAGE):
            return ""
        others = f" and {len(lost) - 1} others" if len(lost) > 1 else ""
        return f". Lost: {lost[0]}{others}" if lost else ""

    def unreadable(self) -> Iterator[Tile]:
        """Tiles that are `committed`, but whose pixels cannot be decoded: every one is read."""
        for tile in self.plan:
            if self.committed(tile) is None:
                continue
            try:
                self.store.read_part(tile)
                if self.experiment.noise is not None:
                    self.store.read_counts_part(tile)
            except DamagedPixelsError:
                yield tile


def _spoilt(path: str | Path | RunURL, how: str) -> str:
    return (
        f"{path}: the attributes in its zarr.json are not those of a run: {how}; it was made by "
        "another version, or edited"
    )


def open_run(path: str | Path | RunURL) -> Run:
    """Open a run to read.

    Raises
    ------
    StoreError
        if there is no run at the path, or it is damaged
    """
    return Run(path)
