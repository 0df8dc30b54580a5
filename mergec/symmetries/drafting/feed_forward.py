"""Guesses about feed-forward parts: weights from the stream to hidden units, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.symmetries.drafting import module_names as names
from mergec.symmetries.drafting.guess import STREAM, Guess

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mergec.ir.strided_view import Shape


class Half(NamedTuple):
    """A weight between the stream and hidden units. `axis` is that of the units, `is_up` leads to them."""

    name: str
    units: int
    axis: int
    is_up: bool


def feed_forward_guesses(tensors: Mapping[str, Shape], width: int, *, inputs_first: bool) -> dict[str, Guess]:
    """The axes of the weights that lead from the stream to hidden units and back, and of their biases."""
    halves = [half for name, shape in tensors.items() if (half := _half(name, shape, width, inputs_first))]
    made: dict[str, Guess] = {}
    for number, part in enumerate(_parts(halves)):
        group = f"ffn{number + 1}" if number else "ffn"
        units = min(half.units for half in part)
        for half in part:
            made.update(_of_half(half, group, units, tensors, width))
    return made


def _half(name: str, shape: Shape, width: int, inputs_first: bool) -> Half | None:  # noqa: FBT001  # as it is known
    if len(shape) != 2 or width not in shape:
        return None
    word = names.last_word(names.module_of(name))
    if shape[0] != shape[1]:
        axis = 1 if shape[0] == width else 0
        return Half(name, shape[axis], axis, is_up=(axis == 0) != inputs_first)
    if word in names.UPS:
        return Half(name, width, 1 if inputs_first else 0, is_up=True)
    if word in names.DOWNS:
        return Half(name, width, 0 if inputs_first else 1, is_up=False)
    return None


def _parts(halves: Sequence[Half]) -> Iterator[list[Half]]:
    """The halves that share hidden units: of one module where both ways are there, else of one number."""
    left: dict[int, list[Half]] = {}
    by_parent: dict[str, list[Half]] = {}
    for half in halves:
        by_parent.setdefault(names.parent_of(names.module_of(half.name)), []).append(half)
    for together in by_parent.values():
        if _is_whole(together):
            yield together
        else:
            for half in together:
                left.setdefault(half.units, []).append(half)
    yield from (together for together in left.values() if _is_whole(together))


def _is_whole(part: Sequence[Half]) -> bool:
    """Whether it leads to the units and back: the way there may be two, side by side, as a gate has it."""
    ups = {half.units for half in part if half.is_up}
    downs = {half.units for half in part if not half.is_up}
    return len(downs) == 1 and bool(ups) and ups <= {min(downs), 2 * min(downs)}


def _of_half(
    half: Half, group: str, units: int, tensors: Mapping[str, Shape], width: int
) -> Iterator[tuple[str, Guess]]:
    is_double = half.units == 2 * units
    own = f"({group} | {group})" if is_double else group
    axes = (own, STREAM) if half.axis == 0 else (STREAM, own)
    reason = f"{units} hidden units" if half.units != width else "hidden units by the module's name"
    if is_double:
        reason = "as if the gates came first, then what they multiply"
    is_sure = not is_double and units != width
    yield half.name, Guess(axes, reason, is_sure)
    bias = f"{half.name.removesuffix('weight')}bias"
    if half.name.endswith("weight") and bias in tensors:
        yield bias, Guess((own if half.is_up else STREAM,), reason, is_sure)
