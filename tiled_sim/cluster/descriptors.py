"""Open files: what the program and a cluster on this machine need, and what the system grants."""

import resource

from tiled_sim.errors import StoreError

#: To read a run, whose files are opened on several threads.
OF_READER = 32
#: Of a client with its event loop, too.
OF_CLIENT = 64
#: More for each worker process, measured: 12 pipes and sockets, and 23 in the worker itself.
OF_WORKER = 16


def require_descriptors(needed: int) -> None:
    """Make sure that so many files can be open at once; raises the limit where it may.

    Without enough of them, dask waits for ever and prints a traceback for every connection.

    Raises
    ------
    StoreError
        if the system grants fewer
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        fewer = ", or name fewer workers with --cluster local:N" if needed > OF_CLIENT else ""
        raise StoreError(
            f"a process may have no more than {hard} files open here, and about {needed} are "
            f"needed: raise the limit (`ulimit -n {needed}`){fewer}"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
