"""OFT and BOFT: weights whose inputs are rotated block by block."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from mergec.adapters.adapter import Rewrite
from mergec.adapters.formulas import inverse_order
from mergec.ir.expression import concatenated
from mergec.recipe.finite_number import described

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.adapters.peft.context import PeftContext
    from mergec.adapters.peft.names import PeftModule
    from mergec.ir.expression import Tensor

_OFT, _OFT_WORDS, _OLD_OFT = "oft_R", "oft_embedding_R", "oft_r"
_BOFT, _BOFT_SCALE = "boft_R", "boft_s"
_CAYLEY_SINCE = (0, 18)  # the version of PEFT whose series is that of today
_FEWEST_TERMS, _MOST_TERMS = 4, 64
_RETRAIN = "merge it with the version of PEFT that it was trained with, and use the result as a source"


def fold_oft(module: PeftModule, context: PeftContext) -> None:
    """W @ R.T with the rotation R = (I - Q)(I + Q)^-1 of each block, or PEFT's series for it.

    R.T is (I + Q)(I - Q)^-1, and the series of R.T is that of R with -Q. Embeddings are turned by R.
    """
    if _is_old(module, context):
        reason = "its format is that of PEFT before 0.18, which stored other rotations under like names"
        context.refuse("OFT of an older PEFT", reason, _RETRAIN)
        return
    if context.config.is_on("coft"):
        reason = "its rotations are cut back to a bound when it is loaded, which no fold does"
        context.refuse("constrained OFT (COFT)", reason, "merge it with PEFT's merge_and_unload")
        return
    role = _OFT_WORDS if _OFT_WORDS in module.factors else _OFT
    if not context.has(module, role):
        return
    target = context.weight_of(module)
    if target is None:
        return
    name, rows = module.factors[role]
    inputs = prod(context.base[target].shape[1:])
    size = _block_size(rows.shape[1])
    is_shared = rows.shape[0] == 1 and size is not None and inputs % size == 0
    if size is None or (rows.shape[0] * size != inputs and not is_shared):
        context.misfit(module, target, f"rotations of {rows.shape[0] * (size or 0)} inputs")
        return
    rotation = _oft_rotation(rows, size, context, is_turned_back=role == _OFT)
    if rotation is None:
        return
    blocks = concatenated([rotation] * (inputs // size), 0) if is_shared else rotation
    context.reading.folds.append(
        Rewrite(target, (name,), lambda w, _: (w.flattened() @ blocks).reshape(*w.shape))
    )


def _is_old(module: PeftModule, context: PeftContext) -> bool:
    values = context.config.values
    if _OLD_OFT in module.factors or "oft_block_size" not in values:
        return True
    version = str(values.get("peft_version") or "0").partition("@")[0].split(".")
    numbers = tuple(int(part) for part in version[:2] if part.isdigit())
    return values.get("use_cayley_neumann", True) is True and numbers < _CAYLEY_SINCE


def _block_size(entries: int) -> int | None:
    """The size b of a skew-symmetric matrix with b(b-1)/2 entries above its diagonal."""
    size = round((1 + (1 + 8 * entries) ** 0.5) / 2)
    return size if size * (size - 1) // 2 == entries else None


def _oft_rotation(rows: Tensor, size: int, context: PeftContext, *, is_turned_back: bool) -> Tensor | None:
    """The blocks of R, or of R.T. PEFT's series has n terms of which it counts 3 as 4."""
    terms = 0
    if context.config.values.get("use_cayley_neumann", True):
        given = context.config.values.get("num_cayley_neumann_terms", 5)
        terms = {3: 4}.get(given, given) if isinstance(given, int) else 0
        if not _FEWEST_TERMS <= terms <= _MOST_TERMS:
            reason = f"a series of {described(given)} terms is none that PEFT trains rotations with"
            context.refuse("OFT with a cut series", reason, "merge it with PEFT's merge_and_unload")
            return None
    # The series is PEFT's for Q; the closed form of the kernel is for -Q.
    is_negative = is_turned_back if terms else not is_turned_back
    return (rows * -1.0 if is_negative else rows).skew(size).cayley(terms)


def fold_boft(module: PeftModule, context: PeftContext) -> None:
    """S * W @ M.T, M being rotations in blocks, each between a permutation and its inverse."""
    if not context.has(module, _BOFT, _BOFT_SCALE):
        return
    target = context.weight_of(module)
    if target is None:
        return
    (r_name, r), (s_name, s) = module.factors[_BOFT], module.factors[_BOFT_SCALE]
    weight = context.base[target]
    inputs = prod(weight.shape[1:])
    if not _is_butterfly(r.shape) or r.shape[1] * r.shape[2] != inputs or prod(s.shape) != weight.shape[0]:
        context.misfit(module, target, "nothing that is whole")
        return
    stages, count, size, _ = r.shape
    column = s.reshape(weight.shape[0], 1)  # of convolutions it is a row
    skew = [r.part(0, i, i + 1).reshape(count, size, size) for i in range(stages)]
    rotations = [((q - q.permute(0, 2, 1)) * 0.5).cayley() for q in skew]
    orders = [_butterfly(inputs, count >> i, size // 2) if stages > 1 else None for i in range(stages)]

    def turned(w: Tensor, _: Tensor) -> Tensor:
        made = w.flattened()
        for order, rotation in zip(orders, rotations, strict=True):
            made = made @ rotation if order is None else _between(made, rotation, order)
        return (made * column).reshape(*w.shape)

    context.reading.folds.append(Rewrite(target, (r_name, s_name), turned))


def _is_butterfly(shape: tuple[int, ...]) -> bool:
    """Whether these are stages of square blocks that can be paired once more at each stage."""
    if len(shape) != 4 or shape[2] != shape[3]:
        return False
    stages, count, size, _ = shape
    return stages == 1 or (size % 2 == 0 and count % (1 << (stages - 1)) == 0)


def _between(rows: Tensor, rotation: Tensor, order: Sequence[int]) -> Tensor:
    return (rows.columns(inverse_order(order)) @ rotation).columns(order)


def _butterfly(inputs: int, blocks: int, half: int) -> list[int]:
    """In each of the blocks, runs of `half` inputs: those at even places first, then those at odd ones."""
    size = inputs // blocks
    runs = [list(range(start, start + half)) for start in range(0, size, half)]
    order = [at for run in (*runs[::2], *runs[1::2]) for at in run]
    return [start + at for start in range(0, inputs, size) for at in order]
