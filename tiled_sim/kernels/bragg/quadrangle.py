"""Extremes of a linear function of direction over a quadrangle on the sphere."""

import torch
from torch import Tensor


def extremes(vectors: Tensor, corners: Tensor) -> tuple[Tensor, Tensor]:
    """Least and greatest product of vectors with the directions in a spherical quadrangle.

    Parameters
    ----------
    vectors : float64 (…, 3)
    corners : unit vectors, in turn, float64 (4, 3)
    """
    flat = vectors.reshape(-1, 3).T
    least, most = -_greatest(-flat, corners), _greatest(flat, corners)
    return least.view(vectors.shape[:-1]), most.view(vectors.shape[:-1])


def _greatest(vectors: Tensor, corners: Tensor) -> Tensor:
    """Greatest product of vectors (3, n): inside, on an edge, or at a corner."""
    following = corners.roll(-1, 0)
    normals = torch.linalg.cross(corners, following)
    normals = normals * torch.sign(normals @ corners.sum(0))[:, None]
    at_corners = corners @ vectors
    cosine = (corners * following).sum(1, keepdim=True)
    tangent = following - cosine * corners
    sine = tangent.square().sum(1, keepdim=True).sqrt()
    along = (tangent / sine) @ vectors
    # of an edge, an arc, the greatest product lies between its ends or at one of them
    on_edge = (along > 0.0) & (along * cosine < at_corners * sine)
    at_edges = torch.where(on_edge, torch.hypot(at_corners, along), at_corners).amax(0)
    inside = (normals @ vectors >= 0.0).all(0)
    return torch.where(inside, vectors.square().sum(0).sqrt(), at_edges)
