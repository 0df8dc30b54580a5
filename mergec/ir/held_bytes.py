"""The memory that held values take, while they are made and afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.program import (
    REGISTER_ALIGNMENT,
    HeldValue,
    LoadedLeaf,
    Program,
    Reduction,
    Stream,
    StreamedRows,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


def register_bytes(program: Program) -> int:
    """What a program's registers take whatever the tile, the gaps between them counted."""
    return program.single_bytes + REGISTER_ALIGNMENT * len(program.registers)


def fixed_bytes(program: Program) -> int:
    """The same, and what its kernels take beside them."""
    return register_bytes(program) + program.scratch


def held_bytes(held: Iterable[HeldValue]) -> int:
    """The most that making values one after another takes, those that are made kept."""
    kept = peak = 0
    for value in held:
        peak = max(peak, kept + _making(value))
        kept += value.nbytes
    return max(peak, kept)


def _making(value: HeldValue) -> int:
    """The program's registers, a copy of the result, and the largest operand while it is brought in."""
    return fixed_bytes(value.program) + value.nbytes + max(map(_loading, value.leaves), default=0)


def _loading(leaf: LoadedLeaf) -> int:
    if leaf.reduction is not None:
        return reducing_bytes(leaf.reduction)
    return leaf.view.nbytes if leaf.is_turned else 0


def reducing_bytes(one: Reduction) -> int:
    """The hungriest stream, and what the reduction itself takes."""
    return one.scratch + max((stream_bytes(s) + held_bytes(s.held) for s in one.streams), default=0)


def stream_bytes(stream: Stream) -> int:
    """What a tile of a stream takes, beside what is held for it."""
    return stream.tile_rows * stream.program.row_bytes + stream.turned_bytes + fixed_bytes(stream.program)


def streaming_bytes(rows: StreamedRows) -> int:
    """What a tile of the rows takes, beside what is held for them."""
    return rows.tile * (rows.program.row_bytes + rows.turned_bytes) + fixed_bytes(rows.program)
