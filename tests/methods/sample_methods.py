"""Small methods that use what a declaration can say, for the tests of what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from mergec.ir.expression import Tensor
from mergec.methods import registry
from mergec.methods.method import Method, MethodError, method
from mergec.methods.method_operation import MethodOperation
from mergec.methods.parameter import Constant, Surveyed
from mergec.methods.random import Random
from mergec.methods.range import Range

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pytest


@method(needs="weights", gives="weights", needs_inputs=2, most_inputs=3)
def blend(
    base: Annotated[Tensor, "the model to start from"],
    inputs: Annotated[list[Tensor], "the models to go to"],
    weight: Annotated[list[float], "how far", Range(0, 1)] = 0.25,  # type: ignore[assignment]
    scale: Annotated[float, "how far all in all", Range(above=0)] = 1.0,
    *,
    power: Annotated[Constant, "how often", Range(1, 3)] = 1.0,
) -> Tensor:
    """Base and parts of the differences to it."""
    result = base
    for tensor, share in zip(inputs, weight, strict=True):
        result = result + (tensor - base) * (share * scale**power)
    return result


@method(gives="as inputs")
def heading(inputs: Annotated[list[Tensor], "weights, or differences, but not both"]) -> Tensor:
    """The second model, whatever the arithmetic says."""
    return inputs[1] * 3.0 * (1 / 3.0)


@method(gives="weights")
def guided(
    inputs: Annotated[list[Tensor], "the models"],
    weight: Annotated[list[float], "a share of each"],
    guide: Annotated[list[Tensor], "what each is multiplied by"],
    base: Annotated[Tensor | None, "what is added"] = None,
) -> Tensor:
    """Each model times another that goes with it."""
    first, *others = (x * g * w for x, g, w in zip(inputs, guide, weight, strict=True))
    for term in others:
        first = first + term
    return first if base is None else base + first


def _shares(calls: Sequence[Mapping[str, Any]]) -> None:
    total = sum(call["share"] for call in calls)
    if total != 1:
        raise MethodError(f"the shares of all tensors sum to {total:g}, not 1")


@method(gives="weights", survey=_shares)
def shared(
    model: Annotated[Tensor, "the model"],
    share: Annotated[float, "the share of each tensor"],
    *,
    survey: Surveyed,
) -> Tensor:
    """The model, where its tensors share 1."""
    assert survey is None
    return model * share


@method(gives="as inputs")
def jittered(inputs: Annotated[list[Tensor], "the models"], *, random: Random) -> Tensor:
    """The first model times random values for each model."""
    result = inputs[0]
    for i in range(len(inputs)):
        result = result * random.uniform(inputs[0], i)
    return result


SAMPLES: dict[str, Method] = {one.name: one for one in (blend, heading, guided, shared, jittered)}


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let recipes use these methods."""
    find = registry.find_method

    def find_sample(name: str) -> MethodOperation | None:
        return MethodOperation(SAMPLES[name]) if name in SAMPLES else find(name)

    monkeypatch.setattr(registry, "find_method", find_sample)
