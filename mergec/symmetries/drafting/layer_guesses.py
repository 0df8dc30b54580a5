"""Guesses about all tensors of a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.symmetries.drafting import module_names as names
from mergec.symmetries.drafting.attention import attention_guesses, attentions
from mergec.symmetries.drafting.feed_forward import feed_forward_guesses
from mergec.symmetries.drafting.guess import FIXED, STREAM, Guess, fixed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.ir.strided_view import Shape
    from mergec.symmetries.drafting.model_facts import ModelFacts


def layer_guesses(tensors: Mapping[str, Shape], facts: ModelFacts) -> tuple[dict[str, Guess], dict[str, str]]:
    """A guess for each tensor, and the sizes that these name."""
    width = facts.width
    if width is None:
        return {name: fixed(shape, "nothing is known of this model") for name, shape in tensors.items()}, {}
    inputs_first = _has_inputs_first(tensors)
    made: dict[str, Guess] = {}
    sizes: dict[str, str] = {}
    for number, attention in enumerate(attentions(tensors)):
        mark = str(number + 1) if number else ""
        guesses, named = attention_guesses(attention, tensors, facts, mark, inputs_first=inputs_first)
        made.update(guesses)
        sizes.update(named)
    rest = {name: shape for name, shape in tensors.items() if name not in made}
    made.update(feed_forward_guesses(rest, width, inputs_first=inputs_first))
    for name, shape in rest.items():
        if name not in made:
            made[name] = _other(name, shape, width)
    return {name: made[name] for name in tensors}, sizes


def _has_inputs_first(tensors: Mapping[str, Shape]) -> bool:
    """Whether weights stand as (inputs, outputs): biases, which are as long as the outputs, tell it."""
    votes = 0
    for name, shape in tensors.items():
        bias = tensors.get(f"{name.removesuffix('weight')}bias")
        if len(shape) == 2 and shape[0] != shape[1] and name.endswith("weight") and bias is not None:
            votes += 1 if bias[0] == shape[1] else -1
    return votes > 0


def _other(name: str, shape: Shape, width: int) -> Guess:
    """A tensor of neither attention nor feed-forward part."""
    if shape == (width,):
        is_norm = names.is_norm(name)
        reason = "a norm of the stream" if is_norm else f"{width} numbers, as the stream has"
        mark = "!" if ".running_" in name else ""
        return Guess((f"{STREAM}{mark}",), reason, is_sure=is_norm)
    if len(shape) > 1 and shape[-1] == width and width not in shape[:-1]:
        return Guess((*(FIXED,) * (len(shape) - 1), STREAM), "as if it read the stream", is_sure=False)
    if width in shape:
        return fixed(shape, f"an axis of {width}, as the stream has, in a module of unknown kind")
    return fixed(shape, "a tensor of unknown kind", is_sure=len(shape) == 0)
