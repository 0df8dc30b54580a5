"""Which build of torch computes, told without importing it."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version


@cache
def torch_build() -> str:
    """The version of the installed torch, with what it was built for: bytes of class R1 depend on it."""
    return version("torch")
