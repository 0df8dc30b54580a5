"""Recipes of other programs -> recipes of mergec, and what of them could not be carried over."""
