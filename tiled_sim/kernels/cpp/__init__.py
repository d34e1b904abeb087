"""Loops in C++, as they are compiled on the user's machine, and what they take of a scene."""
