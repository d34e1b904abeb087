"""The server tells what the run holds, to those who may ask."""

import urllib.error
import urllib.parse

import pytest

from support.viewing import answer, computed_run, document, served
from tiled_sim.errors import UsageError
from tiled_sim.run.copying import copy_run
from tiled_sim.run.run import Run
from tiled_sim.viewer.comparing import require_alike
from tiled_sim.viewer.encoding import encode
from tiled_sim.viewer.mosaic import Mosaic, Place
from tiled_sim.viewer.spots import Spots


@pytest.fixture(scope="module")
def address(panels):
    with served(panels) as url:
        yield url


def refusal(url, **headers):
    with pytest.raises(urllib.error.HTTPError) as refused:
        answer(url, **headers)
    return refused.value.code


def test_only_who_knows_the_token_is_answered(address):
    parts = urllib.parse.urlsplit(address)
    root = f"{parts.scheme}://{parts.netloc}"
    assert b"<main>" in answer(address)[0]
    assert refusal(f"{root}/") == 404
    assert refusal(f"{root}/data/start.json") == 404


@pytest.mark.parametrize("name", ["example.org", "127.0.0.1.example.org:80", "0.0.0.0"])
def test_who_asks_by_another_name_is_refused(address, name):
    assert refusal(address, Host=name) == 403


@pytest.mark.parametrize("name", ["localhost:1234", "127.0.0.1", "localhost"])
def test_the_names_of_this_machine_may_have_any_port(address, name):
    assert b"<main>" in answer(address, Host=name)[0]


@pytest.mark.parametrize(
    "path", ["../server.py", "js/../../server.py", "nothing.js", "data/1/run.json", "js/"]
)
def test_nothing_but_the_page_is_handed_out(address, path):
    assert refusal(address + urllib.parse.quote(path, safe="/.")) == 404


def test_tiles_are_those_of_the_mosaic(address, panels):
    found, headers = answer(f"{address}data/0/tiles/counts/1/0/0/0")
    assert found == encode(Mosaic(panels).tile(Place("counts", 1, 0, 0, 0)))
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "tiles/image/2/0/0/0",
        "tiles/image/0/9/0/0",
        "frames/2.json",
        "sidecar.json?frame=0&panel=9&slow=0&fast=0",
        "spots.json?frame=2",
        "photons.json?frame=0&panels=0,5",
        "status.json?frame=7",
    ],
)
def test_what_is_not_there_is_not_found(address, path):
    assert refusal(f"{address}data/0/{path}") == 404


def test_a_sidecar_is_that_of_the_tile_that_holds_the_pixel(address, panels):
    told = document(f"{address}data/0/sidecar.json?frame=1&panel=2&slow=31&fast=39")
    assert told == panels.sidecar(panels.plan.grid.holding(1, 2, 31, 39))


def test_the_chain_of_a_pixel_ends_in_its_value(address, panels):
    told = document(f"{address}data/0/chain.json?frame=1&panel=2&slow=10&fast=20")
    (pixel,) = told["pixels"]
    stored = float(panels.store.read_tile(1, 2, slice(10, 11), slice(20, 21))[0, 0])
    assert pixel["values"]["floatimage_accumulated"] == pytest.approx(stored, rel=1e-6)


def test_a_masked_pixel_has_no_chain_and_it_is_said_why(address):
    with pytest.raises(urllib.error.HTTPError) as refused:
        document(f"{address}data/0/chain.json?frame=0&panel=0&slow=0&fast=0")
    assert refused.value.code == 409
    assert b"masked" in refused.value.read()


def test_spots_and_their_photons_are_told(address, panels):
    spots = Spots(panels, Mosaic(panels).pixels)
    assert document(f"{address}data/0/spots.json?frame=1") == spots.of_frame(1)
    told = document(f"{address}data/0/photons.json?frame=1&panels=3,1")
    assert told == spots.photons(1, [3, 1])
    assert len(told["spot"]) > 5


@pytest.mark.parametrize("word", ["1,", "one", "-1", "9" * 20])
def test_what_is_no_number_is_refused(address, word):
    assert refusal(f"{address}data/0/photons.json?frame=0&panels={word}") == 400


def test_how_far_a_run_is_follows_its_sidecars(still, tmp_path):
    run = computed_run(still(), tmp_path / "a.zarr", tiles=[0, 2], tile=(32, 32))
    with served(run) as url:
        told = document(f"{url}data/0/status.json?frame=0")
    assert told["frame"] == {"done": 2, "tiles": 9}


def test_runs_of_different_detectors_are_not_shown_beside_each_other(panels, wide):
    with pytest.raises(UsageError, match="numbers or sizes of panels"):
        require_alike(panels, wide)


def test_a_run_in_an_object_store_is_shown(panels, bucket):
    copy_run(panels, f"{bucket}/a.zarr")
    with served(Run(f"{bucket}/a.zarr")) as url:
        found, _ = answer(f"{url}data/0/tiles/image/1/0/0/0")
        assert found == encode(Mosaic(panels).tile(Place("image", 1, 0, 0, 0)))
        assert document(f"{url}data/0/spots.json?frame=1")["count"] > 5
