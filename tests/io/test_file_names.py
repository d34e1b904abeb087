"""Names of files to be made: an ending that promises another format is refused."""

import pytest

from tiled_sim.errors import UsageError
from tiled_sim.io.file_names import require_ending


@pytest.mark.parametrize(
    ("own", "path"),
    [
        *(("zarr", path) for path in ("x.zarr", "x", "run.2", "a.h5/run", "x.ZARR")),
        *(("SMV", path) for path in ("x.img", "x.IMG", "x", "x.001", "x.smv")),
        *(("raw numbers", path) for path in ("x.bin", "Fdump", "x.float")),
        ("PGM", "x.pgm"),
    ],
)
def test_a_name_of_its_own_format_or_of_none_is_all_right(own, path):
    require_ending("-x", path, own)


@pytest.mark.parametrize(
    ("own", "path", "words"),
    [
        (
            "zarr",
            "x.h5",
            "a run x.h5 would be zarr, and the name says HDF5, .*--to nxmx.*Name it x.zarr",
        ),
        ("zarr", "a/x.cbf", "says CBF, .*fabio. Name it a/x.zarr"),
        ("zarr", "x.img", "says SMV, which is what -intfile and -noisefile make"),
        ("zarr", "x.bin", "says raw numbers, which are what -floatfile makes"),
        ("zarr", "x.PNG", "says a picture, which is what `tiled-sim view"),
        ("SMV", "x.cbf", "Name it x.img"),
        ("SMV", "x.NXS", "says HDF5"),
        ("raw numbers", "x.tif", "says TIFF"),
        ("raw numbers", "x.img", "says SMV"),
        ("PGM", "x.png", "says a picture"),
        ("SMV", "x.img.gz", "says an archive"),
    ],
)
def test_a_name_of_another_format_is_refused_with_the_way_to_it(own, path, words):
    with pytest.raises(UsageError, match=words):
        require_ending("a run", path, own)
