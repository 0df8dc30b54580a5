"""`@method`: what a merge method's signature says to the compiler.

A parameter's annotation gives its role:

- `Tensor`: a model named by the key of the same name (`from_` is written `from`)
- `list[Tensor]`: the models under that key, a list of names or a mapping of names to parameters
- `list[float]`: a schedule per model of that list; the first one may be written without its name
- `float`: a schedule of the operation
- `bool`, `int`, `str`: an option
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

from mergec.ir.expression import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable


class Role(Enum):
    """What a parameter of a method stands for in a recipe."""

    MODEL = "model"
    MODELS = "models"
    PER_MODEL = "schedule per model"
    SCHEDULE = "schedule"
    OPTION = "option"


_ROLES: dict[Any, Role] = {
    Tensor: Role.MODEL,
    list[Tensor]: Role.MODELS,
    list[float]: Role.PER_MODEL,
    float: Role.SCHEDULE,
}

REQUIRED = inspect.Parameter.empty


class MethodError(Exception):
    """Raised by a method when its parameters make no sense together; the text says why."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a method. `argument` is its Python name, `key` its name in a recipe."""

    argument: str
    key: str
    role: Role
    annotation: Any
    default: Any
    description: str


@dataclass(frozen=True, slots=True)
class Method:
    """A merge method: the function that builds its expression, and what the recipe must give it.

    `keeps_degree`: mixing weights must give weights again, so the coefficients of inputs that are
    all of degree 1 must sum to 1. `delta_inputs`: the models of the list must be differences.
    `may_grow`: the method, which has a `base`, accepts tensors that are larger than the base's, and
    names that the base lacks.
    """

    name: str
    build: Callable[..., Tensor]
    parameters: tuple[Parameter, ...]
    summary: str
    documentation: str
    reference: str
    keeps_degree: bool
    delta_inputs: bool
    may_grow: bool

    def of_role(self, role: Role) -> tuple[Parameter, ...]:
        """The parameters of one role, in the order of the signature."""
        return tuple(p for p in self.parameters if p.role is role)


def method(
    *,
    reference: str = "",
    keeps_degree: bool = False,
    delta_inputs: bool = False,
    may_grow: bool = False,
) -> Callable[[Callable[..., Tensor]], Method]:
    """Declare a merge method from a function's name, signature and docstring."""

    def declare(function: Callable[..., Tensor]) -> Method:
        documentation = inspect.cleandoc(function.__doc__ or "")
        return Method(
            name=function.__name__,
            build=function,
            parameters=_parameters(function),
            summary=documentation.partition("\n")[0],
            documentation=documentation,
            reference=reference,
            keeps_degree=keeps_degree,
            delta_inputs=delta_inputs,
            may_grow=may_grow,
        )

    return declare


def _parameters(function: Callable[..., Tensor]) -> tuple[Parameter, ...]:
    hints = get_type_hints(function, include_extras=True)
    made: list[Parameter] = []
    for argument, parameter in inspect.signature(function).parameters.items():
        annotation = hints[argument]
        description = ""
        if get_origin(annotation) is Annotated:
            annotation, description = get_args(annotation)[:2]
        role = _ROLES.get(annotation, Role.OPTION)
        key = {"lambda_": "lambda"}.get(argument, argument.rstrip("_"))
        made.append(Parameter(argument, key, role, annotation, parameter.default, description))
    return tuple(made)
