"""A merge method as an operation: its function is called once per tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mergec.diagnostics import did_you_mean, nearest
from mergec.ir.model_table import ModelTable
from mergec.methods.application import Application, MethodModels, MethodNumbers
from mergec.methods.method import REQUIRED, Method, Role
from mergec.methods.method_keys import keys_model
from mergec.methods.new_tensors import with_new_tensors
from mergec.methods.schedules import Numbers, resolve, resolve_per_model
from mergec.recipe.errors import MissingKey, UnknownKey, WrongValue
from mergec.recipe.pattern_list import select_names
from mergec.steps.common_names import ADVICE, common_names
from mergec.steps.errors import BadOperation
from mergec.steps.operation import Call, ModelUse, Operation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mergec.recipe.place import TreePlace

_SHOWN = 4  # models in an example


class MethodOperation(Operation):
    """Applies a method to every tensor that its models share."""

    def __init__(self, method: Method) -> None:
        """Make the operation that a method stands for."""
        self.method = method
        self.name = method.name  # type: ignore[misc]  # one class serves all methods
        self.summary = method.summary  # type: ignore[misc]
        self.keys = keys_model(method)  # type: ignore[misc]
        models = method.of_role(Role.MODELS)
        self._list = models[0] if models else None

    def inputs(self, keys: Any, place: TreePlace) -> Iterator[ModelUse]:  # noqa: ANN401  # made at run time
        """The models under the method's model keys, in the order of its signature, then `base`."""
        for parameter in self.method.parameters:
            value = getattr(keys, parameter.argument, None)
            at = place.child(parameter.key)
            if parameter.role is Role.MODEL:
                yield ModelUse(str(value), at.span())
            elif parameter.role is Role.MODELS and isinstance(value, dict):
                yield from (ModelUse(name, at.key_span(name)) for name in value)
            elif parameter.role is Role.MODELS and isinstance(value, list):
                yield from (ModelUse(str(name), at.child(i).span()) for i, name in enumerate(value))
        if getattr(keys, "base", None) is not None and not self._has_role("base"):
            yield ModelUse(keys.base, place.child("base").span())

    def lower(self, keys: Any, call: Call) -> ModelTable:  # noqa: ANN401  # made at run time
        """The method applied to each tensor of `where` that the models share."""
        listed = self._listed(keys, call)
        names = [*(getattr(keys, p.argument) for p in self.method.of_role(Role.MODEL)), *listed]
        if not names:
            problem = f"`{self._list.key if self._list else 'inputs'}` names no models"
            call.report.add(BadOperation(span=call.span, operation=self.name, problem=problem))
            return ModelTable(call.name, {})
        first: str = getattr(keys, "base", None) or names[0]
        carrier = call.models[first]
        order = [first, *names]
        universe = dict.fromkeys(name for model in order for name in call.models[model].entries)
        wanted = universe
        before = len(call.report.diagnostics)
        if keys.where is not None:
            chosen = select_names(keys.where, universe, call.place.child("where"), call.report)
            wanted = dict.fromkeys(name for name in universe if name in chosen)
        models = call.models
        if getattr(keys, "new", None) is not None:
            models = with_new_tensors(keys.new, first, wanted, call)
        holders = [models[name] for name in dict.fromkeys(order)]
        advice = f"{ADVICE}; `new:` adds tensors that the base lacks" if self.method.may_grow else ADVICE
        shared, kept = common_names(holders, wanted, keys.missing, call, advice=advice)
        are_aligned = len(call.report.diagnostics) == before
        entries = {name: entry for name, entry in carrier.entries.items() if name not in wanted}
        entries.update((name, carrier.entries[name]) for name in kept)
        # Names that do not line up, or a wrong `where`, make patterns miss: tell the cause alone.
        numbers = self._numbers(keys, listed, shared, call) if are_aligned else None
        config = carrier.config
        if numbers is not None:
            application = Application(self.method, keys, self._models(keys, models, listed), numbers, call)
            entries.update(application.entries(shared))
            config = (*config, *application.config)
        return ModelTable(call.name, entries, config)

    def _models(
        self,
        keys: Any,  # noqa: ANN401  # made at run time
        models: Mapping[str, ModelTable],
        listed: Mapping[str, tuple[object, TreePlace]],
    ) -> MethodModels:
        base = getattr(keys, "base", None)
        return MethodModels(
            {p.argument: models[getattr(keys, p.argument)] for p in self.method.of_role(Role.MODEL)},
            {name: models[name] for name in listed},
            models[base] if base is not None else None,
            {name: place for name, (_, place) in listed.items()},
        )

    def _has_role(self, key: str) -> bool:
        return any(p.key == key for p in self.method.parameters)

    def _listed(self, keys: Any, call: Call) -> dict[str, tuple[object, TreePlace]]:  # noqa: ANN401
        """The models of the list, each with the value that the recipe gives it."""
        if self._list is None:
            return {}
        value = getattr(keys, self._list.argument)
        place = call.place.child(self._list.key)
        if isinstance(value, dict):
            return {name: (item, place.child(name)) for name, item in value.items()}
        return {name: ({}, place.child(i)) for i, name in enumerate(value)}

    def _numbers(
        self,
        keys: Any,  # noqa: ANN401  # made at run time
        listed: Mapping[str, tuple[object, TreePlace]],
        names: list[str],
        call: Call,
    ) -> MethodNumbers | None:
        """All schedules of the call resolved; None after reporting what is wrong with them."""
        per_model = self._per_model(listed, call)
        resolved = {key: resolve_per_model(values, names, call) for key, values in per_model.items()}
        single: dict[str, Numbers] = {}
        for parameter in self.method.of_role(Role.SCHEDULE):
            value = getattr(keys, parameter.argument)
            numbers = resolve(value, call.place.child(parameter.key), names, call)
            if numbers is None:
                problem = f"`{parameter.key}`: `rest` has no meaning here"
                if value == "rest":
                    call.report.add(WrongValue(span=call.place.child(parameter.key).span(), problem=problem))
            else:
                single[parameter.argument] = numbers
        is_whole = len(single) == len(self.method.of_role(Role.SCHEDULE)) and all(
            len(numbers) == len(listed) for numbers in resolved.values()
        )
        return MethodNumbers(single, resolved) if is_whole else None

    def _per_model(
        self, listed: Mapping[str, tuple[object, TreePlace]], call: Call
    ) -> dict[str, dict[str, tuple[object, TreePlace]]]:
        """For each schedule per model, the value and place that each model has for it."""
        parameters = self.method.of_role(Role.PER_MODEL)
        found: dict[str, dict[str, tuple[object, TreePlace]]] = {p.argument: {} for p in parameters}
        known = [p.key for p in parameters]
        misspelt: set[str] = set()
        for model, (value, place) in listed.items():
            given = value if isinstance(value, dict) and _names_parameters(value, known) else None
            if given is None:  # the short form: the value of the first schedule
                given = {known[0]: value} if known else {}
                places = dict.fromkeys(known, place)
            else:
                places = {key: place.child(key) for key in given}
            for key in (k for k in given if k not in known):
                near = did_you_mean(key, known)
                misspelt.add(model)
                help_ = near or f"known keys: {', '.join(known)}"
                where = f"the input `{model}`"
                call.report.add(UnknownKey(span=place.key_span(key), key=key, where=where, help=help_))
            for parameter in parameters:
                if parameter.key in given:
                    found[parameter.argument][model] = given[parameter.key], places[parameter.key]
                elif parameter.default is not REQUIRED:
                    found[parameter.argument][model] = parameter.default, place
                elif model not in misspelt:
                    where, help_ = f"the input `{model}`", self._example(parameter.key, list(listed))
                    span = place.span()
                    call.report.add(MissingKey(span=span, key=parameter.key, where=where, help=help_))
        return found

    def _example(self, key: str, models: list[str]) -> str:
        """How each model gets its value, with equal shares as the values."""
        share = f"{1 / len(models):.3g}"
        values = ", ".join(f"{model}: {{{key}: {share}}}" for model in models[:_SHOWN])
        more = ", ..." if len(models) > _SHOWN else ""
        return f"give each model a `{key}`: {{{values}{more}}}"


def _names_parameters(value: Mapping[str, object], known: Sequence[str]) -> bool:
    """Whether a mapping is one of parameters, be they misspelt, and not one of patterns."""
    return not value or any(
        key in known or (key.isidentifier() and nearest(key, known, count=1)) for key in value
    )
