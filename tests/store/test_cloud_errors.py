"""Object stores that do not do what they are asked: one sentence, and no secret in it."""

import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from support.object_server import KEY, SECRET
from tiled_sim.errors import MissingExtraError, StoreError
from tiled_sim.run.run import Run
from tiled_sim.store import cloud
from tiled_sim.store.location import objects_of
from tiled_sim.store.place import place_of

#: What a server says of a wrong signature, shortened.
ANSWER = (
    f"<Error><Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>{KEY}</AWSAccessKeyId>"
    f"<StringToSign>{SECRET}</StringToSign></Error>"
)


@contextmanager
def server_that_says(status, answer):
    """Address of a server that answers everything so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer.encode())

        do_PUT = do_HEAD = do_GET

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def url(bucket):
    return f"{bucket}/run.zarr"


@pytest.fixture
def _hasty(monkeypatch):
    monkeypatch.setattr(cloud, "_RETRIES", {"max_retries": 0})


def refused(url):
    """What is told of a run that cannot be opened."""
    with pytest.raises(StoreError) as caught:
        Run(url)
    assert KEY not in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.exit_code == 4
    return str(caught.value)


def test_a_run_that_is_not_there_is_told_as_of_a_path(url):
    assert refused(url) == (f"{url}: no such run; `tiled-sim submit … --out {url}` makes one")


def test_a_bucket_that_is_not_there_is_told(bucket):
    assert "s3://nobody/run.zarr: there is no bucket nobody; make it" in refused(
        "s3://nobody/run.zarr"
    )


def test_nothing_is_written_to_a_bucket_that_is_not_there(bucket):
    with pytest.raises(StoreError, match="there is no bucket nobody"):
        objects_of(place_of("s3://nobody/run.zarr")).put("zarr.json", b"")


@pytest.mark.usefixtures("_hasty")
def test_a_server_that_does_not_answer_is_told(url, closed_port, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://me:PASSWORD@127.0.0.1:{closed_port}")
    told = refused(url)
    assert "there is no answer from the server" in told
    assert "PASSWORD" not in told


@pytest.mark.usefixtures("_hasty")
@pytest.mark.parametrize(
    ("status", "told"),
    [
        (403, "the server does not allow it (403 SignatureDoesNotMatch)"),
        (401, "the server does not allow it (401 SignatureDoesNotMatch)"),
        (400, "the server does not do it (400 SignatureDoesNotMatch)"),
        (500, "the server does not do it (500"),
    ],
)
def test_what_a_server_refuses_is_told_without_what_it_says_of_the_credentials(
    url, monkeypatch, status, told
):
    with server_that_says(status, ANSWER) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        assert told in refused(url)


def test_a_server_without_encryption_is_told_how_to_use(url, monkeypatch):
    monkeypatch.delenv("AWS_ALLOW_HTTP")
    assert "used with AWS_ALLOW_HTTP=true alone" in refused(url)


def test_an_address_of_no_server_is_told_by_its_variable(url, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "ftp://me:PASSWORD@host")
    told = refused(url)
    assert "AWS_ENDPOINT_URL is not http://HOST:PORT or https://HOST" in told
    assert "PASSWORD" not in told


def test_credentials_that_are_missing_are_told_by_their_names(url, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    told = refused(url)
    assert "there are no credentials in the environment" in told
    assert "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in told


def test_credentials_that_were_set_since_are_used(url, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    refused(url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    assert "no such run" in refused(url)


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
def test_without_obstore_the_extra_is_named(bucket, monkeypatch, scheme):
    monkeypatch.setitem(sys.modules, "obstore", None)
    cloud._client_of.cache_clear()
    with pytest.raises(MissingExtraError, match=r"pip install 'tiled_sim\[cloud\]'"):
        Run(f"{scheme}://bucket/run.zarr")


def test_a_network_that_fails_is_not_taken_for_damage(url, closed_port, monkeypatch):
    from support.stores import create, pixels

    store = create(url)
    tile = store.grid[0]
    store.write_tile(tile, pixels(tile))
    monkeypatch.setattr(cloud, "_RETRIES", {"max_retries": 0})
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed_port}")
    with pytest.raises(StoreError, match="no answer from the server"):
        list(objects_of(place_of(url)).get_tail("0/image/c/0/0/0/0", 4))
