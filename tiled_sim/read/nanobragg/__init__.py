"""nanoBragg command lines."""
