"""Changes cut to a low rank."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from mergec.ir.expression import Tensor
from mergec.ir.spectral import column_gram, spectral_matrix
from mergec.ir.spectral_primitives import Kept
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.pieces.count_or_all import count_or_all
from mergec.methods.pieces.matrices import is_matrix, merged_as_matrices
from mergec.methods.range import Range

if TYPE_CHECKING:
    from collections.abc import Sequence


@method(
    reference="doi:10.1007/BF02288367",
    formula="b + Σ s_j u_j v_j^T over the singular values s_j of x - b that are kept, the largest first",
    gives="as inputs",
    example=Example(
        tensors={"base": [[0, 0], [0, 0]], "tuned": [[3, 0], [0, 1]]},
        keys={"model": "tuned", "base": "base", "rank": 1},
        result=[[3, 0], [0, 0]],
    ),
)
def truncate(
    model: Annotated[Tensor, "the delta, or with `base` the fine-tune"],
    base: Annotated[Tensor | None, "the model that it was trained from"] = None,
    rank: Annotated[float, "the most singular values that are kept; 0: all", Range(least=0)] = 0,
    energy: Annotated[
        float, "keep no more than hold this share of the sum of all squares", Range(above=0, most=1)
    ] = 1.0,
    epsilon: Annotated[float, "keep only singular values above this one", Range(least=0)] = 0.0,
) -> Tensor:
    """A delta cut to its largest singular values: the closest matrix of that rank.

    With `base`, what is cut is the change from it. A value is kept if all of `rank`, `energy` and `epsilon`
    allow it. Values below a millionth of the largest count as 0.

    Convolutions are taken as matrices (out, in * kernel); vectors stay as they are. A NaN or an infinity
    makes the whole tensor NaN. It takes memory for five square matrices of the shorter side in float64.
    `op: extract_lora` writes the same change as an adapter.
    """
    most = count_or_all("rank", rank)
    change = model if base is None else model - base
    if not is_matrix(change):
        return model

    def cut(matrices: Sequence[Tensor]) -> Tensor:
        (matrix,) = matrices
        side = matrix.shape[1]
        kept = Kept(min(most, side), energy, epsilon)
        return matrix @ spectral_matrix(column_gram([matrix]), "projection", kept)

    truncated = merged_as_matrices([change], cut)
    return truncated if base is None else base + truncated
