"""Fisher-weighted average."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.pieces.span import added
from mergec.methods.pieces.sparse_merges import weight_sum
from mergec.methods.range import Range


@method(
    reference="arXiv:2111.09832",
    formula="Σ w_i F_i x_i / Σ w_i F_i",
    gives="as inputs",
    example=Example(
        tensors={"a": [1, 1], "b": [3, 5], "fa": [1, 1], "fb": [1, 3]},
        keys={"inputs": {"a": {"fisher": "fa"}, "b": {"fisher": "fb"}}},
        result=[2, 4],
    ),
)
def fisher(
    inputs: Annotated[list[Tensor], "the models"],
    fisher: Annotated[list[Tensor], "the diagonal of each model's Fisher information, as a checkpoint"],
    weight: Annotated[list[float], "the weight of each model", Range(least=0)] = 1.0,  # type: ignore[assignment]
    floor: Annotated[float, "what no information counts as", Range(least=0)] = 1e-6,
) -> Tensor:
    """Mean of models weighted, element by element, by how much each knows.

    The Fisher values are read from checkpoints with the same names and shapes. Where nobody knows anything
    and `floor` is 0, the plain weighted mean is taken. A NaN spreads.
    """
    shares = list(zip(inputs, fisher, weight, strict=True))
    listed = [(one, known.maximum(floor) * share, share) for one, known, share in shares if share != 0]
    total = weight_sum([share for _, _, share in listed], None)
    known = added([information for _, information, _ in listed])
    mean = added([one * information for one, information, _ in listed]) / known
    if floor > 0:
        return mean
    return known.equals(0.0).where(added([one * (share / total) for one, _, share in listed]), mean)
