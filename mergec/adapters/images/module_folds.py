"""Changes of modules brought to the tensors of the base."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.adapters.adapter import Delta, Fold, Rewrite
from mergec.adapters.constant import constant
from mergec.adapters.images.module_change import Addition, Change, Compute
from mergec.adapters.images.module_place import Place, rows_of, upright
from mergec.adapters.joined import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mergec.ir.expression import Tensor


class _Addend(NamedTuple):
    """Something to add to some rows of a tensor."""

    start: int
    value: Tensor
    scale: float
    uses: tuple[str, ...]

    @property
    def stop(self) -> int:
        return self.start + self.value.shape[0]


class ModuleFolds:
    """The folds of an adapter, gathered by tensor of the base.

    What several modules add to different rows of one tensor (query, key and value of a fused
    projection) becomes one fold.
    """

    def __init__(self, base: Mapping[str, Tensor]) -> None:
        """Start without folds."""
        self._base = base
        self._addends: dict[str, list[_Addend]] = {}
        self._rewrites: list[Fold] = []
        self._taken: dict[str, list[tuple[int, int, str]]] = {}

    def claim(self, place: Place, module: str) -> str | None:
        """The module that changes some of these rows already; None if they are free, and now this one's."""
        for piece in place.pieces:
            for start, stop, other in self._taken.get(piece.weight, []):
                if start < piece.start + piece.rows and piece.start < stop:
                    return other
        for piece in place.pieces:
            rows = (piece.start, piece.start + piece.rows, module)
            self._taken.setdefault(piece.weight, []).append(rows)
        return None

    def add(self, place: Place, change: Change, uses: tuple[str, ...]) -> None:
        """Fold a change of a weight."""
        if isinstance(change, Addition):
            for offset, piece in place.with_offsets():
                value = upright(rows_of(change.value, offset, piece.rows), piece)
                self._keep(piece.weight, _Addend(piece.start, value, change.scale, uses))
            return
        for target in dict.fromkeys(piece.weight for piece in place.pieces):
            rewrite = _rewriting(target, place, change.compute, self._base)
            self._rewrites.append(Rewrite(target, uses, rewrite))

    def add_to_bias(self, place: Place, addition: Addition, uses: tuple[str, ...]) -> None:
        """Fold something that is added to the bias of a module, all of which the base has."""
        for offset, piece in place.with_offsets():
            value = rows_of(addition.value, offset, piece.rows)
            self._keep(piece.bias, _Addend(piece.start, value, addition.scale, uses))

    def folds(self) -> list[Fold]:
        """All folds, one for each tensor that something is added to and then those that compute."""
        deltas = [self._delta(target, addends) for target, addends in self._addends.items()]
        return [*deltas, *self._rewrites]

    def _keep(self, target: str, addend: _Addend) -> None:
        self._addends.setdefault(target, []).append(addend)

    def _delta(self, target: str, addends: Sequence[_Addend]) -> Delta:
        addends = sorted(addends, key=lambda addend: addend.start)
        uses = tuple(dict.fromkeys(name for addend in addends for name in addend.uses))
        rows = self._base[target].shape[0]
        first = addends[0]
        is_alike = all(addend.scale == first.scale for addend in addends)
        parts: list[Tensor] = []
        position = 0
        for addend in addends:
            if addend.start > position:
                parts.append(_zeros(addend.start - position, addend.value))
            parts.append(addend.value if is_alike else addend.value * addend.scale)
            position = addend.stop
        if position < rows:
            parts.append(_zeros(rows - position, first.value))
        return Delta(target, uses, joined(parts), first.scale if is_alike else 1.0)


def _zeros(rows: int, like: Tensor) -> Tensor:
    """Rows to which nothing is added."""
    return constant(0.0, like, (rows, *like.shape[1:]))


def _rewriting(
    target: str, place: Place, compute: Compute, base: Mapping[str, Tensor]
) -> Callable[[Tensor, Tensor], Tensor]:
    """The change of one of the tensors that a module's weight lies in; its other rows stay."""

    def change(tensor: Tensor, original: Tensor) -> Tensor:
        whole = place.weight({**base, target: original})
        mine = [(offset, piece) for offset, piece in place.with_offsets() if piece.weight == target]
        parts: list[Tensor] = []
        position = 0
        for offset, piece in sorted(mine, key=lambda pair: pair[1].start):
            if piece.start > position:
                parts.append(rows_of(tensor, position, piece.start - position))
            rows = rows_of(upright(tensor, piece), piece.start, piece.rows)
            parts.append(upright(compute(rows, whole, offset), piece))
            position = tensor.shape[0] if piece.is_turned else piece.start + piece.rows
        if position < tensor.shape[0]:
            parts.append(rows_of(tensor, position, tensor.shape[0] - position))
        return joined(parts)

    return change
