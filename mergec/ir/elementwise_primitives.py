"""The primitives that compare, select and bend single elements. Plain arithmetic is in `primitives`.

Operands have one shape, so that tensors which do not belong together are found. A mask is 0.0 or 1.0 in the
dtype that is computed in, and a comparison with a NaN gives 0.0. A minimum, a maximum, a sign or a root of a
NaN is a NaN.
"""

from __future__ import annotations

from mergec.ir.primitive import Attributes, Locality, Primitive, Reproducibility, Types
from mergec.ir.primitives import arithmetic_dtype, same_shape
from mergec.ir.tensor_type import TensorType

# How many elements a kernel works on at a time that takes memory beside the registers.
SELECTED_AT_ONCE = 1 << 17
WIDENED_AT_ONCE = 1 << 12
_F64_BYTES = 8


def _number(types: Types, _: Attributes) -> TensorType:
    """Of no degree: neither weights nor a difference of weights."""
    same_shape(types)
    return TensorType(types[0].shape, arithmetic_dtype(types), None)


def _chosen(types: Types, attributes: Attributes) -> TensorType:
    """Of the degree that the last two operands share: each element is of one of them."""
    left, right = types[-2:]
    return _number(types, attributes)._replace(degree=left.degree if left.degree == right.degree else None)


def _selecting(_types: Types, _attributes: Attributes) -> int:
    """The bits that tell one operand from the other."""
    return SELECTED_AT_ONCE * _F64_BYTES


def _widening(_types: Types, _attributes: Attributes) -> int:
    """An operand, a second one and the result in float64."""
    return 3 * WIDENED_AT_ONCE * _F64_BYTES


# Each comment lists the attributes of a node.
# None of these has any. A sign is -1.0, 0.0 or 1.0.
ABS = Primitive("abs", _number, Locality.ELEMENTWISE)
SIGN = Primitive("sign", _number, Locality.ELEMENTWISE)
SQRT = Primitive("sqrt", _number, Locality.ELEMENTWISE)
# The smaller or the larger of two. A result of zero is +0.0.
MINIMUM = Primitive("minimum", _chosen, Locality.ELEMENTWISE)
MAXIMUM = Primitive("maximum", _chosen, Locality.ELEMENTWISE)
# Masks of left >= right, left > right, left < right and left == right.
AT_LEAST = Primitive("at_least", _number, Locality.ELEMENTWISE)
ABOVE = Primitive("above", _number, Locality.ELEMENTWISE)
BELOW = Primitive("below", _number, Locality.ELEMENTWISE)
EQUALS = Primitive("equals", _number, Locality.ELEMENTWISE)
# The second operand where the first is not zero, else the third: a NaN that is not chosen has no effect.
WHERE = Primitive("where", _chosen, Locality.ELEMENTWISE, scratch=_selecting)
# Computed in float64 by the library and rounded once.
EXP = Primitive("exp", _number, Locality.ELEMENTWISE, Reproducibility.R1, _widening)
LOG = Primitive("log", _number, Locality.ELEMENTWISE, Reproducibility.R1, _widening)
COS = Primitive("cos", _number, Locality.ELEMENTWISE, Reproducibility.R1, _widening)
# An exponent, or none where a second operand holds the exponents.
POWER = Primitive("power", _number, Locality.ELEMENTWISE, Reproducibility.R1, _widening)

ELEMENTWISE_PRIMITIVES: dict[str, Primitive] = {
    p.name: p
    for p in (
        ABS,
        SIGN,
        SQRT,
        MINIMUM,
        MAXIMUM,
        AT_LEAST,
        ABOVE,
        BELOW,
        EQUALS,
        WHERE,
        EXP,
        LOG,
        COS,
        POWER,
    )
}
