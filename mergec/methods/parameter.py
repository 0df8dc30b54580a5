"""The parameters of a merge method: what each stands for in a recipe is told by its annotation.

- `Tensor`: a model named by the key of the same name (`from_` is written `from`); with a default of None
  it may be left out (`Tensor | None`)
- `list[Tensor]`: the models under that key, a list of names or a mapping of names to parameters
- a later `list[Tensor]`: a model for each model of that list, named under it, such as its Fisher values
- `list[float]`: a schedule per model of that list; the first one may be written without its name
- `float`: a schedule of the operation
- `bool`, `int`, `str`, `Literal[...]`, `Constant`: an option
- `Random`: the random values of the tensor, chosen by the key `seed`
- `Surveyed`: what the method's survey found in all tensors

`Annotated[...]` adds what the parameter means and its `Range`.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

from mergec.ir.expression import Tensor
from mergec.methods.random import Random
from mergec.methods.range import Range

if TYPE_CHECKING:
    from collections.abc import Callable


class Role(Enum):
    """What a parameter of a method stands for in a recipe."""

    MODEL = "model"
    MODELS = "models"
    COMPANION = "model per model"
    PER_MODEL = "schedule per model"
    SCHEDULE = "schedule"
    OPTION = "option"
    RANDOM = "random values"
    SURVEYED = "survey"


# A number that is the same for all tensors, where `float` is a schedule.
Constant = Annotated[float, Role.OPTION]
# What the method's survey returned: a small vector of numbers over all tensors, or None.
Surveyed = Annotated[Tensor | None, Role.SURVEYED]
# Whose numerical choices to reproduce, instead of the ones that are documented.
Compat = Annotated[Literal["mergekit-0.1"] | None, "reproduce the numerical choices of this program"]

_ROLES: dict[Any, Role] = {
    Tensor: Role.MODEL,
    Tensor | None: Role.MODEL,
    list[Tensor]: Role.MODELS,
    list[float]: Role.PER_MODEL,
    float: Role.SCHEDULE,
    Random: Role.RANDOM,
}

REQUIRED = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a method. `argument` is its Python name, `key` its name in a recipe."""

    argument: str
    key: str
    role: Role
    annotation: Any
    default: Any
    description: str
    range: Range


def parameters_of(function: Callable[..., Tensor]) -> tuple[Parameter, ...]:
    """The parameters of a method's function, in the order of its signature.

    Raises:
        TypeError: a parameter has no annotation, or none of them is a model that must be given.
    """
    hints = get_type_hints(function, include_extras=True)
    made: list[Parameter] = []
    for argument, parameter in inspect.signature(function).parameters.items():
        if argument not in hints:
            raise TypeError(f"the parameter `{argument}` of `{function.__name__}` has no annotation")
        annotation, *told = _parts(hints[argument])
        declared = (one for one in told if isinstance(one, Role))
        role = next(declared, _ROLES.get(annotation, Role.OPTION))
        if role is Role.MODELS and any(one.role is Role.MODELS for one in made):
            role = Role.COMPANION
        key = {"lambda_": "lambda"}.get(argument, argument.rstrip("_"))
        description = next((one for one in reversed(told) if isinstance(one, str)), "")
        allowed = next((one for one in told if isinstance(one, Range)), Range())
        made.append(Parameter(argument, key, role, annotation, parameter.default, description, allowed))
    if not any(one.role in {Role.MODEL, Role.MODELS} and one.default is REQUIRED for one in made):
        raise TypeError(f"`{function.__name__}` has no model among its parameters")
    return tuple(made)


def _parts(hint: Any) -> tuple[Any, ...]:  # noqa: ANN401  # a type form
    """The type of an annotation and what it is annotated with."""
    return get_args(hint) if get_origin(hint) is Annotated else (hint,)
