"""The ways in which kohya-ss and LyCORIS store the change of a module."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.adapters.images import additions, computations
from mergec.adapters.images.module_change import Addition

if TYPE_CHECKING:
    from collections.abc import Callable

    from mergec.adapters.images.module_change import Change
    from mergec.adapters.images.module_parts import ModuleParts


def _tlora(parts: ModuleParts) -> Change:
    why = "its strength depends on the time step of the denoising, so that no single weight stands for it"
    parts.refuse("T-LoRA", why, "load it beside the model, with a program that knows it")


class _Form(NamedTuple):
    """A way to store a change. Any of the `signs` shows that a module has it; DoRA may be put on top."""

    signs: tuple[str, ...]
    change: Callable[[ModuleParts], Change]


_FORMS = (
    _Form(("lora_up.weight", "lora_down.weight"), additions.lora),
    _Form(("lora_up.0.weight", "lora_down.0.weight"), additions.split_lora),
    _Form(("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"), additions.loha),
    _Form(("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a"), additions.lokr),
    _Form(("a1.weight", "a2.weight", "b1.weight", "b2.weight"), additions.glora),
    _Form(("diff",), additions.full),
    _Form(("w_norm",), additions.norm),
    _Form(("on_input",), computations.ia3),
    _Form(("oft_blocks",), computations.oft),
    _Form(("q_layer.weight", "p_layer.weight", "lambda_layer"), _tlora),
)
_BIASES = ("diff_b", "b_norm")

# What stands behind the names of modules; only flat ones may end in a bare `weight`, that of IA3.
SIGNS = frozenset({*_BIASES, *(sign for form in _FORMS for sign in form.signs)})
PARTS_OF_FORMS = (
    *(part for part in sorted(SIGNS) if part != "on_input"),
    "alpha",
    "dora_scale",
    "lora_mid.weight",
    "bm.weight",
    "hada_t1",
    "hada_t2",
    "lokr_w2_b",
    "lokr_w1_b",
    "lokr_t2",
    "rescale",
)


def kohya_change(
    parts: ModuleParts, addition: Addition | None = None
) -> tuple[Change | None, Addition | None]:
    """What a module does to a weight and to a bias. The first form that fits is it.

    Args:
        parts: the module's tensors.
        addition: what it adds to the weight, where that is known already.
    """
    bias = next((Addition(parts.tensor(part)) for part in _BIASES if part in parts), None)
    form = next((form for form in _FORMS if any(sign in parts for sign in form.signs)), None)
    if form is None:
        return None, bias
    change = addition or form.change(parts)
    if "dora_scale" in parts and isinstance(change, Addition):
        change = computations.dora(parts, change)
    return change, bias
