"""The page on the dask dashboard: how the tiles of each run stand, and the image as it fills in."""
