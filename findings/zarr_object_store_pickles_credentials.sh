#!/usr/bin/env bash
# zarr 3.1.6: an ObjectStore that is pickled takes the secret of its store along in clear text, if
# that was given to obstore; and so does every dask array that is read through it, to the scheduler
# and to all workers. Where obstore took the secret from the environment nothing goes along, and the
# worker's own counts. tiled_sim sends the URL alone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q obstore==0.12.1 zarr==3.1.6
cd "$folder"
env/bin/python - <<'PYTHON'
import os
import pickle

from obstore.store import S3Store
from zarr.storage import ObjectStore

given = S3Store("bucket", access_key_id="key", secret_access_key="the-secret")
sent = pickle.dumps(ObjectStore(given))
print("given to obstore: the secret is in the pickle:", b"the-secret" in sent)
os.environ.update(AWS_ACCESS_KEY_ID="key", AWS_SECRET_ACCESS_KEY="of-the-environment")
sent_too = pickle.dumps(ObjectStore(S3Store("bucket")))
print("of the environment: it is in the pickle:", b"of-the-environment" in sent_too)
assert b"the-secret" in sent
assert b"of-the-environment" not in sent_too
PYTHON
