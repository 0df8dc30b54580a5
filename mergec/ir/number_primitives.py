"""Elementwise primitives with a number as the second operand: one of the recipe, or one found on the way."""

from __future__ import annotations

from mergec.ir.primitive import Attributes, Locality, Primitive, Types
from mergec.ir.primitives import arithmetic_dtype
from mergec.ir.tensor_type import TensorType

# What can be done with a number. Comparisons give 1 where they hold and 0 where they do not.
OPERATIONS = ("add", "multiply", "divide", "minimum", "maximum", "at_least", "above", "below", "equals")
# These change no degree of what they limit.
_LIMITS = {"minimum", "maximum"}


def _with_number(types: Types, attributes: Attributes) -> TensorType:
    operation = attributes[0]
    first = types[0]
    degree = first.degree if operation in _LIMITS else None
    return TensorType(first.shape, arithmetic_dtype(types[:1]), degree)


# An operation and the number.
WITH_NUMBER = Primitive("with_number", _with_number, Locality.ELEMENTWISE)
# An operation and the position of the number in the second operand, a float64 vector or matrix.
WITH_SCALAR = Primitive("with_scalar", _with_number, Locality.UNIFORM)
