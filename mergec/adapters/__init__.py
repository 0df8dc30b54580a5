"""Adapters: small files that change a base model. One module per dialect, all read into folds."""
