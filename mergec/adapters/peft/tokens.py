"""Words whose embeddings were trained alone: PEFT's `trainable_token_indices`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.adapters.adapter import Rewrite
from mergec.adapters.errors import BadAdapterConfig
from mergec.adapters.joined import joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.adapters.peft.context import PeftContext
    from mergec.adapters.peft.names import PeftModule
    from mergec.ir.expression import Tensor

TOKENS = "trainable_tokens_delta"
_CONFIGURED = ("trainable_token_indices", "token_indices")


def fold_tokens(module: PeftModule, context: PeftContext) -> None:
    """Rows of the embeddings replaced, in all of their uses: PEFT trains a tied head along with them."""
    if not context.has(module, TOKENS):
        return
    target = context.weight_of(module)
    name, rows = module.factors[TOKENS]
    if target is None:
        return
    weight = context.base[target]
    indices = _indices(module, context)
    if indices is None or len(set(indices)) != len(indices) or len(indices) != rows.shape[0]:
        problem = f"it does not say which words the {rows.shape[0]} rows of `{name}` are"
        advice = "write their numbers under `trainable_token_indices`, in the order of the rows"
        context.reading.problems.append(
            BadAdapterConfig(
                span=context.adapter.span, adapter=context.adapter.name, problem=problem, help=advice
            )
        )
        return
    if rows.shape[1:] != weight.shape[1:] or max(indices) >= weight.shape[0]:
        context.misfit(module, target, f"rows up to number {max(indices)}")
        return
    uses = [other for other, tensor in context.base.items() if tensor.node == weight.node]
    for use in uses:
        context.reading.folds.append(Rewrite(use, (name,), lambda w, _: _with_rows(w, rows, indices)))
        context.reading.keeps_ties.add(use)


def _indices(module: PeftModule, context: PeftContext) -> list[int] | None:
    """The numbers of the words; the configuration lists them, or maps modules to lists."""
    values = (context.config.values.get(key) for key in _CONFIGURED)
    given = next((value for value in values if value), None)
    if isinstance(given, dict):
        given = next((v for key, v in given.items() if f".{module.path}".endswith(f".{key}")), None)
    if not isinstance(given, list) or not all(isinstance(one, int) and one >= 0 for one in given):
        return None
    return list(given)


def _with_rows(weight: Tensor, rows: Tensor, indices: Sequence[int]) -> Tensor:
    """The weight with row k of `rows` in the place of its row indices[k]."""
    weight, rows = weight.with_degree(1.0), rows.with_degree(1.0)
    parts: list[Tensor] = []
    done = 0
    for index, row in sorted(zip(indices, range(len(indices)), strict=True)):
        if index > done:
            parts.append(weight.part(0, done, index))
        parts.append(rows.part(0, row, row + 1))
        done = index + 1
    if done < weight.shape[0]:
        parts.append(weight.part(0, done, weight.shape[0]))
    return joined(parts)
