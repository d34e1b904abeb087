"""Where dask's dashboard of a cluster on this machine is. Whoever tells of it needs no dask."""

import socket

LOOPBACK = "127.0.0.1"
#: Of dask's dashboard, where it is free.
DASHBOARD_PORT = 8787


def dashboard_port() -> int:
    """Dask's own port if it is free; else 0, which is any."""
    with socket.socket() as probe:
        try:
            probe.bind((LOOPBACK, DASHBOARD_PORT))
        except OSError:
            return 0
    return DASHBOARD_PORT
