"""How jungfrau16m.geom was made: ``python make_geometry.py > jungfrau16m.geom``.

The 32 modules of a Jungfrau 16M of eight chips each stand where the package's own table has them,
which is nominal. A panel is a chip without its outermost rows and columns, whose pixels are twice
as wide: 254 x 254 pixels. Names of modules choose some: ``python make_geometry.py p12 p13``.
"""

import sys

from tiled_sim.io.named_detectors import named_detector

DISTANCE = 0.2  # m
PHOTON_ENERGY = 9500  # eV
SIDE = 256  # pixels of a chip
EDGE = 1  # outermost lines that are left out


def geometry(modules):
    """The text of the file, with all modules or those that are named."""
    chips = named_detector("Jungfrau 16M", distance=DISTANCE).panels
    every = list(dict.fromkeys(chip.group[0] for chip in chips))
    chosen = modules or every
    if not set(chosen) <= set(every):
        sys.exit(f"modules are {every[0]} to {every[-1]}")
    side = chips[0].pixel_size[0]
    held = {name: [chip for chip in chips if chip.group == (name,)] for name in chosen}
    lines = [
        "; Jungfrau 16M of 32 modules, nominal, written by make_geometry.py",
        f"clen = {DISTANCE} m",
        f"photon_energy = {PHOTON_ENERGY} eV",
        f"res = {1 / side:.10f}",
        "data = /entry/data/data",
        "dim0 = %",
        "dim2 = ss",
        "dim3 = fs",
        "fs = -x",
        "ss = -y",
        *(f"rigid_group_{name} = {','.join(one.name for one in of)}" for name, of in held.items()),
        f"rigid_group_collection_modules = {','.join(held)}",
    ]
    for number, of in enumerate(held.values()):
        for place, chip in enumerate(of):
            lines += ["", *panel(chip, number, place, side)]
    return "\n".join(lines) + "\n"


def panel(chip, module, place, side):
    """A chip without its edge; chips stand four in a row."""
    row, column = divmod(place, 4)
    corner = [
        (at + EDGE * side * (fast + slow)) / side
        for at, fast, slow in zip(chip.origin, chip.fast_axis, chip.slow_axis, strict=True)
    ]
    values = {
        "dim1": module,
        "min_fs": SIDE * column + EDGE,
        "max_fs": SIDE * (column + 1) - EDGE - 1,
        "min_ss": SIDE * row + EDGE,
        "max_ss": SIDE * (row + 1) - EDGE - 1,
        "corner_x": f"{corner[0]:.6f}",
        "corner_y": f"{corner[1]:.6f}",
    }
    return [f"{chip.name}/{key} = {value}" for key, value in values.items()]


if __name__ == "__main__":
    print(geometry(sys.argv[1:]), end="")
