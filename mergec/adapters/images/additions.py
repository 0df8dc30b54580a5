"""The forms of kohya-ss and LyCORIS that add a product of small factors to a weight.

A module's weight is (o, i, *k), r is the rank and s is alpha / r. Formulas: LyCORIS 4.1 and sd-scripts.
"""

from __future__ import annotations

from itertools import count, takewhile
from math import prod
from typing import TYPE_CHECKING

from mergec.adapters.formulas import kronecker, tucker
from mergec.adapters.images.module_change import Addition
from mergec.adapters.joined import joined

if TYPE_CHECKING:
    from mergec.adapters.images.module_parts import ModuleParts
    from mergec.ir.expression import Tensor
    from mergec.ir.strided_view import Shape


def lora(parts: ModuleParts) -> Addition:
    """LoRA and LoCon: s * up (o, r) @ down (r, i, *k), with a core `mid` (r, r, *k) where there is one."""
    value, rank = product(parts, "lora_up.weight", "lora_mid.weight", "lora_down.weight")
    return Addition(value, parts.scale(rank))


def split_lora(parts: ModuleParts) -> Addition:
    """LoRA of a fused projection: a pair `lora_up.0.weight`, `lora_down.0.weight` for each part."""
    numbers = takewhile(lambda n: f"lora_up.{n}.weight" in parts or f"lora_down.{n}.weight" in parts, count())
    values, ranks = [], []
    for number in numbers:
        up, down = f"lora_up.{number}.weight", f"lora_down.{number}.weight"
        left, right = parts.matrix(up), parts.matrix(down)
        parts.need(fits=left.shape[1] == right.shape[0], parts=(up, down))
        values.append(left @ right)
        ranks.append(right.shape[0])
    parts.need(
        fits=len({value.shape[1] for value in values}) == len(set(ranks)) == 1,
        parts=tuple(f"lora_down.{number}.weight" for number in range(len(ranks))),
    )
    return Addition(parts.shaped(joined(values)), parts.scale(ranks[0]))


def loha(parts: ModuleParts) -> Addition:
    """LoHa: s * (w1_a @ w1_b) * (w2_a @ w2_b), element by element.

    The factors are (o, r) and (r, i * k), or with cores `hada_t1`, `hada_t2` (r, r, *k) they are (r, o)
    and (r, i).
    """
    halves = []
    for half in "12":
        left, right, core = f"hada_w{half}_a", f"hada_w{half}_b", f"hada_t{half}"
        a, b = parts.matrix(left), parts.matrix(right)
        if core in parts:
            t = parts.factor(core)
            parts.need(fits=t.shape[:2] == (a.shape[0], b.shape[0]), parts=(left, core, right))
            halves.append((tucker(a.transposed, t, b), (a.shape[1], b.shape[1], *t.shape[2:])))
        else:
            parts.need(fits=a.shape[1] == b.shape[0], parts=(left, right))
            halves.append((a @ b, _kernel_unfolded((a.shape[0], b.shape[1]), parts.shape)))
    (first, made), (second, other) = halves
    parts.need(fits=made == other, parts=("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"))
    value = parts.shaped(first, made) * parts.shaped(second, made)
    return Addition(value, parts.scale(parts.matrix("hada_w1_b").shape[0]))


def lokr(parts: ModuleParts) -> Addition:
    """LoKr: s * kron(w1, w2), where each of the two may be a product itself; s is 1 where neither is."""
    first, first_rank = _kronecker_factor(parts, "1", ())
    second, second_rank = _kronecker_factor(parts, "2", parts.shape[2:])
    parts.number("alpha")
    parts.need(fits=len(first.shape) == 2, parts=("lokr_w1",))
    rank = second_rank or first_rank
    return Addition(parts.shaped(kronecker(first, second)), parts.scale(rank) if rank else 1.0)


def glora(parts: ModuleParts) -> Addition:
    """GLoRA: s * (b1 @ b2 + W @ a1 @ a2), with W as it is in the base."""
    added, rank = product(parts, "b1.weight", "bm.weight", "b2.weight")
    left, right = parts.matrix("a1.weight"), parts.matrix("a2.weight")
    o, i, *kernel = parts.shape
    parts.need(fits=left.shape[1] == right.shape[0], parts=("a1.weight", "a2.weight"))
    if (left.shape[0], right.shape[1]) != (i, i):
        parts.misfit(f"`{parts.module}` takes {left.shape[0]} inputs to {right.shape[1]}")
    axes = range(len(kernel))
    weight = parts.place.weight(parts.base)
    rows = weight.permute(0, *(axis + 2 for axis in axes), 1).reshape(o * prod(kernel), i)
    turned = (rows @ left @ right).reshape(o, *kernel, i)
    turned = turned.permute(0, len(kernel) + 1, *(axis + 1 for axis in axes))
    return Addition(turned + added, parts.scale(rank))


def full(parts: ModuleParts) -> Addition:
    """A whole difference of weights. An alpha beside it means nothing."""
    parts.number("alpha")
    return Addition(parts.shaped(parts.tensor("diff")))


def norm(parts: ModuleParts) -> Addition:
    """A whole difference of the weights of a normalisation."""
    parts.number("alpha")
    return Addition(parts.shaped(parts.tensor("w_norm")))


def product(parts: ModuleParts, up: str, mid: str, down: str) -> tuple[Tensor, int]:
    """The product of two factors, or of three, in the shape of the weight; and its rank."""
    left, kernel = parts.factor(up), parts.factor(down).shape[2:]
    right = parts.matrix(down)
    parts.need(fits=prod(left.shape[2:]) == 1, parts=(up,))
    if mid in parts:
        core = parts.factor(mid)
        fits = core.shape[:2] == (left.shape[1], right.shape[0]) and prod(kernel) == 1
        parts.need(fits=fits, parts=(up, mid, down))
        value = tucker(left.flattened(), core, right)
        made: Shape = (left.shape[0], right.shape[1], *core.shape[2:])
    else:
        parts.need(fits=left.shape[1] == right.shape[0], parts=(up, down))
        value = left.flattened() @ right
        made = (left.shape[0], right.shape[1] // prod(kernel), *kernel)
    return parts.shaped(value, made), right.shape[0]


def _kronecker_factor(parts: ModuleParts, which: str, kernel: Shape) -> tuple[Tensor, int]:
    """One of the two factors of LoKr, and the rank of the product that it is; 0 if it is stored whole."""
    whole, core = f"lokr_w{which}", f"lokr_t{which}"
    left, right = f"{whole}_a", f"{whole}_b"
    if whole in parts:
        return parts.factor(whole), 0
    a, b = parts.matrix(left), parts.matrix(right)
    if core in parts:
        t = parts.factor(core)
        parts.need(fits=t.shape[:2] == (a.shape[0], b.shape[0]), parts=(left, core, right))
        value = tucker(a.transposed, t, b)
        return value.reshape(a.shape[1], b.shape[1], *t.shape[2:]), b.shape[0]
    parts.need(fits=a.shape[1] == b.shape[0], parts=(left, right))
    shape = _kernel_unfolded((a.shape[0], b.shape[1]), (1, 1, *kernel))
    return (a @ b).reshape(*shape), b.shape[0]


def _kernel_unfolded(shape: Shape, wanted: Shape) -> Shape:
    """The shape of a matrix whose columns hold the kernels of a convolution of a wanted shape."""
    kernel = wanted[2:]
    is_whole = shape[1] % prod(kernel) == 0
    return (shape[0], shape[1] // prod(kernel), *kernel) if is_whole else shape
