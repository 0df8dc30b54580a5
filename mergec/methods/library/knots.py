"""Merging in a space that a joint decomposition aligns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.pieces.aligned_space import aligned
from mergec.methods.pieces.count_or_all import count_or_all
from mergec.methods.pieces.deltas import Delta, deltas_of
from mergec.methods.pieces.matrices import merged_as_matrices
from mergec.methods.pieces.sign_election import SIGN, Election, elected
from mergec.methods.pieces.span import added
from mergec.methods.pieces.trimming import trimmed
from mergec.methods.range import Range

if TYPE_CHECKING:
    from collections.abc import Sequence


@method(
    reference="arXiv:2410.19735",
    formula="b + λ U merge(U^T d_1, U^T d_2, ...), where U S V^T = [d_1 d_2 ...] side by side",
    gives="weights",
    needs="weights",
    example=Example(
        tensors={"base": [[0, 0], [0, 0]], "a": [[3, 0], [0, 1]], "b": [[1, 0], [0, -2]]},
        keys={"base": "base", "inputs": {"a": {"weight": 1}, "b": {"weight": 1}}},
        result=[[2, 0], [0, -2]],
    ),
)
def knots(
    base: Annotated[Tensor, "the model that the others were trained from"],
    inputs: Annotated[list[Tensor], "the fine-tunes"],
    weight: Annotated[list[float], "the weight of each fine-tune"] = 1.0,  # type: ignore[assignment]
    density: Annotated[
        list[float], "the share of elements that `ties` keeps, the largest", Range(0, 1)
    ] = 1.0,  # type: ignore[assignment]
    lambda_: Annotated[float, "the factor of what is added to the base"] = 1.0,
    rank: Annotated[float, "the most directions that are aligned; 0: all", Range(least=0)] = 0,
    *,
    merge: Annotated[Literal["ties", "linear"], "how the aligned changes are merged"] = "ties",
    normalize: Annotated[bool, "divide by the weights of those that agree, or of all"] = True,
    sign: Annotated[Election, SIGN] = "unweighted",
) -> Tensor:
    """Task vectors merged in the directions of their outputs that all of them share (KnOTS).

    Put side by side, the task vectors d_i = x_i - b have the decomposition U S [V_1 V_2 ...]^T. What
    differs between them is U^T d_i = S V_i^T alone: these are merged, by trimming and an election of signs
    as in TIES or as a weighted sum, and U brings the result back. A weighted sum is the same in every
    space; it is there to compare with.

    For models with folded LoRA adapters, `rank` is the sum of the adapters' ranks: `density` is a share of
    so many directions, where it would be one of all that the matrix may have.

    Convolutions are taken as matrices (out, in * kernel). Vectors are averaged: b + λ Σ w_i d_i / n. A
    model of weight 0 takes no part. A NaN or an infinity makes the whole tensor NaN. Trimming is tensor by
    tensor. The aligned changes are held whole, and the decomposition is found twice: `mergec plan` tells
    what that takes.
    """
    deltas = deltas_of(base, inputs, weight)
    if not deltas:
        return base

    def in_aligned_space(matrices: Sequence[Tensor]) -> Tensor:
        space = aligned(matrices, count_or_all("rank", rank))
        parts = [delta._replace(tensor=part) for part, delta in zip(space.parts, deltas, strict=True)]
        if merge == "linear":
            return space.restored(_summed(parts, normalize=normalize))
        kept, weights = trimmed(parts, density, None), [part.weight for part in parts]
        return space.restored(elected(kept, weights, sign, normalize=normalize, compat=None))

    terms = [delta.tensor for delta in deltas]
    if len(base.shape) < 2 or 0 in base.shape:
        terms = [delta.tensor * delta.weight for delta in deltas]
    return base + merged_as_matrices(terms, in_aligned_space, turns=False) * lambda_


def _summed(parts: Sequence[Delta], *, normalize: bool) -> Tensor:
    total = added([part.tensor * part.weight for part in parts])
    return total / sum(abs(part.weight) for part in parts) if normalize else total
