"""Guesses about what stands outside the layers: embeddings, positions, norms, heads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mergec.symmetries.drafting import module_names as names
from mergec.symmetries.drafting.guess import FIXED, STREAM, Guess, fixed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.ir.strided_view import Shape
    from mergec.symmetries.drafting.model_facts import ModelFacts

READS = "it reads the stream"
_INPUT = re.compile(r"emb|wte|wpe|tok|pos|cls|mask|register|shared", re.IGNORECASE)
_IMAGES = re.compile(r"patch|conv|stem|embed", re.IGNORECASE)
_HEAD = re.compile(r"head|classifier|score|lm_|out|decoder|logits|fc|proj", re.IGNORECASE)


def outer_guesses(tensors: Mapping[str, Shape], facts: ModelFacts) -> dict[str, Guess]:
    """A guess for each tensor."""
    return {name: _guess(name, shape, tensors, facts.width) for name, shape in tensors.items()}


def _guess(name: str, shape: Shape, tensors: Mapping[str, Shape], width: int | None) -> Guess:
    if width is None:
        return fixed(shape, "nothing is known of this model")
    if width not in shape:
        return fixed(shape, "no axis has the width of the stream", is_sure=True)
    return _vector(name, tensors, width) if len(shape) == 1 else _weight(name, shape, width)


def _weight(name: str, shape: Shape, width: int) -> Guess:
    rest = (FIXED,) * (len(shape) - 1)
    if len(shape) == 2 and shape[0] == shape[1]:
        reason = "as if it read the stream and gave outputs of its own"
        return Guess((FIXED, STREAM), reason, is_sure=False)
    if shape[-1] == width and width not in shape[:-1]:
        if _INPUT.search(name):
            return Guess((*rest, STREAM), "an embedding, or positions, in the stream", is_sure=True)
        return Guess((*rest, STREAM), READS, is_sure=bool(_HEAD.search(name)))
    if shape[0] == width and width not in shape[1:]:
        is_sure = len(shape) == 4 and bool(_IMAGES.search(name))
        return Guess((STREAM, *rest), "it writes to the stream", is_sure=is_sure)
    return fixed(shape, f"an axis of {width}, as the stream has, in a module of unknown kind")


def _vector(name: str, tensors: Mapping[str, Shape], width: int) -> Guess:
    weight = tensors.get(f"{name.removesuffix('bias')}weight") if name.endswith("bias") else None
    if weight is not None and len(weight) > 1:
        reads = weight[0] != width or weight[0] == weight[-1]
        reason = "the bias of what reads the stream" if reads else "the bias of what writes to the stream"
        return Guess((FIXED if reads else STREAM,), reason, is_sure=weight[0] != weight[-1])
    is_norm = names.is_norm(name) or bool(_INPUT.search(name))
    reason = "a norm of the stream" if is_norm else f"{width} numbers, as the stream has"
    return Guess((STREAM,), reason, is_sure=is_norm)
