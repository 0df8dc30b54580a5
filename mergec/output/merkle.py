"""One digest of all tensors of an output, however they lie in its files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from blake3 import blake3

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mergec.ir.strided_view import Shape


class TensorDigest(NamedTuple):
    """A tensor and the digest of its bytes. `dtype` is the name that safetensors gives it."""

    name: str
    dtype: str
    shape: Shape
    digest: str


def merkle_root(tensors: Iterable[TensorDigest]) -> str:
    """The BLAKE3 digest of a line for each tensor, sorted: `"name" dtype [shape] digest`.

    Names are written as JSON strings in ASCII, so that none can pass for the end of a line.
    """
    lines = (
        f"{json.dumps(tensor.name)} {tensor.dtype} {list(tensor.shape)} {tensor.digest}\n"
        for tensor in tensors
    )
    return blake3("".join(sorted(lines)).encode("ascii")).hexdigest()
