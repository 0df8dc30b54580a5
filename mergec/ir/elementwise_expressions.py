"""What can be asked of single elements of a symbolic tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir import elementwise_primitives as primitives

if TYPE_CHECKING:
    from mergec.ir.expression import Scalar, Tensor
    from mergec.ir.primitive import Primitive


class ElementwiseExpressions:
    """The methods of `Tensor` that compare, select and bend elements; each adds one node."""

    __slots__ = ()

    if TYPE_CHECKING:

        def _apply(
            self, primitive: Primitive, *others: Tensor, attributes: tuple[object, ...] = ()
        ) -> Tensor: ...

        def _with_number(self, operation: str, other: float | Scalar) -> Tensor: ...

    def _with(self, primitive: Primitive, other: Tensor | Scalar | float) -> Tensor:
        if isinstance(other, ElementwiseExpressions):
            return self._apply(primitive, other)
        return self._with_number(primitive.name, other)

    def abs(self) -> Tensor:
        """The magnitudes."""
        return self._apply(primitives.ABS)

    def __abs__(self) -> Tensor:
        return self.abs()

    def sign(self) -> Tensor:
        """-1, 0 or 1; a NaN stays one."""
        return self._apply(primitives.SIGN)

    def sqrt(self) -> Tensor:
        """The square roots."""
        return self._apply(primitives.SQRT)

    def minimum(self, other: Tensor | Scalar | float) -> Tensor:
        """The smaller of two values; a NaN where either is one."""
        return self._with(primitives.MINIMUM, other)

    def maximum(self, other: Tensor | Scalar | float) -> Tensor:
        """The larger of two values; a NaN where either is one."""
        return self._with(primitives.MAXIMUM, other)

    def at_least(self, other: Tensor | Scalar | float) -> Tensor:
        """The mask of what is not less than another value."""
        return self._with(primitives.AT_LEAST, other)

    def above(self, other: Tensor | Scalar | float) -> Tensor:
        """The mask of what is greater than another value."""
        return self._with(primitives.ABOVE, other)

    def below(self, other: Tensor | Scalar | float) -> Tensor:
        """The mask of what is less than another value."""
        return self._with(primitives.BELOW, other)

    def equals(self, other: Tensor | Scalar | float) -> Tensor:
        """The mask of what is equal to another value."""
        return self._with(primitives.EQUALS, other)

    def where(self, chosen: Tensor, other: Tensor) -> Tensor:
        """The values of `chosen` where this mask is not zero, and of `other` elsewhere.

        What is not chosen has no effect, not even a NaN.
        """
        return self._apply(primitives.WHERE, chosen, other)

    def power(self, exponent: Tensor | float) -> Tensor:
        """These values, none of them negative, to a power."""
        if isinstance(exponent, ElementwiseExpressions):
            return self._apply(primitives.POWER, exponent)
        return self._apply(primitives.POWER, attributes=(float(exponent),))

    def exp(self) -> Tensor:
        """The exponential function."""
        return self._apply(primitives.EXP)

    def log(self) -> Tensor:
        """The natural logarithm."""
        return self._apply(primitives.LOG)

    def cos(self) -> Tensor:
        """The cosine of angles in radians."""
        return self._apply(primitives.COS)
