"""Where the weight of a module lies in a base that may have fused or divided it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.adapters.joined import joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mergec.ir.expression import Tensor
    from mergec.ir.strided_view import Shape


class Piece(NamedTuple):
    """Some rows of a tensor of the base, and the same elements of the bias that belongs to it.

    One that `is_turned` is a whole tensor whose columns are the rows of the weight.
    """

    weight: str
    bias: str
    start: int
    rows: int
    is_turned: bool = False


class Place(NamedTuple):
    """The rows of a module's weight, from first to last. All pieces are equally wide."""

    pieces: tuple[Piece, ...]

    @classmethod
    def of(cls, pieces: Iterable[Piece]) -> Place:
        """One place for these pieces; those that lie one after another become one piece."""
        found: list[Piece] = []
        for piece in pieces:
            last = found[-1] if found else None
            if last and (piece.weight, piece.start) == (last.weight, last.start + last.rows):
                found[-1] = last._replace(rows=last.rows + piece.rows)
            else:
                found.append(piece)
        return cls(tuple(found))

    @property
    def rows(self) -> int:
        """The height of the module's weight."""
        return sum(piece.rows for piece in self.pieces)

    @property
    def title(self) -> str:
        """The tensors, for messages."""
        return " + ".join(dict.fromkeys(piece.weight for piece in self.pieces))

    def with_offsets(self) -> Iterator[tuple[int, Piece]]:
        """The pieces and the row of the module at which each begins."""
        start = 0
        for piece in self.pieces:
            yield start, piece
            start += piece.rows

    def exchanged(self, first: int) -> Place:
        """The rows from `first` on, then those before."""
        return Place.of((*self.cut(first, self.rows).pieces, *self.cut(0, first).pieces))

    def cut(self, start: int, stop: int) -> Place:
        """The rows of the module with start <= index < stop."""
        found = []
        for offset, piece in self.with_offsets():
            low, high = max(start, offset), min(stop, offset + piece.rows)
            if low < high:
                found.append(piece._replace(start=piece.start + low - offset, rows=high - low))
        return Place(tuple(found))

    def shape(self, base: Mapping[str, Tensor]) -> Shape:
        """The shape of the module's weight."""
        first = self.pieces[0]
        others = base[first.weight].shape
        return (self.rows, *(others[:1] if first.is_turned else others[1:]))

    def weight(self, base: Mapping[str, Tensor]) -> Tensor:
        """The module's weight, put together."""
        tensors = [upright(base[piece.weight], piece) for piece in self.pieces]
        pairs = zip(tensors, self.pieces, strict=True)
        return joined([rows_of(tensor, piece.start, piece.rows) for tensor, piece in pairs])


def upright(tensor: Tensor, piece: Piece) -> Tensor:
    """A tensor with the rows of the weight as rows; the same again turns it back."""
    return tensor.transposed if piece.is_turned else tensor


def rows_of(tensor: Tensor, start: int, rows: int) -> Tensor:
    """Some rows of a tensor, or the tensor itself where these are all."""
    return tensor if (start, rows) == (0, tensor.shape[0]) else tensor.part(0, start, start + rows)
