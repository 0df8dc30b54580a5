"""What a kernel may find in the values it is given; told to the user by `execute`."""

from __future__ import annotations


class NotFinite(Exception):  # noqa: N818  # a finding, not a fault
    """A value that must be finite is not. `leaf` is the number of the leaf that holds it, or -1."""

    def __init__(self, leaf: int) -> None:
        """Remember whose."""
        super().__init__()
        self.leaf = leaf


class NotIdentical(Exception):  # noqa: N818  # a finding, not a fault
    """Tensors that must be equal are not. `element` is the first difference within the tile."""

    def __init__(self, element: int) -> None:
        """Remember where."""
        super().__init__()
        self.element = element
