"""Half of the least and greatest values."""

from __future__ import annotations

from typing import Annotated

from mergec.plugin import Tensor, method


@method(formula="(min_i x_i + max_i x_i) / 2", gives="as inputs")
def midpoint(inputs: Annotated[list[Tensor], "the models"]) -> Tensor:
    """Middle of the least and the greatest value, element by element. A NaN stays one."""
    least = greatest = inputs[0]
    for tensor in inputs[1:]:
        least, greatest = least.minimum(tensor), greatest.maximum(tensor)
    return (least + greatest) * 0.5
