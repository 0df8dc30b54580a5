"""Which builds of torch and NumPy compute, told without importing them."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version


@cache
def torch_build() -> str:
    """The versions of torch, with what it was built for, and of NumPy: bytes of class R1 depend on them.

    Most of what is R1 is torch's; dot products over whole tensors are NumPy's, wherever they are taken.
    """
    return f"{version('torch')}, numpy {version('numpy')}"
