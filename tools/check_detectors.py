"""Compares the detectors that tiled_sim knows by name with the registries that the table is from.

Every mask of pyFAI, every edge of its pixels, every corner of a tile of EXtra-geom. It needs both.
"""

import logging
from collections.abc import Iterator
from typing import Any

import extra_geom
import numpy as np
from detectors import PIXELS, REFUSED, pyfai_classes, pyfai_name
from extra_geom.detectors import Epix10KGeometry, Epix100Geometry

from tiled_sim.io.detector_layouts import Image
from tiled_sim.io.named_detectors import known_detector, named_detector
from tiled_sim.model.geometry import Geometry

#: What differs on purpose, and is said in the table's notes.
ON_PURPOSE = {"Jungfrau8M": "mask"} | dict.fromkeys(PIXELS, "pixels")
EXACT = 1e-9  # [m]
FLOAT32 = 1e-7  # [m], of places that pyFAI has in single precision


def starts(image: Image) -> dict[str, tuple[int, int]]:
    """First (slow, fast) pixel of each panel of an image, by its name."""
    rows, columns = ([first for first, _ in image._lines(axis).runs()] for axis in (0, 1))
    if len(rows) == len(columns) == 1:
        return {"0": (0, 0)}
    return {
        f"r{i}c{j}": (row, column)
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
    }  # fmt: skip


def put_together(geometry: Geometry, image: Image) -> tuple[Any, Any]:
    """Mask of the whole image, and the (down, right) of every pixel's first corner [m]."""
    mask = np.zeros(image.pixels, dtype=bool)
    places = np.zeros((*image.pixels, 2))
    for number, panel in enumerate(geometry.panels):
        slow, fast = starts(image)[panel.name]
        block = np.s_[slow : slow + panel.pixels[0], fast : fast + panel.pixels[1]]
        if geometry.dead and geometry.dead[number] is not None:
            mask[block] = geometry.dead[number]
        rows = -panel.origin[1] + np.arange(panel.pixels[0]) * panel.pixel_size[0]
        columns = -panel.origin[0] + np.arange(panel.pixels[1]) * panel.pixel_size[1]
        places[block] = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1)
    return mask, places


def differences_from_pyfai() -> Iterator[str]:
    """One sentence for each difference."""
    for kind in pyfai_classes():
        label = kind.__name__
        if label in REFUSED:
            continue
        known = known_detector(pyfai_name(kind))
        geometry = named_detector(known.name, distance=0.1, beam_centre=(0.0, 0.0))
        theirs = kind()
        mask, places = put_together(geometry, known.layout)
        if mask.shape != tuple(theirs.shape):
            yield f"{known.name}: {mask.shape} pixels, not {theirs.shape}"
            continue
        other = np.zeros(mask.shape) if theirs.mask is None else theirs.mask
        if ON_PURPOSE.get(label) != "mask" and not np.array_equal(mask, other != 0):
            yield f"{known.name}: other pixels are masked"
        if ON_PURPOSE.get(label) == "pixels":
            continue
        edges = getattr(theirs, "calc_pixels_edges", None)
        if edges is not None and known.layout.edge != 1:
            down, right = edges()
        else:
            down = np.arange(mask.shape[0] + 1) * theirs.pixel1
            right = np.arange(mask.shape[1] + 1) * theirs.pixel2
        if not (
            np.allclose(places[:, 0, 0], down[:-1], rtol=0, atol=FLOAT32)
            and np.allclose(places[0, :, 1], right[:-1], rtol=0, atol=FLOAT32)
        ):
            yield f"{known.name}: its pixels lie elsewhere"


def corners_of_tiles(geometry: Any) -> Any:
    """(modules, tiles, 4, 2) corners [m] of EXtra-geom's tiles in the order of the data."""
    kind = type(geometry)
    order = sorted(
        range(kind.n_tiles_per_module),
        key=lambda tile: tuple(one.start for one in kind._tile_slice(tile)),
    )
    return np.array(
        [[module[tile].corners()[:, :2] for tile in order] for module in geometry.modules]
    )


def ours(geometry: Geometry) -> Any:
    """(panels, 4, 2) corners [m], in the order of `corners_of_tiles`."""
    corners = []
    for panel in geometry.panels:
        slow, fast = (n * side for n, side in zip(panel.pixels, panel.pixel_size, strict=True))
        first = np.array(panel.origin)
        down, across = slow * np.array(panel.slow_axis), fast * np.array(panel.fast_axis)
        corners.append([first, first + across, first + across + down, first + down])
    return np.array(corners)[..., :2]


def differences_from_extra_geom() -> Iterator[str]:
    """One sentence for each detector whose tiles EXtra-geom has elsewhere within their modules."""
    kinds = {
        "AGIPD 1M": extra_geom.AGIPD_1MGeometry.example(),
        "AGIPD 500K2G": extra_geom.AGIPD_500K2GGeometry.example(),
        "LPD 1M": extra_geom.LPD_1MGeometry.example(),
        "pnCCD": extra_geom.PNCCDGeometry.example(),
        "Jungfrau 16M": extra_geom.JUNGFRAUGeometry.from_module_positions(
            [(0, 0)] * 32, [(-1, -1)] * 32
        ),
        "Jungfrau 4M EuXFEL": extra_geom.JUNGFRAUGeometry.from_module_positions(
            [(0, 0)] * 8, [(-1, -1)] * 4 + [(1, 1)] * 4
        ),
    }
    for name, theirs in kinds.items():
        expected = corners_of_tiles(theirs)
        found = ours(named_detector(name, distance=0.1)).reshape(expected.shape)
        # modules stand elsewhere by their nature: each from the corner of its first pixel
        expected = expected - expected[:, :1, :1]
        found = found - found[:, :1, :1]
        if not np.allclose(found, expected, rtol=0, atol=EXACT):
            yield f"{name}: tiles lie elsewhere in their modules"
    for name, kind in (("ePix100", Epix100Geometry), ("ePix10K", Epix10KGeometry)):
        expected = corners_of_tiles(kind.monolithic_geometry()).reshape(-1, 2)
        found = ours(named_detector(name, distance=0.1)).reshape(-1, 2)
        for side in (found.min, expected.min), (found.max, expected.max):
            if not np.allclose(*(one(axis=0) for one in side), rtol=0, atol=EXACT):
                yield f"{name}: its edges lie elsewhere"


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    found = [*differences_from_pyfai(), *differences_from_extra_geom()]
    raise SystemExit("\n".join(found) or None)
