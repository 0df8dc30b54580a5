"""LoRA on parameters of a module, such as the stacked experts of a mixture: PEFT's `target_parameters`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.adapters.adapter import Delta
from mergec.ir.expression import concatenated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.adapters.peft.context import PeftContext
    from mergec.adapters.peft.names import PeftModule
    from mergec.ir.expression import Tensor

_A, _B = "lora_A", "lora_B"
_STACKED = 3  # axes of stacked experts


def is_of_experts(module: PeftModule, context: PeftContext) -> bool:
    """Whether the factors belong to a parameter of the module that the configuration names.

    A matrix called `weight` is a layer's like any other.
    """
    weight = context.base.get(f"{module.path}.weight")
    targeted = [parameter for path, parameter in _targeted(context) if _is_at(module, path)]
    if weight is None:
        return bool(targeted)
    return "weight" in targeted and len(weight.shape) == _STACKED


def _targeted(context: PeftContext) -> Iterator[tuple[str, str]]:
    """The paths of modules and names of parameters that the configuration targets."""
    for written in context.config.module_names("target_parameters"):
        path, _, parameter = written.rpartition(".")
        yield path, parameter


def _is_at(module: PeftModule, path: str) -> bool:
    return not path or f".{module.path}".endswith(f".{path}")


def fold_experts(module: PeftModule, context: PeftContext) -> None:
    """W_e + s * B_e @ A_e for each expert e.

    A holds the experts one after another, B holds them interleaved: (E, r, in) and (out, r, E). Keys do
    not name the parameter, and their depth tells only its place in the order of the module's own, which no
    file holds. So shapes tell, and where they do not the fold is refused.
    """
    if not context.has(module, _A, _B):
        return
    (_, a), (_, b) = module.factors[_A], module.factors[_B]
    candidates = list(_candidates(module, context))
    if not candidates:
        parameter = next(name for path, name in _targeted(context) if _is_at(module, path))
        context.missing(module.names, f"{module.path}.{parameter}")
        return
    fitting = [name for name in candidates if _layouts(context.base[name], a, b)]
    if not fitting:
        context.misfit(module, candidates[0], f"{b.shape[0]} by {a.shape[1]} for each expert")
        return
    if len(fitting) > 1:
        reason = f"its factors fit `{'`, `'.join(fitting)}` alike, and their names do not tell which"
        context.refuse("LoRA on one of several parameters of a shape", reason)
        return
    target = fitting[0]
    rank = a.shape[0] // _experts(context.base[target])
    if not context.has_rank(module, _A, rank, target):
        return
    value = _changes(target, a, b, context)
    if value is None:
        reason = f"the experts of `{target}` are square, so that their orientation cannot be told"
        context.refuse("LoRA on square experts", reason)
        return
    scale = context.config.scale_of(target, rank)
    context.reading.folds.append(Delta(target, module.names, value, scale))


def _candidates(module: PeftModule, context: PeftContext) -> Iterator[str]:
    """The module's parameters that the configuration targets and the base has."""
    for path, parameter in _targeted(context):
        target = f"{module.path}.{parameter}"
        if _is_at(module, path) and target in context.base:
            yield target


def _experts(weight: Tensor) -> int:
    return weight.shape[0] if len(weight.shape) == _STACKED else 1


def _layouts(weight: Tensor, a: Tensor, b: Tensor) -> list[bool]:
    """The orientations that fit: whether the weight is (out, in)."""
    experts = _experts(weight)
    if len(weight.shape) not in {2, 3} or a.shape[0] % experts or b.shape[1] != a.shape[0]:
        return []
    made = (b.shape[0], a.shape[1])
    return [is_plain for is_plain in (True, False) if weight.shape[-2:] == (made if is_plain else made[::-1])]


def _changes(target: str, a: Tensor, b: Tensor, context: PeftContext) -> Tensor | None:
    """The change of a parameter in its own layout; None where that cannot be told."""
    weight = context.base[target]
    layouts = _layouts(weight, a, b)
    is_plain = layouts[0] if len(layouts) == 1 else _is_plain_beside(target, context)
    if is_plain is None:
        return None
    experts = _experts(weight)
    rank = a.shape[0] // experts
    interleaved = b.reshape(b.shape[0], rank, experts).permute(2, 0, 1)
    parts = []
    for expert in range(experts):
        left = interleaved.part(0, expert, expert + 1).reshape(b.shape[0], rank)
        product = left @ a.part(0, expert * rank, (expert + 1) * rank)
        product = product if is_plain else product.transposed
        parts.append(product.reshape(1, *product.shape) if len(weight.shape) == _STACKED else product)
    return concatenated(parts, 0)


def _is_plain_beside(target: str, context: PeftContext) -> bool | None:
    """Whether a square parameter is (out, in), by its neighbour `gate_up...`, which has more outputs."""
    if len(context.base[target].shape) == 2:
        return True
    beginning = f"{target.rpartition('.')[0]}.gate_up"
    shapes = (tensor.shape for name, tensor in context.base.items() if name.startswith(beginning))
    return next((s[1] > s[2] for s in shapes if len(s) == 3 and s[1] != s[2]), None)
