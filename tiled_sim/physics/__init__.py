"""Physics of diffraction: tensors in, tensors out, float64."""
