"""Merge methods: what a function over symbolic tensors is to a recipe. Used by lower/."""
