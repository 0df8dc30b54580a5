"""Which library makes quantised weights dense, and which version of it: bytes depend on that."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from mergec.ir.quantised_primitives import DEQUANTISE

if TYPE_CHECKING:
    from mergec.ir.graph import Node
    from mergec.ir.packed import Scheme

# By the kinds of schemes, the packages' names. Scaled floats need none.
_LIBRARIES = {
    "bitsandbytes_4bit": "bitsandbytes",
    "bitsandbytes_int8": "bitsandbytes",
    "compressed_tensors": "compressed-tensors",
    "gguf": "gguf",
}


def library_of(node: Node) -> tuple[str, str] | None:
    """The library that a node needs beside torch, and its version; None for one that needs none."""
    if node.primitive is not DEQUANTISE:
        return None
    scheme: Scheme = node.attributes[0]
    name = _LIBRARIES.get(scheme.kind)
    return (name, _version(name)) if name is not None else None


@cache
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # a copy that is no package: nobody can tell
        return "unknown"
