"""How the table of water that comes with tiled_sim was made: ``python examples/water.py > FILE``.

F is that of elastic scattering by one molecule of liquid water at 25 °C, so that
F² = self + molecule² · (S - 1), with

- self and molecule: a rigid molecule (O-H 0.9572 Å, H-O-H 104.52°) of free atoms, averaged over
  its orientations (Debye, Ann. Phys. 351, 809, 1915); form factors of oxygen and bonded hydrogen
  by Cromer and Mann's formula, International Tables C, 6.1.1;
- S: structure factor of the molecules' centres, from a pair correlation g(r) that is 0 below
  2.4 Å, has what is published of water (Skinner et al., J. Chem. Phys. 138, 074506, 2013): first
  peak 2.57 at 2.80 Å, first minimum 0.84 at 3.45 Å, second peak 1.12 at 4.5 Å, 4.3 neighbours;
  in S, the compressibility limit 0.0643 at Q = 0 and no structure below 0.6/Å; and is otherwise
  as smooth as it can be, found by least squares.

Compton scattering is not in it.
"""

import numpy as np

MOLECULES_PER_A3 = 0.03334
COMPRESSIBILITY_LIMIT = 0.0643
NEIGHBOURS = 4.3
O_H, H_H = 0.9572, 2 * 0.9572 * np.sin(np.radians(104.52 / 2))
#: a, b and c of Cromer and Mann's formula.
OXYGEN = (3.0485, 2.2868, 1.5463, 0.8670), (13.2771, 5.7011, 0.3239, 32.9089), 0.2508
HYDROGEN = (0.493002, 0.322912, 0.140191, 0.040810), (10.5109, 26.1257, 3.14236, 57.7997), 0.003038

STEP = 0.025
r = np.arange(1, 801) * STEP


def form_factor(atom, stol):
    """Electrons of an atom at sin θ/λ [1/Å]."""
    a, b, c = atom
    return sum(height * np.exp(-width * stol**2) for height, width in zip(a, b, strict=True)) + c


def sine_transform(Q):
    """What S - 1 at Q [1/Å] is of g - 1 at every r: 4π n r² sin(Qr)/(Qr) dr."""
    return 4 * np.pi * MOLECULES_PER_A3 * r**2 * np.sinc(Q * r / np.pi) * STEP


class Conditions:
    """Linear conditions on h = g - 1 at every r, each with a weight; solved by least squares."""

    def __init__(self):
        self._rows, self._values = [], []

    def require(self, row, value, weight):
        """Require row · h = value."""
        self._rows.append(weight * row)
        self._values.append(weight * value)

    def at(self, distance, value, weight):
        """Require a value of h at a distance [Å]."""
        self.require(self._pick(distance), value, weight)

    def flat(self, distance, weight):
        """Require an extremum of h at a distance [Å]."""
        slope = self._pick(distance + STEP) - self._pick(distance - STEP)
        self.require(slope / (2 * STEP), 0.0, weight)

    def smooth(self):
        """Keep the curvature low, the more so the farther out."""
        stiffness = np.interp(r, [2.5, 3.2, 3.6, 5, 7, 20], [0.05, 0.05, 0.3, 1, 2, 3])
        for k in range(1, len(r) - 1):
            row = np.zeros(len(r))
            row[k - 1 : k + 2] = np.array([1, -2, 1]) / STEP**2
            self.require(row, 0.0, stiffness[k] * np.sqrt(STEP))

    def solve(self):
        """The h that meets them best."""
        return np.linalg.lstsq(np.array(self._rows), np.array(self._values), rcond=None)[0]

    @staticmethod
    def _pick(distance):
        row = np.zeros(len(r))
        row[round(distance / STEP) - 1] = 1.0
        return row


def pair_correlation():
    """The h = g - 1 of the molecules' centres."""
    conditions = Conditions()
    for distance in r[r < 2.4]:
        conditions.at(distance, -1.0, 1e4)
    for distance in r[r > 14.0]:
        conditions.at(distance, 0.0, 100.0)
    for distance, g in ((2.80, 2.57), (3.45, 0.84), (4.5, 1.12)):
        conditions.at(distance, g - 1.0, 1e4)
        conditions.flat(distance, 1e4)
    for distance, g in ((5.6, 0.89), (6.75, 1.04)):
        conditions.at(distance, g - 1.0, 30.0)
    shell = np.where(r <= 3.3, 4 * np.pi * MOLECULES_PER_A3 * r**2 * STEP, 0.0)
    conditions.require(shell, NEIGHBOURS - shell.sum(), 100.0)
    for tenth in range(7):
        weight = 3e3 if tenth < 4 else 1e3
        conditions.require(sine_transform(tenth / 10), COMPRESSIBILITY_LIMIT - 1.0, weight)
    for tenth in range(1, 17):
        below, here, above = (sine_transform((tenth + n) / 10) for n in (-1, 0, 1))
        conditions.require(below - 2 * here + above, 0.0, 100.0)
    for distance in r[r > 6.9]:  # order is lost with distance
        conditions.at(distance, 0.0, 10.0 * (distance - 6.9) * np.sqrt(STEP))
    conditions.smooth()
    return conditions.solve()


def amplitude(stol, h):
    """F of one molecule in the liquid [electron]."""
    Q = 4 * np.pi * stol
    o, hydrogen = form_factor(OXYGEN, stol), form_factor(HYDROGEN, stol)
    along_oh, along_hh = np.sinc(Q * O_H / np.pi), np.sinc(Q * H_H / np.pi)
    alone = o**2 + 2 * hydrogen**2 + 4 * o * hydrogen * along_oh + 2 * hydrogen**2 * along_hh
    centre = (o + 2 * hydrogen * along_oh) ** 2
    S = 1.0 + float(sine_transform(Q) @ h)
    return np.sqrt(alone + centre * (S - 1.0))


if __name__ == "__main__":
    h = pair_correlation()
    print("# Liquid water, 25 C: sin(theta)/lambda [1/A] and F of one molecule [electron],")
    print(
        "# elastic scattering only. Made by examples/water.py of tiled_sim, which says from what."
    )
    for stol in np.arange(0, 301) * 0.004:
        print(f"{stol:.3f} {amplitude(stol, h):.4f}")
