"""Task vectors."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.method import method


@method(reference="arXiv:2212.04089")
def delta(
    of: Annotated[Tensor, "the trained model"],
    base: Annotated[Tensor, "what it was trained from"],
) -> Tensor:
    """Difference of two models, a task vector: of - base.

    The result is a delta, not a model: `apply` adds it to one.
    """
    return of - base
