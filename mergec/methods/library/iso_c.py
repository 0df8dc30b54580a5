"""Isotropic merging in the common subspace."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.pieces.deltas import deltas_of
from mergec.methods.pieces.matrices import merged_as_matrices
from mergec.methods.pieces.singular_spaces import isotropic
from mergec.methods.pieces.span import added


@method(
    reference="arXiv:2502.04959",
    formula="b + λ s U V^T, where Σ w_i d_i = U S V^T and s is the mean of S",
    gives="weights",
    needs="weights",
    example=Example(
        tensors={"base": [[0, 0], [0, 0]], "a": [[3, 0], [0, 0]], "b": [[0, 0], [0, 1]]},
        keys={"base": "base", "inputs": ["a", "b"]},
        result=[[2, 0], [0, 2]],
    ),
)
def iso_c(
    base: Annotated[Tensor, "the model that the others were trained from"],
    inputs: Annotated[list[Tensor], "the fine-tunes"],
    weight: Annotated[list[float], "the weight of each fine-tune"] = 1.0,  # type: ignore[assignment]
    lambda_: Annotated[float, "the factor of what is added to the base"] = 1.0,
) -> Tensor:
    """The sum of the task vectors with all its singular values made equal (Iso-C).

    Directions that all tasks share get no more weight than those of one task: each singular value of
    Σ w_i d_i, d_i = x_i - b, becomes their mean. Directions of value 0 (below a millionth of the largest)
    stay at 0, and count in the mean.

    Convolutions are taken as matrices (out, in * kernel). Embeddings are matrices like others; give them
    another method with `op: blockwise` where that is not wanted. Vectors, which have no singular values,
    are averaged: b + λ Σ w_i d_i / n. A model of weight 0 takes no part. A NaN or an infinity makes the
    whole tensor NaN. It takes memory for five square matrices of the shorter side in float64.
    """
    terms = [delta.tensor * delta.weight for delta in deltas_of(base, inputs, weight)]
    if not terms:
        return base
    return base + merged_as_matrices(terms, lambda matrices: isotropic(added(matrices))) * lambda_
