"""Guesses about feed-forward parts: weights from the stream to hidden units, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.symmetries.drafting import module_names as names
from mergec.symmetries.drafting.guess import STREAM, Guess

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from mergec.ir.strided_view import Shape


class Half(NamedTuple):
    """A weight between the stream and hidden units. `axis` is that of the units, `is_up` leads to them."""

    name: str
    units: int
    axis: int
    is_up: bool


class Part(NamedTuple):
    """The halves that share hidden units. `is_sure`: they stand in one module, or are just two."""

    halves: Sequence[Half]
    is_sure: bool

    @property
    def units(self) -> int:
        """The number of hidden units; a fused gate has two for each."""
        return min(half.units for half in self.halves)


def feed_forward_guesses(tensors: Mapping[str, Shape], width: int, *, inputs_first: bool) -> dict[str, Guess]:
    """The axes of the weights that lead from the stream to hidden units and back, and of their vectors."""
    halves = [half for name, shape in tensors.items() if (half := _half(name, shape, width, inputs_first))]
    made: dict[str, Guess] = {}
    number = 0
    for part in _parts(halves):
        vectors = dict(_vectors(part, tensors, width))
        if _is_read_elsewhere(part, tensors, vectors):
            continue
        number += 1
        group = "ffn" if number == 1 else f"ffn{number}"
        made.update((half.name, _guess(part, half, group, width)) for half in part.halves)
        for name, half in vectors.items():
            made[name] = _vector_guess(half, made, group)
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


def _parts(halves: Sequence[Half]) -> Iterator[Part]:
    """The halves of one module where both ways are there, else those of one number of units."""
    left: dict[int, list[Half]] = {}
    by_parent: dict[str, list[Half]] = {}
    for half in halves:
        by_parent.setdefault(names.parent_of(names.module_of(half.name)), []).append(half)
    for together in by_parent.values():
        if _is_whole(together):
            yield Part(together, is_sure=True)
        else:
            for half in together:
                left.setdefault(half.units, []).append(half)
    yield from (Part(together, len(together) == 2) for together in left.values() if _is_whole(together))


def _is_whole(part: Sequence[Half]) -> bool:
    """Whether it leads to the units and back: the way there may be two, side by side, as a gate has it."""
    ups = {half.units for half in part if half.is_up}
    downs = {half.units for half in part if not half.is_up}
    return len(downs) == 1 and bool(ups) and ups <= {min(downs), 2 * min(downs)}


def _vectors(part: Part, tensors: Mapping[str, Shape], width: int) -> Iterator[tuple[str, Half | None]]:
    """The biases of the halves, each with its half, and other vectors of hidden units in their modules."""
    biases = {f"{half.name.removesuffix('weight')}bias": half for half in part.halves}
    for name, shape in tensors.items():
        if name in biases:
            yield name, biases[name]
        elif shape == (part.units,) and part.units != width and _is_inside(name, part):
            yield name, None


def _is_read_elsewhere(part: Part, tensors: Mapping[str, Shape], known: Collection[str]) -> bool:
    """Whether another tensor of their modules has an axis as long, so that it may act on the units too."""
    own = {half.name for half in part.halves}
    others = (name for name in tensors if name not in own and name not in known)
    return any(part.units in tensors[name] and _is_inside(name, part) for name in others)


def _is_inside(name: str, part: Part) -> bool:
    """Whether a tensor stands in the module of one of the halves."""
    parents = (names.parent_of(names.module_of(half.name)) for half in part.halves)
    return any(name.startswith(f"{parent}.") for parent in parents if parent)


def _guess(part: Part, half: Half, group: str, width: int) -> Guess:
    is_double = half.units == 2 * part.units
    own = f"({group} | {group})" if is_double else group
    axes = (own, STREAM) if half.axis == 0 else (STREAM, own)
    reason = f"{part.units} hidden units"
    if is_double:
        reason = "as if the gates came first, then what they multiply"
    elif part.units == width:
        reason = "hidden units by the module's name"
    return Guess(axes, reason, part.is_sure and not is_double and part.units != width)


def _vector_guess(half: Half | None, made: Mapping[str, Guess], group: str) -> Guess:
    """The axis of a vector: the units, or the stream's for the bias of the way back."""
    if half is None:
        return Guess((group,), "as many numbers as hidden units", is_sure=False)
    weight = made[half.name]
    return Guess((weight.axes[half.axis] if half.is_up else STREAM,), weight.reason, weight.is_sure)
