"""Adapters: small files that change a base model. The dialects, each in its package, read them into folds."""
