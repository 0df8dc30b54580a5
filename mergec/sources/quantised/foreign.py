"""Quantisations that mergec can name and not undo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.dtype import DType
from mergec.sources.quantised.group import Group, Stored

if TYPE_CHECKING:
    from collections.abc import Iterator

QWEIGHT = ".qweight"
BLOCKS = "_blocks"
_PARTS = (QWEIGHT, ".qzeros", ".scales", ".g_idx")
_NAMES = {"gptq": "GPTQ", "awq": "AWQ"}
NO_LIBRARY = "no library that is kept up reads it tensor by tensor"


def integer_groups(stored: Stored, weights: list[str]) -> Iterator[Group]:
    """The weights of GPTQ and AWQ, whose codes lie in int32 tensors called `qweight`."""
    method = str(stored.quantisation.get("quant_method", ""))
    for weight in weights:
        module = weight.removesuffix(QWEIGHT)
        members = stored.present(tuple(module + part for part in _PARTS))
        what = _NAMES.get(method, "GPTQ" if f"{module}.g_idx" in stored.tensors else "AWQ")
        yield Group(f"{module}.weight", what, members, problem=NO_LIBRARY)


def block_groups(stored: Stored, blocks: list[str]) -> Iterator[Group]:
    """The experts of gpt-oss: MXFP4 codes in `*_blocks`, exponents in `*_scales`."""
    for block in blocks:
        name = block.removesuffix(BLOCKS)
        scales = f"{name}_scales"
        if scales in stored.tensors and stored.tensors[block].dtype is DType.U8:
            yield Group(name, "MXFP4", (block, scales), problem=NO_LIBRARY)
