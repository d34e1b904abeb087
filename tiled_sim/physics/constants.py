"""Constants of the field, with the values that the C program uses."""

#: Square of the classical electron radius [m²].
R_E_SQR = 7.94079248018965e-30

#: Planck's constant times the speed of light [eV·Å].
HC_EV_ANGSTROM = 12398.42

#: Molecules in a mole.
AVOGADRO = 6.02214179e23
