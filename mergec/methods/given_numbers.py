"""The numbers that a recipe gives to a method, each within the range of its parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mergec.methods.arguments import MethodNumbers
from mergec.methods.errors import OutOfRange
from mergec.methods.listed_models import Given
from mergec.methods.parameter import Role
from mergec.methods.schedules import Numbers, resolve, resolve_per_model
from mergec.recipe.errors import WrongValue
from mergec.recipe.pattern import Pattern

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from mergec.diagnostics import Span
    from mergec.methods.method import Method
    from mergec.methods.parameter import Parameter
    from mergec.recipe.place import TreePlace
    from mergec.steps.operation import Call


def given_numbers(
    method: Method,
    keys: Any,  # noqa: ANN401  # made at run time
    listed: Collection[str],
    per_model: Mapping[str, Mapping[str, Given]],
    names: Sequence[str],
    call: Call,
) -> MethodNumbers | None:
    """All schedules of a use of a method resolved; None after reporting what is wrong with them."""
    resolved: dict[str, dict[str, Numbers]] = {}
    single: dict[str, Numbers] = {}
    are_good = True
    for parameter in method.of_role(Role.PER_MODEL):
        given = per_model[parameter.argument]
        resolved[parameter.argument] = found = resolve_per_model(given, names, call)
        are_good &= len(found) == len(listed)
        for model, numbers in found.items():
            what = f"`{parameter.key}` of `{model}`"
            are_good &= _is_within_range(parameter, what, given[model], numbers, call)
    for parameter in method.of_role(Role.SCHEDULE):
        one = Given(getattr(keys, parameter.argument), call.place.child(parameter.key))
        if one.value == "rest":
            problem = f"`{parameter.key}`: `rest` has no meaning here"
            call.report.add(WrongValue(span=one.place.span(), problem=problem))
        values = resolve(one.value, one.place, names, call)
        are_good &= values is not None
        single[parameter.argument] = values = values or {}
        are_good &= _is_within_range(parameter, f"`{parameter.key}`", one, values, call)
    return MethodNumbers(single, resolved) if are_good else None


def _is_within_range(parameter: Parameter, what: str, given: Given, numbers: Numbers, call: Call) -> bool:
    """Whether the method can take all values of a parameter; reports MC0377."""
    outside = [name for name, number in numbers.items() if number not in parameter.range]
    if outside:
        first, count = outside[0], len(outside)
        call.report.add(
            OutOfRange(
                span=_entry(given, first, numbers),
                what=what,
                value=f"{numbers[first]:.6g}",
                tensor=first,
                more=f" and {count - 1} more" if count > 1 else "",
                allowed=str(parameter.range),
            )
        )
    return not outside


def _entry(given: Given, name: str, names: Collection[str]) -> Span:
    """Where a schedule gives a tensor its value: at the first entry that matches, where it has entries."""
    value, place = given
    if not isinstance(value, dict) or "blocks" in value:
        return place.span()
    matching = (text for text in value if name in Pattern.parse(text).bind(names))
    entry: TreePlace = next((place.child(text) for text in matching), place)
    return entry.span()
