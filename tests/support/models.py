"""Models of crystals written as PDB files, and what their atoms scatter, summed by hand."""

import gemmi
import numpy as np

ATOM = (
    "ATOM  {serial:5d}  {name:<3s}{altloc:1s}ASP A{seq:4d}    {x:8.3f}{y:8.3f}{z:8.3f}"
    "{occ:6.2f}{B:6.2f}          {element:>2s}"
)


def cryst1(cell, group):
    a, b, c, alpha, beta, gamma = cell
    return f"CRYST1{a:9.3f}{b:9.3f}{c:9.3f}{alpha:7.2f}{beta:7.2f}{gamma:7.2f} {group:<11s}"


def atom(serial, element, place, **other):
    x, y, z = place
    fields = {"seq": serial, "name": element, "altloc": "", "occ": 1.0, "B": 15.0} | other
    return ATOM.format(serial=serial, element=element.upper(), x=x, y=y, z=z, **fields)


def summed(path, hkl, anomalous=None):
    """F (n,) complex of a model's atoms at reflections hkl (n, 3), without solvent.

    Parameters
    ----------
    path : of the model
    hkl : int (n, 3)
    anomalous : f′ + i f″ by element; None: 0
    """
    structure = gemmi.read_structure(str(path))
    to_fractions = np.array(structure.cell.frac.mat.tolist())
    F = np.zeros(len(hkl), dtype=complex)
    for found in structure[0].all():
        one = found.atom
        coefficients = np.array(one.element.it92.get_coefs())
        a, b, c = coefficients[:4], coefficients[4:8], coefficients[8]
        place = to_fractions @ np.array(one.pos.tolist())
        tensor = np.array(one.aniso.as_mat33().tolist())
        for operation in structure.find_spacegroup().operations():
            turned = hkl @ (np.array(operation.rot) / operation.DEN)
            shift = np.array(operation.tran) / operation.DEN
            s = turned @ to_fractions
            s2 = (s**2).sum(axis=1)
            f = (a * np.exp(-b * s2[:, None] / 4)).sum(axis=1) + c
            f = f + (anomalous or {}).get(one.element.name, 0.0)
            smeared = -one.b_iso * s2 / 4
            if one.aniso.nonzero():
                smeared = -2 * np.pi**2 * np.einsum("ni,ij,nj->n", s, tensor, s)
            F += one.occ * f * np.exp(smeared + 2j * np.pi * (turned @ place + hkl @ shift))
    return F
