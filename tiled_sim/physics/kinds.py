"""What a look-up of a structure factor can meet, as the numbers of a table."""

#: F other than 0; F given as 0; not given; outside the ranges; 0 by the symmetry of a space group.
IN_RANGE, ZERO, ABSENT, OUT_OF_RANGE, FORBIDDEN = range(5)
