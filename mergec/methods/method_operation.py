"""A merge method as an operation: its function is called once per tensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mergec.diagnostics import did_you_mean, nearest
from mergec.ir.expression import Tensor, identical, promoted
from mergec.ir.graph import DegreeDemand, Remark
from mergec.ir.model_table import Entry, ModelTable
from mergec.methods.method import REQUIRED, Method, MethodError, Role
from mergec.methods.method_keys import keys_model
from mergec.methods.schedules import Numbers, resolve, resolve_per_model
from mergec.recipe.errors import MissingKey, UnknownKey, WrongValue
from mergec.recipe.pattern_list import select_names
from mergec.steps.alignment import common_names
from mergec.steps.errors import BadOperation
from mergec.steps.operation import Call, ModelUse, Operation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mergec.ir.graph import NodeId
    from mergec.recipe.place import TreePlace

_DEGREE_TOLERANCE = 1e-6
_SHOWN = 4  # models in an example or a sum


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
        named = {p.argument: call.models[getattr(keys, p.argument)] for p in self.method.of_role(Role.MODEL)}
        listed = self._listed(keys, call)
        tables = [*named.values(), *(call.models[name] for name in listed)]
        if not tables:
            problem = f"`{self._list.key if self._list else 'inputs'}` names no models"
            call.report.add(BadOperation(span=call.span, operation=self.name, problem=problem))
            return ModelTable(call.name, {})
        base = call.models[keys.base] if getattr(keys, "base", None) is not None else None
        carrier = base if base is not None else tables[0]
        holders = [carrier, *(table for table in tables if table is not carrier)]
        universe = dict.fromkeys(name for table in holders for name in table.entries)
        wanted = set(universe)
        before = len(call.report.diagnostics)
        if keys.where is not None:
            wanted = select_names(keys.where, universe, call.place.child("where"), call.report)
        shared, kept = common_names(holders, (n for n in universe if n in wanted), keys.missing, call)
        are_aligned = len(call.report.diagnostics) == before
        entries = {name: entry for name, entry in carrier.entries.items() if name not in wanted}
        entries.update((name, carrier.entries[name]) for name in kept)
        # Names that do not line up, or a wrong `where`, make patterns miss: tell the cause alone.
        numbers = self._numbers(keys, listed, shared, call) if are_aligned else None
        if numbers is not None:
            places = {name: place for name, (_, place) in listed.items()}
            models = _Models(named, {name: call.models[name] for name in listed}, base, places)
            entries.update(_Application(self.method, keys, models, numbers, call).entries(shared))
        return ModelTable(call.name, entries, carrier.config)

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
    ) -> _Numbers | None:
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
        return _Numbers(single, resolved) if is_whole else None

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


@dataclass(frozen=True, slots=True)
class _Numbers:
    """argument -> tensor -> number, and argument -> model -> tensor -> number."""

    single: Mapping[str, Numbers]
    per_model: Mapping[str, Mapping[str, Numbers]]


@dataclass(frozen=True, slots=True)
class _Models:
    """The tables by argument, those of the list by name, and whose integers are taken.

    `places` says where the recipe lists each model of the list.
    """

    named: Mapping[str, ModelTable]
    listed: Mapping[str, ModelTable]
    base: ModelTable | None
    places: Mapping[str, TreePlace]

    def all(self) -> list[ModelTable]:
        return [*self.named.values(), *self.listed.values()]


class _Application:
    """One method call's arguments, ready to be applied tensor by tensor."""

    def __init__(self, method: Method, keys: Any, models: _Models, numbers: _Numbers, call: Call) -> None:  # noqa: ANN401
        self._method = method
        self._models = models
        self._numbers = numbers
        self._call = call
        self._span = call.span
        self._options = {p.argument: getattr(keys, p.argument) for p in method.of_role(Role.OPTION)}
        self._allow_scaling = getattr(keys, "allow_scaling", False)
        self._problems: dict[str, list[str]] = {}

    def entries(self, names: list[str]) -> dict[str, Entry]:
        """The resulting tensors."""
        tables = self._models.all()
        carried: list[str] = []
        made: dict[str, Entry] = {}
        for name in names:
            found = [table.entries[name] for table in tables]
            if not all(entry.dtype.is_integral for entry in found):
                made[name] = Entry(self._computed(name), found[0].dtype)
                continue
            carried.append(name)
            made[name] = self._carried(name, found)
        for problem, where in self._problems.items():
            more = f" and {len(where) - 1} more" if len(where) > 1 else ""
            told = f"{problem} (for `{where[0]}`{more})"
            self._call.report.add(BadOperation(span=self._span, operation=self._method.name, problem=told))
        if carried:
            base = self._models.base
            what = f"not averaged, taken from {base.name}" if base else "not averaged, must be equal"
            self._call.remarks.append(Remark(self._call.name, what, tuple(carried)))
        return made

    def _carried(self, name: str, found: list[Entry]) -> Entry:
        """An integer tensor: the base's, or the one that all inputs share."""
        if self._models.base is not None:
            return self._models.base.entries[name]
        tensors = [Tensor(self._call.graph, entry.node, self._span) for entry in found]
        return Entry(identical(tensors).node, found[0].dtype)

    def _computed(self, name: str) -> NodeId:
        graph, span = self._call.graph, self._span
        arguments: dict[str, Any] = dict(self._options)
        tensors = promoted([Tensor(graph, t.entries[name].node, span) for t in self._models.all()])
        count = len(self._models.named)
        arguments.update(zip(self._models.named, tensors[:count], strict=True))
        for parameter in self._method.of_role(Role.MODELS):
            arguments[parameter.argument] = tensors[count:]
        for argument, numbers in self._numbers.single.items():
            arguments[argument] = numbers[name]
        for argument, per_model in self._numbers.per_model.items():
            arguments[argument] = [per_model[model][name] for model in self._models.listed]
        try:
            result = self._method.build(**arguments)
        except MethodError as error:
            self._problems.setdefault(str(error), []).append(name)
            return next(iter(self._models.all())).entries[name].node
        return self._with_checked_degree(name, result).node

    def _with_checked_degree(self, name: str, result: Tensor) -> Tensor:
        graph = self._call.graph
        if self._method.delta_inputs:
            for model, table in self._models.listed.items():
                degree = graph.type(table.entries[name].node).degree
                if degree is not None and abs(degree) > _DEGREE_TOLERANCE:
                    place, span = f"`{model}` in `{self._call.name}`", self._models.places[model].name_span()
                    self._call.demands.append(DegreeDemand(self._call.name, name, 0.0, degree, place, span))
        if not self._method.keeps_degree:
            return result
        degrees = [graph.type(table.entries[name].node).degree for table in self._models.all()]
        is_mix_of_weights = all(d is not None and abs(d - 1) <= _DEGREE_TOLERANCE for d in degrees)
        if not is_mix_of_weights or result.degree is None or abs(result.degree - 1) <= _DEGREE_TOLERANCE:
            return result
        if not self._allow_scaling:
            listed = next((p.key for p in self._method.of_role(Role.MODELS)), "op")
            self._call.demands.append(
                DegreeDemand(
                    model=self._call.name,
                    tensor=name,
                    wanted=1.0,
                    found=result.degree,
                    place="weights",
                    span=self._call.place.key_span(listed),
                    why=self._sum_of_weights(name, result.degree),
                )
            )
        return result.with_degree(1.0)

    def _sum_of_weights(self, name: str, total: float) -> str:
        """What the weights of a tensor are, as a schedule or a parameter may hide them."""
        weights = next(iter(self._numbers.per_model.values()), {})
        terms = [f"{numbers[name]:.6g} (`{model}`)" for model, numbers in weights.items()]
        more = f" + {len(terms) - _SHOWN} more" if len(terms) > _SHOWN else ""
        return f"the weights: {' + '.join(terms[:_SHOWN])}{more} = {total:.6g}" if terms else ""
