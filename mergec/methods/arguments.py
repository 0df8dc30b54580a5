"""What a merge method is called with for each tensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mergec.diagnostics import safe
from mergec.ir.dtype import DType
from mergec.ir.expression import Tensor, promoted
from mergec.methods.parameter import Role
from mergec.methods.random import Random

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mergec.ir.model_table import ModelTable
    from mergec.methods.method import Method
    from mergec.methods.schedules import Numbers
    from mergec.recipe.place import TreePlace
    from mergec.steps.operation import Call


@dataclass(frozen=True, slots=True)
class MethodNumbers:
    """argument -> tensor -> number, and argument -> model -> tensor -> number."""

    single: Mapping[str, Numbers]
    per_model: Mapping[str, Mapping[str, Numbers]]


@dataclass(frozen=True, slots=True)
class MethodModels:
    """The tables by argument, those of the list by name, those that go with these, and the integers' owner.

    `companions` are by argument, in the order of the list. `places` says where the recipe lists each model
    of the list.
    """

    named: Mapping[str, ModelTable]
    listed: Mapping[str, ModelTable]
    companions: Mapping[str, tuple[ModelTable, ...]]
    base: ModelTable | None
    places: Mapping[str, TreePlace]

    def merged(self) -> list[ModelTable]:
        """The tables in the order of the method's signature, without companions."""
        return [*self.named.values(), *self.listed.values()]


class Arguments:
    """The arguments of one use of a method."""

    def __init__(
        self,
        method: Method,
        keys: Any,  # noqa: ANN401  # made at run time
        models: MethodModels,
        numbers: MethodNumbers,
        call: Call,
    ) -> None:
        """Prepare to call the method with these keys."""
        self._method = method
        self._models = models
        self._numbers = numbers
        self._call = call
        self._options = {p.argument: getattr(keys, p.argument) for p in method.of_role(Role.OPTION)}
        self._seed: int = getattr(keys, "seed", 0)
        self._is_wide = keys.arithmetic == "float64"

    def of(self, name: str) -> dict[str, Any]:
        """All arguments for one tensor, but what a survey of all tensors finds."""
        arguments = self._options | self._tensors(name)
        for argument, numbers in self._numbers.single.items():
            arguments[argument] = numbers[name]
        for argument, per_model in self._numbers.per_model.items():
            arguments[argument] = [per_model[model][name] for model in self._models.listed]
        for parameter in self._method.of_role(Role.RANDOM):
            arguments[parameter.argument] = Random(self._seed, name, tuple(self._models.listed))
        return arguments

    def told(self, name: str) -> str:
        """The models of a tensor and the numbers that it really gets, without those that nobody gave."""
        listed = [
            ": ".join(part for part in (safe(model), ", ".join(self._told_of(model, name))) if part)
            for model in self._models.listed
        ]
        named = [safe(table.name) for table in self._models.named.values()]
        single = [
            f"{parameter.key} {numbers[name]:.6g}"
            for parameter in self._method.of_role(Role.SCHEDULE)
            for numbers in [self._numbers.single[parameter.argument]]
            if numbers[name] != parameter.default
        ]
        return f"{self._method.name}({'; '.join([*named, *listed, *single])})"

    def _told_of(self, model: str, name: str) -> Iterator[str]:
        for parameter in self._method.of_role(Role.PER_MODEL):
            number = self._numbers.per_model[parameter.argument][model][name]
            if number != parameter.default:
                yield f"{parameter.key} {number:.6g}"

    def _tensors(self, name: str) -> dict[str, Any]:
        """The tensors of a name, as operands of one computation."""
        models, call = self._models, self._call
        tables = [*models.merged(), *(one for some in models.companions.values() for one in some)]
        operands = promoted([Tensor(call.graph, table.entries[name].node, call.span) for table in tables])
        if self._is_wide:
            operands = [one.cast(DType.F64) if one.dtype.is_float else one for one in operands]
        left = iter(operands)
        found: dict[str, Any] = {p.argument: None for p in self._method.of_role(Role.MODEL)}
        found |= {argument: next(left) for argument in models.named}
        for parameter in self._method.of_role(Role.MODELS):
            found[parameter.argument] = [next(left) for _ in models.listed]
        for argument, some in models.companions.items():
            found[argument] = [next(left) for _ in some]
        return found
