"""Whether a symmetry is one: the laws of its group on real bytes, and the function of the network."""
