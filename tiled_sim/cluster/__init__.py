"""Everything dask: connecting, computing tiles on workers, lazy images."""
