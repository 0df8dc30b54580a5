"""The forms of kohya-ss and LyCORIS that scale or rotate a weight, and DoRA on top of the additive ones."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import TYPE_CHECKING

from mergec.adapters.constant import constant
from mergec.adapters.formulas import inverse_order
from mergec.adapters.images.decomposition import decomposed
from mergec.adapters.images.module_change import Addition, Computation
from mergec.adapters.images.module_place import rows_of
from mergec.ir.dtype import DType
from mergec.ir.expression import concatenated

if TYPE_CHECKING:
    from mergec.adapters.images.module_parts import ModuleParts
    from mergec.ir.expression import Tensor
    from mergec.ir.strided_view import Shape

_EPSILON = 2.0**-23  # that of float32, which LyCORIS adds to the norms


def dora(parts: ModuleParts, addition: Addition) -> Computation:
    """DoRA: `dora_scale` (o, 1, ..) gives the lengths of rows, (1, i, ..) those of columns."""
    lengths = parts.tensor("dora_scale")
    if len(parts.shape) < 2:
        parts.misfit(f"`dora_scale` of `{parts.module}` is for a matrix")
    o, i, *kernel = parts.shape
    ones = (1,) * len(kernel)
    is_by_row = lengths.shape[:1] == (o,) and prod(lengths.shape) == o
    is_by_column = lengths.shape[:2] == (1, i) and prod(lengths.shape) == i
    if not is_by_row and not is_by_column:
        parts.misfit(f"`dora_scale` of `{parts.module}` is {list(lengths.shape)}")
    wanted = (o, 1) if is_by_row else (1, i)
    return decomposed(addition, lengths.reshape(*wanted, *ones), by_row=is_by_row, epsilon=_EPSILON)


def ia3(parts: ModuleParts) -> Computation:
    """IA3: W * (1 + weight), by row or, with `on_input`, by column. LyCORIS leaves the bias as it is."""
    factors, on_input = parts.tensor("weight"), bool(parts.number("on_input"))
    axis = 1 if on_input else 0
    wanted = tuple(size if n == axis else 1 for n, size in enumerate(parts.shape))
    if prod(factors.shape) != prod(wanted):
        parts.misfit(f"`{parts.module}` scales {prod(factors.shape)} {'columns' if on_input else 'rows'}")
    factors = factors.reshape(*wanted)

    def compute(weight: Tensor, _: Tensor, start: int) -> Tensor:
        mine = factors if on_input else rows_of(factors, start, weight.shape[0])
        return weight + weight * mine

    return Computation(compute)


def oft(parts: ModuleParts) -> Computation:
    """OFT and BOFT: rows rotated in blocks by (I + Q)(I - Q)^-1 with Q = b - b^T, then scaled.

    `oft_blocks` is (n, b, b), or (m, n, b, b) for m stages of a butterfly; `alpha` times o bounds the
    norm of Q, and `rescale` (o, 1, ..) multiplies the rows.
    """
    blocks = parts.factor("oft_blocks")
    is_butterfly = len(blocks.shape) == 4
    stages, number, size = _stages(parts, blocks.shape)
    rotations = _rotations(parts, blocks.reshape(stages * number, size, size))
    rescale = _rescale(parts)

    def compute(weight: Tensor, _: Tensor, __: int) -> Tensor:
        matrix = weight.flattened()
        rotate = partial(_staged, stages=stages) if is_butterfly else _blocks_rotated
        turned = rotate(rotations, matrix).reshape(*weight.shape)
        return turned if rescale is None else turned * rescale

    return Computation(compute)


def _stages(parts: ModuleParts, shape: Shape) -> tuple[int, int, int]:
    """The number of stages, of blocks in each, and the rows of a block; stops where they do not fit."""
    is_butterfly = len(shape) == 4
    is_square = len(shape) in {3, 4} and shape[-2] == shape[-1]
    parts.need(fits=is_square and not (is_butterfly and shape[-1] % 2), parts=("oft_blocks",))
    stages, number, size = shape[:3] if is_butterfly else (1, *shape[:2])
    rows = parts.shape[0]
    if number * size != rows or rows % (size * 2 ** (stages - 1)):
        parts.misfit(f"`{parts.module}` rotates {number} blocks of {size} rows in {stages} stages")
    if len(parts.place.pieces) > 1:
        parts.refuse(
            "a rotation of rows that this base holds in several tensors",
            f"`{parts.module}` mixes the rows of `{parts.place.title}`",
            "fold it into the checkpoint in the original layout, where they are one tensor",
        )
    return stages, number, size


def _staged(rotations: Tensor, matrix: Tensor, *, stages: int) -> Tensor:
    """A butterfly: the rows in another order before each stage of rotations, and back after it."""
    count, size, _ = rotations.shape
    number = count // stages
    columns = matrix.transposed
    for stage in range(stages):
        rotation = rows_of(rotations, stage * number, number)
        order = _butterfly(matrix.shape[0], size * 2**stage)
        columns = columns.columns(order) @ rotation.permute(0, 2, 1)
        columns = columns.columns(inverse_order(order))
    return columns.transposed


def _blocks_rotated(rotations: Tensor, matrix: Tensor) -> Tensor:
    """Each block of rows multiplied by the transpose of its rotation: only a block is ever held."""
    number, size, _ = rotations.shape
    return concatenated(
        [
            rows_of(rotations, block, 1).reshape(size, size).transposed @ rows_of(matrix, block * size, size)
            for block in range(number)
        ],
        0,
    )


def _rotations(parts: ModuleParts, blocks: Tensor) -> Tensor:
    """The rotation of each block. No norm of Q is larger than alpha times the height of the weight."""
    skew = blocks - blocks.permute(0, 2, 1)
    bound = (parts.number("alpha") or 0.0) * parts.shape[0]
    if bound > 0:
        # Q / max(1, |Q| / bound), where max(1, x) is (1 + x + |1 - x|) / 2 and |y| the norm of a lone y.
        skew = skew.cast(DType.F64)
        norm = skew.reshape(1, prod(skew.shape)).row_norm()
        excess = norm * (1.0 / bound)
        one = constant(1.0, excess)
        skew = skew / ((one + excess + (one - excess).row_norm()) * 0.5).reshape(1, 1, 1)
    return skew.cayley()


def _rescale(parts: ModuleParts) -> Tensor | None:
    if "rescale" not in parts:
        return None
    rescale, rows = parts.tensor("rescale"), parts.shape[0]
    if prod(rescale.shape) != rows:
        parts.misfit(f"`rescale` of `{parts.module}` is {list(rescale.shape)}")
    return rescale.reshape(rows, *(1 for _ in parts.shape[1:]))


def _butterfly(count: int, width: int) -> tuple[int, ...]:
    """The order in which a stage takes the rows: in each group of `width`, one of each half in turn."""
    half = width // 2
    return tuple(
        start + position + side * half
        for start in range(0, count, width)
        for position in range(half)
        for side in (0, 1)
    )
