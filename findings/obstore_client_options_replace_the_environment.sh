#!/usr/bin/env bash
# obstore 0.12.1 takes AWS_ALLOW_HTTP (and whatever else of the environment is of its HTTP client)
# only where no client_options are given: any at all, a timeout say, replace those of the
# environment as a whole. A program that sets a timeout then refuses a server at http:// whose user
# has set AWS_ALLOW_HTTP=true, with the words "builder error". tiled_sim gives none.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q obstore==0.12.1
cd "$folder"
env/bin/python - <<'PYTHON'
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import obstore
from obstore.store import S3Store


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.send_header("Last-Modified", "Sun, 29 Nov 2026 12:00:00 GMT")
        self.send_header("ETag", '"1"')
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ.update(
    AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.server_port}",
    AWS_ALLOW_HTTP="true",
    AWS_ACCESS_KEY_ID="key",
    AWS_SECRET_ACCESS_KEY="secret",
)
print("by the environment:", bytes(obstore.get(S3Store("bucket"), "a").bytes()))
try:
    obstore.get(S3Store("bucket", client_options={"timeout": "60s"}), "a")
except obstore.exceptions.GenericError as error:
    print("with a timeout:", str(error).splitlines()[0].split(" - ")[-1])
else:
    raise SystemExit("it does take AWS_ALLOW_HTTP")
PYTHON
