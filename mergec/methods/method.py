"""`@method`: a function over symbolic tensors, declared to be a merge method."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mergec.methods.parameter import Parameter, Role, parameters_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mergec.ir.expression import Tensor
    from mergec.methods.example import Example
    from mergec.methods.plugin import Plugin

Gives = Literal["weights", "delta", "as inputs", "weighted sum"]
Needs = Literal["weights", "delta"]


class MethodError(Exception):
    """Raised by a method when its parameters make no sense together; the text says why."""


@dataclass(frozen=True, slots=True)
class Method:
    """A merge method: the function that builds its expression, and what the recipe must give it.

    `gives` is what the result is, where the arithmetic cannot show it: weights, a difference of weights,
    or the same as all of its models, which then must be alike. For a weighted sum the arithmetic can:
    the weights of models must sum to 1. `needs` says what all models must be; "delta", what those of the
    list must be. `needs_inputs` and `most_inputs` say how many the list may hold. `survey` is called once
    with the arguments of all tensors. `may_grow`: the method, which has a `base`, accepts tensors that are
    larger than the base's, and names that the base lacks. `plugin` is what it comes from, if not mergec.
    """

    name: str
    build: Callable[..., Tensor]
    parameters: tuple[Parameter, ...]
    summary: str
    documentation: str
    reference: str
    formula: str
    gives: Gives | None
    needs: Needs | None
    needs_inputs: int
    most_inputs: int | None
    may_grow: bool
    survey: Callable[[Sequence[Mapping[str, Any]]], Tensor | None] | None
    example: Example | None
    plugin: Plugin | None = None

    def of_role(self, role: Role) -> tuple[Parameter, ...]:
        """The parameters of one role, in the order of the signature."""
        return tuple(p for p in self.parameters if p.role is role)

    @property
    def listed(self) -> Parameter | None:
        """The parameter that takes a list of models, where there is one."""
        return next(iter(self.of_role(Role.MODELS)), None)

    def has_key(self, key: str) -> bool:
        """Whether a parameter is written so in a recipe."""
        return any(parameter.key == key for parameter in self.parameters)


def method(  # noqa: PLR0913  # a name for each thing that can be declared
    *,
    reference: str = "",
    formula: str = "",
    gives: Gives | None = None,
    needs: Needs | None = None,
    needs_inputs: int = 1,
    most_inputs: int | None = None,
    may_grow: bool = False,
    survey: Callable[[Sequence[Mapping[str, Any]]], Tensor | None] | None = None,
    example: Example | None = None,
) -> Callable[[Callable[..., Tensor]], Method]:
    """Declare a merge method from a function's name, signature and docstring.

    The first line of the docstring is what `mergec methods` prints, all of it what `mergec explain` does.
    See `Method` for the meaning of the rest.
    """

    def declare(function: Callable[..., Tensor]) -> Method:
        documentation = inspect.cleandoc(function.__doc__ or "")
        return Method(
            name=function.__name__,
            build=function,
            parameters=parameters_of(function),
            summary=documentation.partition("\n")[0],
            documentation=documentation,
            reference=reference,
            formula=formula,
            gives=gives,
            needs=needs,
            needs_inputs=needs_inputs,
            most_inputs=most_inputs,
            may_grow=may_grow,
            survey=survey,
            example=example,
        )

    return declare
