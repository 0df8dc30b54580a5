"""A merge method's arguments, applied tensor by tensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mergec.ir.expression import Tensor, identical, promoted
from mergec.ir.graph import DegreeDemand, Remark
from mergec.ir.model_table import Entry
from mergec.methods.larger_tensors import accept_larger, find_larger, refuse_larger
from mergec.methods.method import Method, MethodError, Role
from mergec.methods.pieces.rounding import rounding_dtype
from mergec.steps.errors import BadOperation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.ir.config_edit import ConfigEdit
    from mergec.ir.graph import NodeId
    from mergec.ir.model_table import ModelTable
    from mergec.methods.schedules import Numbers
    from mergec.recipe.place import TreePlace
    from mergec.steps.operation import Call

_DEGREE_TOLERANCE = 1e-6
_SHOWN = 4  # models in a sum


@dataclass(frozen=True, slots=True)
class MethodNumbers:
    """argument -> tensor -> number, and argument -> model -> tensor -> number."""

    single: Mapping[str, Numbers]
    per_model: Mapping[str, Mapping[str, Numbers]]


@dataclass(frozen=True, slots=True)
class MethodModels:
    """The tables by argument, those of the list by name, and whose integers are taken.

    `places` says where the recipe lists each model of the list.
    """

    named: Mapping[str, ModelTable]
    listed: Mapping[str, ModelTable]
    base: ModelTable | None
    places: Mapping[str, TreePlace]

    def all(self) -> list[ModelTable]:
        """The tables in the order of the method's signature."""
        return [*self.named.values(), *self.listed.values()]


class Application:
    """One method call's arguments, ready to be applied tensor by tensor.

    `config` holds what the tensors that were made change in config.json.
    """

    def __init__(
        self,
        method: Method,
        keys: Any,  # noqa: ANN401  # made at run time
        models: MethodModels,
        numbers: MethodNumbers,
        call: Call,
    ) -> None:
        """Prepare to apply the method with these keys."""
        self._method = method
        self._models = models
        self._numbers = numbers
        self._call = call
        self._span = call.span
        self._options = {p.argument: getattr(keys, p.argument) for p in method.of_role(Role.OPTION)}
        self._allow_scaling = getattr(keys, "allow_scaling", False)
        self._larger = getattr(keys, "larger", None)
        self._stored = rounding_dtype(getattr(keys, "arithmetic", "float32"))
        self.config: tuple[ConfigEdit, ...] = ()
        self._problems: dict[str, list[str]] = {}

    def entries(self, names: list[str]) -> dict[str, Entry]:
        """The resulting tensors."""
        tables = self._models.all()
        carried: list[str] = []
        made: dict[str, Entry] = {}
        for name in names:
            found = [table.entries[name] for table in tables]
            if not all(entry.dtype.is_integral for entry in found):
                made[name] = Entry(self._computed(name), self._stored or found[0].dtype)
                continue
            carried.append(name)
            made[name] = self._carried(name, found)
        self._judge_sizes([name for name in names if name not in set(carried)])
        for problem, where in self._problems.items():
            more = f" and {len(where) - 1} more" if len(where) > 1 else ""
            told = f"{problem} (for `{where[0]}`{more})"
            self._call.report.add(BadOperation(span=self._span, operation=self._method.name, problem=told))
        if carried:
            base = self._models.base
            what = f"not averaged, taken from {base.name}" if base else "not averaged, must be equal"
            self._call.remarks.append(Remark(self._call.name, what, tuple(carried)))
        return made

    def _judge_sizes(self, names: list[str]) -> None:
        """Refuse tensors that are larger than the base's, or say so, as the recipe wants it."""
        base, call = self._models.base, self._call
        if self._larger is None or base is None:
            return
        found = find_larger(names, base, self._models.all(), call)
        if found and self._larger == "error":
            refuse_larger(found, len(names), base.name, call)
        elif found:
            self.config = accept_larger(found, len(names), base.name, call)

    def _carried(self, name: str, found: list[Entry]) -> Entry:
        """An integer tensor: the base's, or the one that all inputs share.

        Codes of quantised weights are no counters: the base's would stand for a merge that never was.
        """
        if self._models.base is not None and not any(entry.node in self._call.packed for entry in found):
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
