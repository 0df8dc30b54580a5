"""An example of a package with a merge method."""
