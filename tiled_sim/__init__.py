"""X-ray diffraction images of large detectors, by the physics of nanoBragg, tiled over dask."""

__version__ = "0.1.0"
