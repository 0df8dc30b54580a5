"""The torch code of the primitives: the only place that computes on weights."""
