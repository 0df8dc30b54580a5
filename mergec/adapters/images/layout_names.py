"""The names that the modules of an image model have in the other layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.adapters.images.layouts import LAYOUTS, Pair, Rows
from mergec.adapters.images.module_place import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mergec.ir.expression import Tensor

_HOLES: dict[str, Callable[[str], bool]] = {"{i}": str.isdigit, "{rest}": bool}


class Template(NamedTuple):
    """A path with at most one hole in it."""

    head: str
    hole: str
    tail: str

    @classmethod
    def parse(cls, text: str) -> Template:
        """Read `blocks.{i}.proj`, `blocks.0.{rest}` or `proj`."""
        for hole in _HOLES:
            if hole in text:
                head, tail = text.split(hole)
                return cls(head, hole, tail)
        return cls(text, "", "")

    def filler(self, path: str) -> str | None:
        """What stands in the hole of this path; None if the path is another one."""
        if not (path.startswith(self.head) and path.endswith(self.tail)):
            return None
        filler = path[len(self.head) : len(path) - len(self.tail)]
        fits = _HOLES[self.hole](filler) if self.hole else not filler
        return filler if fits else None

    def filled(self, filler: str) -> str:
        """The path with this in its hole."""
        return f"{self.head}{filler}{self.tail}"


def other_names(modules: Mapping[str, Place], base: Mapping[str, Tensor]) -> Iterator[tuple[str, Place]]:
    """Paths of the layouts that this part of the base is not in, and what they stand for in it.

    Args:
        modules: the modules of one component of the base, by their own paths.
        base: all tensors of the base.
    """
    for layout in LAYOUTS:
        if any(path.startswith(layout.original_sign) for path in modules):
            for pair in layout.pairs:
                yield from _divided(pair, modules, base)
        if any(path.startswith(layout.diffusers_sign) for path in modules):
            for pair in layout.pairs:
                yield from _fused(pair, modules, base)


def _divided(
    pair: Pair, modules: Mapping[str, Place], base: Mapping[str, Tensor]
) -> Iterator[tuple[str, Place]]:
    """Names of diffusers, for a base in the original layout."""
    original = Template.parse(pair.original)
    parts = [Template.parse(part) for part in pair.diffusers]
    for path, place in modules.items():
        filler = original.filler(path)
        if filler is not None:
            for part, rows in zip(parts, _parts(place, pair, base), strict=False):
                yield part.filled(filler), rows


def _parts(place: Place, pair: Pair, base: Mapping[str, Tensor]) -> list[Place]:
    """The rows of each part; none if the weight cannot be divided so."""
    if pair.rows is Rows.SAME:
        return [place]
    if pair.rows is Rows.SHIFT_AND_SCALE:
        return [_halves_exchanged(place, base)]
    count, width = len(pair.diffusers), place.shape(base)[-1]
    height = width if pair.rows is Rows.WIDTHS else place.rows // count
    last = place.rows - height * (count - 1)
    if last <= 0 or (pair.rows is Rows.EQUAL and last != height):
        return []
    starts = [height * n for n in range(count)]
    return [place.cut(a, b) for a, b in zip(starts, [*starts[1:], place.rows], strict=True)]


def _fused(
    pair: Pair, modules: Mapping[str, Place], base: Mapping[str, Tensor]
) -> Iterator[tuple[str, Place]]:
    """Original names, for a base in the layout of diffusers."""
    original = Template.parse(pair.original)
    first, *others = (Template.parse(part) for part in pair.diffusers)
    for path, place in modules.items():
        filler = first.filler(path)
        parts = [] if filler is None else [modules.get(other.filled(filler)) for other in others]
        if filler is None or any(part is None for part in parts):
            continue
        whole = Place.of(piece for part in (place, *parts) if part for piece in part.pieces)
        if len({base[piece.weight].shape[1:] for piece in whole.pieces}) == 1:
            is_changed = pair.rows is Rows.SHIFT_AND_SCALE
            yield original.filled(filler), _halves_exchanged(whole, base) if is_changed else whole


def _halves_exchanged(place: Place, base: Mapping[str, Tensor]) -> Place:
    """A last modulation gives a shift and a scale, and the layouts disagree on which comes first."""
    if place.rows != 2 * place.shape(base)[-1]:
        return place
    return place.exchanged(place.rows // 2)
