"""The numbers that a method's schedules give to every tensor."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mergec.diagnostics import Label, MergecError
from mergec.recipe.errors import WrongValue
from mergec.recipe.schedule import Schedule
from mergec.steps.errors import SeveralRests

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mergec.recipe.place import TreePlace
    from mergec.steps.operation import Call

Numbers = dict[str, float]


def resolve(value: object, place: TreePlace, names: Sequence[str], call: Call) -> Numbers | None:
    """The number for each name; None after reporting what is wrong, or for `rest`."""
    try:
        schedule = Schedule.parse(value, place)
        if schedule.is_rest:
            return None
        return schedule.resolve(names, call.report)
    except MergecError as error:
        call.report.extend(error.diagnostics)
        return None


def resolve_per_model(
    values: Mapping[str, tuple[object, TreePlace]], names: Sequence[str], call: Call
) -> dict[str, Numbers]:
    """The numbers of each model's schedule. One of them may be `rest`: 1 minus the others."""
    rests = [model for model, (value, _) in values.items() if value == "rest"]
    resolved = {
        model: numbers
        for model, (value, place) in values.items()
        if value != "rest" and (numbers := resolve(value, place, names, call)) is not None
    }
    if len(rests) > 1:
        first, second = (values[rest][1].span() for rest in rests[:2])
        label = Label(first, "the first one")
        call.report.add(SeveralRests(span=second, model=call.name, count=len(rests), others=(label,)))
    if rests and len(resolved) + len(rests) == len(values):
        others = list(resolved.values())
        try:
            resolved[rests[0]] = {name: 1.0 - math.fsum(o[name] for o in others) for name in names}
        except OverflowError:
            span, problem = values[rests[0]][1].span(), "`rest`: the other weights are too large to be summed"
            call.report.add(WrongValue(span=span, problem=problem))
    return resolved
