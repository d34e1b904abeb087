"""Where reflections are seen, from reciprocal vectors, wavelength and corners of panels alone.

The frame is any in which the beam travels along +z. Reciprocal vectors are the columns of A [1/Å].
"""

import itertools

import numpy as np


def nodes(a, dmin):
    """Indices of all reflections down to a resolution [Å] but 0 0 0, and their vectors at phi 0."""
    direct = np.linalg.norm(np.linalg.inv(a), axis=1)
    ranges = (np.arange(-int(edge / dmin), int(edge / dmin) + 1) for edge in direct)
    hkl = np.array(list(itertools.product(*ranges)))
    vectors = hkl @ a.T
    length = np.linalg.norm(vectors, axis=1)
    seen = (length > 0) & (length <= 1.0 / dmin)
    return hkl[seen], vectors[seen]


def still(a, wavelength, dmin):
    """Reflections of a still: indices, directions, and how far off the Ewald sphere [1/Å].

    A spot is brightest where the sphere is nearest to its node.
    """
    hkl, vectors = nodes(a, dmin)
    diffracted = vectors + np.array([0.0, 0.0, 1.0 / wavelength])
    length = np.linalg.norm(diffracted, axis=1)
    return hkl, diffracted / length[:, None], length - 1.0 / wavelength


def rotation(a, wavelength, axis, dmin):
    """Reflections of a full turn: indices, directions, angles 0 … 2π and speeds as they are seen.

    ``|R(phi) q + s0| = 1/wavelength`` is ``u cos phi + v sin phi = w``. A node goes through the
    sphere at its speed [1/Å a radian].
    """
    hkl, vectors = nodes(a, dmin)
    axis, beam = np.array(axis), np.array([0.0, 0.0, 1.0 / wavelength])
    along = (vectors @ axis)[:, None] * axis
    across, turned = vectors - along, np.cross(axis, vectors)
    u, v = across @ beam, turned @ beam
    w = -0.5 * (vectors**2).sum(axis=1) - along @ beam
    reach = np.hypot(u, v)
    seen = np.abs(w) < reach
    hkl, along, across, turned = hkl[seen], along[seen], across[seen], turned[seen]
    middle, half = np.arctan2(v, u)[seen], np.arccos(w[seen] / reach[seen])
    found = []
    for phi in (middle - half, middle + half):
        at = along + across * np.cos(phi)[:, None] + turned * np.sin(phi)[:, None]
        found.append((hkl, (at + beam) * wavelength, phi % (2.0 * np.pi)))
    hkl, directions, phi = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return hkl, directions, phi, np.abs(directions @ np.cross(axis, beam))


def turned_to(a, hkl, axis, phi, wavelength):
    """Directions of reflections, each at an angle of its own, as `still` has them."""
    vectors, axis = hkl @ a.T, np.array(axis)
    along = (vectors @ axis)[:, None] * axis
    across, turned = vectors - along, np.cross(axis, vectors)
    now = along + across * np.cos(phi)[:, None] + turned * np.sin(phi)[:, None]
    diffracted = now + np.array([0.0, 0.0, 1.0 / wavelength])
    return diffracted / np.linalg.norm(diffracted, axis=1)[:, None]


def on_panels(directions, panels):
    """Where directions meet panels: panel (or -1), and (fast, slow) in pixels from its corner.

    Parameters
    ----------
    directions : (n, 3)
    panels : of each the first, fast and slow corner (3, 3) and its pixels (slow, fast)
    """
    numbers = np.full(len(directions), -1)
    places = np.full((len(directions), 2), np.nan)
    for number, (corners, (slow, fast)) in enumerate(panels):
        first, along_fast, along_slow = np.array(corners)
        # t d = first + x (along_fast - first) / fast + y (along_slow - first) / slow
        edges = np.stack([(along_fast - first) / fast, (along_slow - first) / slow], axis=1)
        for row, direction in enumerate(directions):
            x, y, t = np.linalg.solve(np.column_stack([edges, -direction]), -first)
            if t > 0 and 0 <= x < fast and 0 <= y < slow:
                numbers[row], places[row] = number, (x, y)
    return numbers, places
