"""Makes the table of detectors by name from what two registries say.

``python tools/detectors.py`` writes ``tiled_sim/io/detectors/table.toml``; ``python
tools/check_detectors.py`` compares what tiled_sim makes of it with the registries. Both need pyFAI
and EXtra-geom, which tiled_sim itself does not.
"""

import json
import logging
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import extra_geom
import numpy as np
import pyFAI.detectors
from extra_geom.detectors import Epix10KGeometry, Epix100Geometry

TABLE = Path(__file__).parents[1] / "tiled_sim" / "io" / "detectors" / "table.toml"
PYFAI = f"pyFAI {version('pyFAI')}"
EXTRA_GEOM = f"EXtra-geom {version('EXtra-geom')}"

#: Classes of pyFAI that are no detector a flat panel can stand for, and why.
HEXAGONAL = "its pixels are hexagons; panels here have rectangular pixels"
CURVED = "it is curved; give its panels in a geometry file"
CAMERA = "it is a camera for visible light"
REFUSED = {
    "Pixirad1": HEXAGONAL,
    "Pixirad2": HEXAGONAL,
    "Pixirad4": HEXAGONAL,
    "Pixirad8": HEXAGONAL,
    "Aarhus": CURVED,
    "Rapid": CURVED,
    "Cirpad": CURVED,
    "Basler": CAMERA,
    "RaspberryPi5M": CAMERA,
    "RaspberryPi8M": CAMERA,
    "RaspberryPi12M": CAMERA,
    "Jungfrau_16M_cor": "it is a stack of 32 modules and no layout in space; 'Jungfrau 16M' is one",
    "Xpad_flat": "its rows of modules are 3.57 mm apart; give its panels in a geometry file",
}
#: Names where the first alias of a class is none that people would type.
NAMES = {"Perkin": "Perkin Elmer", "Titan": "Titan", "Maxipix": "Maxipix 1x1"}
#: Aliases that a maker's other detectors have as good a claim to, or that are slips.
DROPPED = {"Bruker", "Thales Electronics", "Perkin detector", "RayonixLX225HS"}
#: What pyFAI says and what cannot be: the pixels of a class, and why they are others.
PIXELS = {
    "ADSC_Q270": (64.8, "pixels of 64.8 µm, as pyFAI said before 2025: 51 µm make it 213 mm wide"),
    "ADSC_Q4": (82.0, "pixels of 82 µm, as pyFAI said before 2025: 51 µm make it 118 mm wide"),
    "Apex2": (60.0, "1024 pixels of 60 µm: those of 120 µm that pyFAI names are binned 2 x 2"),
}
NO_GAPS = "its masked pixels differ from one to the next: all live here"
NOTES = {
    "Lambda9M": NO_GAPS,
    "Jungfrau8M": "chips one row and one column before pyFAI's places, which leave the image",
    "HF_262k": "gaps between its modules are not known: none here",
    "HF_1M": "gaps between its modules are not known: none here",
    "HF_2M": "gaps between its modules are not known: none here",
}
#: A chip's edge pixels of another width: (times as wide, whether its outermost lines are dead).
EDGES = {
    "Jungfrau": (2.0, False),
    "ImXPadS10": (2.5, True),
    "ImXPadS70": (2.5, True),
    "ImXPadS70V": (2.5, True),
    "ImXPadS140": (2.5, True),
}
DISCS = {"Rayonix133", "RayonixSx165", "Mar345"}

Entry = dict[str, Any]


def um(metres: float) -> float:
    """[µm], without the last bits of a product."""
    return round(metres * 1e6, 6)


def pyfai_classes() -> Iterator[type]:
    """Each class of the registry once, without the one that is no detector."""
    yield from dict.fromkeys(
        one for one in pyFAI.detectors.ALL_DETECTORS.values() if one is not pyFAI.detectors.Detector
    )


def split_of(detector: Any, module: tuple[int, int]) -> int:
    """Dead columns in the middle of a module, as the CdTe twins have them."""
    mask = detector.mask
    return 0 if mask is None else int(np.count_nonzero(mask[0, : module[1]]))


def pyfai_name(known: type) -> str:
    """What the table calls a class of pyFAI."""
    name = NAMES.get(known.__name__) or (known.aliases[0] if known.aliases else known.__name__)
    return name.replace("MAR ", "Mar ").replace("Imxpad", "ImXPad")


