"""A merge method as an operation: its function is called once per tensor."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from mergec.ir.model_table import ModelTable
from mergec.methods.application import Application
from mergec.methods.arguments import MethodModels
from mergec.methods.extra_channels import with_extra_channels, without_extra_channels
from mergec.methods.given_numbers import given_numbers
from mergec.methods.listed_models import check_list, companion_uses, given_per_model, listed_models
from mergec.methods.method_keys import keys_model
from mergec.methods.new_tensors import with_new_tensors
from mergec.methods.parameter import Role
from mergec.recipe.pattern_list import select_names
from mergec.steps.common_names import ADVICE, common_names
from mergec.steps.operation import Call, ModelUse, Operation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mergec.methods.listed_models import Given, Listed
    from mergec.methods.method import Method
    from mergec.recipe.place import TreePlace


class MethodOperation(Operation):
    """Applies a method to every tensor that its models share."""

    def __init__(self, method: Method) -> None:
        """Make the operation that a method stands for."""
        self.method = method
        self.name = method.name  # type: ignore[misc]  # one class serves all methods
        self.summary = method.summary  # type: ignore[misc]
        self.keys = keys_model(method)  # type: ignore[misc]

    def inputs(self, keys: Any, place: TreePlace) -> Iterator[ModelUse]:  # noqa: ANN401  # made at run time
        """The models under the method's model keys, in the order of its signature, then `base`."""
        listed = listed_models(self.method, keys, place)
        for parameter in self.method.parameters:
            if parameter.role is Role.MODELS:
                yield from (ModelUse(name, given.place.name_span()) for name, given in listed.items())
            elif parameter.role is Role.MODEL and getattr(keys, parameter.argument) is not None:
                yield ModelUse(getattr(keys, parameter.argument), place.child(parameter.key).span())
        for parameter in self.method.of_role(Role.COMPANION):
            yield from companion_uses(parameter, listed)
        if not self.method.has_key("base") and keys.base is not None:
            yield ModelUse(keys.base, place.child("base").span())

    def lower(self, keys: Any, call: Call) -> ModelTable:  # noqa: ANN401  # made at run time
        """The method applied to each tensor of `where` that the models share."""
        listed = listed_models(self.method, keys, call.place)
        named = [name for p in self.method.of_role(Role.MODEL) if (name := getattr(keys, p.argument))]
        first: str = keys.base or [*named, *listed][0]
        carrier = call.models[first]
        before = len(call.report.diagnostics)
        check_list(self.method, keys, listed, call)
        per_model = given_per_model(self.method, listed, call)
        if len(call.report.diagnostics) > before:
            return carrier
        companions = self._companions(per_model)
        order = dict.fromkeys([first, *named, *listed, *chain.from_iterable(companions.values())])
        universe = dict.fromkeys(name for model in order for name in call.models[model].entries)
        wanted = self._wanted(keys, universe, call)
        tables = call.models
        if getattr(keys, "new", None) is not None:
            tables = with_new_tensors(keys.new, first, wanted, call)
        advice = f"{ADVICE}; `new:` adds tensors that the base lacks" if self.method.may_grow else ADVICE
        holders = [tables[model] for model in order]
        shared, kept = common_names(holders, wanted, keys.missing, call, advice=advice)
        entries = {name: entry for name, entry in carrier.entries.items() if name not in wanted}
        entries.update((name, carrier.entries[name]) for name in kept)
        # Names that do not line up, or a wrong `where`, make patterns miss: tell the cause alone.
        if len(call.report.diagnostics) > before:
            return ModelTable(call.name, entries, carrier.config)
        numbers = given_numbers(self.method, keys, listed, per_model, shared, call)
        if numbers is None:
            return ModelTable(call.name, entries, carrier.config)
        models = self._models(keys, tables, listed, companions)
        models, rests = without_extra_channels(self.method, models, shared, call)
        application = Application(self.method, keys, models, numbers, call)
        entries.update(with_extra_channels(application.entries(shared), rests, call))
        return ModelTable(call.name, entries, (*carrier.config, *application.config))

    def _wanted(self, keys: Any, universe: dict[str, None], call: Call) -> dict[str, None]:  # noqa: ANN401
        """The names that `where` leaves, of all that the models hold."""
        if keys.where is None:
            return universe
        chosen = select_names(keys.where, universe, call.place.child("where"), call.report)
        return dict.fromkeys(name for name in universe if name in chosen)

    def _companions(self, per_model: Mapping[str, Mapping[str, Given]]) -> dict[str, tuple[str, ...]]:
        """The names of the models that go with those of the list, by argument."""
        return {
            parameter.argument: tuple(str(one.value) for one in per_model[parameter.argument].values())
            for parameter in self.method.of_role(Role.COMPANION)
        }

    def _models(
        self,
        keys: Any,  # noqa: ANN401  # made at run time
        tables: Mapping[str, ModelTable],
        listed: Listed,
        companions: Mapping[str, tuple[str, ...]],
    ) -> MethodModels:
        named = {p.argument: getattr(keys, p.argument) for p in self.method.of_role(Role.MODEL)}
        return MethodModels(
            {argument: tables[name] for argument, name in named.items() if name is not None},
            {name: tables[name] for name in listed},
            {argument: tuple(tables[name] for name in names) for argument, names in companions.items()},
            tables[keys.base] if keys.base is not None else None,
            {name: given.place for name, given in listed.items()},
        )
