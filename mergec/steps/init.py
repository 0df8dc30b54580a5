"""New tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field

from mergec.ir.dtype import BY_RECIPE_NAME, DType
from mergec.ir.model_table import Entry, ModelTable
from mergec.ir.primitives import CAST, FILL, NORMAL
from mergec.ir.random_primitives import GENERATED
from mergec.ir.strided_view import StridedView
from mergec.recipe.dtype_schedule import meant_dtype
from mergec.recipe.recipe_model import Strict
from mergec.steps.operation import Call, ModelUse, Operation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.ir.graph import NodeId
    from mergec.recipe.place import TreePlace


def _float_dtype(value: object) -> DType:
    dtype = BY_RECIPE_NAME.get(str(value))
    if dtype is None or not dtype.is_float:
        names = [f"`{name}`" for name, known in BY_RECIPE_NAME.items() if known.is_float]
        advice = f"; {meant_dtype(value)}" if isinstance(value, str) and dtype is None else ""
        raise ValueError(f"expected {', '.join(names[:-1])} or {names[-1]}{advice}")
    return dtype


class NormalFill(Strict):
    """Values drawn from a normal distribution around 0."""

    normal: float = Field(gt=0, allow_inf_nan=False, description="The standard deviation")


Size = Annotated[int, Field(ge=0)]


class NewTensor(Strict):
    """One tensor to make."""

    shape: list[Size] = Field(description="The sizes of its axes")
    dtype: Annotated[DType, BeforeValidator(_float_dtype, json_schema_input_type=str)] = Field(
        default=DType.F32, description="float32, bfloat16, float16 or float64"
    )
    fill: Literal["zeros", "ones"] | NormalFill = Field(
        description="zeros, ones, or {normal: standard deviation}"
    )


class InitKeys(Strict):
    """The keys of `op: init`."""

    tensors: dict[str, NewTensor] = Field(min_length=1, description="The tensors to make, by name")
    seed: int = Field(default=0, ge=0, lt=2**64, description="Chooses the random values")


class Init(Operation):
    """New tensors, such as a connector that is to be trained.

    Each has a `shape`, a `dtype` (float32 if not given; or bfloat16, float16, float64) and a `fill`:
    `zeros`, `ones`, or `{normal: 0.02}` for normal values around 0 with that standard deviation.

    Random values depend on the seed, the tensor's name and the element's position alone: they are
    the same on every machine, for any memory budget and number of workers.
    """

    name = "init"
    summary = "New tensors: zeros, ones, or seeded normal values."
    keys = InitKeys

    def inputs(self, keys: InitKeys, place: TreePlace) -> Iterator[ModelUse]:  # noqa: ARG002
        """None."""
        return iter(())

    def lower(self, keys: InitKeys, call: Call) -> ModelTable:
        """A leaf per tensor."""
        return ModelTable(
            call.name,
            {
                name: Entry(_leaf(name, tensor, keys.seed, call), tensor.dtype)
                for name, tensor in keys.tensors.items()
            },
        )


def _leaf(name: str, tensor: NewTensor, seed: int, call: Call) -> NodeId:
    origin = call.place.child("tensors").key_span(name)
    shape = tuple(tensor.shape)
    if isinstance(tensor.fill, str):
        value = {"zeros": 0.0, "ones": 1.0}[tensor.fill]
        return call.graph.add(FILL, (), (shape, tensor.dtype, value, 1.0), origin)
    view = StridedView.contiguous(GENERATED, 0, DType.F32, shape)
    drawn = call.graph.add(NORMAL, (), (view, 1.0, seed, name, tensor.fill.normal), origin)
    return call.graph.add(CAST, (drawn,), (tensor.dtype,), origin)
