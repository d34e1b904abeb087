"""Frozen nouns: what is simulated, and how. No readers, no torch."""
