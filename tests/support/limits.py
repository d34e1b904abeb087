"""Limits of the process that tests, for a while."""

import resource
from contextlib import contextmanager


@contextmanager
def no_file_larger_than(size):
    """As a disk that is full: no file may grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
