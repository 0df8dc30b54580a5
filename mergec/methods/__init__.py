"""Merge methods: one per file, each a function over symbolic tensors. Used by lower/."""
