"""What can be asked of a whole symbolic tensor: filters, and its elements in the order of another's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir import filter_primitives as primitives

if TYPE_CHECKING:
    from mergec.ir.expression import Tensor
    from mergec.ir.primitive import Primitive


class FilterExpressions:
    """The methods of `Tensor` that need all of its elements at once; each adds one node."""

    __slots__ = ()

    if TYPE_CHECKING:

        def _apply(
            self, primitive: Primitive, *others: Tensor, attributes: tuple[object, ...] = ()
        ) -> Tensor: ...

    def median_filter(self) -> Tensor:
        """The median of the 3 x 3 x ... elements around each."""
        return self._apply(primitives.MEDIAN_FILTER)

    def gaussian_filter(self) -> Tensor:
        """The mean around each element, by a normal curve of deviation 1 on every axis."""
        return self._apply(primitives.GAUSSIAN_FILTER)

    def high_frequencies(self, low: float, high: float) -> Tensor:
        """What changes quickly: nothing of frequencies up to the radius `low`, all of those from `high` on.

        The radius of a frequency is 0 for the mean of all elements and 1 for what changes its sign from
        each element to the next on every axis. Between the two the share grows evenly.
        """
        return self._apply(primitives.HIGH_FREQUENCIES, attributes=(float(low), float(high)))

    def in_order_of(self, other: Tensor) -> Tensor:
        """The elements in such an order that those of `other` ascend, equal ones by position."""
        return self._apply(primitives.IN_ORDER_OF, other)

    def out_of_order_of(self, other: Tensor) -> Tensor:
        """What `in_order_of` made, back in its places."""
        return self._apply(primitives.OUT_OF_ORDER_OF, other)
