"""Drafts of symmetry tables for checkpoints that have none: guesses from names, shapes and config.json."""
