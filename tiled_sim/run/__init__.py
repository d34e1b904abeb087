"""A run as it is read."""
