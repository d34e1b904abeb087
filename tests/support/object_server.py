"""A real S3 server on loopback, and where runs are at it."""

import logging
import threading
from contextlib import contextmanager

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

BUCKET = "runs"
#: That must never be seen anywhere.
KEY, SECRET = "AKIASEENNOWHERE", "seen+nowhere/4f1c"


class _OneAtATime:
    """Requests are done one after the other, as each of a real server's is done at once."""

    def __init__(self, application):
        self._application = application
        self._lock = threading.Lock()

    def __call__(self, environment, start_response):
        with self._lock:
            return [b"".join(self._application(environment, start_response))]


@contextmanager
def object_server():
    """Environment of whoever uses the server."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = _OneAtATime(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.port}"
    made = boto3.client(
        "s3",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
    )
    made.create_bucket(Bucket=BUCKET)
    try:
        yield {
            "AWS_ENDPOINT_URL": address,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
