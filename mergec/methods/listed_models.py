"""The models of a method's list, and what the recipe gives to each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mergec.diagnostics import Label, did_you_mean, nearest
from mergec.methods.errors import BaseAmongInputs, WrongNumberOfInputs
from mergec.methods.parameter import REQUIRED, Role
from mergec.recipe.errors import MissingKey, UnknownKey, WrongValue
from mergec.recipe.shown_value import shown
from mergec.steps.errors import BadOperation
from mergec.steps.operation import ModelUse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from mergec.diagnostics import Diagnostic, Span
    from mergec.methods.method import Method
    from mergec.methods.parameter import Parameter
    from mergec.recipe.place import TreePlace
    from mergec.steps.operation import Call

_SHOWN = 4  # models in an example


class Given(NamedTuple):
    """A value of the recipe, and where it is written."""

    value: object
    place: TreePlace


Listed = dict[str, Given]


def listed_models(method: Method, keys: Any, place: TreePlace) -> Listed:  # noqa: ANN401  # made at run time
    """The models of the list by name, each with the value that the recipe gives it."""
    if method.listed is None:
        return {}
    value = getattr(keys, method.listed.argument)
    place = place.child(method.listed.key)
    if isinstance(value, dict):
        return {name: Given(item, place.child(name)) for name, item in value.items()}
    return {name: Given({}, place.child(i)) for i, name in enumerate(value)}


def companion_uses(parameter: Parameter, listed: Listed) -> Iterator[ModelUse]:
    """The models that a companion parameter names, one under each model of the list."""
    for value, place in listed.values():
        name = value.get(parameter.key) if isinstance(value, dict) else None
        if isinstance(name, str):
            yield ModelUse(name, place.child(parameter.key).span())


def check_list(method: Method, keys: Any, listed: Listed, call: Call) -> None:  # noqa: ANN401
    """Report a list that holds a model twice, the base, or another number of models than the method takes."""
    base = keys.base if method.has_key("base") else None
    for parameter in method.of_role(Role.MODEL):
        if parameter.key != "base" and base is not None and getattr(keys, parameter.argument) == base:
            span = call.place.child(parameter.key).span()
            help_ = "name the model that was trained from it"
            call.report.add(_base_among(base, parameter.key, span, help_, call))
    if method.listed is None:
        return
    key = method.listed.key
    value = getattr(keys, method.listed.argument)
    for i, name in enumerate(value):
        if isinstance(value, list) and name in value[:i]:
            problem = f"`{key}` names `{name}` twice"
            span = call.place.child(key).child(i).span()
            call.report.add(BadOperation(span=span, operation=method.name, problem=problem))
    if base in listed:
        span = listed[base].place.name_span()
        call.report.add(_base_among(base, key, span, f"remove it from `{key}`", call))
    least, most, count = method.needs_inputs, method.most_inputs, len(value)
    if count < least or (most is not None and count > most):
        upper = "" if most == least else f" to {most}"
        wanted = f"at least {least}" if most is None else f"{least}{upper}"
        help_ = "name another model" if count < least else "merge some of them first, into another model"
        call.report.add(
            WrongNumberOfInputs(
                span=call.place.key_span(key),
                operation=method.name,
                wanted=wanted,
                key=key,
                count=count,
                help=help_,
            )
        )


def _base_among(base: str, key: str, span: Span, help_: str, call: Call) -> Diagnostic:
    label = Label(call.place.child("base").span(), "the base")
    return BaseAmongInputs(span=span, base=base, model=call.name, key=key, others=(label,), help=help_)


def given_per_model(method: Method, listed: Listed, call: Call) -> dict[str, dict[str, Given]]:
    """For each parameter that models of the list have, by argument: what is given to each model."""
    schedules = method.of_role(Role.PER_MODEL)
    parameters = (*schedules, *method.of_role(Role.COMPANION))
    found: dict[str, dict[str, Given]] = {p.argument: {} for p in parameters}
    known = [p.key for p in parameters]
    for model, (value, place) in listed.items():
        if isinstance(value, dict) and names_parameters(value, known):
            given = {key: Given(item, place.child(key)) for key, item in value.items()}
        else:  # the short form: the value of the first schedule
            given = {known[0]: Given(value, place)} if schedules else {}
        is_misspelt = not _are_known(given, known, model, place, call)
        for parameter in parameters:
            if parameter.key in given:
                one = found[parameter.argument][model] = given[parameter.key]
                if parameter.role is Role.COMPANION and not isinstance(one.value, str):
                    problem = f"`{parameter.key}`: expected the name of a model, found {shown(one.value)}"
                    call.report.add(WrongValue(span=one.place.span(), problem=problem))
            elif parameter.default is not REQUIRED:
                found[parameter.argument][model] = Given(parameter.default, place)
            elif not is_misspelt:
                help_ = _example(parameter, listed)
                where = f"the input `{model}`"
                span = place.span()
                call.report.add(MissingKey(span=span, key=parameter.key, where=where, help=help_))
    return found


def _are_known(
    given: Mapping[str, Given], known: Sequence[str], model: str, place: TreePlace, call: Call
) -> bool:
    """Whether all keys that a model is given are parameters of the method; reports those that are not."""
    unknown = [key for key in given if key not in known]
    for key in unknown:
        help_ = did_you_mean(key, known) or f"known keys: {', '.join(known)}"
        where = f"the input `{model}`"
        call.report.add(UnknownKey(span=place.key_span(key), key=key, where=where, help=help_))
    return not unknown


def _example(parameter: Parameter, models: Collection[str]) -> str:
    """How each model gets its value: equal shares, or the name of another model."""
    share = f"{1 / len(models):.3g}" if parameter.role is Role.PER_MODEL else "..."
    values = ", ".join(f"{model}: {{{parameter.key}: {share}}}" for model in list(models)[:_SHOWN])
    more = ", ..." if len(models) > _SHOWN else ""
    return f"give each model a `{parameter.key}`: {{{values}{more}}}"


def names_parameters(value: Mapping[str, object], known: Sequence[str]) -> bool:
    """Whether a mapping is one of parameters, be they misspelt or as in mergekit, and not of patterns."""
    if isinstance(value.get("parameters"), dict):
        return True
    return not value or any(
        key in known or (key.isidentifier() and nearest(key, known, count=1)) for key in value
    )
