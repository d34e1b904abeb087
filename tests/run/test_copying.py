"""Copies of runs: between disks and a real object store, byte for byte."""

import boto3
import pytest

from support.object_server import KEY, SECRET
from support.stores import sidecar_of
from tiled_sim.cli.main import main
from tiled_sim.errors import StoreError
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.copying import copy_run
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run
from tiled_sim.store.control import Control
from tiled_sim.store.location import objects_of
from tiled_sim.store.place import place_of


def contents(place):
    """All of a run but its control, by name."""
    objects = objects_of(place_of(place))
    return {key: objects.get(key) for key in objects.keys("") if not key.startswith("control/")}


@pytest.fixture
def run(still, tmp_path):
    """A run of which some files say that it was computed, in part."""
    made = create_run(prepare(still(), tile=(32, 32)), tmp_path / "run.zarr")
    tile = made.plan[4]
    made.store.open(made.path, "r+").write_sidecar(sidecar_of(made.plan.id_of(tile)))
    Control(made.path).cancel()
    return made


@pytest.fixture
def s3(object_server):
    """A client that is not ours."""
    address, region = (object_server[name] for name in ("AWS_ENDPOINT_URL", "AWS_REGION"))
    return boto3.client(
        "s3",
        endpoint_url=address,
        region_name=region,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
    )


@pytest.fixture
def url(bucket):
    return f"{bucket}/copy.zarr"


def test_a_run_comes_back_from_a_bucket_as_it_went(run, url, tmp_path):
    there = copy_run(run, url)
    assert contents(url) == contents(run.path)
    assert there.run.run_id == run.run_id
    back = copy_run(there.run, tmp_path / "back.zarr")
    assert contents(back.run.path) == contents(run.path)
    assert back.files == there.files == len(contents(run.path))
    assert back.size == sum(map(len, contents(run.path).values()))


def test_who_computed_a_run_says_nothing_of_a_copy(run, url):
    assert not Control(copy_run(run, url).run.path).cancelled


def test_a_command_copies_a_run_and_says_where_it_is(run, url, capsys):
    assert main(["copy", str(run.path), url, "--no-progress"]) == 0
    assert capsys.readouterr().out.startswith(f"{url}: ")
    assert contents(url) == contents(run.path)


def test_nothing_is_copied_over_something(run, url):
    copy_run(run, url)
    before = contents(url)
    for target in (url, run.path):
        with pytest.raises(StoreError, match="exists already; name another place"):
            copy_run(run, target)
    assert contents(url) == before


def test_a_copy_that_is_interrupted_leaves_nothing(run, url):
    def told(done, files):
        if done == files // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_run(run, url, told)
    assert not objects_of(place_of(url)).is_there()


def test_until_everything_is_there_a_copy_is_no_run(run, url):
    def told(done, files):
        if done < files:
            with pytest.raises(StoreError, match="without the attributes of a run"):
                Run(url)

    copy_run(run, url, told)
    assert Run(url).run_id == run.run_id


def test_an_object_whose_name_leads_out_of_the_run_is_not_copied(run, url, tmp_path, s3):
    there = copy_run(run, url).run
    s3.put_object(Bucket="runs", Key=f"{there.path.key}/../../evil", Body=b"")
    with pytest.raises(StoreError, match="a name that no file could have"):
        copy_run(there, tmp_path / "a/back.zarr")
    assert not (tmp_path / "a").exists()


def test_a_run_that_somebody_computes_is_not_copied(run, url, capsys):
    from tiled_sim.cluster.lease import Lease

    with Lease(run, 9, ""):
        assert main(["copy", str(run.path), url]) == 4
    assert "is computing" in capsys.readouterr().err
    assert not objects_of(place_of(url)).is_there()


def test_no_copy_is_made_among_the_files_of_the_run(run, url):
    before = contents(run.path)
    with pytest.raises(StoreError, match="is inside the run"):
        copy_run(run, run.path / "0" / "copy.zarr")
    assert contents(run.path) == before
    there = copy_run(run, url).run
    with pytest.raises(StoreError, match="is inside the run"):
        copy_run(there, f"{url}/copy.zarr")
    assert contents(url) == before


def test_what_a_copy_that_was_killed_left_behind_is_told_of(run, url):
    objects_of(place_of(url)).put("0/zarr.json", b"{}")
    with pytest.raises(StoreError, match="remove it if it is half of one that was killed"):
        copy_run(run, url)
