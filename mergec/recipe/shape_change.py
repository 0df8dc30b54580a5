"""What a rename rule may do to shapes: split, concatenate, stack, transpose. Bytes stay where they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.ir.layout import Joined
from mergec.recipe.rename_errors import (
    CannotSplit,
    CannotTranspose,
    NoSuchDimension,
    PartsDiffer,
    SubByteShape,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.diagnostics import Diagnostic, Span
    from mergec.ir.layout import Layout

Part = tuple[str, "Layout"]


@dataclass(frozen=True, slots=True)
class Split:
    """One tensor into several along `dim`, of these sizes or of equal ones."""

    dim: int
    sizes: tuple[int, ...] | None = None

    def apply(self, part: Part, count: int, span: Span | None) -> tuple[list[Layout], list[Diagnostic]]:
        """The parts, or what forbids the split: MC0138, MC0139, MC0143."""
        name, layout = part
        refused = _sub_byte([part], span)
        axis = _axis(self.dim, len(layout.shape))
        if axis is None:
            refused.append(_no_dimension(part, self.dim, span))
        if refused or axis is None:
            return [], refused
        size = layout.shape[axis]
        sizes = self.sizes or (size // count,) * count
        if sum(sizes) != size:
            reason = f"dimension {self.dim} is {size}, which is not divisible by {count}"
            if self.sizes:
                reason = f"dimension {self.dim} is {size}, but the sizes add up to {sum(sizes)}"
            help_ = None if self.sizes else "give the sizes: `split: {dim: 0, sizes: [...]}`"
            shape = _shown(layout)
            error = CannotSplit(span=span, name=name, shape=shape, parts=count, reason=reason, help=help_)
            return [], [error]
        starts = [sum(sizes[:number]) for number in range(count)]
        return [
            layout.sliced(axis, start, start + length) for start, length in zip(starts, sizes, strict=True)
        ], []


@dataclass(frozen=True, slots=True)
class Concat:
    """Several tensors one after another along `dim`."""

    dim: int

    def apply(self, parts: Sequence[Part], span: Span | None) -> tuple[Layout | None, list[Diagnostic]]:
        """The whole, or what forbids it: MC0139, MC0140, MC0143."""
        refused = _sub_byte(parts, span)
        first = parts[0]
        axis = _axis(self.dim, len(first[1].shape))
        if axis is None:
            return None, [*refused, _no_dimension(first, self.dim, span)]
        for part in parts[1:]:
            others = _without(part[1].shape, axis), _without(first[1].shape, axis)
            fits = len(part[1].shape) == len(first[1].shape) and others[0] == others[1]
            refused.extend(_differing(first, part, span, fits=fits))
        return (None, refused) if refused else (Joined(axis, tuple(layout for _, layout in parts)), [])


@dataclass(frozen=True, slots=True)
class Stack:
    """Tensors numbered by the capture `over` become one, with a new dimension before `dim`."""

    over: str
    dim: int = 0

    def apply(self, parts: Sequence[Part], span: Span | None) -> tuple[Layout | None, list[Diagnostic]]:
        """The whole, or what forbids it: MC0139, MC0140, MC0143."""
        refused = _sub_byte(parts, span)
        first = parts[0]
        axis = _axis(self.dim, len(first[1].shape) + 1)
        if axis is None:
            return None, [*refused, _no_dimension(first, self.dim, span)]
        for part in parts[1:]:
            refused.extend(_differing(first, part, span, fits=part[1].shape == first[1].shape))
        whole = tuple(layout.unsqueezed(axis) for _, layout in parts)
        return (None, refused) if refused else (Joined(axis, whole), [])


@dataclass(frozen=True, slots=True)
class Transpose:
    """Dimension k of the result is dimension `order[k]` of the tensor."""

    order: tuple[int, ...]

    def apply(self, part: Part, span: Span | None) -> tuple[Layout | None, list[Diagnostic]]:
        """The tensor with its dimensions in this order, or what forbids it: MC0143, MC0144."""
        name, layout = part
        refused = _sub_byte([part], span)
        if len(layout.shape) != len(self.order):
            help_ = f"match only tensors of {len(self.order)} dimensions"
            shape, order = _shown(layout), str(list(self.order))
            refused.append(CannotTranspose(span=span, name=name, shape=shape, order=order, help=help_))
        return (None, refused) if refused else (layout.permuted(self.order), [])


ShapeChange = Split | Concat | Stack | Transpose


def _axis(dim: int, rank: int) -> int | None:
    if not -rank <= dim < rank:
        return None
    return dim % rank


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], *shape[axis + 1 :])


def _shown(layout: Layout) -> str:
    return str(list(layout.shape))


def _no_dimension(part: Part, dim: int, span: Span | None) -> NoSuchDimension:
    return NoSuchDimension(span=span, name=part[0], shape=_shown(part[1]), dim=dim)


def _sub_byte(parts: Sequence[Part], span: Span | None) -> list[Diagnostic]:
    help_ = "rename these tensors without a change of shape"
    return [
        SubByteShape(span=span, name=name, dtype=str(layout.dtype), help=help_)
        for name, layout in parts
        if layout.dtype.bits < 8
    ]


def _differing(first: Part, second: Part, span: Span | None, *, fits: bool) -> list[Diagnostic]:
    reason = ""
    if first[1].dtype is not second[1].dtype:
        reason = f"their dtypes are {first[1].dtype} and {second[1].dtype}"
    elif not fits:
        reason = f"their shapes are {_shown(first[1])} and {_shown(second[1])}"
    return [PartsDiffer(span=span, first=first[0], second=second[0], reason=reason)] if reason else []
