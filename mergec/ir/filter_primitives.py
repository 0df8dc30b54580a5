"""The primitives that mix neighbouring elements, and those that take elements in the order of others.

Beyond the edge of a tensor lies its reflection, the edge included: d c b a | a b c d | d c b a.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from mergec.ir.primitive import Attributes, Locality, Primitive, Reproducibility, Types
from mergec.ir.primitives import arithmetic_dtype, same_shape

if TYPE_CHECKING:
    from mergec.ir.strided_view import Shape
    from mergec.ir.tensor_type import TensorType

# A filter works on parts of about so many elements; on more where one index of each part has more.
FILTERED_AT_ONCE = 1 << 15
# How far a filter reaches to either side on each axis.
MEDIAN_REACH = 1
GAUSSIAN_REACH = 4
_F64_BYTES = 8
# Measured: what the library keeps for itself.
_LIBRARY = 4 << 20


def _filtered(types: Types, _: Attributes) -> TensorType:
    (value,) = types
    return value._replace(dtype=arithmetic_dtype(types))


def _changes(types: Types, attributes: Attributes) -> TensorType:
    """A difference if its operand is one; of weights, whose mean is gone, nobody can tell."""
    filtered = _filtered(types, attributes)
    return filtered._replace(degree=0.0 if filtered.degree == 0.0 else None)


def _ordered(types: Types, _: Attributes) -> TensorType:
    same_shape(types)
    arithmetic_dtype(types[1:])
    return types[0]


def cut(shape: Shape) -> tuple[int, int]:
    """The axis along which a filter cuts a tensor that is no single number, and how many indices make a part.

    The first, unless its indices are too large.
    """
    axis = 0
    if prod(shape[1:]) > FILTERED_AT_ONCE:
        axis = max(range(len(shape)), key=lambda at: shape[at])
    other = prod(length for at, length in enumerate(shape) if at != axis)
    return axis, max(FILTERED_AT_ONCE // max(other, 1), 1)


def _part(shape: Shape, reach: int) -> tuple[int, int]:
    """The elements of a part, and of a part with what it reaches on all axes."""
    axis, size = cut(shape)
    lengths = [size if at == axis else length for at, length in enumerate(shape)]
    return prod(lengths), prod(length + 2 * reach for length in lengths)


def _median_scratch(types: Types, _: Attributes) -> int:
    """For each element of a part all that lie around it, and the part with its surroundings, twice."""
    shape = tuple(length for length in types[0].shape if length > 1)
    part, around = _part(shape, MEDIAN_REACH)
    neighbours: int = 3 ** len(shape)
    return _LIBRARY + _F64_BYTES * (part * (neighbours + 2) + 2 * around)


def _gaussian_scratch(types: Types, _: Attributes) -> int:
    """A part with what it reaches on one axis, four times."""
    shape = types[0].shape
    part, _around = _part(shape, 0)
    return _LIBRARY + 4 * _F64_BYTES * part * (1 + 2 * GAUSSIAN_REACH)


def _spectrum_scratch(types: Types, _: Attributes) -> int:
    """The values, their frequencies and what comes back in float64; lines of prime lengths take much more."""
    shape = types[0].shape
    frequencies = prod(shape) + 2 * prod(shape[:-1])
    shares = max(FILTERED_AT_ONCE, prod(shape[1:]))
    return _LIBRARY + _F64_BYTES * (4 * frequencies + 8 * shares + 24 * max(shape, default=1))


def _order_scratch(types: Types, _: Attributes) -> int:
    """Values to order by, keys and positions."""
    return _LIBRARY + 5 * _F64_BYTES * prod(types[0].shape)


# Each comment lists the attributes of a node.
# The median of the 3 x 3 x ... elements around each. None.
MEDIAN_FILTER = Primitive("median_filter", _filtered, Locality.WHOLE, scratch=_median_scratch)
# The mean of the elements around each, weighted by a normal curve of deviation 1 on each axis. None.
GAUSSIAN_FILTER = Primitive("gaussian_filter", _filtered, Locality.WHOLE, scratch=_gaussian_scratch)
# Two radii: frequencies up to the first are taken out and those from the second on are kept; between them the
# share grows evenly. A frequency's radius is the root of the mean, over the axes, of its squared share of the
# highest one.
HIGH_FREQUENCIES = Primitive(
    "high_frequencies", _changes, Locality.WHOLE, Reproducibility.R1, _spectrum_scratch
)
# The first operand's elements, in row-major order, at the places of the second's in ascending order. None.
IN_ORDER_OF = Primitive("in_order_of", _ordered, Locality.WHOLE, scratch=_order_scratch)
# What undoes it. None.
OUT_OF_ORDER_OF = Primitive("out_of_order_of", _ordered, Locality.WHOLE, scratch=_order_scratch)

FILTER_PRIMITIVES: dict[str, Primitive] = {
    p.name: p for p in (MEDIAN_FILTER, GAUSSIAN_FILTER, HIGH_FREQUENCIES, IN_ORDER_OF, OUT_OF_ORDER_OF)
}
