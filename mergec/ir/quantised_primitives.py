"""The primitive that makes quantised weights dense."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from mergec.ir.primitive import Attributes, Locality, Primitive, Reproducibility, Types
from mergec.ir.tensor_type import TensorType

if TYPE_CHECKING:
    from mergec.ir.packed import Scheme

# The kernel works on so many elements of the result at a time where it can, and then takes about so many
# bytes for each of them (measured, without the library itself). compressed-tensors takes a weight as a
# whole, and most for its 4-bit floats.
STEP = 1 << 18
_STEP_BYTES = 64
_WHOLE = "compressed_tensors"
_WHOLE_BYTES = {"nvfp4-pack-quantized": 32, "mxfp4-pack-quantized": 32}
_WHOLE_BYTES_OF_OTHERS = 16


def _dequantised(_: Types, attributes: Attributes) -> TensorType:
    _scheme, shape, dtype, degree = attributes
    return TensorType(shape, dtype, degree)


def _scratch(_: Types, attributes: Attributes) -> int:
    scheme: Scheme = attributes[0]
    shape: tuple[int, ...] = attributes[1]
    if scheme.kind == _WHOLE:
        form = str(dict(scheme.parameters)["format"])
        return _WHOLE_BYTES.get(form, _WHOLE_BYTES_OF_OTHERS) * prod(shape)
    # A step has a row at least, or a row of blocks.
    height = int(dict(scheme.parameters).get("block_rows", 1))
    least = (shape[-1] if shape else 1) * (height if shape[-2:-1] > (height,) else 1)
    return _STEP_BYTES * min(max(STEP, least), prod(shape))


# A scheme, the dense shape, the dtype of the result, and its degree. The operands are the tensors of the
# file, in the order of the scheme's roles.
DEQUANTISE = Primitive("dequantise", _dequantised, Locality.WHOLE, Reproducibility.R1, _scratch)
QUANTISED_PRIMITIVES: dict[str, Primitive] = {DEQUANTISE.name: DEQUANTISE}
