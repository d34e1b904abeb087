"""Constants of the field, with the values that the C program uses."""

#: Square of the classical electron radius [m²].
R_E_SQR = 7.94079248018965e-30

#: Planck's constant times the speed of light [eV·Å].
HC_EV_ANGSTROM = 12398.42

#: Degrees in a radian exactly as the C program computes them (180 times 1/π in float64), so
#: that a phi step is exactly 0 here when it is there.
RADIAN = 180.0 * 0.31830988618379067154

#: Of water: density [g/cm³] and molar mass [g/mol].
WATER_DENSITY, WATER_MOLAR_MASS = 1.0, 18.015

#: Molecules in a mole.
AVOGADRO = 6.02214179e23
