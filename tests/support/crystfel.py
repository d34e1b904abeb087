"""Texts of CrystFEL geometry files, and what is asked of what was read."""

from tiled_sim.io.crystfel_geometry import read_crystfel_geometry

#: Of the whole file; a panel of 4 x 3 (fast x slow) pixels of 0.1 mm, 0.2 m away.
HEAD = "clen = 0.2\nphoton_energy = 10000\nres = 10000\n"
SIZE = "p/min_fs = 0\np/max_fs = 3\np/min_ss = 0\np/max_ss = 2\n"
CORNER = "p/corner_x = -2\np/corner_y = -1\n"
AXES = "p/fs = x\np/ss = y\n"
PANEL = SIZE + CORNER + AXES
WHOLE = HEAD + PANEL


def reading(folder):
    """What reads a text as a file in a folder."""

    def read(text, **given):
        path = folder / "some.geom"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_crystfel_geometry(path, **given)

    return read


def named(name, text):
    """The panel of a text under another name."""
    return text.replace("p/", f"{name}/")


def note(geometry, part):
    """The only note with a part in it."""
    (found,) = [one for one in geometry.notes if part in one]
    return found
