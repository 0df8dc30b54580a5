"""How much each tensor counts in matching, and which of its indices do not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError, safe
from mergec.ir.symmetry import Mask, Symmetry
from mergec.recipe.first_match import first_match
from mergec.recipe.no_match import matches_nothing
from mergec.recipe.pattern import Pattern
from mergec.steps.align_errors import BadLeftOut

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from collections.abc import Set as AbstractSet
    from typing import TypeVar

    from mergec.ir.symmetry import SymmetricTensor
    from mergec.steps.align_keys import AlignKeys, LeftOut
    from mergec.steps.operation import Call

    T = TypeVar("T")

_RANGE = re.compile(r"(\d+):(\d+)")


def with_terms(symmetry: Symmetry, keys: AlignKeys, floats: AbstractSet[str], call: Call) -> Symmetry:
    """The symmetry with the weights and masks of its tensors. Those that hold no floats do not count.

    Reports MC0125 for patterns that match nothing and MC0365 for what cannot be left out.
    """
    names = [tensor.names[0] for tensor in symmetry.tensors]
    weights = _by_pattern(keys.weights, "weights", names, call)
    left_out = _by_pattern(keys.leave_out, "leave_out", names, call)
    tensors = tuple(
        tensor._replace(
            weight=tensor.weight * weights.get(name, 1.0) if floats >= set(tensor.names) else 0.0,
            masks=tuple(_masks(tensor, left_out[name], call)) if name in left_out else (),
        )
        for name, tensor in zip(names, symmetry.tensors, strict=True)
    )
    return Symmetry(symmetry.groups, tensors)


def _by_pattern(values: Mapping[str, T], key: str, names: Collection[str], call: Call) -> dict[str, T]:
    chosen: list[tuple[Pattern, dict[str, T]]] = []
    for text, value in values.items():
        try:
            pattern = Pattern.parse(text, call.place.child(key).key_span(text))
        except MergecError as error:
            call.report.extend(error.diagnostics)
            continue
        bound = pattern.bind(names)
        if not len(bound):
            call.report.add(matches_nothing(pattern, names))
        chosen.append((pattern, dict.fromkeys(bound.matches, value)))
    return first_match(chosen, call.report)


def _masks(tensor: SymmetricTensor, left_out: LeftOut, call: Call) -> Iterator[Mask]:
    def refuse(problem: str) -> None:
        call.report.add(BadLeftOut(span=call.place.child("leave_out").span(), problem=problem))

    name = safe(tensor.names[0])
    axis = left_out.axis + tensor.is_stacked
    if axis >= len(tensor.shape):
        refuse(f"`{name}` has no axis {left_out.axis}: its shape is {list(tensor.shape)}")
        return
    if any(factor.group is not None for segment in tensor.axes[axis] for factor in segment):
        refuse(f"axis {left_out.axis} of `{name}` is permuted; only indices of fixed axes can be left out")
        return
    for item in left_out.at:
        found = (item, item + 1) if isinstance(item, int) else _range(item)
        if found is None or not 0 <= found[0] < found[1] <= tensor.shape[axis]:
            known = f"axis {left_out.axis} of `{name}`, which has {tensor.shape[axis]}"
            refuse(f"`{item}` is no index, nor a range start:stop, of {known}")
        else:
            yield Mask(axis, *found)


def _range(text: str) -> tuple[int, int] | None:
    found = _RANGE.fullmatch(text.strip())
    return (int(found[1]), int(found[2])) if found is not None else None
