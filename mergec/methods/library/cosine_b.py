"""Cosine B."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.parameter import Surveyed
from mergec.methods.pieces.likeness import mixed_by_likeness, survey_likeness
from mergec.methods.pieces.thresholds import Scope
from mergec.methods.range import Range


@method(
    reference="SuperMerger: cosineB",
    formula="k A + (1-k) B, k = clamp((s - least) / (greatest - least) - α, 0, 1), s a column's likeness",
    gives="as inputs",
    survey=partial(survey_likeness, kind="b"),
    example=Example(
        tensors={"a": [[1, 1], [0, 0]], "b": [[1, -1], [0, 0]]},
        keys={"a": "a", "b": "b", "alpha": 0, "scope": "tensor"},
        result=[[1, -1], [0, 0]],
    ),
)
def cosine_b(
    a: Annotated[Tensor, "the model that is kept where both are alike"],
    b: Annotated[Tensor, "the model that is taken where they are not"],
    alpha: Annotated[float, "how alike does not count yet", Range(0, 1)],
    *,
    scope: Annotated[Scope, "likeness as it is, or from the least to the greatest of the model"] = "model",
    survey: Surveyed = None,
) -> Tensor:
    """Two models mixed column by column: the more alike they are, the more of the first.

    A column is what one index of all axes but the first holds, and its likeness is the mean of its own cosine
    and that of the whole tensors, as they are. With `scope: model`
    likeness is measured from the 1st to the 99th percentile over all columns of all tensors. A NaN in a
    column makes all of it NaN, and may make all of its tensor so.
    """
    return mixed_by_likeness(a, b, alpha, "b", survey)
