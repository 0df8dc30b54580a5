"""RAM+ with rescaling by tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from mergec.ir.expression import Tensor
from mergec.ir.reductions import scalars, sums
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.pieces.active import active_masks
from mergec.methods.pieces.span import added
from mergec.methods.range import Range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@method(
    reference="arXiv:2601.13572",
    formula="as ram, but what one model alone changed is multiplied by 1 + r min(shared_i / unique_i, α)",
    gives="weights",
    needs="weights",
    example=Example(
        tensors={"base": [0, 0, 0], "a": [2, 4, 0], "b": [0, 2, 0]},
        keys={"base": "base", "inputs": ["a", "b"], "r": 0.5, "alpha": 1},
        result=[3, 3, 0],
    ),
)
def ramplus_tl(
    base: Annotated[Tensor, "the model that the others were trained from"],
    inputs: Annotated[list[Tensor], "the fine-tunes"],
    epsilon: Annotated[float, "what is not larger is no change", Range(least=0)] = 1e-5,
    r: Annotated[float, "how much stronger what is not shared is made"] = 0.1,
    alpha: Annotated[float, "the most that the shared count for", Range(least=0)] = 0.2,
) -> Tensor:
    """RAM, with what only one fine-tune changed made stronger, the more of its changes others share.

    `shared` and `unique` count a model's changed elements in the tensor that others changed too, and that
    they did not. A NaN spreads.
    """
    deltas = [one - base for one in inputs]
    active, kept = active_masks(deltas, epsilon)
    count = added(active)
    is_shared, is_unique = count.above(1.5), count.equals(1.0)
    counts = sums([mask * other for other in (is_shared, is_unique) for mask in active])
    factors = scalars(_factors, counts, size=len(deltas), constants=(r, alpha))
    whole = added([one * factors[at] for at, one in enumerate(kept)])
    return base + is_unique.where(whole, added(kept) / count.maximum(1.0))


def _factors(counts: NDArray[Any], r: float, alpha: float) -> Sequence[float]:
    half = len(counts) // 2
    return [
        1 + r * min(shared / max(unique, 1.0), alpha)
        for shared, unique in zip(counts[:half], counts[half:], strict=True)
    ]
