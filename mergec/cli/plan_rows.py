"""The tensors of a plan as a table: one row for all that are made alike."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from mergec.cli.name_groups import NameGroup, grouped, number_range, taken_apart
from mergec.diagnostics import safe
from mergec.recipe.block_index import block_index

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from mergec.cli.plan_tensors import TensorAction

_MOST_ROWS_OF_A_FAMILY = 4


class PlanRow(NamedTuple):
    """A pattern and the tensors that it stands for; what holds for the first holds for all."""

    pattern: str
    tensors: tuple[TensorAction, ...]


def plan_rows(tensors: Sequence[TensorAction]) -> list[PlanRow]:
    """The rows in the order of their first tensors.

    Where the coefficients run over the layers, a row per layer says more than rows per tensor and layer.
    """
    groups = grouped(tensors, _name, _alike)
    families = [taken_apart(_name(tensors[group.members[0]]))[0] for group in groups]
    rows_of = Counter(families)
    kept: list[NameGroup] = []
    loose: list[int] = []
    for group, family in zip(groups, families, strict=True):
        has_layer = block_index(_name(tensors[group.members[0]])) is not None
        if has_layer and rows_of[family] > _MOST_ROWS_OF_A_FAMILY:
            loose.extend(group.members)
        else:
            kept.append(group)
    kept.extend(_by_layer(tensors, sorted(loose)))
    kept.sort(key=lambda group: group.members[0])
    return [PlanRow(group.pattern, tuple(tensors[i] for i in group.members)) for group in kept]


def _name(tensor: TensorAction) -> str:
    return tensor.placed.name


def _alike(tensor: TensorAction) -> Hashable:
    return tensor.action, tensor.expression, tensor.dtype_change


def _by_layer(tensors: Sequence[TensorAction], positions: Iterable[int]) -> list[NameGroup]:
    layers: defaultdict[tuple[str, int, Hashable], dict[str, int]] = defaultdict(dict)
    for position in positions:
        name = _name(tensors[position])
        place = block_index(name)
        assert place is not None
        rest = name[len(f"{place[0]}{place[1]}") :]
        layers[*place, _alike(tensors[position])][rest] = position
    same: defaultdict[tuple[str, tuple[str, ...], Hashable], dict[int, list[int]]] = defaultdict(dict)
    for (prefix, index, alike), members in layers.items():
        same[prefix, tuple(members), alike][index] = list(members.values())
    return [
        NameGroup(
            safe(f"{prefix}{number_range(tuple(sorted(by_index)))}{_rests(rests)}"),
            tuple(sorted(position for members in by_index.values() for position in members)),
        )
        for (prefix, rests, _), by_index in same.items()
    ]


def _rests(rests: tuple[str, ...]) -> str:
    first = rests[0]
    return first if len(rests) == 1 else f".{{{first.removeprefix('.')}, {len(rests) - 1} more}}"
