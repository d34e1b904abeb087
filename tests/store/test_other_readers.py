"""Readers that no test brings with it; each is tried where it is installed.

docs/store.md says how. What all of them must read are the values that numpy has.
"""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from support.panels import panels_run
from support.small_camera import exported
from support.stores import counts_of, create, pixels, sidecar_of
from tiled_sim.model.inputs import Inputs
from tiled_sim.model.mask import Mask
from tiled_sim.store.run_store import NOT_COUNTED

#: Two chunks a side in a shard, shards of two panels, some of them cut at the edge.
SHAPE, TILE = (2, 2, 400, 500), (1, 2, 384, 384)
READ_BY_ZARRITA = Path(__file__).parents[1] / "support" / "read_by_zarrita.mjs"
#: Where ``npm install zarrita`` was typed.
ZARRITA = Path(os.environ.get("ZARRITA", Path(__file__).parents[2]))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Path of a run that is under way, its photons and its counts."""
    store = create(
        tmp_path_factory.mktemp("run") / "run.zarr",
        SHAPE,
        TILE,
        noise=True,
        inputs=Inputs(Mask.live(SHAPE[1:])),
    )
    image = np.full(SHAPE, np.nan, np.float32)
    counts = np.full(SHAPE, NOT_COUNTED, np.int32)
    for tile in store.grid:
        if tile.index != 3:
            image[tile.region] = pixels(tile, tile.index)
            counts[tile.region] = counts_of(tile)
            store.write_tile(tile, image[tile.region])
            store.write_counts(tile, counts[tile.region])
            store.write_sidecar(sidecar_of(store.grid.id_of(tile)))
    store.finish()
    return store.path, image, counts


@pytest.fixture(scope="module")
def zarrita():
    """Reads an array of a hierarchy by zarrita.js, as numpy's."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    # node looks for packages from where the program is: it is given one without a place
    program = [node, "--input-type=module", "--eval"]
    asked = subprocess.run([*program, "import 'zarrita'"], cwd=ZARRITA, capture_output=True)
    if asked.returncode:
        pytest.skip(f"node finds no zarrita in {ZARRITA}")

    def read(root, array, dtype):
        done = subprocess.run(
            [*program, READ_BY_ZARRITA.read_text(), str(root), array],
            cwd=ZARRITA,
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr.decode()
        shape, values = done.stdout.split(b"\n", 1)
        return np.frombuffer(values, dtype).reshape([int(size) for size in shape.split()])

    return read


def test_zarrita_reads_the_photons_of_a_run(run, zarrita):
    path, image, _ = run
    np.testing.assert_array_equal(zarrita(path, "0/image", "<f4"), image)


def test_zarrita_reads_the_counts_of_a_run(run, zarrita):
    path, _, counts = run
    np.testing.assert_array_equal(zarrita(path, "0/counts", "<i4"), counts)


def test_tensorstore_reads_a_run(run):
    tensorstore = pytest.importorskip("tensorstore")
    path, image, counts = run
    for name, due in (("image", image), ("counts", counts)):
        place = {"driver": "file", "path": f"{path}/0/{name}"}
        found = tensorstore.open({"driver": "zarr3", "kvstore": place}).result()
        assert found.domain.labels == ("frame", "panel", "slow", "fast")
        np.testing.assert_array_equal(found.read().result(), due)


def test_ome_zarr_py_reads_a_run(run):
    reader = pytest.importorskip("ome_zarr.reader")
    from ome_zarr.io import parse_url

    path, image, _ = run
    (node,) = reader.Reader(parse_url(str(path)))()
    assert [axis["name"] for axis in node.metadata["axes"]] == ["frame", "panel", "slow", "fast"]
    np.testing.assert_array_equal(np.asarray(node.data[0]), image)


def test_napari_reads_a_run(run):
    napari = pytest.importorskip("napari_ome_zarr")
    path, image, _ = run
    ((levels, shown, *_),) = napari.napari_get_reader(str(path))(str(path))
    assert shown["channel_axis"] == 1
    np.testing.assert_array_equal(np.asarray(levels[0]), image)


def test_yaozarrs_reads_a_run(run):
    yaozarrs = pytest.importorskip("yaozarrs")
    path, _, _ = run
    (image,) = yaozarrs.open_group(str(path)).ome_metadata().multiscales
    assert [axis.name for axis in image.axes] == ["frame", "panel", "slow", "fast"]


def test_ngff_zarr_reads_a_run_and_validates_an_export(run, tmp_path):
    ngff_zarr = pytest.importorskip("ngff_zarr")
    path, image, _ = run
    found = ngff_zarr.from_ngff_zarr(str(path))
    np.testing.assert_array_equal(np.asarray(found.images[0].data), image)
    panels = panels_run(tmp_path / "panels.zarr")
    export = exported(panels, tmp_path / "a.zarr", "ome-zarr")
    found = ngff_zarr.from_ngff_zarr(str(export), validate=True)
    due = panels.assembled(counts=True).values
    np.testing.assert_array_equal(np.asarray(found.images[0].data)[:, 0], due)


def test_bioio_reads_an_export(tmp_path):
    bioio = pytest.importorskip("bioio_ome_zarr")
    panels = panels_run(tmp_path / "panels.zarr")
    export = exported(panels, tmp_path / "a.zarr", "ome-zarr")
    found = bioio.Reader(str(export))
    due = panels.assembled(counts=True).values
    np.testing.assert_array_equal(found.get_image_data("TYX", C=0), due)
