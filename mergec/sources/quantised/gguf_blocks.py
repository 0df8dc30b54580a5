"""Tensors of GGUF files that are packed in blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.dtype import DType
from mergec.ir.packed import Scheme
from mergec.sources.gguf_types import BLOCKS, UNREADABLE
from mergec.sources.quantised.group import DenseForm, Group, Stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LIBRARY = "gguf"


def gguf_groups(stored: Stored, block_types: Mapping[str, int]) -> Iterator[Group]:
    """One group for each packed tensor: it has no other parts, and keeps its name."""
    for name, number in block_types.items():
        view, block = stored.tensors[name], BLOCKS[number]
        what = f"GGUF {block.name}"
        if block.name in UNREADABLE:
            yield Group(name, what, (name,), LIBRARY, problem=f"the library does not read {block.name}")
            continue
        shape = (*view.shape[:-1], view.shape[-1] // block.nbytes * block.values)
        rows = ((1, 1),) if len(shape) > 1 else ()
        scheme = Scheme("gguf", ("blocks",), (DType.U8,), (("type", number),), rows)
        yield Group(name, what, (name,), LIBRARY, DenseForm(scheme, (name,), shape, DType.F32))
