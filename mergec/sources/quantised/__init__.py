"""Quantised checkpoints: which tensors of a file stand for one weight, by their names and headers."""
