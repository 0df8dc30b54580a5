"""The primitive that makes quantised weights dense."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from mergec.ir.primitive import Attributes, Locality, Primitive, Reproducibility, Types
from mergec.ir.tensor_type import TensorType

if TYPE_CHECKING:
    from mergec.ir.packed import Scheme

# The kernel works on so many elements of the result at a time where it can, and then takes about so many
# bytes for each of them (measured); compressed-tensors takes a weight as a whole.
STEP = 1 << 18
_STEP_BYTES = 64
_WHOLE_BYTES = {"compressed_tensors": 32}


def _dequantised(_: Types, attributes: Attributes) -> TensorType:
    _scheme, shape, dtype, degree = attributes
    return TensorType(shape, dtype, degree)


def _scratch(_: Types, attributes: Attributes) -> int:
    scheme: Scheme = attributes[0]
    shape: tuple[int, ...] = attributes[1]
    rows = max(STEP, 16 * shape[-1] if shape else 1)
    if scheme.kind in _WHOLE_BYTES:
        return _WHOLE_BYTES[scheme.kind] * prod(shape)
    return _STEP_BYTES * min(rows, prod(shape))


# A scheme, the dense shape, the dtype of the result, and its degree. The operands are the tensors of the
# file, in the order of the scheme's roles.
DEQUANTISE = Primitive("dequantise", _dequantised, Locality.WHOLE, Reproducibility.R1, _scratch)
QUANTISED_PRIMITIVES: dict[str, Primitive] = {DEQUANTISE.name: DEQUANTISE}
