"""Where a run is: a path, or a URL that holds no secret."""

from pathlib import Path

import pytest

from tiled_sim.errors import StoreError
from tiled_sim.store.place import RunURL, place_of


@pytest.mark.parametrize("text", ["run.zarr", "/a/run.zarr", "file:///a/run.zarr", "c:run.zarr"])
def test_a_path_is_a_path(text):
    assert place_of(text) == Path(text.removeprefix("file://"))


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
def test_a_url_names_a_bucket_and_a_place_in_it(scheme):
    found = place_of(f"{scheme}://bucket/a/run.zarr/")
    assert found == RunURL(scheme, "bucket", "a/run.zarr")
    assert str(found) == str(found.absolute()) == f"{scheme}://bucket/a/run.zarr"
    assert (found.name, found.stem) == ("run.zarr", "run")
    assert place_of(found) is found


@pytest.mark.parametrize(
    "text",
    [
        "s3://user:SECRET@bucket/run.zarr",
        "s3://SECRET@bucket/run.zarr",
        "s3://bucket:SECRET/run.zarr",
        "s3://bucket/run.zarr?X-Amz-Signature=SECRET",
        "s3://bucket/run.zarr#SECRET",
        "https://user:SECRET@host/run.zarr",
        "file://user:SECRET@host/run.zarr",
    ],
)
def test_a_url_with_a_secret_is_refused_and_not_told(text):
    with pytest.raises(StoreError) as caught:
        place_of(text)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["s3://bucket", "s3://bucket/", "s3:///run.zarr", "s3://bucket/a/../b", "s3://b/a//b"]
)
def test_a_url_that_names_no_place_in_a_bucket_is_refused(text):
    with pytest.raises(StoreError, match=r"names a bucket and a name in it: s3://BUCKET/NAME"):
        place_of(text)
