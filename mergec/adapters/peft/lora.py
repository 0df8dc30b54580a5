"""LoRA and DoRA as PEFT stores them: linear layers, Conv1D, convolutions, embeddings, attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.adapters.adapter import Delta, Rewrite
from mergec.adapters.formulas import column_norms, rescaled
from mergec.adapters.peft.experts import fold_experts, is_of_experts
from mergec.adapters.peft.orientation import is_transposed

if TYPE_CHECKING:
    from mergec.adapters.peft.context import PeftContext
    from mergec.adapters.peft.names import PeftModule
    from mergec.ir.expression import Tensor

_A, _B, _BIAS = "lora_A", "lora_B", "lora_B.bias"
_EMBEDDING_A, _EMBEDDING_B = "lora_embedding_A", "lora_embedding_B"
_MAGNITUDE = "lora_magnitude_vector"


def fold_lora(module: PeftModule, context: PeftContext) -> None:
    """The fold of one module: W + s * B @ A, with s = alpha / rank."""
    if _EMBEDDING_A in module.factors or _EMBEDDING_B in module.factors:
        _fold_embedding(module, context)
    elif is_of_experts(module, context):
        fold_experts(module, context)
    else:
        _fold_layer(module, context)


def _fold_embedding(module: PeftModule, context: PeftContext) -> None:
    """W + s * (B @ A).T, whose rows are the words."""
    found = _factors(module, context, _EMBEDDING_A, _EMBEDDING_B)
    if found is None:
        return
    target, a, b = found
    made = (a.shape[1], b.shape[0])
    if b.shape[1] != a.shape[0] or context.base[target].shape != made:
        context.misfit(module, target, made)
        return
    _add(module, target, (b @ a).transposed, context, turns=True)


def _fold_layer(module: PeftModule, context: PeftContext) -> None:
    found = _factors(module, context, _A, _B)
    if found is None:
        return
    target, a, b = found
    weight = context.base[target]
    made = (b.shape[0], *a.shape[1:])
    if b.shape[1:] != (a.shape[0], *(1 for _ in a.shape[2:])):
        context.misfit(module, target, "nothing")
        return
    if len(made) == 2:
        turns = is_transposed(target, (made[0], made[1]), context)
        if turns is None:
            context.misfit(module, target, made)
            return
        product = b @ a
        _add(module, target, product.transposed if turns else product, context, turns=turns)
    elif weight.shape == made:
        _add(module, target, (b.flattened() @ a.flattened()).reshape(*made), context, turns=False)
    elif len(weight.shape) == len(made) and weight.shape[1] * _groups(weight, made) == made[1]:
        reason = f"`{target}` is a convolution in {_groups(weight, made)} groups, the factors are of one in 1"
        context.refuse("LoRA on a grouped convolution", reason, "drop its tensors with `drop:` on the source")
    else:
        context.misfit(module, target, made)


def _factors(
    module: PeftModule, context: PeftContext, first: str, second: str
) -> tuple[str, Tensor, Tensor] | None:
    """The weight to change and both factors; None after reporting what is missing or of another rank."""
    if not context.has(module, first, second):
        return None
    target = context.weight_of(module)
    (_, a), (_, b) = module.factors[first], module.factors[second]
    if target is None or not context.has_rank(module, first, a.shape[0]):
        return None
    return target, a, b


def _groups(weight: Tensor, made: tuple[int, ...]) -> int:
    return max(made[1] // max(weight.shape[1], 1), 1)


def _add(module: PeftModule, target: str, product: Tensor, context: PeftContext, *, turns: bool) -> None:
    """Add the fold. `turns` says that the weight's columns are what the layer puts out."""
    rank = module.factors[_A if _A in module.factors else _EMBEDDING_A][1].shape[0]
    scale = context.config.scale_of(module.path, rank)
    uses = tuple(name for role, (name, _) in module.factors.items() if role != _BIAS)
    if _MAGNITUDE in module.factors:
        _, magnitude = module.factors[_MAGNITUDE]
        _add_dora(uses, target, product * scale, magnitude, module, context, turns=turns)
    elif context.config.is_on("use_dora"):
        context.has(module, _MAGNITUDE)  # reports that it is not there
    else:
        context.reading.folds.append(Delta(target, uses, product, scale))
    if _BIAS in module.factors:
        _add_bias(module, context.bias_of(target), scale, context)


def _add_dora(
    uses: tuple[str, ...],
    target: str,
    change: Tensor,
    magnitude: Tensor,
    module: PeftModule,
    context: PeftContext,
    *,
    turns: bool,
) -> None:
    """(m / |V|) * V with V = W + change, the norms being those of the layer's outputs."""
    shape = context.base[target].shape
    outputs = shape[-1] if turns else shape[0]
    if magnitude.shape not in {(outputs,), (1, outputs, *(1 for _ in shape[2:]))}:
        context.misfit(module, target, f"magnitudes for {magnitude.shape} outputs")
        return
    others = (1,) * (len(shape) - 1)
    lengths = magnitude.reshape(1, outputs) if turns else magnitude.reshape(outputs, *others)

    def decomposed(weight: Tensor, original: Tensor) -> Tensor:
        own = original + change
        return rescaled(weight + change, lengths, column_norms(own) if turns else own.row_norm())

    context.reading.folds.append(Rewrite(target, uses, decomposed))


def _add_bias(module: PeftModule, target: str, scale: float, context: PeftContext) -> None:
    name, bias = module.factors[_BIAS]
    if target not in context.base:
        context.missing((name,), target)
    elif context.base[target].shape != bias.shape:
        context.misfit(module, target, bias.shape)
    else:
        context.reading.folds.append(Delta(target, (name,), bias, scale))
