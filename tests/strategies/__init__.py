"""Hypothesis strategies: numbers and directions, experiments of the model, scenes of kernels."""
