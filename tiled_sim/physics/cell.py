"""Unit cells: lengths and angles, reciprocal and direct vectors."""

import math

import numpy as np

from tiled_sim.physics.vectors import Array, nearest_rotations

#: Cells that are as alike are one, by the rounding of numbers that people write down.
_SAME_CELL = 1e-6


def cell_volume(lengths: Array, angles: Array) -> float:
    """Volume [Å³] of a cell from its lengths [Å] and angles [rad]; nan if it cannot exist."""
    half = float(angles.sum()) / 2.0
    skew = math.sin(half) * float(np.prod(np.sin(half - angles)))
    return 2.0 * float(np.prod(lengths)) * math.sqrt(skew) if skew > 0.0 else math.nan


def reciprocal_from_cell(lengths: Array, angles: Array, *, as_c: bool = False) -> Array:
    """Reciprocal vectors in the default orientation.

    a* lies along +X and b* in the XY plane on the +Y side; c* completes them right-handed.

    Parameters
    ----------
    lengths : a, b, c [Å]
    angles : alpha, beta, gamma [rad]
    as_c : take the z of c* as the C program does, from V/(abc) in place of V*/(a*b*c*); in a
        triclinic cell the angles then come out a little different (docs/differences.md, row 37)

    Returns
    -------
    (3, 3) rows a*, b*, c* [1/Å]
    """
    a, b, c = lengths
    sin_alpha, sin_beta, sin_gamma = np.sin(angles)
    cos_alpha, cos_beta, cos_gamma = np.cos(angles)
    volume = cell_volume(lengths, angles)
    a_star = b * c * sin_alpha / volume
    b_star = c * a * sin_beta / volume
    c_star = a * b * sin_gamma / volume
    cos_alpha_star = (cos_beta * cos_gamma - cos_alpha) / (sin_beta * sin_gamma)
    cos_beta_star = (cos_gamma * cos_alpha - cos_beta) / (sin_gamma * sin_alpha)
    cos_gamma_star = (cos_alpha * cos_beta - cos_gamma) / (sin_alpha * sin_beta)
    sin_gamma_star = c / volume / a_star / b_star
    return np.array(
        [
            [a_star, 0.0, 0.0],
            [b_star * cos_gamma_star, b_star * sin_gamma_star, 0.0],
            [
                c_star * cos_beta_star,
                c_star * (cos_alpha_star - cos_beta_star * cos_gamma_star) / sin_gamma_star,
                c_star * volume / (a * b * c * sin_gamma_star) if as_c else 1.0 / c,
            ],
        ]
    )


def stood_from(vectors: Array, others: Array) -> tuple[Array, Array | None]:
    """How crystals stand, from where one does: the nearest rotations, and what they leave.

    Parameters
    ----------
    vectors : rows a, b, c of the one [Å], (3, 3)
    others : of each, (n, 3, 3), right-handed as those

    Returns
    -------
    rotations (n, 3, 3), and rows a, b, c before them (n, 3, 3) [Å]; None where all of these are
    those of the one, but for rounding
    """
    # rows turn as v' = v Mᵀ
    between = np.asarray(np.linalg.solve(vectors[None], others).transpose(0, 2, 1), np.float64)
    orientation = nearest_rotations(between)
    before = others @ orientation
    if np.abs(before - vectors).max() < _SAME_CELL * np.linalg.norm(vectors):
        return orientation, None
    return orientation, before


def dual(vectors: Array) -> Array:
    """Direct vectors [Å] from reciprocal ones [1/Å], or the other way round.

    Parameters
    ----------
    vectors : (3, 3), one vector a row
    """
    a, b, c = vectors
    volume = float(a @ np.cross(b, c))
    return np.array([np.cross(b, c), np.cross(c, a), np.cross(a, b)]) / volume


def with_lengths(directions: Array, lengths: Array, volume: float) -> tuple[Array, Array]:
    """Direct and reciprocal vectors whose cell has the given lengths and volume.

    The C program does this whenever ``-cell`` is given: the directions of a, b and c come from
    the reciprocal vectors, their lengths and the volume from the cell.

    Parameters
    ----------
    directions : (3, 3) rows a*, b*, c* of the oriented crystal, any scale
    lengths : a, b, c [Å]
    volume : of the cell [Å³]

    Returns
    -------
    (3, 3) rows a, b, c [Å], and (3, 3) rows a*, b*, c* [1/Å]
    """
    a_star, b_star, c_star = directions
    normals = np.array(
        [np.cross(b_star, c_star), np.cross(c_star, a_star), np.cross(a_star, b_star)]
    )
    direct = normals / np.linalg.norm(normals, axis=1, keepdims=True) * lengths[:, None]
    a, b, c = direct
    return direct, np.array([np.cross(b, c), np.cross(c, a), np.cross(a, b)]) / volume


def lengths_and_angles(vectors: Array) -> tuple[Array, Array]:
    """Lengths and angles [rad] (alpha, beta, gamma) between three row vectors."""
    lengths = np.linalg.norm(vectors, axis=1)
    a, b, c = vectors / lengths[:, None]
    return lengths, np.arccos(np.clip([b @ c, a @ c, a @ b], -1.0, 1.0))
