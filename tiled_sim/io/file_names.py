"""What the ending of a file's name promises, and where such a file can be had."""

from pathlib import Path

from tiled_sim.errors import UsageError

_IN_PYTHON = (
    'is not written yet: read the run in Python, xarray.open_zarr("RUN.zarr/0").image, and write '
    "it by {}"
)
_BY_FABIO = _IN_PYTHON.format("fabio")
#: Formats: their endings, and how a file of them can be had.
_FORMATS = {
    "zarr": ((".zarr",), "is what --out makes"),
    "raw numbers": ((".bin", ".raw"), "are what -floatfile makes"),
    "SMV": ((".img", ".smv"), "is what -intfile and -noisefile make"),
    "PGM": ((".pgm",), "is what -pgmfile makes"),
    "a picture": ((".png", ".jpg", ".jpeg"), "is what `tiled-sim view RUN.zarr --out` makes"),
    "CBF": ((".cbf",), _BY_FABIO),
    "TIFF": ((".tif", ".tiff"), _BY_FABIO),
    "EDF": ((".edf",), _BY_FABIO),
    "MarCCD": ((".mccd", ".marccd"), _BY_FABIO),
    "HDF5": (
        (".h5", ".hdf5", ".hdf", ".nxs", ".nx", ".cxi"),
        "is what `tiled-sim export RUN.zarr --to nxmx --out` makes",
    ),
    "npz or npy": ((".npz", ".npy"), _IN_PYTHON.format("numpy.savez")),
    "an HKL list": ((".hkl",), "is what `tiled-sim sf MODEL --out` makes"),
    "MTZ": ((".mtz",), "is what `tiled-sim sf MODEL --out` makes"),
    "an archive": ((".gz", ".bz2", ".zip", ".tar"), "can be made of it afterwards"),
}
_BY_ENDING = {ending: name for name, (endings, _) in _FORMATS.items() for ending in endings}


def require_ending(what: str, path: str | Path, own: str) -> None:
    """Make sure that the name of a file to be made does not end as another format's.

    Parameters
    ----------
    what : asks for the file
    path : of it
    own : the format in which it will be; endings of no format are all right

    Raises
    ------
    UsageError
        if the name promises another format; tells where that is to be had
    """
    name = Path(path)
    promised = _BY_ENDING.get(name.suffix.lower(), own)
    if promised != own:
        raise UsageError(
            f"{what} {path} would be {own}, and the name says {promised}, which "
            f"{_FORMATS[promised][1]}. Name it {name.with_suffix(_FORMATS[own][0][0])}"
        )
