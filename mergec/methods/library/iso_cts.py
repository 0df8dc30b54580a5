"""Isotropic merging in common and task-specific subspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.pieces.deltas import deltas_of
from mergec.methods.pieces.matrices import merged_as_matrices
from mergec.methods.pieces.singular_spaces import common_and_task_spaces
from mergec.methods.range import Range

if TYPE_CHECKING:
    from collections.abc import Sequence


@method(
    reference="arXiv:2502.04959",
    formula="b + λ s U V^T: U and V hold directions of Σ w_i d_i and, beside these, of each d_i",
    gives="weights",
    needs="weights",
    example=Example(
        tensors={"base": [[0, 0], [0, 0]], "a": [[3, 0], [0, 0]], "b": [[0, 0], [0, 1]]},
        keys={"base": "base", "inputs": ["a", "b"], "common_space_fraction": 0},
        result=[[2, 0], [0, 2]],
    ),
)
def iso_cts(
    base: Annotated[Tensor, "the model that the others were trained from"],
    inputs: Annotated[list[Tensor], "the fine-tunes"],
    weight: Annotated[list[float], "the weight of each fine-tune"] = 1.0,  # type: ignore[assignment]
    lambda_: Annotated[float, "the factor of what is added to the base"] = 1.0,
    common_space_fraction: Annotated[
        float, "the share of directions that are those of the sum", Range(0, 1)
    ] = 0.8,
) -> Tensor:
    """Equal singular values for the common directions and for those of each task (Iso-CTS).

    The largest directions of Σ w_i d_i, d_i = x_i - b, are the common ones. Each task then gives as many of
    its own as all others do: the largest of w_i d_i without its part in the outputs of the common
    directions. Both sides are made orthonormal (the closest such matrices), and every direction gets the
    mean of all their singular values. `common_space_fraction` is rounded so that tasks share evenly; at 1
    this is Iso-C.

    Convolutions are taken as matrices (out, in * kernel); vectors are averaged: b + λ Σ w_i d_i / n. A
    model of weight 0 takes no part. A NaN or an infinity makes the whole tensor NaN. Whole tensors are held
    in float64, several at a time: `mergec plan` tells how much that takes.
    """
    terms = [delta.tensor * delta.weight for delta in deltas_of(base, inputs, weight)]
    if not terms:
        return base
    out = base.shape[0] if base.shape else 1
    turned = len(base.shape) > 1 and base.flattened().shape[1] > out

    def merge(matrices: Sequence[Tensor]) -> Tensor:
        return common_and_task_spaces(matrices, common_space_fraction, turned=turned)

    return base + merged_as_matrices(terms, merge) * lambda_