def pyfai_entry(known: type) -> tuple[str, Entry]:
    """Name and row of a class of pyFAI."""
    label = known.__name__
    name = pyfai_name(known)
    aliases = [one for one in known.aliases if one not in DROPPED] + [label]
    maker = known.MANUFACTURER or ""
    entry: Entry = {"aliases": other_names(name, aliases)}
    entry["maker"] = maker if isinstance(maker, str) else ", ".join(maker)
    entry["source"] = f"{PYFAI} {label}"
    if label in REFUSED:
        return name, entry | {"refused": REFUSED[label]}
    detector = known()
    shape = tuple(detector.shape)
    entry["pixel_um"] = [um(detector.pixel1), um(detector.pixel2)]
    if label in PIXELS:
        size, why = PIXELS[label]
        entry |= {"pixel_um": [size, size], "note": why}
    if label in NOTES:
        entry["note"] = NOTES[label]
    gap = getattr(known, "MODULE_GAP", None) or (0, 0)
    module = getattr(known, "MODULE_SIZE", None) or shape
    if label in ("Jungfrau8M", "Lambda9M"):
        module, gap = shape, (0, 0)
    module = tuple(min(pair) for pair in zip(module, shape, strict=True))
    entry["module"] = list(module)
    entry["modules"] = [(n + g) // (m + g) for n, m, g in zip(shape, module, gap, strict=True)]
    entry["gap"] = list(gap)
    if label in EDGES:
        entry["edge"], entry["dead_edge"] = EDGES[label]
    elif label == "Jungfrau8M":
        entry["live_chips"] = [[row - 1, column - 1] for row, column in known.module_positions]
        entry["chip"] = [256, 256]
    elif label in DISCS:
        entry["disc"] = True
    elif label != "Lambda9M":
        entry["split"] = split_of(detector, module)
    entry["sensors"] = [
        [one.material.name, um(one.thickness)] for one in getattr(known, "SENSORS", None) or ()
    ]
    entry["image"] = list(shape)
    entry["masked"] = 0 if detector.mask is None else int(np.count_nonzero(detector.mask))
    if label == "Jungfrau8M":
        entry["masked"] = int(np.prod(shape)) - len(known.module_positions) * 256 * 256
    return name, entry


def other_names(name: str, aliases: list[str]) -> list[str]:
    """The aliases, and the names of later makes with the same pixels, each way of typing once."""
    if name.startswith("Pilatus ") and "CdTe" not in name:
        aliases = [*aliases, name.replace("Pilatus", "Pilatus3")]
    if name.startswith("Pilatus CdTe "):
        aliases = [*aliases, name.replace("Pilatus CdTe", "Pilatus3 X CdTe")]
    if name.startswith("Eiger2 ") and "CdTe" not in name:
        aliases = [*aliases, *(name.replace("Eiger2", f"Eiger2 {mark}") for mark in ("X", "XE"))]
        aliases.append(name.replace("Eiger2", "Eiger2 Si"))
    elif name.startswith("Eiger2 CdTe "):
        aliases = [*aliases, *(name.replace("Eiger2", f"Eiger2 {mark}") for mark in ("X", "XE"))]
        aliases.append(name.replace("CdTe ", "") + " CdTe")
    elif name.startswith("Eiger "):
        aliases = [*aliases, name.replace("Eiger", "Eiger X")]
    seen = {key(name)}
    return [one for one in aliases if not (key(one) in seen or seen.add(key(one)))]


def key(name: str) -> str:
    """A name without what does not count in it."""
    return "".join(letter for letter in name.casefold() if letter not in " -_")


def mosaic(geometry: Any, tiles: tuple[int, int], groups: list[str]) -> Entry:
    """A row of modules where EXtra-geom places them, tiles in the order of a module's data.

    Parameters
    ----------
    tiles : (slow, fast) tiles of a module's data
    groups : of each module, the name of what holds it; empty: nothing does
    """
    kind = type(geometry)
    pixel = kind.pixel_size
    first = next(
        tile
        for tile in range(kind.n_tiles_per_module)
        if all(one.start == 0 for one in kind._tile_slice(tile))
    )
    entry: Entry = {
        "pixel_um": [um(pixel)] * 2,
        "tile": [kind.frag_ss_pixels, kind.frag_fs_pixels],
        "tiles": list(tiles),
        "tile_gap": [tile_gap(geometry, axis) for axis in (0, 1)],
    }
    corners = [module[first] for module in geometry.modules]
    entry["placed_mm"] = [
        place(one.corner_pos[:2], one.fs_vec, one.ss_vec, groups[number] if groups else "")
        for number, one in enumerate(corners)
    ]
    return entry


def tile_gap(geometry: Any, axis: int) -> float:
    """Pixels between neighbouring tiles of a module along slow (0) or fast (1)."""
    kind = type(geometry)
    starts = {
        tuple(one.start for one in kind._tile_slice(tile)): tile
        for tile in range(kind.n_tiles_per_module)
    }
    side = (kind.frag_ss_pixels, kind.frag_fs_pixels)[axis]
    neighbour = starts.get((side, 0) if axis == 0 else (0, side))
    if neighbour is None:
        return 0.0
    module = geometry.modules[0]
    step = module[neighbour].corner_pos - module[starts[0, 0]].corner_pos
    return round(float(np.linalg.norm(step)) / kind.pixel_size - side, 6)


def place(corner: Any, fast: Any, slow: Any, group: str) -> list[Any]:
    """A module as the table has it: x, y [mm], directions of fast and slow, group."""
    x, y = (round(float(one) * 1e3, 6) + 0.0 for one in corner)
    return [x, y, letter(fast), letter(slow), group]


def letter(vector: Any) -> str:
    """An axis of the frame by name."""
    axis = int(np.argmax(np.abs(vector)))
    return ("-" if vector[axis] < 0 else "+") + "xyz"[axis]


def quadrants(modules: int) -> list[str]:
    """Quadrants of four equal groups of modules."""
    return [f"q{4 * number // modules}" for number in range(modules)]


def windmill(first: list[list[Any]]) -> list[list[Any]]:
    """Four quadrants, each the one before turned by a quarter about the beam.

    Parameters
    ----------
    first : rows of the first quadrant, as `place` gives them
    """
    turned = {"+x": "+y", "+y": "-x", "-x": "-y", "-y": "+x"}
    rows, quadrant = [], first
    for number in range(4):
        rows += [[*row[:4], f"q{number}"] for row in quadrant]
        quadrant = [
            [0.0 - y, x + 0.0, turned[fast], turned[slow], ""] for x, y, fast, slow, _ in quadrant
        ]
    return rows


def agipd() -> Entry:
    """Two quadrants and the same turned by half about the beam, a hole of 48 x 52 pixels."""
    corners = [(-526, 625), (-550, -4), (526, -154), (550, 475)]
    return mosaic(
        extra_geom.AGIPD_1MGeometry.from_quad_positions(corners), (8, 1), quadrants(16)
    ) | {"nominal": True}


def lpd() -> Entry:
    """As for the AGIPD; corners of the quadrants in mm."""
    corners = [(10, 299), (-13, 8), (252, -13), (275, 278)]
    return mosaic(extra_geom.LPD_1MGeometry.from_quad_positions(corners), (8, 2), quadrants(16)) | {
        "nominal": True
    }


def jungfrau(offsets: list[tuple[float, float]], orientations: list[tuple[int, int]]) -> Entry:
    """Modules of 2 x 4 chips, from their lower right corners [pixel] seen from the sample."""
    made = extra_geom.JUNGFRAUGeometry.from_module_positions(offsets, orientations)
    return mosaic(made, (2, 4), []) | {
        "nominal": True,
        "note": "a chip's edge pixels, twice as wide on the detector, are as wide as the others, "
        "with a gap of 2 pixels between chips",
    }


def jungfrau_16m() -> Entry:
    """Four blocks of 4 x 2 modules about a hole of 104 x 80 pixels: 4432 x 4216 in all."""
    (high, wide), (gap_slow, gap_fast) = (514, 1030), (36, 8)
    block = (4 * high + 3 * gap_slow, 2 * wide + gap_fast)
    # (down, right) of each block's upper left corner, the beam at (0, 0)
    upper_left = (-52 - block[0], 40 - gap_fast - block[1])
    upper_right = (52 - gap_slow - block[0], 40)
    lower_left = (-52 + gap_slow, -40 - block[1])
    lower_right = (52, -40 + gap_fast)
    offsets = []
    for half in ((upper_left, upper_right), (lower_left, lower_right)):
        for row in range(4):
            for down, right in half:
                for column in range(2):
                    top = down + row * (high + gap_slow)
                    left = right + column * (wide + gap_fast)
                    # x is to the left, y up; of the lower right corner
                    offsets.append((-(left + wide), -(top + high)))
    return jungfrau(offsets, [(-1, -1)] * len(offsets))


def jungfrau_4m_xfel() -> Entry:
    """Two columns of four modules 190 pixels apart, the right one turned by half."""
    high, wide, gap = 514, 1030, 33
    top = (4 * high + 3 * gap) / 2
    left = [(95, top - high - number * (high + gap)) for number in range(4)]
    right = [(-95 - wide, -top + number * (high + gap)) for number in range(4)]
    return jungfrau(left + right, [(-1, -1)] * 4 + [(1, 1)] * 4)


def epix10k_2m() -> Entry:
    """Sixteen modules, four quadrants like the sails of a windmill."""
    base = mosaic(Epix10KGeometry.monolithic_geometry(), (2, 2), [])
    high, wide, gap, pixel = 355, 387, 20, 0.1
    # right and lower edge of the first quadrant, upper left seen from the sample
    right, down = 26, -46
    first = [
        [-(right - wide - (wide + gap) * (1 - column)) * pixel,
         -(down - high - (high + gap) * (1 - row)) * pixel, "-x", "-y", ""]
        for row in range(2)
        for column in range(2)
    ]  # fmt: skip
    rounded = [[round(one, 6) if isinstance(one, float) else one for one in row] for row in first]
    base["placed_mm"] = windmill(rounded)
    return base | {"nominal": True, "note": WIDE_AS_GAP}


WIDE_AS_GAP = (
    "pixels at the inner edges of chips, wider on the detector, are as wide as the others, "
    "with a gap of 3 pixels between chips"
)


def cspad() -> Entry:
    """Thirty-two sensors of two chips; quadrants of four pairs, each turned beside its neighbour.

    The numbers are those that SLAC published: 185 x 388 pixels of 109.92 µm a sensor, the two
    lines in the middle 274.8 µm wide.
    """
    pixel, high, wide, between, pitch = 0.10992, 185, 391, 25, 420
    middle = np.array([20.0 + pitch, 30.0 + pitch])  # of a quadrant, left of the beam and above it
    cells = (
        ((-1, 1), (-1, 0), (0, -1)),
        ((1, 1), (0, -1), (1, 0)),
        ((1, -1), (1, 0), (0, 1)),
        ((-1, -1), (0, 1), (-1, 0)),
    )
    first = []
    for cell, fast, slow in cells:
        centre = middle + np.array(cell) * pitch / 2
        for side in (-1, 1):
            corner = (
                centre
                + np.array(slow) * (side * (high + between) / 2 - high / 2)
                - np.array(fast) * wide / 2
            )
            first.append(place(corner * pixel / 1e3, [*fast, 0], [*slow, 0], ""))
    return {
        "pixel_um": [109.92, 109.92],
        "tile": [185, 194],
        "tiles": [1, 2],
        "tile_gap": [0.0, 3.0],
        "placed_mm": windmill(first),
        "nominal": True,
        "note": WIDE_AS_GAP,
    }


def pnccd() -> Entry:
    """Two modules 4 mm apart, each with the half of the hole for the beam cut out."""
    made = extra_geom.PNCCDGeometry.from_relative_positions()
    kind = type(made)
    high, wide = (round(one / kind.pixel_size) for one in (kind.cutout_height, kind.cutout_width))
    slow, fast = kind.frag_ss_pixels, kind.frag_fs_pixels
    columns = [(fast - wide) // 2, (fast + wide) // 2]
    return mosaic(made, (1, 1), []) | {
        "cutouts": [[0, slow - high, slow, *columns], [1, 0, high, *columns]],
        "nominal": True,
        "note": "its panels are left-handed: fast runs to the left seen from the sample, slow down",
    }


def epix(kind: Any) -> Entry:
    """One module as one image, the wide pixels of its chips' inner edges in their width."""
    return {
        "pixel_um": [um(kind.pixel_size)] * 2,
        "module": [kind.frag_ss_pixels, kind.frag_fs_pixels],
        "modules": [2, 2],
        "gap": [0, 0],
        "edge": kind.inner_pixel_size / kind.pixel_size,
        "dead_edge": False,
        "image": [2 * kind.frag_ss_pixels, 2 * kind.frag_fs_pixels],
        "masked": 0,
    }


def extra_geom_entries() -> Iterator[tuple[str, Entry]]:
    """Names and rows of the detectors whose modules stand apart."""
    silicon_500, silicon_320 = [["Si", 500.0]], [["Si", 320.0]]
    sensor = "sensor as published"
    ours = f"modules placed by tiled_sim, {sensor}"
    agipd_500k = mosaic(
        extra_geom.AGIPD_500K2GGeometry.from_origin((534, 301)), (8, 1), []
    ) | {"nominal": True}  # fmt: skip
    rows = (
        ("AGIPD 1M", ["AGIPD"], "", agipd(), silicon_500, "AGIPD_1MGeometry"),
        ("AGIPD 500K2G", ["AGIPD 500k"], "", agipd_500k, silicon_500, "AGIPD_500K2GGeometry"),
        ("LPD 1M", ["LPD"], "", lpd(), silicon_500, "LPD_1MGeometry"),
        ("pnCCD", ["pnCCD 1MP"], "", pnccd(), [["Si", 450.0]], "PNCCDGeometry"),
        ("ePix100", ["ePix100a"], "SLAC", epix(Epix100Geometry), silicon_500, "Epix100Geometry"),
        ("ePix10K", ["ePix10ka"], "SLAC", epix(Epix10KGeometry), silicon_500, "Epix10KGeometry"),
        ("ePix10K 2M", ["ePix10ka 2M"], "SLAC", epix10k_2m(), silicon_500, "Epix10KGeometry"),
        ("Jungfrau 16M", [], "PSI", jungfrau_16m(), silicon_320, "JUNGFRAUGeometry"),
        (
            "Jungfrau 4M EuXFEL",
            ["Jungfrau 4M XFEL"],
            "PSI",
            jungfrau_4m_xfel(),
            silicon_320,
            "JUNGFRAUGeometry",
        ),
    )
    for name, aliases, maker, entry, sensors, kind in rows:
        whose = f"{EXTRA_GEOM} {kind}; {ours if 'nominal' in entry else sensor}"
        yield (
            name,
            {"aliases": aliases, "maker": maker, "source": whose, **entry, "sensors": sensors},
        )
    source = "pixels as published by SLAC; modules placed by tiled_sim"
    yield (
        "CSPAD",
        {"aliases": ["CSPAD 2.3M"], "maker": "SLAC", "source": source}
        | cspad()
        | {"sensors": silicon_500},
    )
    yield (
        "DSSC 1M",
        {"aliases": ["DSSC"], "maker": "", "source": f"{EXTRA_GEOM} DSSC_1MGeometry"}
        | {"refused": HEXAGONAL},
    )


def entries() -> dict[str, Entry]:
    """The whole table, no two rows of one name."""
    made = [pyfai_entry(one) for one in pyfai_classes()] + list(extra_geom_entries())
    table = dict(sorted(made, key=lambda row: key(row[0])))
    names = [key(one) for name, entry in table.items() for one in (name, *entry["aliases"])]
    doubled = sorted({one for one in names if names.count(one) > 1})
    if doubled or len(table) < len(made):
        raise SystemExit(f"names of two detectors: {doubled}")
    return table


def written(table: dict[str, Entry]) -> str:
    """The table in TOML; rows of what is not so for a detector are left out."""
    lines = [
        "# Detectors by name, written by tools/detectors.py: do not edit.",
        f"# The numbers are what {PYFAI} and {EXTRA_GEOM} say where no note says else.",
        "# Pairs are (slow, fast). placed_mm: x, y of the corner of a module's first pixel, the",
        "# directions of its fast and slow axes (x left looking downstream, y up), its quadrant.",
    ]
    for name, entry in table.items():
        lines += ["", f"[{json.dumps(name)}]"]
        for field, value in entry.items():
            if value in ("", [], 0, False) and field not in ("masked", "gap"):
                continue
            if field in ("placed_mm", "live_chips"):
                inner = "".join(f"  {json.dumps(row)},\n" for row in value)
                lines.append(f"{field} = [\n{inner}]")
            else:
                lines.append(f"{field} = {json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    TABLE.write_text(written(entries()))
