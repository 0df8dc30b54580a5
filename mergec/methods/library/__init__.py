"""The merge methods that come with mergec: one file per method, named after it."""
