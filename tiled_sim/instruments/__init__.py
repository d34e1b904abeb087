"""Instruments: what was F, where did a pixel's value come from, and are two images the same."""
