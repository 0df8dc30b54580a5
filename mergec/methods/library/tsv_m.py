"""Merging of task singular vectors."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.pieces.deltas import deltas_of
from mergec.methods.pieces.matrices import merged_as_matrices
from mergec.methods.pieces.singular_spaces import task_singular_vectors


@method(
    reference="arXiv:2412.00081",
    formula="b + λ U' S V'^T: S, U and V hold the largest singular values and vectors of all w_i d_i; "
    "U' and V' are the orthonormal matrices closest to U and V",
    gives="weights",
    needs="weights",
    example=Example(
        tensors={"base": [[0, 0], [0, 0]], "a": [[3, 0], [0, 1]], "b": [[0, 0], [0, 2]]},
        keys={"base": "base", "inputs": ["a", "b"]},
        result=[[3, 0], [0, 2]],
    ),
)
def tsv_m(
    base: Annotated[Tensor, "the model that the others were trained from"],
    inputs: Annotated[list[Tensor], "the fine-tunes"],
    weight: Annotated[list[float], "the weight of each fine-tune"] = 1.0,  # type: ignore[assignment]
    lambda_: Annotated[float, "the factor of what is added to the base"] = 1.0,
) -> Tensor:
    """The largest singular directions of each task vector, made orthogonal to those of the others (TSV-M).

    Of n task vectors d_i = x_i - b each gives its largest singular values and vectors, one n-th of those
    that the matrix has and at least one. Put side by side, the vectors of different tasks interfere; so
    both sides are replaced by the closest matrices with orthonormal columns.

    Convolutions are taken as matrices (out, in * kernel). Embeddings are matrices like others; give them
    another method with `op: blockwise` where that is not wanted. Vectors, which have no singular values,
    are averaged: b + λ Σ w_i d_i / n. A model of weight 0 takes no part. A NaN or an infinity makes the
    whole tensor NaN. Whole tensors are held in float64: `mergec plan` tells how much that takes.
    """
    terms = [delta.tensor * delta.weight for delta in deltas_of(base, inputs, weight)]
    if not terms:
        return base
    return base + merged_as_matrices(terms, task_singular_vectors) * lambda_
