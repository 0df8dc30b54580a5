"""What can be asked of the rows of a symbolic tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir import row_primitives as primitives

if TYPE_CHECKING:
    from mergec.ir.expression import Tensor
    from mergec.ir.primitive import Primitive


class RowExpressions:
    """The methods of `Tensor` that look at each row, an index of axis 0, by itself; each adds one node.

    A tensor of one axis has no rows: give it some with `reshape`.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        def _apply(
            self, primitive: Primitive, *others: Tensor, attributes: tuple[object, ...] = ()
        ) -> Tensor: ...

    def row_sum(self) -> Tensor:
        """The sum of each row: (n, ...) to (n, 1, ...)."""
        return self._apply(primitives.ROW_SUM)

    def row_max(self) -> Tensor:
        """The largest value of each row: (n, ...) to (n, 1, ...); a NaN where one is among them."""
        return self._apply(primitives.ROW_MAX)

    def row_min(self) -> Tensor:
        """The smallest value of each row: (n, ...) to (n, 1, ...); a NaN where one is among them."""
        return self._apply(primitives.ROW_MIN)

    def row_rank(self) -> Tensor:
        """The place of each value in the ascending order of its row, from 0; of equal ones by position."""
        return self._apply(primitives.ROW_RANK)
