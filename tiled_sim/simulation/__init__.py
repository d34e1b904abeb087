"""One tile, and a whole image in this process."""
