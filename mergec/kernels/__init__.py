"""The code of the primitives, in torch and in NumPy: the only place that computes on weights."""
