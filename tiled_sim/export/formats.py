"""The formats that a run can be exported to."""

import difflib
import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tiled_sim.errors import EXTRAS, MissingExtraError, UsageError

if TYPE_CHECKING:
    from tiled_sim.export.output import Output
    from tiled_sim.export.selection import Selection


class Writer(Protocol):
    """What writes a format: the function ``write`` of its module."""

    def __call__(
        self, selection: "Selection", output: "Output", advance: Callable[[int], None]
    ) -> tuple[str, ...]:
        """Write all of a selection; notes for the user.

        What the format cannot say is refused before `Output.begin`, with one that can.

        Parameters
        ----------
        selection : of which every tile is done
        output : makes the files; ``begin`` first, ``finish`` last
        advance : to be called with a number of images, one a frame and panel, as they are done
        """


@dataclass(frozen=True, slots=True)
class Format:
    """What is known of a format without importing what writes it.

    Parameters
    ----------
    description : for people, in a line
    module : in this folder; its function ``write`` is a `Writer`
    endings : of files of it; the first is the one they get
    file_a_frame : one file a frame, in a folder; False: one file or folder of all
    whole : holds whole numbers alone, so that expected photons are rounded
    geometry : holds no values, so that nothing needs to be computed
    extra : one of `EXTRAS` that it needs; None: nothing
    by_frame : in what frames may differ: columns of `tiled_sim.model.exposures.Listed`; None: in
        anything, for it says none of it
    """

    description: str
    module: str
    endings: tuple[str, ...]
    file_a_frame: bool = False
    whole: bool = False
    geometry: bool = False
    extra: str | None = None
    by_frame: frozenset[str] | None = frozenset()

    def names(self, path: Path) -> bool:
        """Whether a path ends as files of it do."""
        return path.suffix.lower() in map(str.lower, self.endings)

    def writer(self) -> Writer:
        """What writes it.

        Raises
        ------
        UsageError
            a package that it needs is not installed
        """
        if self.extra is not None:
            packages, _ = EXTRAS[self.extra]
            if any(importlib.util.find_spec(package) is None for package in packages):
                raise MissingExtraError(self.extra)
        module = importlib.import_module(f"tiled_sim.export.{self.module}")
        writer: Writer = module.write
        return writer


FORMATS = {
    "nxmx": Format(
        "NeXus' NXmx: a master with the geometry, and HDF5 files of the images",
        "nxmx",
        (".nxs", ".h5"),
        extra="hdf5",
        by_frame=frozenset({"wavelength", "spectrum"}),
    ),
    "cbf": Format(
        "miniCBF, a file a frame, of one flat panel across the beam",
        "cbf",
        (".cbf",),
        file_a_frame=True,
        whole=True,
        extra="cbf",
    ),
    "smv": Format(
        "SMV of 16 bits, a file a frame, of one flat panel across the beam, pixels square",
        "smv_frames",
        (".img",),
        file_a_frame=True,
        whole=True,
    ),
    "edf": Format("EDF, a file a frame, of one panel", "edf", (".edf",), file_a_frame=True),
    "tiff": Format(
        "TIFF, a file a frame, of one panel",
        "tiff",
        (".tif", ".tiff"),
        file_a_frame=True,
        by_frame=None,
    ),
    "png": Format(
        "pictures, a file a frame, as `tiled-sim view` draws them",
        "png",
        (".png",),
        file_a_frame=True,
        extra="view",
        by_frame=None,
    ),
    "npy": Format("numpy's array (frame, panel, slow, fast)", "npy", (".npy",), by_frame=None),
    "ome-zarr": Format(
        "OME-Zarr 0.5 of the assembled detector, axes t, c, y, x",
        "ome_zarr",
        (".zarr",),
        by_frame=None,
    ),
    "expt": Format(
        "DIALS' experiment list: detector, beam, axis, scan and crystal, without images",
        "dials_experiments",
        (".expt",),
        geometry=True,
        by_frame=frozenset({"wavelength", "spectrum", "beam_direction", "detector_shift"}),
    ),
    "shots": Format(
        "what each frame was, a row each: A, fluence, wavelength …; Parquet or CSV",
        "shots",
        (".parquet", ".csv"),
        geometry=True,
        by_frame=None,
    ),
    "spots": Format(
        "reflections on the detector, a row each: h k l, panel, place, photons; Parquet or CSV",
        "spots",
        (".parquet", ".csv"),
        by_frame=None,
    ),
    "geom": Format(
        "CrystFEL's geometry, without images", "crystfel_geometry", (".geom",), geometry=True
    ),
    "xds": Format("XDS.INP, without images", "xds_input", (".INP",), geometry=True),
    "poni": Format(
        "pyFAI's geometry of one flat panel, without images", "poni", (".poni",), geometry=True
    ),
}


def format_of(name: str) -> Format:
    """The format of a name.

    Raises
    ------
    UsageError
        there is none, with those there are
    """
    if name not in FORMATS:
        nearest = difflib.get_close_matches(name.lower(), FORMATS, n=1)
        hint = f"did you mean {nearest[0]}? " if nearest else ""
        raise UsageError(f"--to {name!r}: {hint}The formats are {', '.join(FORMATS)}")
    return FORMATS[name]
